package cluster

import (
	"testing"
	"time"
)

func FuzzNews(f *testing.F) {
	f.Add(`{"p":"a","until":1}`, int64(5))
	f.Add(`{"p":"a","rests":true,"until":9223372036854775807}`, int64(-1))
	f.Fuzz(func(t *testing.T, said string, ago int64) {
		n, ok := readNews(said, time.Duration(min(max(ago, 0), int64(longestRest))))
		if ok && (n.Until > longestRest || n.Held < 0 || n.Provider == "" || n.Failures < 0) {
			t.Errorf("%q is read as %+v", said, n)
		}
	})
}
