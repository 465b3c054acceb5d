package config

import (
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Renewal is when a client key gets its credits anew: on the first of each month of a time zone's calendar.
type Renewal struct{ Zone *time.Location }

const monthly = "monthly"

// renewal reads "monthly", of UTC's calendar as bills go, or "monthly @ Europe/Berlin".
func renewal(d *decoder, n *yaml.Node) (*Renewal, bool) {
	word, ok := text(d, n)
	if !ok {
		return nil, false
	}
	when, zone, zoned := strings.Cut(word, "@")
	if strings.TrimSpace(when) != monthly {
		d.fail(n, word, "%s must be monthly or monthly @ Europe/Berlin, not %s", d.key, shown(word))
		return nil, false
	}
	r := &Renewal{time.UTC}
	if zoned {
		var err error
		if zone = strings.TrimSpace(zone); zone != "" {
			r.Zone, err = time.LoadLocation(zone)
		}
		if zone == "" || err != nil {
			d.fail(n, word, "%s: behind @ goes a time zone such as Europe/Berlin or UTC, not %s", d.key, shown(zone))
			return nil, false
		}
	}
	return r, true
}

// String is the renewal as it is written in the file.
func (r *Renewal) String() string {
	if r.Zone == time.UTC {
		return monthly
	}
	return monthly + " @ " + r.Zone.String()
}

// Period is the month that a time is in.
func (r *Renewal) Period(at time.Time) (from, to time.Time) {
	year, month, _ := at.In(r.Zone).Date()
	return PeriodAt(at, func(after int) time.Time { return DayBegins(year, month+time.Month(after), 1, r.Zone) })
}
