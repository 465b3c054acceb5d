package pool

import (
	"errors"
	"strconv"
	"sync"
)

// Request is one HTTP request. It is written as: Method SP Path SP HTTP/1.1, Host, Header verbatim, Content-Length, an
// empty line, Body. It is not modified and may be sent again.
type Request struct {
	Method string
	Path   string   // path and query, percent-encoded; "" = "/"
	Host   string   // Host header; "" = the target's
	Header []byte   // complete "Name: value\r\n" lines, prepared once per channel and key; without Host, Content-Length and Accept-Encoding
	Body   [][]byte // parts: the client's bytes with spliced pieces between; nil = no body

	Owner string // connections that are kept are shared among requests with the same one only; "" is one too
	Alone bool   // over a connection that serves nothing else, before or after
	Pace  *Pace  // what is known of the times of such requests; nil = nothing
	Whose string // as long as Pace judges no answer, over a connection that served nobody else; "" = over any
}

const (
	// inlineBody is up to which size a body is copied behind the head: below it the copy costs less than a writev with
	// its pieces. It is also the size of a TLS record.
	inlineBody = 16 << 10
	// writeStep is what one write may carry, and so what has to move within Options.Write: 1 MiB in 30 s is slower than
	// any uplink in use.
	writeStep = 1 << 20
)

// requests are lent for the writing of a request, and until its answer begins.
var requests = sync.Pool{New: func() any { return new(make([]byte, 0, inlineBody)) }}

// mostKept is how large a buffer may be to be lent again: only a head of many kilobytes makes one larger.
const mostKept = 2 * inlineBody

var errRequestLine = errors.New("path and Host must not hold spaces or control characters: percent-encode them")

// valid guards against a model name that would end the request line and begin a request of its own.
func (r *Request) valid() bool { return cleanToken(r.Path) && cleanToken(r.Host) }

func cleanToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func (r *Request) bodyLen() (n int) {
	for _, part := range r.Body {
		n += len(part)
	}
	return n
}

// appendHead appends the head of a request for the target.
func (r *Request) appendHead(dst []byte, t *Target, bodyLen int) []byte {
	dst = append(append(dst, r.Method...), ' ')
	host := r.Host
	if host == "" {
		host = t.host
	}
	dst = append(dst, t.absolute...)
	if r.Path == "" {
		dst = append(dst, '/')
	}
	dst = append(append(dst, r.Path...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, host...), '\r', '\n')
	if t.proxyAuth != "" {
		dst = append(append(append(dst, "Proxy-Authorization: "...), t.proxyAuth...), '\r', '\n')
	}
	dst = append(dst, r.Header...)
	if bodyLen > 0 || (r.Method != "GET" && r.Method != "HEAD") {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(bodyLen), 10)
		dst = append(dst, '\r', '\n')
	}
	return append(dst, '\r', '\n')
}

// send writes the request: in one system call as long as the kernel takes it. A connection that has served before is
// looked at first.
func (c *conn) send(req *Request) error {
	size := req.bodyLen()
	c.wbuf = req.appendHead(c.wbuf[:0], c.target, size)
	inline := len(c.wbuf)+size <= inlineBody
	c.asking, c.large = inline && c.served, !inline
	if c.served && !c.asking {
		if c.found = c.look(); c.found != silence {
			return errNotSent
		}
	}
	var err error
	switch {
	case inline:
		for _, part := range req.Body {
			c.wbuf = append(c.wbuf, part...)
		}
		switch {
		case c.asking && c.tls:
			c.sock.holding = true
			err = c.write(c.wbuf)
			c.sock.holding = false
		case c.asking:
			err = c.armWrite()
		default:
			err = c.write(c.wbuf)
		}
	case c.tls:
		err = c.writeRecords(req.Body)
	default:
		err = c.writePieces(req.Body)
	}
	if err != nil {
		c.asking = false
		return &Error{Write, "sending the request to " + c.target.host, err}
	}
	c.writtenAt = c.sentAt
	if !inline {
		c.writtenAt = c.target.pool.now()
	}
	return nil
}

var errNotSent = errors.New("the connection could not serve another request")

// ask looks at the connection, sends the request that is in wbuf, and is the first read of the answer.
func (c *conn) ask(b *received) (int, error) {
	c.asking = false
	var n int
	var sent bool
	var err error
	if c.tls {
		n, err = c.readRecord(b)
		sent = len(c.sock.held) == 0
	} else {
		n, sent, err = c.sock.tcp.Ask(c.wbuf, b)
	}
	switch {
	case sent || timedOut(err):
		return n, err
	case n > 0 && !announcesEnd(b.Lend()[:n]):
		c.found = unasked
	default:
		c.found = closing
	}
	return 0, errNotSent
}

// write sets the deadline anew for each step of a long body.
func (c *conn) write(p []byte) error {
	if err := c.armWrite(); err != nil {
		return err
	}
	_, err := c.rw.Write(p)
	return err
}

func (c *conn) armWrite() error {
	p := c.target.pool
	c.sentAt = p.now()
	need, late := c.sentAt+int64(p.opts.Write), slack(p.opts.Write)
	if c.due != 0 && need > c.due {
		need, late = c.due, 0
	}
	at, changed := c.writeAlarm.move(need, late)
	if !changed {
		return nil
	}
	return c.sock.SetWriteDeadline(p.when(at))
}

// writeRecords writes head and body in pieces of one TLS record each: what TLS is handed it copies and encrypts in any
// case.
func (c *conn) writeRecords(body [][]byte) error {
	for _, part := range body {
		for len(part) > 0 {
			n := min(len(part), max(inlineBody-len(c.wbuf), 0))
			c.wbuf = append(c.wbuf, part[:n]...)
			part = part[n:]
			if len(c.wbuf) >= inlineBody {
				if err := c.write(c.wbuf); err != nil {
					return err
				}
				c.wbuf = c.wbuf[:0]
			}
		}
	}
	if len(c.wbuf) == 0 {
		return nil
	}
	return c.write(c.wbuf)
}

// writePieces writes head and body by writev, without copying the body.
func (c *conn) writePieces(body [][]byte) error {
	c.vec = append(c.vec[:0], c.wbuf)
	size := len(c.wbuf)
	for _, part := range body {
		for len(part) > 0 {
			n := min(len(part), max(writeStep-size, 0))
			if n > 0 {
				c.vec = append(c.vec, part[:n])
			}
			size += n
			part = part[n:]
			if size >= writeStep {
				if err := c.writev(); err != nil {
					return err
				}
				size = 0
			}
		}
	}
	if len(c.vec) == 0 {
		return nil
	}
	return c.writev()
}

// writev writes c.vec and empties it.
func (c *conn) writev() error {
	if err := c.armWrite(); err != nil {
		return err
	}
	c.sent = c.vec
	_, err := c.sent.WriteTo(c.sock.tcp.TCPConn) // only the net package's connection can writev
	clear(c.vec)                                 // the body is the client's; an idle connection must not hold on to it
	c.vec, c.sent = c.vec[:0], nil
	return err
}
