package pool

import (
	"math/rand/v2"
	"net"
	"time"
)

// conn is one connection with everything an exchange over it needs, so that an exchange allocates nothing.
type conn struct {
	target *Target
	sock   *socket
	rw     net.Conn // what the exchange goes through: the TCP connection itself, or TLS over it
	tls    bool

	said
	past
	state
	moments
	bounds
}

// said is what goes over the connection.
type said struct {
	in   received
	wbuf []byte      // head of the request, with the body if it is small; nil once the answer has begun
	wbox *[]byte     // what wbuf is lent in
	vec  [][]byte    // the pieces of one writev
	sent net.Buffers // what is left of vec; kept here because WriteTo wants a pointer
	resp Response
}

// past is where the connection comes from, and whom it has served.
type past struct {
	owner    string  // Request.Owner of all that it serves
	whose    string  // Request.Whose of all that it has served; "" if that were several
	strays   uint32  // the target's when it was made
	renewals uint32  // the pool's when it was made
	madeAt   int64   // on the pool's clock
	share    float64 // of the greatest age after which it serves no more
}

// state is how far the exchange in hand is, and what is known of those before it.
type state struct {
	first    [1]byte // of a TLS record
	step     step
	served   bool    // an exchange before this one
	found    finding // of the look before the request was sent; if it is not silence, it was not
	asking   bool    // the request will be sent by the first read
	large    bool    // the request is longer than one write takes
	keep     bool    // may serve another exchange after this one
	answered bool    // a byte has come since the request was sent
}

// moments are times on the pool's clock.
type moments struct {
	sentAt    int64 // just before the last write of the request: what is slow here makes no answer look too soon
	writtenAt int64 // when that was done, or sentAt if it was a small write
	firstByte int64 // of the final head; 0: none has come
	readMore  bool  // bytes have come since
	idleSince int64 // while in the target's idle list
	sweep     int64 // number of the last sweep that looked at it
}

// bounds are when something is to have happened.
type bounds struct {
	readAlarm, writeAlarm alarm
	readBy, readSlack     int64         // the head, or the beginning of the answer, must be there by then; 0: idle counts instead
	beginBy               int64         // when the answer was to begin, as it was set before the head was waited for; 0: at any time
	idle                  time.Duration // longest wait of one read; 0: no limit
	due                   int64         // when the call is over, whatever else is allowed; 0: never
}

func newConn(t *Target, sock *socket, rw net.Conn) *conn {
	c := &conn{target: t, sock: sock, rw: rw, tls: rw != sock.Conn, past: past{strays: t.strays.Load(), renewals: t.pool.renewals.Load()}}
	c.madeAt = t.pool.now()
	c.step.provedAt = c.madeAt
	c.share = 1 - rand.Float64()/4
	c.in.c = c
	c.resp.c = c
	c.resp.Header.SetNoDefaultContentType(true)
	t.pool.counts.open.Add(1)
	t.at.open.Add(1)
	return c
}

// aged says at a time whether the connection has served for as long as one may, or was to be given up.
func (c *conn) aged(at int64) bool {
	p := c.target.pool
	age := p.maxAge.Load()
	return age > 0 && float64(at-c.madeAt) >= float64(age)*c.share || c.renewals != p.renewals.Load()
}

// dispose closes the socket. A TLS peer gets no close_notify: the exchange is over, or was broken off, and the write
// could block.
func (c *conn) dispose() {
	_ = c.sock.Close()
	c.target.pool.counts.open.Add(-1)
	c.target.at.closed.Store(c.target.pool.now())
	c.target.at.open.Add(-1)
}

// receive reads what b has room for. What waits for the peer has no buffer while it does.
func (c *conn) receive(b *received) (n int, err error) {
	if err := c.armRead(); err != nil {
		return 0, err
	}
	switch {
	case c.asking:
		n, err = c.ask(b)
	case c.tls:
		n, err = c.readRecord(b)
	default:
		n, err = c.sock.ReadLent(b)
	}
	c.heard(n, err)
	return n, err
}

