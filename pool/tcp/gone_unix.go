//go:build !windows

package tcp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Gone tells whether the other side has ended the connection and nothing that it sent is left to read. It may be asked
// while others read and write.
func Gone(raw syscall.RawConn) bool {
	gone := false
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = (n == 0 && err == nil) || (err != nil && err != unix.EAGAIN && err != unix.EINTR)
	})
	return gone || err != nil
}

// Readable tells whether there is something to read, or, of a listener, somebody to accept.
func Readable(raw syscall.RawConn) bool {
	n := 0
	err := raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return err == nil && n > 0
}
