//go:build !linux

package conn

import (
	"maps"
	"slices"
	"sync"
	"time"

	"uniapi/pool/tcp"
)

// watcher notices clients that hang up by looking at every open connection
// every 100 ms. It stands in where there is no EPOLLRDHUP; Linux is where many
// connections are served.
type watcher struct {
	mu    sync.Mutex
	conns map[*Conn]struct{}
	stop  chan struct{}
	done  chan struct{}
}

const peekEvery = 100 * time.Millisecond

func newWatcher() (*watcher, error) {
	w := &watcher{conns: make(map[*Conn]struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	go w.loop()
	return w, nil
}

func (w *watcher) add(c *Conn) error {
	w.mu.Lock()
	w.conns[c] = struct{}{}
	w.mu.Unlock()
	c.forgotten = func() {
		w.mu.Lock()
		delete(w.conns, c)
		w.mu.Unlock()
	}
	return nil
}

// size is how many connections are watched.
func (w *watcher) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

// all are the connections that are watched at this moment.
func (w *watcher) all() []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.conns))
}

func (w *watcher) loop() {
	defer close(w.done)
	tick := time.NewTicker(peekEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		for c := range w.conns {
			if hungUp(c) {
				delete(w.conns, c)
				c.hangUp()
			}
		}
		w.mu.Unlock()
	}
}

// hungUp peeks: nothing to read and no error is a client that waits.
func hungUp(c *Conn) bool {
	raw, err := c.SyscallConn()
	return err != nil || tcp.Gone(raw)
}

func (w *watcher) close() {
	close(w.stop)
	<-w.done
}
