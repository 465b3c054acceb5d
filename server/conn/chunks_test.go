package conn

import (
	"fmt"
	"net"
	"slices"
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

func TestAStreamLeavesInAsFewWritesAsItHasPieces(t *testing.T) {
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
