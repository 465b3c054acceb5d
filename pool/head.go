package pool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"
)

// maxInterim bounds the 1xx answers before the real one; servers send one or two.
const maxInterim = 16

// readHead reads up to the head of the final answer and prepares the response for its body.
func (c *conn) readHead(req *Request, d Deadlines) error {
	for range maxInterim {
		head, err := c.awaitHead(d)
		if err != nil {
			return c.headError(d, err)
		}
		if err := c.parseHead(head); err != nil {
			return c.protocolError(err)
		}
		switch status := c.resp.Header.StatusCode(); {
		case status == fasthttp.StatusSwitchingProtocols:
			return c.protocolError(errors.New("switches to a protocol that was not asked for"))
		case status >= fasthttp.StatusOK:
			return c.resp.begin(req.Method, head, d)
		}
		if c.in.Buffered() == 0 {
			c.firstByte = 0 // this was only to say that the answer takes longer
		}
	}
	return c.protocolError(fmt.Errorf("more than %d interim answers", maxInterim))
}

var (
	errNotHTTP     = errors.New("does not begin with HTTP/")
	errHeadTooLong = errors.New("head is too long")
)

// parseHead has a buffered head parsed. Where the parser might see another end of it than awaitHead did, which is how
// answers are smuggled, it is malformed; so the parser is given the head alone.
func (c *conn) parseHead(head []byte) error {
	if !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		return errors.New("malformed head: a line ends without CR")
	}
	parser := c.target.pool.heads.Get().(*headParser)
	whole, err := parser.parse(&c.resp.Header, head)
	c.target.pool.heads.Put(parser)
	if err == nil && whole {
		c.in.Discard(len(head))
		return nil
	}
	// The parser's own text quotes the whole buffer, which belongs into no log.
	if errors.Is(err, fasthttp.ErrDuplicateContentLength) {
		return fmt.Errorf("malformed head: %w", fasthttp.ErrDuplicateContentLength)
	}
	return fmt.Errorf("malformed head, begins with %q", clip(head))
}

// headParser is fasthttp's, which reads heads from nowhere but a bufio.Reader.
type headParser struct {
	head bytes.Reader
	br   *bufio.Reader
}

func newHeadParser(size int) *headParser {
	p := new(headParser)
	p.br = bufio.NewReaderSize(&p.head, size)
	return p
}

// parse says whether it was the whole of head that was parsed.
func (p *headParser) parse(into *fasthttp.ResponseHeader, head []byte) (whole bool, err error) {
	p.head.Reset(head)
	p.br.Reset(&p.head)
	err = into.Read(p.br)
	whole = p.br.Buffered() == 0 && p.head.Len() == 0
	p.head.Reset(nil)
	return whole, err
}

// awaitHead waits until a whole head is buffered. It stays valid until the next read.
func (c *conn) awaitHead(d Deadlines) ([]byte, error) {
	seen := 0
	for n := 1; ; {
		_, err := c.in.Peek(n)
		buf, _ := c.in.Peek(c.in.Buffered())
		if k := min(len(buf), len("HTTP/")); string(buf[:k]) != "HTTP/"[:k] {
			return buf, errNotHTTP
		}
		if end := headEnd(buf, max(0, seen-len("\n\r"))); end > 0 {
			return buf[:end], nil
		}
		seen = len(buf)
		if errors.Is(err, bufio.ErrBufferFull) {
			return buf, errHeadTooLong
		}
		if err != nil {
			return buf, err
		}
		if n == 1 && c.readBy != 0 {
			// The first byte was in time; the rest gets its own time, once, whatever drips in.
			rest := d.Idle
			if rest == 0 {
				rest = d.FirstByte
			}
			c.readBy = max(c.readBy, c.target.pool.now()+int64(rest))
		}
		n = len(buf) + 1
	}
}

// headEnd returns the length of the head including the empty line that ends it, 0 when it is not complete. It looks for
// the end of the line before that one from from on. An empty line that ends in a bare LF counts here, so that such a
// head is refused at once and not waited for.
func headEnd(buf []byte, from int) int {
	for {
		i := bytes.IndexByte(buf[from:], '\n')
		if i < 0 {
			return 0
		}
		from += i + 1
		switch rest := buf[from:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return from + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return from + 2
		}
	}
}

// hasField reports whether a head, as it came, has a field of that name (lower case).
func hasField(head []byte, name string) bool {
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte{'\n'})
		if len(line) > len(name) && line[0]|0x20 == name[0] && bytes.EqualFold(line[:len(name)], []byte(name)) {
			if after := bytes.TrimLeft(line[len(name):], " \t"); len(after) > 0 && after[0] == ':' {
				return true
			}
		}
	}
	return false
}

func (c *conn) protocolError(err error) error {
	return &Error{Protocol, "reading the answer of " + c.target.host, err}
}

// headError classifies what ended the wait for the head.
func (c *conn) headError(d Deadlines, err error) error {
	op := "waiting for the answer of " + c.target.host
	buf, _ := c.in.Peek(c.in.Buffered())
	switch {
	case errors.Is(err, errNotHTTP):
		return c.protocolError(fmt.Errorf("not HTTP, begins with %q: check scheme and port of base_url", clip(buf)))
	case errors.Is(err, errHeadTooLong):
		return c.protocolError(fmt.Errorf("head is larger than %d bytes", c.in.Size()))
	case timedOut(err):
		return &Error{FirstByteTimeout, op, fmt.Errorf("nothing within %v", d.FirstByte)}
	case errors.Is(err, io.EOF) && c.answered:
		return &Error{Reset, op, fmt.Errorf("connection closed within the head: %w", io.ErrUnexpectedEOF)}
	case errors.Is(err, io.EOF):
		return &Error{Reset, op, fmt.Errorf("connection closed before the answer: %w", io.ErrUnexpectedEOF)}
	}
	return &Error{Reset, op, err}
}

// clip is as much of foreign bytes as an error quotes.
func clip(b []byte) []byte { return b[:min(len(b), 24)] }
