//go:build !linux && !race

package linear

import "time"

var began = time.Now()

// threadTime is the time that passes, where a thread's own is not to be had.
func threadTime() time.Duration { return time.Since(began) }
