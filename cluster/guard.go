package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync/atomic"
)

// The client takes what it reads for Redis': a reply that nobody has asked for ends the process, and one that announces
// gigabytes has room made for them. So what comes is looked at first, and a connection that brings anything but replies
// of a size that ours can have is closed.
const (
	longestLine   = 64 << 10 // of an error or a short text
	longestHead   = 32       // of a number or a length
	longestBulk   = 4 << 20
	mostElements  = 1 << 18 // of one reply
	deepestReply  = 8
	longestReply  = 16 << 20
	subscribeVerb = "SUBSCRIBE"
)

var (
	errNoRedis  = errors.New("what answers does not speak as Redis does")
	errUnasked  = errors.New("an answer of Redis that nobody has asked for")
	errTooLarge = errors.New("an answer of Redis is larger than any can be")
)

// dial reaches a Redis or a Sentinel.
func dial(ctx context.Context, address string, dialer *net.Dialer, cfg *tls.Config) (conn net.Conn, err error) {
	if cfg != nil {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: cfg}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, err
	}
	return &guarded{Conn: conn}, nil
}

// guarded is a connection whose bytes are looked at. One goroutine may read it while another writes.
type guarded struct {
	net.Conn
	in, out    frames
	asked      atomic.Int64 // commands that were written and not answered
	subscribed atomic.Bool
}

func (g *guarded) Write(p []byte) (int, error) {
	if err := g.out.feed(p, func(byte) error { g.asked.Add(1); return nil }); err != nil {
		return 0, err
	}
	if g.out.subscribes {
		g.subscribed.Store(true)
	}
	return g.Conn.Write(p)
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if bad := g.in.feed(p[:n], g.begins); bad != nil {
		g.Conn.Close()
		return 0, bad
	}
	return n, err
}

// begins is called when a reply begins.
func (g *guarded) begins(kind byte) error {
	if kind == '>' { // nobody's reply, but what was subscribed to
		if !g.subscribed.Load() {
			return errUnasked
		}
		return nil
	}
	if g.asked.Add(-1) < 0 {
		return errUnasked
	}
	return nil
}

// frames follows RESP, byte by byte.
type frames struct {
	left     [deepestReply]int64 // elements of the aggregates that are open
	depth    int
	kind     byte // of the value that goes on; 0 is between two
	head     [longestHead]byte
	had      int   // bytes of its line
	bulk     int64 // bytes of a text that are still to come, with its line's end
	elements int64
	size     int64
	cr       bool

	word       []byte // the first text of a command that is written
	subscribes bool   // one was such
}

// feed takes what comes next. begin is told of each reply, or command, with its kind.
func (f *frames) feed(p []byte, begin func(kind byte) error) error {
	for i := 0; i < len(p); {
		if f.size++; f.size > longestReply {
			return errTooLarge
		}
		switch {
		case f.bulk > 0:
			n := min(f.bulk, int64(len(p)-i))
			if f.elements == 2 && f.depth == 1 && len(f.word) < longestHead {
				f.word = append(f.word, p[i:i+int(min(n, longestHead))]...)
			}
			i, f.bulk, f.size = i+int(n), f.bulk-n, f.size+n-1
			if f.bulk == 0 {
				f.ended()
			}
			continue
		case f.kind == 0:
			if err := f.starts(p[i], begin); err != nil {
				return err
			}
		default:
			if err := f.line(p[i]); err != nil {
				return err
			}
		}
		i++
	}
	return nil
}

func (f *frames) starts(kind byte, begin func(byte) error) error {
	if strings.IndexByte("+-:$*_,#(%~>=!", kind) < 0 {
		return errNoRedis
	}
	if f.depth == 0 {
		if err := begin(kind); err != nil {
			return err
		}
		f.elements, f.size, f.word = 0, 1, f.word[:0]
	}
	if f.elements++; f.elements > mostElements {
		return errTooLarge
	}
	f.kind, f.had, f.cr = kind, 0, false
	return nil
}

// line takes a byte of a value's first line.
func (f *frames) line(b byte) error {
	switch {
	case f.cr && b != '\n', !f.cr && b == '\n':
		return errNoRedis
	case f.cr:
		return f.lineEnds()
	case b == '\r':
		f.cr = true
		return nil
	}
	short := strings.IndexByte("+-,(", f.kind) < 0
	if short && f.had < longestHead {
		f.head[f.had] = b
	}
	if f.had++; short && f.had > longestHead || f.had > longestLine {
		return errTooLarge
	}
	return nil
}

func (f *frames) lineEnds() error {
	kind := f.kind
	switch kind {
	case '+', '-', ',', '(':
		f.ended()
		return nil
	case '_', '#':
		if f.had != map[byte]int{'_': 0, '#': 1}[kind] {
			return errNoRedis
		}
		f.ended()
		return nil
	}
	n, ok := number(f.head[:f.had])
	if !ok || n < -1 && kind != ':' {
		return errNoRedis
	}
	switch {
	case kind == ':', n < 0: // of a text or a list: there is none
		f.ended()
	case kind == '$', kind == '=', kind == '!':
		if n > longestBulk || f.size+n > longestReply {
			return errTooLarge
		}
		f.bulk = n + 2
	default:
		if kind == '%' {
			n *= 2
		}
		if n > mostElements || f.depth == deepestReply {
			return errTooLarge
		}
		if n == 0 {
			f.ended()
			return nil
		}
		f.kind = 0
		f.left[f.depth] = n
		f.depth++
	}
	return nil
}

// ended is that a value is complete.
func (f *frames) ended() {
	f.kind = 0
	for f.depth > 0 {
		if f.left[f.depth-1]--; f.left[f.depth-1] > 0 {
			return
		}
		f.depth--
	}
	f.subscribes = f.subscribes || strings.HasSuffix(strings.ToUpper(strings.TrimSpace(string(f.word))), subscribeVerb)
}

// number reads a whole number that fits easily.
func number(text []byte) (n int64, ok bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 19 {
		return 0, false
	}
	for _, b := range text {
		if b < '0' || b > '9' || n > (1<<63-10)/10 {
			return 0, false
		}
		n = n*10 + int64(b-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
