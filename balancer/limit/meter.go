package limit

import (
	"sync"
	"time"

	"uniapi/config"
)

// Need is what a request may take of what quotas count: tokens in and out, and money in nano-dollars. Before it is made
// that is an estimate, afterwards what it came to.
type Need struct{ Tokens, Money int64 }

// Hold is what a request under way holds of quotas. The zero Hold holds nothing.
type Hold struct {
	whole, model *meters // of all models of the subject together, and of the one
	need         Need
	beside       Reservation // what other instances see of it; nil is nothing
}

// Holds says whether anything is held.
func (h *Hold) Holds() bool { return h.whole != nil || h.model != nil || h.beside != nil }

// Settle ends the request with what it came to. It is called once for what was held, on every way out; again it does
// nothing.
func (h *Hold) Settle(came Need, now int64) { h.end(came, now, false) }

// Cancel gives everything back: the request was not made.
func (h *Hold) Cancel(now int64) { h.end(Need{}, now, true) }

func (h *Hold) end(came Need, now int64, undone bool) {
	for _, m := range [...]*meters{h.whole, h.model} {
		if m != nil {
			m.settle(h.need, came, now, undone)
		}
	}
	if h.beside != nil { // last: what was settled here is known here when others are told
		h.beside.End(h.need, came, undone)
	}
	*h = Hold{}
}

// meters count what quotas measure, for one subject and model or all of its models. What is under way is held beside
// what has been settled, and both together must not go beyond a quota. One short lock makes all quotas decide on the
// same state.
type meters struct {
	mu       sync.Mutex
	wall     func() time.Time
	inFlight int64
	held     Need // by those in flight
	list     []meter
	changed  bool // since Changes was called last
	retired  bool // out of use: whoever has it gets another
}

// meter counts one quota.
type meter struct {
	quota config.Quota
	used  int64 // settled, in the window

	// Of windows that slide: how much was settled in each piece of the window. A piece counts until all of it has left
	// the window, so a quota is never exceeded, and a sixtieth of the window may pass before it is known that something
	// has left it.
	piece  int64 // length
	newest int64 // number of the piece that goes on
	pieces []int64

	// Of a calendar.
	zone  *time.Location
	began int64 // second since 1970 in which the period began
	until int64 // on the clock, when it ends
	again int64 // on the clock, when to look at the calendar again: clocks on the wall are set
}

// piecesOfWindow is how many of them a window has, beside the one that goes on.
const piecesOfWindow = 60

// lookAgain is how long a period of the calendar is believed to end when it was thought to.
const lookAgain = int64(time.Minute)

func newMeters(quotas []config.Quota, wall func() time.Time) *meters {
	m := &meters{wall: wall}
	m.adapt(quotas)
	return m
}

// adapt gives other quotas, and keeps what was counted of those whose windows stay.
func (m *meters) adapt(quotas []config.Quota) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []meter
	for _, q := range quotas {
		next := newMeter(q)
		for _, was := range m.list {
			if was.counts() == next.counts() {
				next = was
				next.quota.Count = min(q.Count, mostCounted)
			}
		}
		list = append(list, next)
	}
	m.list = list
}

// counts is what tells a meter from others: all but how much it allows.
func (r *meter) counts() config.Quota {
	q := r.quota
	q.Count = 0
	return q
}

func newMeter(q config.Quota) meter {
	q.Count = min(q.Count, mostCounted)
	r := meter{quota: q}
	switch {
	case q.Zone != "":
		r.zone = time.UTC
		if zone, err := time.LoadLocation(q.Zone); err == nil { // it was found when the file was read
			r.zone = zone
		}
	case q.Window > 0:
		r.piece = max(int64(q.Window)/piecesOfWindow, 1)
		r.pieces = make([]int64, piecesOfWindow+1)
	}
	return r
}

// take holds what a request may need, if all quotas allow that.
func (m *meters) take(need Need, now int64) (Refusal, outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.retired {
		return Refusal{}, retired
	}
	if refusal, ok := m.check(need, now); !ok {
		return refusal, refused
	}
	m.inFlight++
	m.held.Tokens += need.Tokens
	m.held.Money += need.Money
	for i := range m.list {
		if r := &m.list[i]; r.quota.Of == config.Requests {
			r.add(1)
			m.changed = true
		}
	}
	return Refusal{}, granted
}

// wouldTake says what take would.
func (m *meters) wouldTake(need Need, now int64) (Refusal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.check(need, now)
}

func (m *meters) check(need Need, now int64) (refusal Refusal, ok bool) {
	ok = true
	for i := range m.list {
		r := &m.list[i]
		r.pass(now, m.wall)
		if r.allows(need, m) {
			continue
		}
		if after := r.after(need, m, now); ok || after > refusal.After {
			refusal = Refusal{After: after, Quota: &r.quota}
		}
		ok = false
	}
	return refusal, ok
}

// allows says whether a request may be made beside what is held and settled. What cannot be counted before it is known,
// money, is asked for at most, so one that may take more than is left goes as long as anything is, and by itself: it
// holds what is left and more. A request of more tokens than the quota has at all goes when nothing else is counted.
func (r *meter) allows(need Need, m *meters) bool {
	switch r.quota.Of {
	case config.Concurrent:
		return m.inFlight < r.quota.Count
	case config.Money:
		return r.used+m.held.Money < r.quota.Count
	case config.Tokens:
		return r.used+m.held.Tokens <= r.quota.Count-min(max(need.Tokens, 1), r.quota.Count) && r.quota.Count > 0
	}
	return r.used < r.quota.Count
}

