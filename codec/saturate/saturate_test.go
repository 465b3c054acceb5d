package saturate

import (
	"math"
	"math/big"
	"testing"
)

// edges are where arithmetic turns round.
var edges = []int64{
	math.MinInt64, math.MinInt64 + 1, math.MinInt64 / 2, -1 << 32, -3, -1, 0, 1, 2, 3, 1 << 31, 1 << 32, 3037000499, 3037000500,
	1e18, math.MaxInt64 / 2, math.MaxInt64/2 + 1, math.MaxInt64 - 1, math.MaxInt64,
}

// clamped is a number of any size as an int64 can hold it.
func clamped(n *big.Int) int64 {
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func check(t *testing.T, a, b int64) {
	t.Helper()
	x, y := big.NewInt(a), big.NewInt(b)
	for _, test := range []struct {
		name string
		got  int64
		want *big.Int
	}{
		{"+", Add(a, b), new(big.Int).Add(x, y)}, {"-", Sub(a, b), new(big.Int).Sub(x, y)}, {"*", Mul(a, b), new(big.Int).Mul(x, y)},
	} {
		if want := clamped(test.want); test.got != want {
			t.Errorf("%d %s %d is %d, want %d", a, test.name, b, test.got, want)
		}
	}
}

func TestArithmeticStopsAtTheEnds(t *testing.T) {
	for _, a := range edges {
		for _, b := range edges {
			check(t, a, b)
		}
	}
}

func FuzzArithmetic(f *testing.F) {
	f.Add(int64(math.MaxInt64), int64(1))
	f.Add(int64(math.MinInt64), int64(-1))
	f.Fuzz(func(t *testing.T, a, b int64) { check(t, a, b) })
}

func TestFloatsOfAnySizeAreWholeNumbers(t *testing.T) {
	for f, want := range map[float64]int64{
		0: 0, 0.4: 0, 0.6: 1, -0.6: -1, 1e300: math.MaxInt64, -1e300: math.MinInt64, math.Inf(1): math.MaxInt64, math.Inf(-1): math.MinInt64,
		math.MaxInt64: math.MaxInt64, math.MinInt64: math.MinInt64, 1 << 62: 1 << 62, 1e18: 1e18,
	} {
		if got := Float(f); got != want {
			t.Errorf("%v is %d, want %d", f, got, want)
		}
	}
	if got := Float(math.NaN()); got != 0 {
		t.Errorf("what is no number is %d", got)
	}
}
