//go:build !windows && (!linux || race || !(amd64 || arm64))

package tcp

import "syscall"

// With the race detector the calls must be the library's: it learns from them what came before what.

func receive(fd uintptr, p []byte, flags int) (n int, errno syscall.Errno) {
	var err error
	if flags == 0 {
		n, err = syscall.Read(int(fd), p)
	} else {
		n, _, err = syscall.Recvfrom(int(fd), p, flags)
	}
	errno, _ = err.(syscall.Errno)
	return n, errno
}

func transmit(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	errno, _ = err.(syscall.Errno)
	return n, errno
}
