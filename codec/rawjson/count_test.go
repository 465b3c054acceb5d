package rawjson

import (
	"math"
	"strings"
	"testing"
)

func TestCountsAreReadHoweverTheyAreWritten(t *testing.T) {
	for text, want := range map[string]struct {
		n  int64
		is Counted
	}{
		`1000`: {1000, IsNumber}, `1000.0`: {1000, IsNumber}, `1e3`: {1000, IsNumber}, `"1000"`: {1000, IsNumber}, `" 1000.0 "`: {1000, IsNumber},
		`0`: {0, IsNumber}, `0.0`: {0, IsNumber}, `0.2`: {1, IsNumber}, `1.5E+0`: {2, IsNumber}, `-5`: {-5, IsNumber}, `"-5"`: {-5, IsNumber}, `-0.5`: {0, IsNumber},
		`999999999999999999`: {999999999999999999, IsNumber}, `1e18`: {1e18, IsNumber}, `1e300`: {math.MaxInt64, IsNumber}, `-1e300`: {math.MinInt64, IsNumber},
		`1e400`: {math.MaxInt64, IsNumber}, `"1e400"`: {math.MaxInt64, IsNumber}, `-1e400`: {math.MinInt64, IsNumber}, `9223372036854775808`: {math.MaxInt64, IsNumber},
		`1` + strings.Repeat("0", 300): {math.MaxInt64, IsNumber}, `1` + strings.Repeat("0", 5000): {0, NoNumber},
		`null`: {0, NotThere}, ``: {0, NotThere}, `""`: {0, NoNumber}, `"many"`: {0, NoNumber}, `"NaN"`: {0, NoNumber}, `"Infinity"`: {0, NoNumber}, `"inf"`: {0, NoNumber},
		`"0x10"`: {0, NoNumber}, `"1_000"`: {0, NoNumber}, `"1 000"`: {0, NoNumber}, `"1,000"`: {0, NoNumber}, `"e"`: {0, NoNumber}, `"--1"`: {0, NoNumber}, `"\u0031"`: {0, NoNumber},
		`true`: {0, NoNumber}, `[]`: {0, NoNumber}, `{}`: {0, NoNumber},
	} {
		v := Value{}
		if text != "" {
			var err error
			if v, err = One([]byte(text)); err != nil {
				t.Fatal(text, err)
			}
		}
		if n, is := Count([]byte(text), v); n != want.n || is != want.is {
			t.Errorf("%.40s is %d, %d, want %d, %d", text, n, is, want.n, want.is)
		}
	}
}

func FuzzCount(f *testing.F) {
	for _, text := range []string{`1`, `1.5`, `"1e3"`, `1e400`, `"-"`, `".e+"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := One(data)
		if err != nil {
			return
		}
		n, is := Count(data, v)
		if is != IsNumber && n != 0 {
			t.Fatalf("%q is %d, and no number", data, n)
		}
		if whole, ok := Int(data, v); ok && (is != IsNumber || n != whole) {
			t.Fatalf("%q is %d, and as a count %d", data, whole, n)
		}
	})
}
