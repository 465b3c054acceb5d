package tracing

import (
	"time"

	"golang.org/x/sys/unix"
)

// processTime is the processors' time that this process has had.
func processTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &at); err != nil {
		panic("the process's clock cannot be read: " + err.Error())
	}
	return time.Duration(at.Nano())
}
