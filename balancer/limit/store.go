// Package limit counts requests against rate limits.
package limit

import (
	"context"
	"strconv"
	"time"

	"uniapi/config"
)

// Store keeps the rate limits of the gateway. What it counts is kept by names, so a configuration that is loaded again
// finds its counters. NewLocal is the form that lives in one process; a store that several instances share can take its
// place.
//
// A request is let in by two steps. Take decides by what this process knows, and never waits: it is called while a plan
// is made. Where somebody else has the last word, Take marks its grant Unsure, and Confirm asks. A shared store does so
// for limits that are too small to be handed out in slices; of a large limit it takes a slice ahead, in the background,
// out of which Take grants by itself.
type Store interface {
	// Subject returns the limiter of one subject: an API key, one key of a provider, the gateway as a whole. table says
	// what each model may use. The newest Subject of a name decides: requests that still hold an older one are counted
	// together with the new ones, by the new limits.
	Subject(name string, table config.ModelTable[config.RateLimit]) Limiter
	// Confirm has Unsure grants of this store recorded where all instances see them, and holds as they are Asked, every
	// one or none. refused is the index of the grant whose limit is in the way, for the reason that why tells, and -1
	// if they hold. It returns by the deadline of ctx; after an error nobody knows whether they were recorded. Whoever
	// does not make the request after all cancels its grants, in every one of these cases.
	Confirm(ctx context.Context, grants []Grant) (refused int, why Refusal, err error)
	// Counters is how many pairs of a subject and a model are being counted.
	Counters() int
	// Changes are what is to outlive this process of the counters that have changed since it was called last, by names
	// that say nothing: those of windows of an hour and more. now is on the clock of Take, wall the same moment.
	Changes(now int64, wall time.Time) map[string][]byte
	// Restore is told what Changes gave to processes before this one, before any Subject. It keeps what can be read and
	// returns how many could not.
	Restore(kept map[string][]byte, now int64, wall time.Time) (unreadable int)
}

// Limiter limits the requests of one subject, each model by itself. now is in nanoseconds of a clock that
// does not go back, such as the time since the program began. It is safe for concurrent use, and never waits.
type Limiter interface {
	// Take records a request if every limit of the model allows one more in the window that ends now, and only then. If
	// not, the refusal says which limit was in the way and for how long.
	Take(model string, now int64) (Grant, Refusal, bool)
	// Check says what Take and Hold would. It records nothing.
	Check(model string, need Need, now int64) (Refusal, bool)
	// Hold takes what a request may need out of the quotas of the model and of all models together, until Hold.Settle,
	// if they allow it. also is that this is another model of a request for which it was asked already: of all models
	// together nothing more is held.
	Hold(model string, need Need, now int64, also bool) (Hold, Refusal, bool)
	// Left is what the quotas of all models together have left, and the limits of a model; there may be none.
	Left(model string, now int64) []Left
}

// Grant is a request that was allowed. The zero Grant is of a subject without limits.
type Grant struct {
	Record Record
	Seq    uint64 // of the request in its record; its highest bit says that the grant is Unsure
	At     int64  // when it was allowed, on the clock of Take
}

// unsure is a bit of a Grant's Seq: with a field more, Take could not return everything in registers.
const unsure = 1 << 63

// Unsure says whether the grant holds only if its store confirms it.
func (g Grant) Unsure() bool { return g.Seq&unsure != 0 }

// IfConfirmed is the grant as one that holds only then.
func (g Grant) IfConfirmed() Grant {
	g.Seq |= unsure
	return g
}

// Record is where a store keeps the requests of one counter.
type Record interface {
	// Cancel takes a request back. It does not wait.
	Cancel(seq uint64, at int64)
	// Quota says what was left right after a request, as far as this process knows.
	Quota(seq uint64, at int64) Quota
}

// Cancel takes the request back, once: it never reached the provider. Its place is free again at once. Only limits of
// more than 4096 go on counting it until its window has passed.
func (g Grant) Cancel() {
	if g.Record != nil {
		g.Record.Cancel(g.Seq&^unsure, g.At)
	}
}

// Quota says what was left right after the request was allowed.
func (g Grant) Quota() Quota {
	if g.Record == nil {
		return Quota{}
	}
	return g.Record.Quota(g.Seq&^unsure, g.At)
}

// Quota is what x-ratelimit headers tell of the limit that is nearest to its end. Limit.Count is 0 if there is no
// limit.
type Quota struct {
	Limit     config.Limit
	Remaining int64
	Reset     time.Duration // until the oldest request leaves the window, and with it Remaining begins to grow
}

// Refusal is why a request was not allowed.
type Refusal struct {
	Limit config.Limit  // the one that holds longest
	After time.Duration // when a request will be allowed, unless others come first; for Retry-After
	Quota *config.Quota // the one instead of Limit; nil if it is none
}

// windowNames are the words of messages for the windows people use.
var windowNames = map[time.Duration]string{
	time.Second: "second", time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day",
	30 * 24 * time.Hour: "month", 365 * 24 * time.Hour: "year",
}

// String is the limit in the words of a message: "15 requests per minute".
func (r Refusal) String() string {
	if r.Quota != nil {
		return wordsOf(r.Quota)
	}
	return counted(r.Limit.Count, "request") + " per " + windowName(r.Limit.Window)
}

// wordsOf is a quota in the words of a message: "5 dollars per day (UTC)".
func wordsOf(q *config.Quota) string {
	var text string
	switch q.Of {
	case config.Concurrent:
		return counted(q.Count, "request") + " at once"
	case config.Money:
		text = strconv.FormatFloat(float64(q.Count)/1e9, 'f', -1, 64) + " dollars"
	case config.Tokens:
		text = counted(q.Count, "token")
	default:
		text = counted(q.Count, "request")
	}
	text += " per " + windowName(q.Window)
	if q.Zone != "" {
		text += " (" + q.Zone + ")"
	}
	return text
}

func counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.FormatInt(n, 10) + " " + what
}

func windowName(window time.Duration) string {
	name := windowNames[window]
	if name == "" {
		name = window.String()
	}
	return name
}

// Of is the limit that a table sets for a model: that of its name, of the first part of its name, or the default.
func Of(table config.ModelTable[config.RateLimit], model string) config.RateLimit {
	limit, found := table.Find(model)
	if !found {
		limit, _ = table.Default()
	}
	return limit
}
