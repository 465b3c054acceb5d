package cluster

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/redis/rueidis"

	"uniapi/balancer/limit"
	"uniapi/codec/saturate"
	"uniapi/config"
)

var (
	//go:embed quotas.lua
	quotasText   string
	quotasScript = rueidis.NewLuaScript(quotasText)
)

// quotaFlight is a question to Redis, for all requests that wait for it.
type quotaFlight struct {
	done chan struct{}
	list []*quotaWaiter
	now  int64 // the latest moment of one that waits, on the clock of Take
	err  error
}

// quotaWaiter is a request that waits.
type quotaWaiter struct {
	need          limit.Need
	granted, left bool
	why           limit.Refusal
}

// ask waits until Redis has let a request in, or has refused it.
func (q *quotas) ask(ctx context.Context, need limit.Need, now int64) (why limit.Refusal, held bool, err error) {
	if !q.limits.cluster.up.Load() {
		return why, false, errAway
	}
	w := &quotaWaiter{need: need}
	q.mu.Lock()
	f := q.join()
	f.list, f.now = append(f.list, w), max(f.now, now)
	q.mu.Unlock()
	if q.limits.cluster.await(ctx, f.done) {
		err = f.err
	} else {
		err = ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case w.granted: // be it too late for ctx
		return why, true, nil
	case err == nil:
		return w.why, false, nil
	}
	w.left = true
	return why, false, err
}

// join is the next question, with the lock held.
func (q *quotas) join() *quotaFlight {
	if q.next == nil {
		q.next = &quotaFlight{done: make(chan struct{}), now: q.seen}
	}
	if !q.flying {
		q.flying = true
		go q.fly()
	}
	return q.next
}

