package cluster

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"uniapi/codec/saturate"
	"uniapi/usage/credit"
)

var (
	//go:embed credit.lua
	creditText   string
	creditScript = rueidis.NewLuaScript(creditText)
	// Which keys' hashes have changed since a number.
	changedScript = rueidis.NewLuaScript(`local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local since = tonumber(ARGV[1])
if last < since then since = 0 end
local list = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. since, '+inf')
table.insert(list, 1, tostring(last))
return list`)
)

const (
	// creditTerm is how long an instance may spend what it was given; one that lives asks again in time.
	creditTerm  = 3 * time.Second
	creditAgain = creditTerm / 2
	creditEvery = 250 * time.Millisecond
)

// accounts is the credit.Store of instances that share. Each account is this instance's own, with what Redis says of
// the others.
type accounts struct {
	cluster *Cluster
	heard   int64 // the last change, of keep alone

	mu  sync.Mutex
	all map[string]*account // by the ledger's hash of a client key
	by  map[string]*account // by the name in Redis
}

func newAccounts(c *Cluster) *accounts {
	a := &accounts{cluster: c, all: map[string]*account{}, by: map[string]*account{}}
	c.whenBack(func() {
		for _, one := range a.list() {
			one.dirty.Store(true)
		}
	})
	return a
}

// Credits are the accounts of client keys, as all instances have them together.
func (c *Cluster) Credits() credit.Store { return c.accounts }

// Account implements credit.Store.
func (a *accounts) Account(key string) credit.Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.all[key]
	if one == nil {
		one = &account{accounts: a, name: a.cluster.key("credit", key)}
		a.all[key], a.by[one.name] = one, one
	}
	return one
}

func (a *accounts) list() []*account {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*account, 0, len(a.all))
	for _, one := range a.all {
		list = append(list, one)
	}
	return list
}

// account is what one client key has spent at this instance, and at the others as far as it is known.
type account struct {
	accounts *accounts
	name     string
	dirty    atomic.Bool // Redis has something else

	mu              sync.Mutex
	since           int64
	spent, reserved int64            // here
	added           int64            // by the ledger of this instance
	heard, more     int64            // spent and added at others, as Redis has it
	others          []string         // whose spending that is
	known           int64            // spent elsewhere, as a common ledger has it
	ledgers         map[string]int64 // what of that is of whom
	twice           int64            // how much of known is in heard, too
	credits         int64            // of the configuration, as of the last request; 0 is not known
	upto            int64            // spent and reserved may come to so much
	ahead           int64            // how much of that is for requests to come
	last            bool             // one request may go beyond that
	until           time.Time
	used            bool // since it was asked last
	next            *creditFlight
	flying          bool
}

// creditFlight is a question to Redis, for all requests that wait for it.
type creditFlight struct {
	done chan struct{}
	list []*creditWaiter
	err  error
}

// creditWaiter is a request that waits.
type creditWaiter struct {
	estimate      int64
	granted, left bool
}

// open says whether one more request may be reserved out of what Redis has given. The last one may go beyond that, as
// the last of the credits may where one instance is alone: one in all instances, which Redis names.
func (a *account) open(estimate int64) bool {
	room := saturate.Sub(a.upto, saturate.Add(a.spent, a.reserved))
	return room > 0 && (room >= estimate || a.last)
}

// elsewhere is what others have spent, and what was spent here before.
func (a *account) elsewhere() int64 { return saturate.Add(a.heard, saturate.Sub(a.known, a.twice)) }

// overlap finds out what both Redis and the common ledger tell of.
func (a *account) overlap() {
	a.twice = 0
	for _, name := range a.others {
		a.twice = saturate.Add(a.twice, a.ledgers[name])
	}
}

