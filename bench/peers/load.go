package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is a closed loop: each connection sends the next request when it has
// the whole answer to the last.
type load struct {
	address     string
	request     []byte
	bodyLength  int  // what every answer's body must be
	stream      bool // every answer must end in [DONE]
	connections int
	warm        time.Duration // before the measurement
	seconds     time.Duration // of the measurement
}

// timings of one request, from before it is written.
type timings struct {
	firstByte, whole time.Duration
}

// measurement is what one load on one peer gave.
type measurement struct {
	requests          int
	elapsed           time.Duration
	firstByte, whole  []time.Duration // sorted
	peerCPU, upCPU    time.Duration
	peerResidentBytes int64
}

const (
	warming int32 = iota
	measuring
	stopping
)

// errInterrupted ends a run that was told to stop.
var errInterrupted = errors.New("interrupted")

// run puts the load on the peer whose processes are peer, and upstream behind
// it. Any answer that is not whole ends it with an error.
func (l load) run(ctx context.Context, peer, upstream []int) (*measurement, error) {
	var (
		phase   atomic.Int32
		wg      sync.WaitGroup
		clients = make([]*client, l.connections)
	)
	failed := make(chan error, l.connections)
	defer wg.Wait()
	defer phase.Store(stopping) // runs before the wait
	for i := range clients {
		c, err := l.dial()
		if err != nil {
			return nil, err
		}
		clients[i] = c
		wg.Go(func() {
			defer c.conn.Close()
			if err := c.loop(&phase); err != nil {
				failed <- err
			}
		})
	}
	wait := func(d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case err := <-failed:
			return err
		case <-ctx.Done():
			return errInterrupted
		}
	}
	read := func() (cpu [2]time.Duration, err error) {
		if cpu[0], err = cpuTime(peer); err == nil {
			cpu[1], err = cpuTime(upstream)
		}
		return cpu, err
	}

	if err := wait(l.warm); err != nil {
		return nil, err
	}
	before, err := read()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	phase.Store(measuring)
	if err := wait(l.seconds); err != nil {
		return nil, err
	}
	phase.Store(stopping)
	m := &measurement{elapsed: time.Since(begin)}
	after, err := read()
	if err != nil {
		return nil, err
	}
	m.peerCPU, m.upCPU = after[0]-before[0], after[1]-before[1]
	if m.peerResidentBytes, err = resident(peer); err != nil {
		return nil, err
	}
	wg.Wait()
	select {
	case err := <-failed: // the last answer counts as much as the first
		return nil, err
	default:
	}
	for _, c := range clients {
		for _, t := range c.taken {
			m.firstByte = append(m.firstByte, t.firstByte)
			m.whole = append(m.whole, t.whole)
		}
	}
	m.requests = len(m.whole)
	if m.requests == 0 {
		return nil, errors.New("no request was answered within the measured time")
	}
	slices.Sort(m.firstByte)
	slices.Sort(m.whole)
	return m, nil
}

// client is one connection of a load.
type client struct {
	load   load
	conn   net.Conn
	buf    []byte
	answer answer
	taken  []timings // while measuring
}

func (l load) dial() (*client, error) {
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		return nil, err
	}
	// No answer may take longer than this: far above what any scenario needs.
	const patience = 30 * time.Second
	if err := conn.SetDeadline(time.Now().Add(l.warm + l.seconds + patience)); err != nil {
		return nil, cmp.Or(conn.Close(), err)
	}
	return &client{load: l, conn: conn, buf: make([]byte, 64<<10)}, nil
}

func (c *client) loop(phase *atomic.Int32) error {
	for {
		t, err := c.exchange()
		if err != nil {
			return err
		}
		switch phase.Load() {
		case measuring:
			c.taken = append(c.taken, t)
		case stopping:
			return nil
		}
	}
}

// exchange sends the request and reads the answer to its end.
func (c *client) exchange() (t timings, err error) {
	begin := time.Now()
	if _, err := c.conn.Write(c.load.request); err != nil {
		return t, fmt.Errorf("sending a request: %w", err)
	}
	c.answer.reset()
	for done := false; !done; {
		n, err := c.conn.Read(c.buf)
		if t.firstByte == 0 {
			t.firstByte = time.Since(begin)
		}
		if err != nil {
			return t, fmt.Errorf("reading an answer after %d bytes of its body: %w", c.answer.body, err)
		}
		if done, err = c.answer.push(c.buf[:n]); err != nil {
			return t, err
		}
	}
	t.whole = time.Since(begin)
	switch {
	case c.answer.body != c.load.bodyLength:
		return t, fmt.Errorf("the body of an answer has %d bytes; that of the first had %d", c.answer.body, c.load.bodyLength)
	case c.load.stream && !c.answer.endsInDone():
		return t, errors.New("a stream did not end in [DONE]")
	}
	return t, nil
}
