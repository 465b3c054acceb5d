package usage

import (
	"encoding/json"
	"testing"
	"time"
)

func TestRememberedCountsAsLongAsItsTime(t *testing.T) {
	own, other := run{1}, run{2}
	before := remembered{At: 1000, Since: 500, Total: 70, Told: map[string]int64{hexOf(own): 30, hexOf(other): 40}, Run: hexOf(own), Own: 33}
	for name, c := range map[string]struct {
		since  int64
		renews bool
		total  int64
	}{
		"the same time":                          {500, false, 73},
		"a period that has moved on":             {600, false, 73},
		"created after that":                     {1001, false, 0},
		"the same month":                         {500, true, 73},
		"another month":                          {900, true, 0},
		"another month, after it was known last": {2000, true, 0},
	} {
		got := before.common(c.since, c.renews)
		if got.total != c.total || got.since != c.since {
			t.Errorf("%s: %d since %d, want %d", name, got.total, got.since, c.total)
		}
		if got.told[own] != 33 || got.told[other] != 40 { // also of a time that is over: a Redis may tell of it yet
			t.Errorf("%s: told %v", name, got.told)
		}
	}
	if got := (&remembered{At: 1, Since: 1, Total: -5, Told: map[string]int64{"zz": 5, "00": 1, hexOf(own): -1}, Run: "?", Own: 9}).common(1, false); got.total != 0 || len(got.told) != 1 {
		t.Errorf("of what makes no sense: %+v", got)
	}
}

func TestRememberedForgetsWhatIsOldOrTorn(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	s := newMemory()
	row := func(n remembered) []byte {
		data, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	err := s.update(func(w writer) error {
		return putKnown(w, map[string][]byte{
			"good": row(remembered{At: now.Unix(), Since: 5, Total: 7}), "old": row(remembered{At: now.Unix() - mostKnown - 1, Since: 5}), "torn": []byte(`{"at":`), "empty": []byte(`{}`)})
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		all, err := readKnown(s, now)
		if err != nil || len(all) != 1 || all["good"] == nil || all["good"].Total != 7 {
			t.Fatalf("%v, %v", all, err)
		}
	}
	_ = s.view(func(r reader) error {
		return r.each(tableKnown, func(hash, _ []byte) error {
			if string(hash) != "good" {
				t.Errorf("%s is still there", hash)
			}
			return nil
		})
	})
}
