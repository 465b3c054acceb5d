//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// driver is a load that is running: one thread with all its connections.
type driver struct {
	load
	poller    *poller
	conns     []*conn
	idle      []*conn         // in an open loop; the one used last is last
	waiting   []time.Duration // when the requests were due that found no idle connection
	buf       []byte
	begun     time.Time
	processes [3][]int // the peer's, the upstream's, our own

	phase   phaseOfLoad
	started time.Duration    // of the measured time
	cpu     [4]time.Duration // at that moment: as processes, and the machine's
	pending int              // requests of the measured time without a whole answer
	taken   measurement

	counters *counters // nil if nothing is counted
	counted  counts    // when the measured time began
}

type phaseOfLoad int

const (
	warming phaseOfLoad = iota
	measuring
	ending
)

// conn is one keep-alive connection.
type conn struct {
	fd, index int
	answer    answer
	due       time.Duration // of the request under way
	counted   bool          // it belongs to the measured time
	busy      bool
	waited    bool          // it was open before the request, so the peer may have closed it meanwhile
	left      []byte        // of the request, to be written
	firstByte time.Duration // after due; 0 before
	events    int           // of the answer, that were taken down
	lastEvent time.Duration
}

func (l load) connect() (*driver, error) {
	poller, err := newPoller()
	if err != nil {
		return nil, err
	}
	d := &driver{load: l, poller: poller, buf: make([]byte, 256<<10)}
	for i := range l.connections {
		c := &conn{fd: closed, index: i}
		d.conns = append(d.conns, c)
		if err := d.open(c); err != nil {
			d.close()
			return nil, err
		}
		c.waited = true
	}
	if l.rate > 0 {
		d.idle = append(d.idle, d.conns...)
	}
	return d, nil
}

// closed is the fd of a connection that is none.
const closed = -1

func (d *driver) open(c *conn) (err error) {
	c.waited = false
	if c.fd, err = dial(d.address); err != nil {
		return err
	}
	return d.poller.watch(c.fd, c.index)
}

func (c *conn) close() {
	if c.fd != closed {
		unix.Close(c.fd)
		c.fd = closed
	}
}

func (d *driver) close() {
	for _, c := range d.conns {
		c.close()
	}
	d.poller.close()
}

// longestWait bounds a wait, which nothing but the connections can end.
const longestWait = 5 * time.Millisecond

// drive runs the load to its end.
func (d *driver) drive(ctx context.Context) error {
	d.begun = time.Now()
	next := 0 // number of the next request that the clock starts
	for {
		select {
		case <-ctx.Done():
			return errInterrupted
		default:
		}
		now := time.Since(d.begun)
		if over, err := d.turnPhase(now); over || err != nil {
			return err
		}
		wait := longestWait
		for {
			due, ok := d.due(next)
			if !ok {
				break
			}
			if due > now {
				wait = min(wait, due-now)
				break
			}
			if err := d.start(next, due, now); err != nil {
				return err
			}
			next++
		}
		ready, err := d.poller.wait(wait)
		if err != nil {
			return err
		}
		for _, event := range ready {
			if err := d.serve(d.conns[event.Fd], event.Events); err != nil {
				return err
			}
		}
	}
}

// turnPhase begins and ends the measured time. It returns true when there is
// nothing left to wait for.
func (d *driver) turnPhase(now time.Duration) (over bool, err error) {
	switch {
	case d.phase == warming && now >= d.warm:
		d.phase, d.started = measuring, now
		if d.counted, err = d.counters.read(); err != nil {
			return false, err
		}
		if d.cpu, err = d.readCPU(); err != nil {
			return false, err
		}
		if d.rate > 0 {
			return false, nil
		}
		for _, c := range d.conns { // what a closed loop has under way ends within the measured time
			c.counted = c.busy
			if c.busy {
				d.pending++
			}
		}
	case d.phase == measuring && now >= d.started+d.seconds && d.enough(now):
		d.phase = ending
		m := &d.taken
		m.elapsed = now - d.started
		counted, err := d.counters.read()
		if err != nil {
			return false, err
		}
		m.counts = counted.since(d.counted)
		cpu, err := d.readCPU()
		if err != nil {
			return false, err
		}
		m.peerCPU, m.upCPU, m.loadCPU, m.allCPU = cpu[0]-d.cpu[0], cpu[1]-d.cpu[1], cpu[2]-d.cpu[2], cpu[3]-d.cpu[3]
		if m.residentAfter, err = resident(d.processes[0]); err != nil {
			return false, err
		}
		for _, c := range d.conns {
			if c.busy {
				m.open++
			}
		}
	case d.phase == ending && (d.pending == 0 || d.gaps):
		return true, nil
	case d.phase == ending && now > d.warm+d.seconds+patience:
		return false, d.unanswered()
	}
	return false, nil
}

// unanswered says how far the answers are that did not come to their end.
func (d *driver) unanswered() error {
	err := fmt.Errorf("%d answers were not whole %v after the measured time; %d requests were never sent", d.pending, patience, len(d.waiting))
	for _, c := range d.conns {
		if c.busy && c.counted {
			err = fmt.Errorf("%w; one due at %v has %d bytes of its body, and %d of its request are unsent", err, c.due, c.answer.body, len(c.left))
			break
		}
	}
	return err
}