// Reserve implements credit.Account.
func (a *account) Reserve(estimate, limit int64) credit.Answer {
	c := a.accounts.cluster
	a.mu.Lock()
	defer a.mu.Unlock()
	a.credits = saturate.Sub(limit, saturate.Add(a.added, a.more))
	held := saturate.Add(a.spent, a.reserved)
	left := saturate.Add(held, a.elsewhere()) < limit
	switch {
	case !c.up.Load() && c.Strict():
		return credit.Unsure
	case !c.up.Load() && !left:
		return credit.Refused
	case c.up.Load() && (!left || !a.open(estimate) || !time.Now().Before(a.until)):
		return credit.Unsure
	}
	a.reserved, a.used = saturate.Add(a.reserved, estimate), true
	return credit.Reserved
}

// Confirm implements credit.Account.
func (a *account) Confirm(ctx context.Context, estimate, limit int64) (bool, error) {
	a.mu.Lock()
	a.credits = saturate.Sub(limit, saturate.Add(a.added, a.more))
	a.used = true
	w := &creditWaiter{estimate: estimate}
	f := a.join()
	f.list = append(f.list, w)
	a.mu.Unlock()
	var err error
	if a.accounts.cluster.await(ctx, f.done) {
		err = f.err
	} else {
		err = ctx.Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case w.granted: // be it too late for ctx
		return true, nil
	case err == nil:
		return false, nil
	}
	w.left = true
	a.reserved = saturate.Add(a.reserved, estimate)
	return true, err
}

// join is the next question, with the lock held.
func (a *account) join() *creditFlight {
	if a.next == nil {
		a.next = &creditFlight{done: make(chan struct{})}
	}
	if !a.flying {
		a.flying = true
		go a.fly()
	}
	return a.next
}

func (a *account) fly() {
	for {
		a.mu.Lock()
		f := a.next
		if a.next = nil; f == nil {
			a.flying = false
			a.mu.Unlock()
			return
		}
		a.upto = 0 // nothing is reserved beside what is told now
		used := a.used
		a.used = false
		a.mu.Unlock()
		f.err = a.ask(used, f)
		close(f.done)
	}
}

// question is what one call of the script says.
func (a *account) question(used bool, f *creditFlight) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dirty.Store(false)
	waiting := int64(0)
	for _, w := range f.list {
		if !w.left { // else it is reserved
			waiting = saturate.Add(waiting, w.estimate)
		}
	}
	inUse := "0"
	if used {
		inUse = "1"
	}
	return []string{
		a.accounts.cluster.books, text(a.spent), text(a.since), text(a.added), text(a.reserved), text(waiting), text(saturate.Sub(a.credits, saturate.Sub(a.known, a.twice))),
		text(creditTerm.Milliseconds()), inUse,
	}
}

// mostMembers is how often a question is put again since Redis tells of others than it was put for.
const mostMembers = 3

// ask asks Redis, and reserves for those of a flight that what it gives is enough for.
func (a *account) ask(used bool, f *creditFlight) error {
	c := a.accounts.cluster
	for again := range mostMembers {
		ctx, cancel := context.WithTimeout(context.Background(), replyWithin)
		sent := time.Now()
		list, err := c.run(ctx, creditScript, []string{a.name, c.prefix + "credits:changes", c.prefix + "credits:number", a.name + ":last"}, a.question(used, f))
		cancel()
		var said [5]int64
		others := ""
		if err == nil && len(list) != len(said)+1 {
			err = errors.New("a script is answered with what is no account")
		}
		for i := range said {
			if err == nil {
				said[i], err = list[i].AsInt64()
			}
		}
		if err == nil {
			others, err = list[len(said)].ToString()
		}
		if err != nil {
			a.dirty.Store(true)
			return err
		}
		if a.learn(f, said, strings.Fields(others), sent, again == mostMembers-1) {
			return nil
		}
	}
	return nil
}

// learn takes over what Redis says, unless it reckoned with others than there are: then some of what they have spent
// was taken off twice, or not at all, and it is asked again.
func (a *account) learn(f *creditFlight, said [5]int64, others []string, sent time.Time, whatever bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.twice
	a.heard, a.more, a.others = said[1], said[2], others
	if a.overlap(); a.twice != was && !whatever {
		return false
	}
	a.upto, a.ahead, a.last = said[0], said[3], said[4] == 1
	a.until = sent.Add(creditTerm)
	for _, w := range f.list {
		if !w.left && a.open(w.estimate) {
			w.granted, a.reserved = true, saturate.Add(a.reserved, w.estimate)
		}
	}
	if saturate.Sub(a.upto, saturate.Add(a.spent, a.reserved)) > a.ahead {
		a.dirty.Store(true) // too little for who waited: it goes back
	}
	return true
}