// fly asks as long as there is something to ask.
func (q *quotas) fly() {
	for {
		q.mu.Lock()
		f := q.next
		if q.next = nil; f == nil {
			q.flying = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		f.err = q.askRedis(f)
		close(f.done)
	}
}

// What the script says is wrong with a question.
const (
	otherPeriod = 1
	pastUnknown = 2
)

// mostQuestions is how often one question is put anew: with what was used before, and with another period of a
// calendar.
const mostQuestions = 4

// plenty is how many times what is wanted of money has to be left for it not to be what lacks.
const plenty = 16

func (q *quotas) askRedis(f *quotaFlight) error {
	c := q.limits.cluster
	ctx, cancel := context.WithTimeout(context.Background(), replyWithin)
	defer cancel()
	var past []limit.Spent
	for range mostQuestions {
		sent := time.Now()
		args, used := q.question(f, past)
		list, err := c.run(ctx, quotasScript, q.keys, args)
		var said []int64
		if err == nil {
			if said, err = numbersOf(list); err == nil && (len(said) < 4 || said[1] == 0 && len(said) != 4+4*len(q.list) || said[2] > int64(len(q.list))) {
				err = errors.New("a script is answered with what is no quota")
			}
			if err != nil {
				c.lost(err)
			}
		}
		if err != nil {
			q.mu.Lock()
			q.dirty = true
			q.mu.Unlock()
			q.limits.rememberQuotas(q)
			return err
		}
		c.limits.ahead.Store(said[0] - sent.Add(time.Since(sent)/2).UnixMilli())
		switch said[1] {
		case otherPeriod:
			continue
		case pastUnknown:
			q.mu.Lock()
			past = []limit.Spent{}
			if h, knows := q.local.(limit.Historian); knows {
				past = h.Spent(q.model, q.whole, q.seen)
			}
			q.mu.Unlock()
			continue
		}
		q.learn(f, said, used, sent)
		return nil
	}
	return errors.New("a script finds no period of a calendar")
}

// question is what one call of the script says. past is what was used before it knew of this instance; nil is not to be
// said.
func (q *quotas) question(f *quotaFlight, past []limit.Spent) (args []string, used []int64) {
	c := q.limits.cluster
	wall := time.Now().Add(time.Duration(c.limits.ahead.Load()) * time.Millisecond) // by the clock of Redis
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dirty = false
	var waiting, tokens, money int64
	least := q.least
	for _, w := range f.list {
		if !w.left { // else it is held, if it was made
			if waiting == 0 || w.need.Tokens < least {
				least = w.need.Tokens
			}
			waiting, tokens, money = waiting+1, saturate.Add(tokens, max(w.need.Tokens, 1)), saturate.Add(money, w.need.Money)
		}
	}
	ahead := "0"
	if q.limits.now()-q.used < int64(unusedAfter) || waiting > 0 {
		ahead = "1"
	}
	args = []string{q.who, c.folder, text(quotaTerm.Milliseconds()), text(waiting), ahead}
	for i := range q.list {
		s := &q.list[i]
		wants, use := waiting, int64(1)
		switch s.Of {
		case config.Tokens:
			wants, use = min(tokens, saturate.Mul(waiting, max(s.Count, 1))), s.needs(limit.Need{Tokens: least})
		case config.Money:
			wants, use = max(money, waiting), 0
		}
		// What is kept for those that come meanwhile is less than what is given ahead: both together are not so much
		// that some of it had to go back at once.
		kept := max(min(s.room(), s.ahead/2), 0)
		if waiting > 0 && s.Of == config.Money && saturate.Mul(money, plenty) >= s.left {
			kept = 0 // it was too little
		}
		s.upto = min(s.upto, s.used+s.held+kept) // what is beyond goes back; what is held beyond it, by the last one, gives nothing
		var piece, began, ends int64
		switch {
		case s.Zone != "":
			from, to := limit.Period(s.Quota, wall)
			began, ends = from.UnixMilli(), to.UnixMilli()
		case s.Window > 0:
			piece = max((s.Window.Milliseconds()+59)/60, 1)
		}
		args = append(args, measures[s.Of], text(s.Count), text(piece), text(began), text(ends), text(s.used), text(s.told), text(s.held+kept), text(wants), text(use))
		args = append(args, spentOf(past, s.Quota, q.pending)...)
		used = append(used, s.used)
	}
	return args, used
}

// spentOf is what was used before of a quota, as the script reads it. Requests that wait for the answer are counted
// here already.
func spentOf(past []limit.Spent, quota config.Quota, pending int64) []string {
	if past == nil {
		return []string{"-1"}
	}
	args := []string{"0"}
	for _, s := range past {
		if s.Quota.Of != quota.Of || s.Quota.Window != quota.Window || s.Quota.Zone != quota.Zone || len(args) > 1 {
			continue
		}
		args[0] = text(int64(len(s.Parts)))
		for i, p := range s.Parts {
			if i == 0 && quota.Of == config.Requests {
				p.Amount = max(p.Amount-pending, 0)
			}
			args = append(args, text(p.Ago.Milliseconds()), text(p.Amount))
		}
	}
	return args
}

func numbersOf(list []rueidis.RedisMessage) (numbers []int64, err error) {
	for _, m := range list {
		n, err := m.AsInt64()
		if err != nil {
			return nil, errors.New("a script is answered with something that is no count")
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// learn takes over what Redis says, and holds what it gave for those that wait.
func (q *quotas) learn(f *quotaFlight, said, used []int64, sent time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.list {
		s, of := &q.list[i], said[4+4*i:]
		s.told, s.upto, s.left, s.ahead, s.last = used[i], of[0], of[1], of[2], of[3] == 1
		s.owed = 0
	}
	q.until, q.toldAt, q.full = q.limits.at(sent)+int64(quotaTerm), max(f.now, 1), nil
	q.seen = max(q.seen, f.now)
	for _, w := range f.list {
		if w.left {
			continue
		}
		if w.granted = q.fits(w.need); w.granted {
			q.hold(w.need, f.now)
			continue
		}
		q.refuse(w, f.now, int(said[2]), time.Duration(said[3])*time.Millisecond)
	}
	for i := range q.list { // what another quota did not let be used goes back
		s := &q.list[i]
		if s.room() > s.ahead || s.last && s.room() >= 0 {
			q.dirty = true
		}
	}
	q.limits.rememberQuotas(q)
}

func (q *quotas) fits(n limit.Need) bool {
	for i := range q.list {
		if !q.list[i].fits(n) {
			return false
		}
	}
	return true
}

// refuse tells one that waits what is in its way.
func (q *quotas) refuse(w *quotaWaiter, now int64, which int, after time.Duration) {
	var rule *config.Quota
	if which > 0 {
		rule = &q.list[which-1].Quota
	}
	for i := range q.list {
		if s := &q.list[i]; rule == nil && !s.fits(w.need) {
			rule = &s.Quota
		}
	}
	after = max(after, time.Millisecond)
	if rule.Of == config.Concurrent {
		after = max(after, time.Second)
	}
	full := fullFor(now, after, limit.Refusal{Quota: rule})
	w.why = full.refusal(now)
	if q.full == nil || q.tokens > w.need.Tokens {
		q.full, q.tokens = full, w.need.Tokens
	}
}
