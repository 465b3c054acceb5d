package conn

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// watcher notices clients that hang up. fasthttp cannot: it reads a connection
// only between requests. Every client connection is in one epoll set, once, for
// EPOLLRDHUP alone and edge-triggered, so that a connection costs one system
// call in its life and a request none.
//
// A client that shuts down its sending side counts as gone, as it does for
// nginx: no HTTP client that waits for an answer does it.
type watcher struct {
	epoll int
	wake  int // eventfd that ends the loop

	mu    sync.Mutex
	conns map[int32]*Conn
	done  chan struct{}
}

func newWatcher() (*watcher, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	w := &watcher{epoll: epoll, wake: wake, conns: make(map[int32]*Conn), done: make(chan struct{})}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &event); err != nil {
		unix.Close(epoll)
		unix.Close(wake)
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	go w.loop()
	return w, nil
}

// add watches c until it is closed.
func (w *watcher) add(c *Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var ctl error
	err = raw.Control(func(fd uintptr) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conns[int32(fd)] = c
		c.forgotten = func() { w.forget(int32(fd), c) }
		event := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)}
		ctl = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, int(fd), &event)
	})
	if err == nil {
		err = ctl
	}
	if err != nil {
		return fmt.Errorf("watching a client connection: %w", err)
	}
	return nil
}

// forget is called before the descriptor is closed, so a number that is used
// again never finds the connection that had it before. The kernel takes a closed
// descriptor out of the set by itself.
func (w *watcher) forget(fd int32, c *Conn) {
	w.mu.Lock()
	if w.conns[fd] == c {
		delete(w.conns, fd)
	}
	w.mu.Unlock()
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
	return slices.Collect(maps.Values(w.conns))
}

func (w *watcher) loop() {
	defer close(w.done)
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return // the descriptor is closed
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == int32(w.wake) {
				return
			}
			w.mu.Lock()
			c := w.conns[e.Fd]
			w.mu.Unlock()
			// An event may be older than the connection that has its number
			// now; whether this one is hung up, the socket itself says.
			if c != nil && hungUp(c) {
				c.hangUp()
			}
		}
	}
}

// hungUp asks the socket.
func hungUp(c *Conn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(poll, 0)
		gone = err == nil && n > 0 && poll[0].Revents != 0
	})
	return gone || err != nil
}

func (w *watcher) close() {
	var one = [8]byte{1}
	unix.Write(w.wake, one[:])
	<-w.done
	unix.Close(w.epoll)
	unix.Close(w.wake)
}
