package telemetry

import (
	"os"

	"golang.org/x/sys/unix"
)

// OwnStderr keeps what the runtime writes when the process dies of a panic from
// waiting for a pipe that nobody reads: the process would not die. It opens the
// pipe a second time, for this process alone, so that a full one refuses bytes;
// those who share it notice nothing. The log waits for room all the same. Where
// stderr is no pipe, or may not be opened, everything stays as it is.
func OwnStderr() {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	const stderr = 2
	own, err := unix.Open("/proc/self/fd/2", unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	unix.Dup3(own, stderr, 0)
	unix.Close(own)
}
