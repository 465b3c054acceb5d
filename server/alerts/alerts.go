// Package alerts tells a webhook of what an operator should know at once: what is asked to be told, once while it
// lasts, signed as Standard Webhooks says (standardwebhooks.com), tried again when nobody takes it. It looks at the
// gateway from time to time and is on no request's way.
package alerts

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/config"
)

// after is how long something must last to be told.
func after(k config.Alert) time.Duration {
	if k == config.AlertBreakerOpen {
		return 5 * time.Minute
	}
	return 0
}

// Condition is something that holds at a moment. Kind and Subject say which; the same pair is one thing while it lasts.
type Condition struct {
	Kind    config.Alert
	Subject string // a key's alias, a channel, …
	Text    string // for people: a sentence
}

// Options are what Alerts needs of the gateway.
type Options struct {
	Log  *slog.Logger
	Look func() []Condition // what holds now
	Name string             // of the machine, in each alert
}

const (
	lookEvery = 10 * time.Second
	// grace is how long something may not hold without having ended: between a channel's rests a request finds out
	// whether it is fit again.
	grace = time.Minute
	// again is how long nothing is told of what has ended and comes back, so that what comes and goes is no flood.
	again = time.Hour
	// mostWaiting is how many alerts wait for a webhook that takes none; more are lost, the oldest first.
	mostWaiting = 100
	// mostKnown bounds what is remembered of what was told.
	mostKnown = 10_000
)

type identity struct {
	kind    config.Alert
	subject string
}

// known is what is remembered of a condition.
type known struct {
	since time.Time // it holds, but for breaks shorter than grace
	held  time.Time // when it was seen last
	told  time.Time // last; zero is never
}

// Alerts looks and tells. Use New, then Run.
type Alerts struct {
	o        Options
	settings atomic.Pointer[config.Alerts]
	deliver  deliverer

	mu    sync.Mutex
	known map[identity]known
	queue []message
	ready chan struct{} // has one when something is in the queue
	now   chan struct{} // has one when there is something to see

	sent, lost atomic.Int64
}

// New makes one that tells nothing until it is told where.
func New(o Options) *Alerts {
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	return &Alerts{o: o, known: map[identity]known{}, ready: make(chan struct{}, 1), now: make(chan struct{}, 1), deliver: newDeliverer()}
}

// Use has other settings hold; nil is off.
func (a *Alerts) Use(s *config.Alerts) { a.settings.Store(s) }

// Look has it look at once.
func (a *Alerts) Look() {
	select {
	case a.now <- struct{}{}:
	default:
	}
}

// Counts are how many alerts were taken by the webhook, and how many were given up.
func (a *Alerts) Counts() (sent, lost int64) { return a.sent.Load(), a.lost.Load() }

// Run looks and tells until ctx ends.
func (a *Alerts) Run(ctx context.Context) {
	var sending sync.WaitGroup
	sending.Go(func() { a.send(ctx) })
	defer sending.Wait()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.now:
		case <-look.C:
		}
		a.look(time.Now())
	}
}

// look compares what holds with what held.
func (a *Alerts) look(now time.Time) {
	s := a.settings.Load()
	if s == nil || s.Webhook == "" {
		return
	}
	holding := a.o.Look()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range holding {
		if !slices.Contains(s.On, c.Kind) {
			continue
		}
		id := identity{c.Kind, c.Subject}
		k, there := a.known[id]
		if !there && len(a.known) >= mostKnown {
			continue
		}
		if !there || now.Sub(k.held) > grace {
			k.since = now
		}
		k.held = now
		// What lasts is told once; what comes back is told again after a while.
		if now.Sub(k.since) >= after(c.Kind) && (k.told.IsZero() || k.told.Before(k.since) && now.Sub(k.told) >= again) {
			k.told = now
			a.put(message{Kind: c.Kind, Subject: c.Subject, Text: c.Text, Time: now, Instance: a.o.Name})
		}
		a.known[id] = k
	}
	for id, k := range a.known {
		if now.Sub(k.held) > grace && now.Sub(k.told) >= again {
			delete(a.known, id)
		}
	}
}

// put adds a message to those that wait.
func (a *Alerts) put(m message) {
	if len(a.queue) >= mostWaiting {
		a.queue = slices.Delete(a.queue, 0, 1)
		a.lost.Add(1)
	}
	a.queue = append(a.queue, m)
	select {
	case a.ready <- struct{}{}:
	default:
	}
}

// take is the message that has waited longest.
func (a *Alerts) take() (m message, there bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		return m, false
	}
	m = a.queue[0]
	a.queue = slices.Delete(a.queue, 0, 1)
	return m, true
}

// send delivers what waits, one after the other.
func (a *Alerts) send(ctx context.Context) {
	for {
		m, there := a.take()
		if !there {
			select {
			case <-ctx.Done():
				return
			case <-a.ready:
			}
			continue
		}
		s := a.settings.Load()
		if s == nil || s.Webhook == "" {
			continue
		}
		if err := a.deliver.untilTaken(ctx, s, &m); err != nil {
			a.lost.Add(1)
			a.o.Log.Error("an alert could not be delivered", "alert", string(m.Kind), "subject", m.Subject, "text", m.Text, "error", err)
			continue
		}
		a.sent.Add(1)
	}
}
