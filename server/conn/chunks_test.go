package conn

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recorder is a connection that keeps what leaves it, write by write.
type recorder struct {
	net.Conn
	hold   heldWrites
	writes []string
}

func (r *recorder) Write(p []byte) (int, error) { return r.hold.write(socketOf{r}, p) }

// socketOf is the recorder below what it holds back.
type socketOf struct{ *recorder }

func (s socketOf) Write(p []byte) (int, error) {
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func TestStreamLeavesInAsFewWritesAsItHasPieces(t *testing.T) {
	const head, end = "HEAD\r\n\r\n", "0\r\n\r\n"
	long := strings.Repeat("x", mostHeld)
	for _, c := range []struct {
		name   string
		pieces []string
		last   string // what waits for the end; "" if nothing does
		broken bool   // it ends without the end: what waits is flushed
		want   []string
	}{
		{"one piece", nil, "data", false, []string{head + "4\r\ndata\r\n" + end}},
		{"three", []string{"one", "second"}, "third", false, []string{head + "3\r\none\r\n", "6\r\nsecond\r\n", "5\r\nthird\r\n" + end}},
		{"none waits for the end", []string{"one", "two"}, "", false, []string{head + "3\r\none\r\n", "3\r\ntwo\r\n", end}},
		{"none at all", nil, "", false, []string{head + end}},
		{"one as long as a chunk may be", []string{long}, "z", false, []string{head + "4000\r\n" + long + "\r\n", "1\r\nz\r\n" + end}},
		{"one that is longer", []string{long + "y"}, "z", false, []string{head + "4000\r\n" + long + "\r\n", "1\r\ny\r\n", "1\r\nz\r\n" + end}},
		{"a last one that is longer", nil, long + "y", false, []string{head + "4000\r\n" + long + "\r\n", "1\r\ny\r\n", end}},
		{"broken off", []string{"one"}, "rest", true, []string{head + "3\r\none\r\n", "4\r\nrest\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := &recorder{}
			w := Chunks{conn: conn, hold: &conn.hold}
			w.hold.catching = true
			fmt.Fprint(conn, head) // as fasthttp does
			w.Begin()
			for _, piece := range c.pieces {
				if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Errorf("%d of %d bytes, %v", n, len(piece), err)
				}
			}
			if n, err := w.Finish([]byte(c.last)); c.last != "" && (n != len(c.last) || err != nil) {
				t.Errorf("%d of %d bytes, %v", n, len(c.last), err)
			}
			if c.broken {
				w.Flush()
			} else {
				fmt.Fprint(conn, end) // as fasthttp does
			}
			if !slices.Equal(conn.writes, c.want) {
				t.Errorf("wrote %q, want %q", conn.writes, c.want)
			}
		})
	}
}

func TestAnswerLeavesInAsFewWritesAsItsSizeNeeds(t *testing.T) {
	const head = "HEAD\r\n\r\n"
	for _, c := range []struct {
		body, writes int
		settled      bool // the last piece has filled the buffer: it leaves when the connection rests, is read from or closed
	}{
		{0, 1, false},
		{300, 1, false},
		{WriteBuffer - len(head), 1, true},
		{WriteBuffer - len(head) + 1, 1, false},
		{2*WriteBuffer - len(head), 1, true},
		{5000, 1, false},
		{mostHeld - len(head), 1, false},
		{mostHeld, 1, false},
		{100 << 10, 2, false},
		{1 << 20, 2, false},
	} {
		t.Run(strconv.Itoa(c.body), func(t *testing.T) {
			conn := &recorder{}
			w := bufio.NewWriterSize(conn, WriteBuffer) // as fasthttp's
			fmt.Fprint(w, head)
			body := strings.Repeat("x", c.body)
			if n, err := w.Write([]byte(body)); n != c.body || err != nil {
				t.Fatalf("%d of %d bytes, %v", n, c.body, err)
			}
			w.Flush()
			if held := conn.hold.held != nil; held != c.settled {
				t.Errorf("the end is held: %v", held)
			}
			conn.hold.settle(conn)
			if strings.Join(conn.writes, "") != head+body {
				t.Errorf("%d bytes in other words", len(strings.Join(conn.writes, "")))
			}
			if len(conn.writes) != c.writes {
				t.Errorf("%d writes, want %d", len(conn.writes), c.writes)
			}
		})
	}
}

func TestWhatIsWrittenToATakenConnectionLeavesAtOnce(t *testing.T) {
	conn := &recorder{hold: heldWrites{taken: true}}
	piece := strings.Repeat("x", WriteBuffer)
	fmt.Fprint(conn, piece)
	if !slices.Equal(conn.writes, []string{piece}) {
		t.Errorf("wrote %q", conn.writes)
	}
}
