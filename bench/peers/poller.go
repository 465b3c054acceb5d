//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for many connections in one thread. The generator runs on the
// cores that it measures, and Go's own poller costs a goroutine switch for each
// event and rounds its timers up to a millisecond, which a latency cannot bear.
type poller struct {
	epoll  int
	events [256]unix.EpollEvent
}

// finestTimers makes the kernel wake this thread when it was asked to, and not
// up to 50 µs later, as it does to save power.
func finestTimers() error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("asking for exact timers: %w", err)
	}
	return nil
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	return &poller{epoll: fd}, nil
}

func (p *poller) close() { unix.Close(p.epoll) }

// wait returns what is ready, or nothing after d. It blocks without telling Go's
// scheduler, so that nothing delays the return; d must be short.
func (p *poller) wait(d time.Duration) ([]unix.EpollEvent, error) {
	ts := unix.NsecToTimespec(max(int64(d), 0))
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return p.events[:n], nil
	case unix.EINTR:
		return nil, nil
	}
	return nil, os.NewSyscallError("epoll_pwait2 (Linux 5.11 or newer)", errno)
}

// watch makes wait report fd under the number index when it can be read.
func (p *poller) watch(fd, index int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(index)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

// watchWrites adds to that, or no longer, when it can be written.
func (p *poller) watchWrites(fd, index int, on bool) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(index)}
	if on {
		event.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, fd, &event))
}

// dial connects to host:port, an IPv4 address, and returns the socket.
func dial(address string) (fd int, err error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Is4() {
		return -1, fmt.Errorf("%s is no IPv4 address with a port", address)
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = retried(func() error {
		return unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	})
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("connecting to %s: %w", address, err)
	}
	return fd, nil
}

// retried calls again what a signal has interrupted.
func retried(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
