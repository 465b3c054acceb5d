package config

import "time"

// DayBegins is the first moment of a day by the clocks of a zone. Where they are put forward at midnight there is no
// 0:00, and where they are put back there may be two of it: time.Date gives any of them then, and may give a moment of
// the day before.
func DayBegins(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	clocks := time.Date(year, month, day, 0, 0, 0, 0, time.UTC) // what they show then, if they show it
	first := time.Time{}
	for _, near := range [...]time.Time{t.Add(-26 * time.Hour), t.Add(26 * time.Hour)} {
		_, offset := near.Zone()
		at := clocks.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, is := at.Zone(); at.Add(time.Duration(is) * time.Second).Before(clocks) {
			continue // they show the day before
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return t
	}
	return first
}

// PeriodAt is the period that a time is in: from when it begins until the next one does. begins says when the one
// begins that the clocks show, and when those after it do: clocks that are put back show for a while one that is over.
func PeriodAt(t time.Time, begins func(after int) time.Time) (from, to time.Time) {
	from, to = begins(0), begins(1)
	for after := 2; !t.Before(to) && after < 4; after++ {
		from, to = to, begins(after)
	}
	return from, to
}
