package usage

import (
	"testing"
	"time"
)

func TestCostsAreOfAMonthAndAKey(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		k := configure(t, b, nil, nil)
		month := time.Date(c.now().UTC().Year(), c.now().UTC().Month()+1, 1, 0, 0, 0, 0, time.UTC)
		c.advance(month.Add(-time.Hour).Sub(c.now())) // the last hour of a month
		for i := range 3 {
			for range i + 1 {
				k.Series("p", "m", "e").Record(sample(10, 2_000_000))
			}
			k.Series("q", "m", "e").Record(sample(10, 0)) // another provider is the same model
			flush(t, b)
			c.advance(time.Hour)
		}
		b.Key("sk-somebody-else").Series("p", "m", "e").Record(sample(10, 5_000_000))
		flush(t, b)
		for name, test := range map[string]struct {
			secret   string
			from, to time.Time
			requests []int64
			dollars  float64
		}{
			"the month before":   {"", month.AddDate(0, -1, 0), month, []int64{2}, 0.002},
			"the month":          {"", month, month.AddDate(0, 1, 0), []int64{7, 1}, 0.015},
			"one key's":          {secret, month, month.AddDate(0, 1, 0), []int64{7}, 0.010},
			"a key that is none": {"sk-nobody", month, month.AddDate(0, 1, 0), nil, 0},
		} {
			got, sum := b.Costs(test.secret, test.from, test.to), 0.0
			if len(got) != len(test.requests) {
				t.Fatalf("%s: %+v", name, got)
			}
			for i, row := range got {
				sum += row.Dollars
				if row.Requests != test.requests[i] || row.Model != "m" || row.Prompt != 10*row.Requests {
					t.Errorf("%s: %+v", name, row)
				}
			}
			if diff := sum - test.dollars; diff > 1e-9 || diff < -1e-9 {
				t.Errorf("%s costs %v, not %v", name, sum, test.dollars)
			}
		}
	})
}