// Settle implements credit.Account.
func (a *account) Settle(estimate, cost int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reserved = max(saturate.Sub(a.reserved, estimate), 0)
	if cost != 0 {
		a.spent = saturate.Add(a.spent, cost)
		a.dirty.Store(true)
	}
	// A request that might have cost much more has kept that from the others: they need not wait for it. Where much is
	// left ahead it goes back in its time.
	if rest := saturate.Sub(a.upto, saturate.Add(a.spent, a.reserved)); (rest > 2*a.ahead || a.last && rest >= 0) && a.accounts.cluster.up.Load() {
		a.join()
	}
}

func (a *account) get(of func() int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return of()
}

// Spent implements credit.Account.
func (a *account) Spent() int64 {
	return a.get(func() int64 { return saturate.Add(a.spent, a.elsewhere()) })
}

// Own is what of that was spent here.
func (a *account) Own() int64 { return a.get(func() int64 { return a.spent }) }

// Tell says what was spent elsewhere as a common ledger has it, and what of that is of whom, by the names of their
// processes. What Redis tells of those counts as far as it is more.
func (a *account) Tell(known int64, ledgers map[string]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.ledgers = known, ledgers
	a.overlap()
}

// Reserved implements credit.Account, for this instance.
func (a *account) Reserved() int64 { return a.get(func() int64 { return a.reserved }) }

// Added implements credit.Account.
func (a *account) Added() int64 {
	return a.get(func() int64 { return saturate.Add(a.added, a.more) })
}

// SetAdded implements credit.Account: what the ledger of this instance has.
func (a *account) SetAdded(nano int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.added != nano {
		a.added = nano
		a.dirty.Store(true)
	}
}

// Since implements credit.Account.
func (a *account) Since() int64 { return a.get(func() int64 { return a.since }) }

// Begin implements credit.Account, for what this instance has spent.
func (a *account) Begin(since, by int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since, a.spent = since, saturate.Add(a.spent, by)
	a.dirty.Store(true)
}

// keep tells Redis what has changed, asks again for what is in use, and asks for what others have changed.
func (a *accounts) keep() {
	if !a.cluster.up.Load() {
		return
	}
	a.hear()
	for _, one := range a.list() {
		one.refresh(false)
	}
}

// refresh asks if there is something to tell, or what is in flight needs more time.
func (a *account) refresh(whatever bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.reserved > 0 && time.Until(a.until) < creditAgain
	if a.since != 0 && !a.flying && (whatever || old || a.dirty.Load()) {
		a.join()
	}
}

// hear asks again for the accounts that others have changed.
func (a *accounts) hear() {
	ctx, cancel := context.WithTimeout(a.cluster.ending, replyWithin)
	defer cancel()
	list, err := a.cluster.run(ctx, changedScript, []string{a.cluster.prefix + "credits:changes", a.cluster.prefix + "credits:number"}, []string{text(a.heard)})
	if err != nil || len(list) == 0 {
		return
	}
	if number, err := list[0].AsInt64(); err == nil {
		a.heard = number
	}
	for _, m := range list[1:] {
		name, _ := m.ToString()
		a.mu.Lock()
		one := a.by[name]
		a.mu.Unlock()
		if one != nil {
			one.refresh(true)
		}
	}
}

// giveAllBack tells what was spent, at the end.
func (a *accounts) giveAllBack(ctx context.Context) {
	for _, one := range a.list() {
		one.mu.Lock()
		one.used = false
		var f *creditFlight
		if one.since != 0 && a.cluster.up.Load() && (one.dirty.Load() || time.Now().Before(one.until)) {
			f = one.join()
		}
		one.mu.Unlock()
		if f != nil {
			select {
			case <-f.done:
			case <-ctx.Done():
				return
			}
		}
	}
}