// readRecord is receive over TLS, which waits with the buffer that it is given: so it is given that of one byte, and
// the rest of what that has come with is taken when it is there.
func (c *conn) readRecord(b *received) (int, error) {
	b.Return()
	n, err := c.rw.Read(c.first[:])
	if n == 0 {
		return 0, err
	}
	p := b.Lend()
	if p[0] = c.first[0]; len(p) > 1 {
		polling := c.sock.polling
		c.sock.polling = true
		more, _ := c.rw.Read(p[1:]) // an error that lasts is the next read's too
		c.sock.polling = polling
		n += more
	}
	return n, nil
}

// readInto reads straight into p, past what is held, which is nothing.
func (c *conn) readInto(p []byte) (int, error) {
	c.in.Return()
	if err := c.armRead(); err != nil {
		return 0, err
	}
	n, err := c.rw.Read(p)
	c.heard(n, err)
	return n, err
}

// armRead sets the deadline of the next read.
func (c *conn) armRead() error {
	need, late := c.readBy, c.readSlack
	if need == 0 && c.idle > 0 {
		need, late = c.target.pool.now()+int64(c.idle), slack(c.idle)
	}
	if c.due != 0 && (need == 0 || need > c.due) {
		need, late = c.due, 0
	}
	at, changed := c.readAlarm.move(need, late)
	if !changed {
		return nil
	}
	return c.sock.SetReadDeadline(c.target.pool.when(at))
}

// heard takes down what a read brought.
func (c *conn) heard(n int, err error) {
	if n > 0 {
		c.answered = true
		if c.firstByte == 0 {
			c.firstByte = c.target.pool.now()
		} else {
			c.readMore = true
		}
	}
	if err != nil {
		c.keep = false
	}
}

// exchange sends the request and reads the head of the answer. On an error the connection is of no further use; the
// request was not sent if anything was found on a connection that had served before.
func (c *conn) exchange(call *Call, req *Request, d Deadlines) (*Response, error) {
	if !call.attach(c.sock, nil) {
		return nil, ErrCanceled
	}
	c.keep, c.answered, c.firstByte, c.readMore = !req.Alone, false, 0, false
	c.due = c.target.pool.at(call.due)
	c.wbox = requests.Get().(*[]byte)
	c.wbuf = *c.wbox
	err := c.send(req)
	switch {
	case c.found != silence:
	case err != nil:
		err = c.earlyAnswer(req, d, err)
	default:
		c.headBy(c.writtenAt, d.FirstByte)
		c.beginBy = c.readBy
		err = c.readHead(req, d)
	}
	c.served = true
	if *c.wbox = c.wbuf[:0]; cap(c.wbuf) <= mostKept {
		requests.Put(c.wbox)
	}
	c.wbuf, c.wbox = nil, nil
	if err != nil {
		if call.detach() {
			err = ErrCanceled
		}
		return nil, err
	}
	c.resp.call = call
	return &c.resp, nil
}

// headBy makes the head due in a time from a moment; 0 is never.
func (c *conn) headBy(from int64, timeout time.Duration) {
	c.readBy, c.readSlack, c.idle = 0, 0, 0
	if timeout > 0 {
		c.readBy, c.readSlack = from+int64(timeout), slack(timeout)
	}
}

// took is how long the answer whose head has come was waited for.
func (c *conn) took() int64 { return c.firstByte - c.sentAt }

// lastHeard is since when nothing has come.
func (c *conn) lastHeard() int64 {
	if c.firstByte == 0 || c.readMore {
		return c.target.pool.now()
	}
	return c.firstByte
}

// earlyAnswerWait is how long an answer is waited for after the write has failed. What the peer said before it hung up
// is already in the socket; this is for the peer that stopped reading without hanging up.
const earlyAnswerWait = time.Second

// earlyAnswer looks for the answer of a peer that did not want the whole body, e.g. a 413, and hung up while we wrote.
func (c *conn) earlyAnswer(req *Request, d Deadlines, writeErr error) error {
	c.headBy(c.target.pool.now(), earlyAnswerWait)
	err := c.readHead(req, d)
	c.keep = false
	if err != nil {
		return writeErr
	}
	return nil
}
