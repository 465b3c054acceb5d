package cluster

import (
	"context"
	"sync"
	"sync/atomic"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// quotas are those of one model of a subject, or of all its models together, as all instances count them. What this
// instance has used and holds may come to what Redis gave it; beyond that Redis is asked.
type quotas struct {
	limits *limits
	local  limit.Limiter
	model  string
	whole  bool
	keys   []string
	who    string      // of this one in Redis; a configuration that is loaded again makes others
	kept   atomic.Bool // limits looks after it

	mu     sync.Mutex
	list   []sharedQuota
	full   *fullness
	tokens int64 // of the request that it refused
	until  int64 // what was given may be used until then; this and what follows on the clock of Take
	used   int64 // when something was reserved last
	toldAt int64 // when Redis was asked last
	seen   int64 // the latest moment of a request
	least  int64 // tokens of the last request
	dirty  bool  // Redis has something else
	// pending is how many requests this instance has counted by itself and has no answer for.
	pending int64
	next    *quotaFlight
	flying  bool
}

// sharedQuota is one of them.
type sharedQuota struct {
	config.Quota
	used, told int64 // by this instance, in all, and what Redis has of that
	held       int64 // by requests under way; requests themselves are used at once
	upto       int64 // used and held may come to so much
	ahead      int64 // how much of that is for requests to come
	left       int64 // that all had when Redis was asked last
	owed       int64 // reserved since then without asking
	last       bool  // one request may go beyond that
}

func newQuotas(l *limiter, model string, whole bool) *quotas {
	list := limit.WholeQuotas(l.table)
	if !whole {
		list = limit.ModelQuotas(l.table, model)
	}
	if len(list) == 0 {
		return nil
	}
	c := l.limits.cluster
	q := &quotas{limits: l.limits, local: l.Limiter, model: model, whole: whole, who: c.id + "." + text(c.limits.number.Add(1))}
	of := q.model
	if whole {
		of = "\x00"
	}
	for _, one := range list {
		q.list = append(q.list, sharedQuota{Quota: one})
		q.keys = append(q.keys, c.key("quota", l.name+"\x00"+of+"\x00"+measures[one.Of]+"\x00"+one.Window.String()+"\x00"+one.Zone))
	}
	return q
}

// measures are what the script calls them.
var measures = [...]string{config.Requests: "r", config.Tokens: "t", config.Money: "m", config.Concurrent: "c"}

// needs is what a request needs of a quota. One of more tokens than there are at all needs all of them.
func (s *sharedQuota) needs(n limit.Need) int64 {
	switch s.Of {
	case config.Tokens:
		return min(max(n.Tokens, 1), max(s.Count, 1))
	case config.Money:
		return n.Money
	}
	return 1
}

// room is what may be reserved without asking.
func (s *sharedQuota) room() int64 { return s.upto - s.used - s.held }

// fits says whether a request has room. Of money the last one may take more than there is: nobody knows before what it
// costs, and one in all instances may.
func (s *sharedQuota) fits(n limit.Need) bool {
	room := s.room()
	return room > 0 && (room >= s.needs(n) || s.Of == config.Money && s.last)
}

// reserve holds what a request needs, if what was given has room for it, or says that Redis is known to have none.
func (q *quotas) reserve(n limit.Need, now int64) (held bool, refusal limit.Refusal, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if refusal, full = q.fullFor(n, now); full {
		return false, refusal, true
	}
	q.seen = max(q.seen, now)
	if now >= q.until || !q.limits.cluster.up.Load() || !q.fits(n) {
		return false, refusal, false
	}
	if low := q.hold(n, now); low && !q.flying { // of what was taken ahead half is used
		q.join()
	}
	return true, refusal, false
}

// hold counts a request, with the lock held, and says whether little is left of what was taken ahead.
func (q *quotas) hold(n limit.Need, now int64) (low bool) {
	for i := range q.list {
		s := &q.list[i]
		if s.Of == config.Requests {
			s.used++
		} else {
			s.held += s.needs(n)
		}
		low = low || s.ahead > 0 && s.room() < s.ahead/2
	}
	q.used, q.dirty, q.least = max(q.used, now), true, n.Tokens
	q.limits.rememberQuotas(q)
	return low
}

// waits notes that a request has no answer yet, or has one.
func (q *quotas) waits(by int64) {
	q.mu.Lock()
	q.pending += by
	q.mu.Unlock()
}

// owe holds what Redis was not asked for.
func (q *quotas) owe(n limit.Need, now int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seen = max(q.seen, now)
	q.hold(n, now)
	for i := range q.list {
		q.list[i].owed += q.list[i].needs(n)
	}
}

// mayOwe says whether a request is let in whose answer is late: of what all had left not too much is taken by each
// instance alone. Where Redis is gone it is what this instance knows by itself that counts.
func (q *quotas) mayOwe(n limit.Need) (limit.Refusal, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.limits.cluster.up.Load() || q.toldAt == 0 {
		return limit.Refusal{}, true
	}
	for i := range q.list {
		if s := &q.list[i]; s.left <= 0 || s.owed > 0 && s.owed+s.needs(n) > s.left/partOwed {
			return limit.Refusal{Quota: &s.Quota, After: askAgain}, false
		}
	}
	return limit.Refusal{}, true
}

// settle ends a request that held a need. What others may wait for is given back at once.
func (q *quotas) settle(need, came limit.Need, undone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	more := false
	for i := range q.list {
		s := &q.list[i]
		switch s.Of {
		case config.Requests:
			if undone {
				s.used--
			}
		case config.Tokens:
			s.used += came.Tokens
		case config.Money:
			s.used += came.Money
		}
		if s.Of != config.Requests {
			s.held -= s.needs(need)
		}
		more = more || s.room() > 2*s.ahead // a little more than what is ahead goes back in its time
	}
	q.dirty, q.full = true, nil
	q.limits.rememberQuotas(q)
	if more && q.limits.cluster.up.Load() {
		q.join()
	}
}

// isFull says whether Redis is known to have no room, as far as that is believed while it answers, or while it does
// not.
func (q *quotas) isFull(n limit.Need, now int64) (limit.Refusal, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fullFor(n, now)
}

func (q *quotas) fullFor(n limit.Need, now int64) (limit.Refusal, bool) {
	f := q.full
	if f == nil || f.why.Quota.Of == config.Tokens && n.Tokens < q.tokens {
		return limit.Refusal{}, false
	}
	return f.holds(q.limits.cluster.up.Load() || f.why.Quota.Of == config.Concurrent, now)
}

// toldLeft is what Redis had left of a quota when it was asked last, if that was not long ago.
func (q *quotas) toldLeft(of config.Quota, now int64) (left int64, fresh bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.toldAt == 0 || now-q.toldAt >= toldFor || of.Window > 0 && now-q.toldAt >= int64(of.Window) {
		return 0, false
	}
	for i := range q.list {
		if s := &q.list[i]; s.Of == of.Of && s.Window == of.Window && s.Zone == of.Zone {
			return s.left, true
		}
	}
	return 0, false
}

// look tells Redis what has changed, asks again for what is held, and gives back what was taken ahead and is not used,
// or all. It says whether there is nothing any more.
func (q *quotas) look(all bool) (idle bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.limits.now()
	unused := all || now-q.used > int64(unusedAfter)
	old := q.until-now < int64(quotaAgain)
	ask := q.dirty
	idle = !q.flying
	for i := range q.list {
		s := &q.list[i]
		if unused && s.ahead > 0 {
			s.ahead, ask = 0, true
		}
		ask = ask || s.held > 0 && old
		idle = idle && s.held == 0 && s.ahead == 0
	}
	if ask && !q.flying && q.limits.cluster.up.Load() {
		q.join()
	}
	return idle && !ask
}

// giveAllBack tells Redis what was used and that nothing is held any more, at the end.
func (q *quotas) giveAllBack(ctx context.Context) {
	q.mu.Lock()
	for i := range q.list {
		q.list[i].held, q.list[i].ahead = 0, 0
	}
	q.used = q.limits.now() - int64(unusedAfter) - 1
	var f *quotaFlight
	if q.limits.cluster.up.Load() {
		f = q.join()
	}
	q.mu.Unlock()
	if f == nil {
		return
	}
	select {
	case <-f.done:
	case <-ctx.Done():
	}
}
