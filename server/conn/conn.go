package conn

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"uniapi/pool"
	"uniapi/pool/tcp"
	"uniapi/server/budget"
)

// Conn is a client's connection. Its call is the one that the requests on it run
// under, one after the other: when the client hangs up, the watcher cancels it,
// which ends whatever is going on upstream for this client. A hung-up connection
// never comes back, so the call needs no reset.
//
// Under TLS it is what lies below the tls.Conn; see secureConn.
type Conn struct {
	*tcp.Conn
	Call    pool.Call
	Holding budget.Holding // of the request in hand, until its answer is out
	Session any            // what the server keeps with the connection

	log       *slog.Logger
	place     place
	pace      pace
	requests  framing
	secure    bool      // TLS lies above, and the requests with it
	writeBy   time.Time // the write deadline that is armed
	stalled   int64     // what the place's still says of the write in hand; 0 if it does not wait
	hold      heldWrites
	linger    bool   // the client is still sending what was refused
	forgotten func() // takes the connection off the watcher; nil if it needs none

	announced bool          // a PROXY header has yet to come
	ahead     *bufio.Reader // what was read together with the PROXY header; nil once it is used up
	source    netip.Addr    // the client as the PROXY header has it, else the peer; invalid until it is asked for
}

// writeTimeout is how long a client may refuse to take any byte. It bounds each
// write, never the stream.
const writeTimeout = 60 * time.Second

// hangUp is called by the watcher, from its own goroutine.
func (c *Conn) hangUp() {
	c.Call.Cancel()
}

func (c *Conn) Read(p []byte) (int, error) {
	if c.secure {
		return unframed{c}.Read(p)
	}
	c.hold.settle(c)
	return c.requests.read(unframed{c}, p)
}

// unframed reads what comes, be it requests or TLS.
type unframed struct{ *Conn }

func (c unframed) Read(p []byte) (int, error) {
	if c.announced {
		if err := c.readAnnouncement(); err != nil {
			return 0, err
		}
	}
	if c.ahead != nil {
		if c.ahead.Buffered() > 0 {
			return c.ahead.Read(p)
		}
		c.ahead = nil
	}
	return c.pace.read(c.Conn.Conn, p)
}

// write arms the deadline seldom: moving a timer for each event of a stream
// costs more than the event. A large write may take as long as it needs, as long
// as the client takes some of it.
func (c *Conn) write(p []byte) (written int, err error) {
	for {
		if now := time.Now(); c.writeBy.Sub(now) < writeTimeout {
			c.writeBy = now.Add(writeTimeout + writeTimeout/4)
			if err := c.SetWriteDeadline(c.writeBy); err != nil {
				return written, err
			}
		}
		n, err := c.send(p[written:])
		written += n
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
	}
}

// send writes. A stranger's connection may be sent away meanwhile, and a key's that
// takes nothing.
func (c *Conn) send(p []byte) (int, error) {
	if !c.place.isStrangers() {
		c.stalled = 0
		n, err := c.Conn.Write(p)
		if c.stalled != 0 && !c.place.resumes(c.stalled) {
			return n, errSentAway
		}
		return n, err
	}
	still, may := c.place.waits(time.Now().UnixNano(), true)
	if !may {
		return 0, errSentAway
	}
	n, err := c.Conn.Write(p)
	if !c.place.resumes(still) {
		return n, errSentAway
	}
	return n, err
}

// stalls is called when a write to a client begins to wait.
func (c *Conn) stalls() {
	if c.place.isStrangers() {
		return // whose writes wait all along
	}
	if still := -time.Now().UnixNano(); c.place.still.CompareAndSwap(atWork, still) {
		c.stalled = still
	}
}

// SetDeadline is called by fasthttp when a connection is taken over, to lift
// whatever deadline there is.
func (c *Conn) SetDeadline(t time.Time) error {
	c.pace.armed, c.writeBy = time.Time{}, time.Time{}
	c.hold.taken = true
	return c.Conn.SetDeadline(t)
}

func (c *Conn) Close() error {
	if !c.secure {
		c.hold.settle(c)
	}
	if c.forgotten != nil {
		c.forgotten()
	}
	c.Call.Cancel()
	c.Holding.End()
	if c.linger {
		c.drain()
	}
	err := c.Conn.Close()
	c.place.leave(c)
	return err
}

// What a client that was refused in mid-sending may still send, so that it gets
// to read the refusal: closing at once would answer it with a reset.
const (
	lingerBytes = 256 << 20
	lingerTime  = 5 * time.Second
)

func (c *Conn) drain() {
	c.CloseWrite()
	c.SetReadDeadline(time.Now().Add(lingerTime))
	if _, may := c.place.waits(time.Now().UnixNano(), true); !may {
		return
	}
	io.CopyN(io.Discard, c.Conn, lingerBytes)
}

// Of returns the connection itself, whether there is TLS over it or not; nil if it
// is none of a Listener's.
func Of(conn net.Conn) *Conn {
	switch c := conn.(type) {
	case *Conn:
		return c
	case *secureConn:
		return c.below
	}
	return nil
}

// Begin is to be called when the first bytes of a request have come.
func (c *Conn) Begin() { c.pace.begin() }

// Rest is to be called when a request has been answered on the connection, be it
// this one or the one over it.
func (c *Conn) Rest(over net.Conn) {
	c.hold.flush(over) // if the client has sent its next request already; an error shows when that is answered
	c.pace.rest()
	c.Holding.End()
}

// Late says whether the request in hand was given up because it came too slowly.
func (c *Conn) Late() bool { return c.pace.failure != nil }

// Malformed is why what came is refused; nil if it is not.
func (c *Conn) Malformed() error { return c.requests.refused }

// TooLarge is the head of a request that has announced a body larger than may be;
// nil if none has.
func (c *Conn) TooLarge() []byte { return c.requests.over }

// Linger has the closing wait until the client has read why it was refused, since
// it may be sending still.
func (c *Conn) Linger() { c.linger = true }

// BelongsTo makes the connection that of a client key which was shown on it.
func (c *Conn) BelongsTo(key *budget.Share) { c.place.belongs(c, key) }

// Owner stands for the key that was shown last; nil if none was.
func (c *Conn) Owner() *budget.Share { return c.place.owner.Load() }

// IsSentAway says whether the connection is to be closed, for others to have room.
func (c *Conn) IsSentAway() bool { return c.place.isSentAway() }

// Still is since when the connection has waited for its client, in Unix
// nanoseconds: with a minus within a request, where a key's waits only while it
// takes nothing. 0 is that it does not wait.
func (c *Conn) Still() int64 {
	if still := c.place.still.Load(); still != goes {
		return still
	}
	return atWork
}

// Source is the client, as far as the connection tells: the one that a trusted
// proxy announced, else the connection's other end.
func (c *Conn) Source() netip.Addr {
	if !c.source.IsValid() {
		c.source = c.peer()
	}
	return c.source
}

// peer is the other end of the connection, as the kernel has it.
func (c *Conn) peer() netip.Addr {
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return addr.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
