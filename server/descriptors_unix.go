//go:build !windows

package server

import (
	"math"

	"golang.org/x/sys/unix"
)

// mostDescriptors is how many the process may have.
func mostDescriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
