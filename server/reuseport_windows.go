package server

import (
	"errors"
	"syscall"
)

// setReusePort refuses: Windows has an option of nearly that name, which lets the last one take everything.
func setReusePort(string, string, syscall.RawConn) error {
	return errors.New("--reuse-port is not to be had on Windows")
}
