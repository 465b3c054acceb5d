//go:build !race

package usage

import (
	"testing"
	"time"

	"uniapi/config"
)

// TestCreditsRenewedMonthlyAreThoseOfTheMonthAfterAnyAbsence has a process that is away for weeks or months at a time,
// over short months, a leap day and clocks that are moved.
func TestCreditsRenewedMonthlyAreThoseOfTheMonthAfterAnyAbsence(t *testing.T) {
	for _, name := range []string{"UTC", "America/Havana", "Pacific/Kiritimati", "Europe/Berlin"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		c, dir := newClock(), t.TempDir()
		credits, last := int64(10), time.Time{}
		for _, at := range []time.Time{
			time.Date(2028, 1, 31, 23, 59, 59, 0, zone), time.Date(2028, 2, 1, 0, 0, 0, 0, zone), time.Date(2028, 2, 29, 23, 59, 59, 0, zone), time.Date(2028, 3, 1, 0, 0, 0, 0, zone),
			time.Date(2028, 3, 31, 12, 0, 0, 0, zone), time.Date(2028, 7, 1, 0, 0, 0, 0, zone), time.Date(2028, 10, 31, 23, 59, 59, 0, zone), config.DayBegins(2028, 11, 1, zone),
			config.DayBegins(2028, 11, 1, zone).Add(90 * time.Minute), time.Date(2029, 2, 28, 23, 59, 59, 0, zone), time.Date(2029, 3, 1, 0, 0, 0, 0, zone),
		} {
			c.at.Store(at.Unix())
			b := open(t, Options{Dir: dir, Now: c.now})
			if err := b.Configure([]Terms{{Secret: secret, Credits: &credits, Renews: &config.Renewal{Zone: zone}}}); err != nil {
				t.Fatal(err)
			}
			k, spent := b.Key(secret), int64(0)
			if at.Month() == last.Month() && at.Year() == last.Year() {
				spent = 10
			}
			if k.spent() != spent || k.OutOfCredit() != (spent == 10) {
				t.Errorf("%s: at %s %d are spent, want %d", name, at, k.spent(), spent)
			}
			if spent == 0 {
				k.Series("p", "m", "e").Record(sample(1, 10))
				k.Spend(10)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			last = at
		}
	}
}
