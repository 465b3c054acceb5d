//go:build !windows

package server

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func setReusePort(_, _ string, raw syscall.RawConn) error {
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); err != nil {
		return err
	}
	return set
}
