package usage

import (
	"errors"
	"testing"
	"time"

	"uniapi/config"
)

// TestCreditsRenewedMonthlyBeginAnewWithTheCalendar spends over three months of a time zone, with a restart in the
// midst of each.
func TestCreditsRenewedMonthlyBeginAnewWithTheCalendar(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Kolkata") // half an hour beside the hours of UTC
	if err != nil {
		t.Fatal(err)
	}
	c, dir := newClock(), t.TempDir()
	begun := func(month time.Month) time.Time { return time.Date(2025, month, 1, 0, 0, 0, 0, zone) }
	c.at.Store(begun(3).Add(36 * time.Hour).Unix())
	credits := int64(10)
	serve := func() (*Books, *Key) {
		b := open(t, Options{Dir: dir, Now: c.now})
		if err := b.Configure([]Terms{{Secret: secret, Alias: "tester", Credits: &credits, Renews: &config.Renewal{Zone: zone}}}); err != nil {
			t.Fatal(err)
		}
		return b, b.Key(secret)
	}
	b, k := serve()
	spend := func(cost int64) {
		k.Series("p", "m", "e").Record(sample(1, cost))
		k.Spend(cost)
		flush(t, b)
	}
	check := func(when string, balance, added int64, broke bool) {
		t.Helper()
		state, _ := b.State(secret)
		if state.Balance != balance || k.account.Added() != added || k.OutOfCredit() != broke {
			t.Errorf("%s: %d are left of it, %d were added, broke: %v; want %d, %d, %v", when, state.Balance, k.account.Added(), k.OutOfCredit(), balance, added, broke)
		}
	}
	add := func(amount int64) error {
		_, _, err := b.AddCredits(secret, Correction{Nano: amount})
		return err
	}
	for month := time.March; month <= time.May; month++ {
		check("in the new month", 10, 0, false)
		spend(10)
		check("all is spent", 0, 0, true)
		if err := add(5); err != nil {
			t.Fatal(err)
		}
		spend(1)
		check("with what was added", 4, 5, false)
		b.Close()
		b, k = serve()
		check("after a restart", 4, 5, false)
		var tooMuch *TooMuchTakenBack
		if err := add(-6); !errors.As(err, &tooMuch) || tooMuch.Added != 5 {
			t.Errorf("more is taken back than was added in the month: %v", err)
		}
		state, _ := b.State(secret)
		if from, to := begun(month).Format(time.RFC3339), begun(month+1).Format(time.RFC3339); state.CreatedAt != from || state.RenewedAt != to {
			t.Errorf("from %s to %s, want %s and %s", state.CreatedAt, state.RenewedAt, from, to)
		}
		c.at.Store(begun(month + 1).Add(-time.Second).Unix())
		b.renew()
		check("in the last second", 4, 5, false)
		c.at.Store(begun(month + 1).Unix())
		b.renew()
	}
	if list, _, err := b.Corrections(secret); err != nil || len(list) != 3 || list[2].Total != 15 {
		t.Errorf("the history has all that was added: %+v, %v", list, err)
	}
}

func TestCreditsRenewedMonthlyCountFromALaterCreatedAt(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		credits, from := int64(10), c.now().Add(24*time.Hour) // the 11th of the month
		set := func() {
			if err := b.Configure([]Terms{{Secret: secret, Credits: &credits, CreatedAt: &from, Renews: &config.Renewal{Zone: time.UTC}}}); err != nil {
				t.Fatal(err)
			}
		}
		set()
		k := b.Key(secret)
		for day, want := range []int64{0, 3, 6} {
			k.Series("p", "m", "e").Record(sample(1, 3))
			k.Spend(3)
			flush(t, b)
			if spent := k.account.Spent(); spent != want {
				t.Errorf("on day %d %d are spent, want %d", day, spent, want)
			}
			c.advance(25 * time.Hour)
			b.renew()
		}
	})
}
