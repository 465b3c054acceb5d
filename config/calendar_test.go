//go:build !race

package config

import (
	"testing"
	"time"
	_ "time/tzdata" // a machine may have none
)

// TestDayBeginsOnceADay goes through years of zones that move their clocks at midnight, put them forward over it, and
// leave out a day.
func TestDayBeginsOnceADay(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "America/Asuncion", "America/Sao_Paulo", "Asia/Beirut", "America/Santiago", "Asia/Amman", "Atlantic/Azores",
		"America/Scoresbysund", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Tehran", "Africa/Casablanca"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		month := &Renewal{zone}
		last := DayBegins(2004, 12, 31, zone)
		for day := range 25 * 365 {
			at := DayBegins(2005, 1, 1+day, zone)
			want := time.Date(2005, 1, 1+day, 0, 0, 0, 0, time.UTC)
			if y, m, d := at.Date(); y != want.Year() || m != want.Month() || d != want.Day() {
				t.Fatalf("%s: %s begins at %s", name, want.Format(time.DateOnly), at)
			}
			if length := at.Sub(last); length < 22*time.Hour || length > 26*time.Hour {
				t.Fatalf("%s: the day before %s has %v", name, at, length)
			}
			last = at
			for _, moment := range []time.Time{at.Add(-time.Second), at, at.Add(30 * time.Minute), at.Add(time.Hour)} {
				from, to := month.Period(moment)
				if moment.Before(from) || !moment.Before(to) {
					t.Fatalf("%s: %s is in none of its months: from %s to %s", name, moment, from, to)
				}
				if next, _ := month.Period(to); !next.Equal(to) {
					t.Fatalf("%s: a month ends at %s, and the next one begins at %s", name, to, next)
				}
			}
		}
	}
}
