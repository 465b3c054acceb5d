//go:build !race

package linear

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor's time that this thread has had.
func threadTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		panic("the thread's clock cannot be read: " + err.Error())
	}
	return time.Duration(at.Nano())
}
