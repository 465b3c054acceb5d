package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Measure is what a Quota counts.
type Measure int

// The measures.
const (
	Requests   Measure = iota
	Tokens             // in and out
	Money              // nano-dollars
	Concurrent         // requests under way at once
)

// Quota allows Count of what it measures in any Window, or in each period of a calendar.
type Quota struct {
	Of     Measure
	Count  int64
	Window time.Duration // 0 for Concurrent
	// Zone is whose calendar the windows follow, by its name in the database of time zones; "" is windows that slide.
	Zone string
}

// Words of a rate limit beside those of units.
const (
	wordConcurrent = "concurrent"
	wordDollars    = "usd"
)

var measureWords = map[string]Measure{"request": Requests, "requests": Requests, "token": Tokens, "tokens": Tokens, wordDollars: Money}

// quota reads an item of a rate limit that is more than COUNT/UNIT: "200000 tokens/min", "5 usd/day", "8 concurrent",
// "1000/day @ Europe/Berlin". problem is what is wrong with one that was meant to be such; ok is false for what is none
// at all.
func quota(item string) (q Quota, problem string, ok bool) {
	what, zone, calendar := strings.Cut(item, "@")
	what, zone = strings.TrimSpace(what), strings.TrimSpace(zone)
	amount, rest, worded := strings.Cut(what, " ")
	if !worded {
		amount, rest, _ = strings.Cut(what, "/")
		rest = "/" + rest
	}
	rest = strings.TrimSpace(rest)
	word, unit, _ := strings.Cut(rest, "/")
	if word == wordConcurrent && unit == "" {
		q.Of = Concurrent
	} else {
		known := true
		if word != "" {
			q.Of, known = measureWords[word]
		}
		if q.Window = rateUnits[unit]; !known || q.Window == 0 || word == "" && !calendar || worded && word == "" {
			return q, "", false
		}
	}
	count, err := strconv.ParseUint(amount, 10, 63)
	q.Count, ok = int64(count), err == nil
	if q.Of == Money {
		if q.Count, ok = decimal(amount, nanoDollarPlaces); q.Count > mostMoney {
			ok = false
		}
	}
	switch {
	case !ok:
		return q, "", false
	case q.Of == Concurrent && calendar:
		return q, " (what goes on at once has no calendar)", true
	case calendar && q.Window < time.Hour:
		return q, " (only hours, days, months and years follow a calendar)", true
	case calendar:
		if _, err := time.LoadLocation(zone); err != nil || zone == "" {
			return q, " (behind @ goes a time zone such as Europe/Berlin or UTC)", true
		}
		q.Zone = zone
	case q.Of == Money && q.Window >= 24*time.Hour:
		q.Zone = "UTC" // as bills go
	}
	return q, "", true
}

// String is the quota as it would be written in the file, with windows in full.
func (q Quota) String() string {
	if q.Of == Concurrent {
		return fmt.Sprintf("%d %s", q.Count, wordConcurrent)
	}
	var text string
	switch q.Of {
	case Tokens:
		text = fmt.Sprintf("%d tokens/", q.Count)
	case Money:
		text = dollars(q.Count, nanoDollarPlaces) + " " + wordDollars + "/"
	default:
		text = fmt.Sprintf("%d/", q.Count)
	}
	text += windowName(q.Window)
	if q.Zone != "" {
		text += " @ " + q.Zone
	}
	return text
}

// globalRateLimit reads what all keys may do together: one limit of all requests, or that as default beside limits of
// models.
func globalRateLimit(d *decoder, n *yaml.Node, p *Preferences) {
	limits, ok := modelTable(rateLimit)(d, n)
	if !ok {
		return
	}
	for name, limit := range limits.All() {
		if name == "default" {
			p.RateLimit = limit
		} else {
			p.ModelRateLimit.Set(name, limit)
		}
	}
}
