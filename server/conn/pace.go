package conn

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"uniapi/pool/tcp"
)

// Times is how long clients may take. A request has to come at a pace: it
// has headTime from its first byte, every byte that comes buys byteTime more,
// and what is bought never lies more than stallTime ahead. So a slow upload goes
// on for hours, while one that stands still or drips holds nothing for long. An
// answer is bounded by writeTimeout alone.
type Times struct {
	Head     time.Duration // for a new connection to begin its first request, and for each request to begin
	Stall    time.Duration // longest pause within a request
	PerByte  time.Duration
	Idle     time.Duration // between two requests
	Farewell time.Duration // the same when the server ends
	Grace    time.Duration // for a new connection to show a key, before it may have to make room
	Room     time.Duration // for a new connection to wait for others to make room
}

// UsualTimes are those of a server that nobody has told otherwise.
var UsualTimes = Times{
	Head:     15 * time.Second,
	Stall:    30 * time.Second,
	PerByte:  time.Millisecond, // 1,000 bytes/s
	Idle:     5 * time.Minute,  // longer than any load balancer keeps its end, so that it is the one that closes
	Farewell: time.Second,
	Grace:    250 * time.Millisecond, // a round trip for TLS to anywhere
	Room:     time.Second,
}

// pace bounds the reading from one connection. fasthttp would move
// two timers for every request; here a request that comes in one piece moves
// none: a deadline that is armed too early is found out when it passes.
type pace struct {
	times   *Times
	leaving *atomic.Bool // the server ends: idle connections are closed
	place   *place

	phase   phase
	by      time.Time // when what is being waited for must be there; zero: not yet set
	since   int64     // when the waiting for it began, in Unix nanoseconds
	armed   time.Time // the deadline the socket has
	failure error     // why the request in hand was given up: errLate
}

// phase is what a connection's reader waits for.
type phase uint8

const (
	phaseNew    phase = iota // the first byte of all
	phaseWithin              // more of a request
	phaseIdle                // the next request
)

var (
	errLate     = errors.New("the client was too slow with its request")
	errSentAway = errors.New("the connection made room for another")
)

// begin is called when the first bytes of a request have come.
func (r *pace) begin() { r.phase, r.by, r.failure = phaseWithin, time.Time{}, nil }

// rest is called when a request has been answered.
func (r *pace) rest() { r.phase, r.by = phaseIdle, time.Time{} }

// read reads within the time there is.
func (r *pace) read(conn *tcp.Conn, p []byte) (int, error) {
	now := time.Now()
	if r.by.IsZero() {
		r.by, r.since = now.Add(r.allowance()), now.UnixNano()
	}
	hurried := false // the time to leave is in force
	for {
		if r.armed.Before(now) || r.armed.After(r.by) {
			if err := conn.SetReadDeadline(r.by); err != nil {
				return 0, err
			}
			r.armed = r.by
		}
		// After arming: the drain wakes everybody once, by a deadline of its own.
		if !hurried && r.phase != phaseWithin && r.leaving.Load() {
			hurried = true
			if by := now.Add(r.times.Farewell); by.Before(r.by) {
				r.by, r.armed = by, time.Time{}
				continue
			}
		}
		n, err := r.wait(conn, p)
		if err == nil {
			r.buy(n, now)
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now, r.armed = time.Now(), time.Time{}
		switch {
		case now.Before(r.by):
		case r.phase == phaseWithin:
			r.failure = errLate
			return n, errLate
		default:
			return r.lastLook(conn, p)
		}
	}
}

// wait reads. Meanwhile the connection may be sent away; if a request has begun to
// come by then, it stays all the same.
func (r *pace) wait(conn *tcp.Conn, p []byte) (int, error) {
	within := r.phase == phaseWithin
	still, may := r.place.waits(r.since, within)
	if !may {
		return 0, errSentAway
	}
	n, err := conn.Read(p)
	if still == atWork || r.place.resumes(still) {
		return n, err
	}
	if within {
		return 0, errSentAway
	}
	if n == 0 { // a deadline that has passed hides what is there
		n, _ = conn.Take(p)
	}
	if n == 0 {
		return 0, io.EOF
	}
	r.place.stays()
	r.armed = time.Time{}
	return n, nil
}

func (r *pace) allowance() time.Duration {
	if r.phase == phaseIdle {
		return r.times.Idle
	}
	return r.times.Head
}

// buy moves the time by which the next bytes of a request must come. The read
// began at the time given; the clock is read again only where that makes a
// difference.
func (r *pace) buy(n int, began time.Time) {
	if r.phase != phaseWithin {
		return
	}
	r.by = r.by.Add(time.Duration(n) * r.times.PerByte)
	if !r.by.After(began.Add(r.times.Stall)) {
		return
	}
	if latest := time.Now().Add(r.times.Stall); latest.Before(r.by) {
		r.by = latest
	}
}

// lastLook ends an idle connection, unless a request has come in the meantime: a
// deadline that has passed hides what is there. io.EOF ends it without a word.
func (r *pace) lastLook(conn *tcp.Conn, p []byte) (int, error) {
	if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return 0, err
	}
	n, err := conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	return n, err
}