// after is when a request would be allowed if nobody else came.
func (r *meter) after(need Need, m *meters, now int64) time.Duration {
	switch {
	case r.quota.Of == config.Concurrent:
		return unknownAfter
	case r.zone != nil:
		return time.Duration(max(r.until-now, int64(time.Second)))
	}
	was := r.used
	defer func() { r.used = was }()
	for n := max(r.newest-piecesOfWindow, 0); n <= r.newest; n++ {
		r.used -= r.pieces[n%(piecesOfWindow+1)]
		if r.allows(need, m) {
			return time.Duration((n+piecesOfWindow+1)*r.piece - now)
		}
	}
	if r.quota.Count == 0 {
		return r.quota.Window
	}
	return unknownAfter // it is held by requests under way
}

// eases is when the oldest of what was settled leaves a window that slides; 0 if nothing was, and what is used is held
// by requests under way.
func (r *meter) eases(now int64) time.Duration {
	for n := max(r.newest-piecesOfWindow, 0); r.piece > 0 && n <= r.newest; n++ {
		if r.pieces[n%(piecesOfWindow+1)] > 0 {
			return time.Duration((n+piecesOfWindow+1)*r.piece - now)
		}
	}
	return 0
}

// unknownAfter is how long to wait for requests under way: nobody knows when they end.
const unknownAfter = time.Second

// pass has time pass.
func (r *meter) pass(now int64, wall func() time.Time) {
	switch {
	case r.zone != nil:
		if now < r.again {
			return
		}
		today := wall()
		began, end := period(today.In(r.zone), r.quota.Window)
		if began.Unix() > r.began { // a clock that is set back opens no period anew
			r.began, r.used = began.Unix(), 0
		}
		r.until = now + int64(end.Sub(today))
		r.again = min(r.until, now+lookAgain)
	case r.piece > 0:
		newest := now / r.piece
		if newest-r.newest > piecesOfWindow {
			clear(r.pieces)
			r.newest, r.used = newest, 0
			return
		}
		for r.newest < newest {
			r.newest++
			oldest := &r.pieces[r.newest%(piecesOfWindow+1)]
			r.used -= *oldest
			*oldest = 0
		}
	}
}

// period is the hour, day, month or year that a time is in.
func period(t time.Time, length time.Duration) (began, end time.Time) {
	year, month, day := t.Date()
	switch length {
	case time.Hour:
		began = t.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
		return began, began.Add(time.Hour)
	case 24 * time.Hour:
		return config.PeriodAt(t, func(after int) time.Time { return config.DayBegins(year, month, day+after, t.Location()) })
	case 30 * 24 * time.Hour:
		return config.PeriodAt(t, func(after int) time.Time { return config.DayBegins(year, month+time.Month(after), 1, t.Location()) })
	}
	return config.PeriodAt(t, func(after int) time.Time { return config.DayBegins(year+after, 1, 1, t.Location()) })
}

// add settles an amount, or takes one back that was settled in the same period.
func (r *meter) add(amount int64) {
	if amount < 0 {
		amount = -min(-amount, r.used)
	}
	if r.used += amount; r.piece > 0 {
		r.pieces[r.newest%(piecesOfWindow+1)] += amount
	}
}

// Bounds of what one request comes to and of what a quota counts, with which no sum reaches the end of an int64: 70,000
// dollars, and a billion.
const (
	mostAmount  = 1 << 46
	mostCounted = 1e18
)

func (n Need) bounded() Need {
	return Need{min(max(n.Tokens, 0), mostAmount), min(max(n.Money, 0), mostAmount)}
}

// settle ends a request that held a need.
func (m *meters) settle(need, came Need, now int64, undone bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	came = came.bounded()
	m.inFlight--
	m.held.Tokens -= need.Tokens
	m.held.Money -= need.Money
	for i := range m.list {
		r := &m.list[i]
		amount := int64(0)
		switch r.quota.Of {
		case config.Tokens:
			amount = came.Tokens
		case config.Money:
			amount = came.Money
		case config.Requests:
			if undone && r.used > 0 {
				amount = -1
			}
		}
		if amount == 0 {
			continue
		}
		r.pass(now, m.wall)
		r.add(amount)
		m.changed = true
	}
}

// left is what a quota has left at a moment, with what is held taken off.
func (m *meters) left(now int64) (list []Left) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.list {
		r := &m.list[i]
		r.pass(now, m.wall)
		used := r.used
		switch r.quota.Of {
		case config.Concurrent:
			used = m.inFlight
		case config.Money:
			used += m.held.Money
		case config.Tokens:
			used += m.held.Tokens
		}
		l := Left{Quota: r.quota, Remaining: max(r.quota.Count-used, 0), Reset: r.quota.Window}
		switch {
		case r.zone != nil:
			l.Reset = time.Duration(r.until - now)
		case used > 0:
			l.Reset = r.eases(now)
		}
		list = append(list, l)
	}
	return list
}

// retire takes meters out of use that would say the same if they were new, and says whether it did.
func (m *meters) retire(now int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.inFlight > 0 {
		return false
	}
	for i := range m.list {
		r := &m.list[i]
		if r.pass(now, m.wall); r.used > 0 {
			return false
		}
	}
	m.retired = true
	return true
}

// revive takes retire back.
func (m *meters) revive() {
	m.mu.Lock()
	m.retired = false
	m.mu.Unlock()
}

// Left is what a limit has left. Reset is until it begins anew by the calendar, else until the oldest of what was used
// leaves the window, and that where nothing was; 0 where nobody knows, since requests that are under way hold it.
type Left struct {
	Model     string // "" for all models together
	Quota     config.Quota
	Remaining int64
	Reset     time.Duration
}
