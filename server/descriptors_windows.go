package server

import "math"

// mostDescriptors is how many the process may have: Windows has no limit that is told.
func mostDescriptors() int { return math.MaxInt32 }
