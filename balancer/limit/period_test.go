//go:build !race

package limit

import (
	"testing"
	"time"

	"uniapi/config"
)

// TestPeriodHoldsItsMoment looks at the days around which clocks are moved, where one may begin at 1:00 and another
// have 0:00 twice.
func TestPeriodHoldsItsMoment(t *testing.T) {
	for _, zone := range []string{"America/Havana", "Africa/Cairo", "America/Asuncion", "Europe/Berlin", "Australia/Lord_Howe"} {
		for _, length := range []time.Duration{24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour} {
			q := config.Quota{Window: length, Zone: zone}
			for hour := range 90 * 24 {
				at := time.Date(2012, 3, 15, 0, 30, 0, 0, time.UTC).Add(time.Duration(hour) * time.Hour)
				if hour >= 30*24 {
					at = at.AddDate(0, 5, 15) // from the end of September on
				}
				began, end := Period(q, at)
				if at.Before(began) || !at.Before(end) {
					t.Fatalf("%s, %v: %s is not from %s to %s", zone, length, at, began, end)
				}
				if next, _ := Period(q, end); !next.Equal(end) {
					t.Fatalf("%s, %v: one ends at %s, and the next begins at %s", zone, length, end, next)
				}
			}
		}
	}
}
