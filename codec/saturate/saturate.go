// Package saturate is arithmetic that stops at the ends of int64 instead of turning round: a sum of money or of tokens
// that is too large to be told is the largest there is, never a debt. It is what everything that adds or multiplies
// such numbers uses.
package saturate

import (
	"math"
	"math/bits"
)

// Add is a + b.
func Add(a, b int64) int64 {
	sum := a + b
	if (a^sum)&(b^sum) < 0 { // both have the sign that the sum has not
		return end(a < 0)
	}
	return sum
}

// Sub is a - b.
func Sub(a, b int64) int64 {
	difference := a - b
	if (a^b)&(a^difference) < 0 {
		return end(a < 0)
	}
	return difference
}

// Mul is a * b.
func Mul(a, b int64) int64 {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case high != 0 || low > math.MaxInt64:
		return end(negative) // of -2^63 too, which is the end itself
	case negative:
		return -int64(low)
	}
	return int64(low)
}

// Float is the whole number that is nearest to f. What is no number is 0.
func Float(f float64) int64 {
	switch {
	case f != f:
		return 0
	case f >= math.MaxInt64: // which as a float is 2^63, the first that does not fit
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(math.RoundToEven(f))
}

func end(negative bool) int64 {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
