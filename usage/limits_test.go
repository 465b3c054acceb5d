package usage

import (
	"errors"
	"maps"
	"testing"
	"time"
)

// untilSecond is when the values of this test may be forgotten: what their first byte says, in hours since the clock
// began.
func untilSecond(c *clock) func([]byte) int64 {
	start := c.now().Unix()
	return func(value []byte) int64 { return start + int64(value[0])*hour }
}

func TestWhatLimitsHaveCountedIsThereAfterARestartUntilItMayBeForgotten(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		changes := make(chan map[string][]byte, 1)
		b.KeepLimits(LimitKeeper{Changes: func() map[string][]byte {
			select {
			case list := <-changes:
				return list
			default:
				return nil
			}
		}, Until: untilSecond(c)})
		want := func(names string) {
			t.Helper()
			kept, err := b.Limits()
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, name := range []string{"a", "b", "c"} {
				if value := kept[name]; value != nil {
					got += name + string(value[1:])
				}
			}
			if got != names {
				t.Errorf("kept %q, not %q", got, names)
			}
		}
		changes <- map[string][]byte{"a": {1, '1'}, "b": {30, '1'}}
		flush(t, b)
		want("a1b1")
		disk := onFullDisk(b)
		disk.full.Store(true)
		changes <- map[string][]byte{"b": {30, '2'}}
		if err := b.flush(); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		want("a1b1")
		changes <- map[string][]byte{"c": {30, '1'}}
		if err := b.flush(); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		disk.full.Store(false)
		flush(t, b)
		want("a1b2c1")
		c.advance(time.Hour)
		want("b2c1")
		if left := maps.Clone(localOf(b).limits); len(left) > 0 {
			t.Errorf("%v still waits", left)
		}
	})
}