// enough tells whether the measured time may end: something must have come.
func (d *driver) enough(now time.Duration) bool {
	return d.gaps || d.rate > 0 || d.taken.requests > 0 || now > d.warm+d.seconds+patience
}

func (d *driver) readCPU() (cpu [4]time.Duration, err error) {
	for i, pids := range d.processes {
		if cpu[i], err = cpuTime(pids); err != nil {
			return cpu, err
		}
	}
	cpu[3], err = machineTime()
	return cpu, err
}

// start sends the request number n, which was due, or lets it wait.
func (d *driver) start(n int, due, now time.Duration) error {
	if d.rate == 0 {
		return d.send(d.conns[n], due)
	}
	if d.measures(due) {
		d.pending++
		d.taken.requests++
		d.taken.late = append(d.taken.late, now-due)
	}
	if len(d.idle) == 0 {
		d.waiting = append(d.waiting, due)
		return nil
	}
	c := d.idle[len(d.idle)-1]
	d.idle = d.idle[:len(d.idle)-1]
	return d.send(c, due)
}

// measures tells whether a request that was due then belongs to the measured
// time.
func (d *driver) measures(due time.Duration) bool {
	return d.phase != warming && due >= d.warm
}

// send begins an exchange on c.
func (d *driver) send(c *conn, due time.Duration) error {
	if c.fd == closed {
		if err := d.open(c); err != nil {
			return err
		}
	}
	c.answer.reset()
	c.answer.counting = d.gaps
	c.due, c.firstByte, c.events, c.lastEvent = due, 0, 0, 0
	c.busy = true
	c.counted = d.measures(due)
	if c.counted && d.rate == 0 {
		d.pending++
	}
	c.left = d.request
	return d.write(c)
}

func (d *driver) write(c *conn) error {
	for len(c.left) > 0 {
		n, err := unix.Write(c.fd, c.left)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return d.poller.watchWrites(c.fd, c.index, true)
		case err != nil && c.waited:
			return d.sendAgain(c)
		case err != nil:
			return fmt.Errorf("sending a request: %w", err)
		}
		c.left = c.left[n:]
	}
	return nil
}

// sendAgain sends the request under way on a new connection, after the peer has
// closed an idle one, as every client does.
func (d *driver) sendAgain(c *conn) error {
	c.close()
	if err := d.open(c); err != nil {
		return err
	}
	c.left = d.request
	return d.write(c)
}

// serve does what c is ready for.
func (d *driver) serve(c *conn, ready uint32) error {
	if ready&unix.EPOLLOUT != 0 {
		if err := d.write(c); err != nil {
			return err
		}
		if len(c.left) == 0 {
			if err := d.poller.watchWrites(c.fd, c.index, false); err != nil {
				return err
			}
		}
	}
	if ready&^unix.EPOLLOUT == 0 {
		return nil
	}
	n, err := unix.Read(c.fd, d.buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil
	}
	switch {
	case n > 0:
	case !c.busy:
		c.close() // servers do that with connections that are idle for long
		return nil
	case c.waited && c.firstByte == 0:
		return d.sendAgain(c)
	}
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("reading an answer after %d bytes of its body: %w", c.answer.body, err)
	}
	now := time.Since(d.begun)
	if !c.busy {
		return errors.New("bytes that nobody asked for")
	}
	if c.firstByte == 0 {
		c.firstByte = max(now-c.due, 1)
	}
	whole, err := c.answer.push(d.buf[:n])
	if err != nil {
		return err
	}
	if d.gaps {
		d.takeEvents(c, now)
	}
	if whole {
		return d.finish(c, now)
	}
	return nil
}

// takeEvents takes down the gaps before the events that have just come. Of
// several that came together all but the first have a gap of nothing.
func (d *driver) takeEvents(c *conn, now time.Duration) {
	fresh := c.answer.events - c.events
	if fresh == 0 {
		return
	}
	c.events = c.answer.events
	last := c.lastEvent
	c.lastEvent = now
	if d.phase != measuring {
		return
	}
	d.taken.events += fresh
	for range fresh {
		if last != 0 {
			d.taken.gaps = append(d.taken.gaps, now-last)
		}
		last = now
	}
}

// finish takes down the answer on c, which is whole, and goes on.
func (d *driver) finish(c *conn, now time.Duration) error {
	if err := d.check(&c.answer); err != nil {
		return err
	}
	c.busy, c.waited = false, true
	if c.counted {
		d.pending--
		d.taken.firstByte = append(d.taken.firstByte, c.firstByte)
		d.taken.whole = append(d.taken.whole, now-c.due)
		if d.rate == 0 && d.phase == measuring {
			d.taken.requests++
		}
	}
	switch {
	case d.rate == 0 && d.phase != ending:
		return d.send(c, now)
	case d.rate > 0 && len(d.waiting) > 0:
		due := d.waiting[0]
		d.waiting = d.waiting[1:]
		return d.send(c, due)
	case d.rate > 0:
		d.idle = append(d.idle, c)
	}
	return nil
}
