package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// mostBack is how many givings back one question may have; the next one has the others.
const mostBack = 64

// ask waits until Redis has let a request in, or has refused it: then stamp is 0. What is asked at the same time goes
// together, one question at a time, so that many requests cost Redis no more than a few.
func (n *counter) ask(ctx context.Context, now int64) (stamp int64, why limit.Refusal, err error) {
	n.saw(now)
	for {
		if stamp, ok := n.take(now); ok {
			return stamp, why, nil
		}
		if refusal, full := n.isFull(now); full {
			return 0, refusal, nil
		}
		if !n.limits.cluster.up.Load() {
			return 0, why, errAway
		}
		f := n.join(now, 1)
		if !n.limits.cluster.await(ctx, f.done) {
			n.leave(f)
			return 0, why, ctx.Err()
		}
		if f.err != nil {
			return 0, why, f.err
		}
		if stamp, ok := n.take(now); ok {
			return stamp, why, nil
		}
		if f.taken < f.waiting {
			if full := n.full.Load(); full != nil {
				return 0, full.refusal(now), nil
			}
		}
	}
}

// join is the next question, with some more that wait for it.
func (n *counter) join(now, waiting int64) *flight {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.next
	if f == nil {
		f = &flight{now: now, done: make(chan struct{})}
		n.next = f
	}
	f.now = max(f.now, now)
	f.waiting += waiting
	if !n.flying {
		n.flying = true
		n.idleC = make(chan struct{})
		go n.fly()
	}
	return f
}

// leave is that somebody does not wait any more.
func (n *counter) leave(f *flight) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == f {
		f.waiting--
	}
}

// refill takes another slice ahead.
func (n *counter) refill(now int64) {
	defer n.low.Store(false)
	if n.limits.cluster.up.Load() {
		n.saw(now)
		<-n.join(now, 0).done
	}
}

// fly asks as long as there is something to ask.
func (n *counter) fly() {
	for {
		n.mu.Lock()
		f := n.next
		if n.next = nil; f == nil {
			n.flying = false
			close(n.idleC)
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
		f.err = n.askRedis(f)
		close(f.done)
	}
}

// settled waits until nothing is asked any more.
func (n *counter) settled(ctx context.Context) {
	n.mu.Lock()
	idle, flying := n.idleC, n.flying
	n.mu.Unlock()
	if flying {
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
}

// question is what one call of the script says, and what it takes along.
type question struct {
	args []string
	back map[int64]int64
	debt int64   // let in without asking
	told []int64 // what each limit was told of that, and of what it had forgotten
	used []int64 // what the log of this instance had in each window
	sent time.Time
}

func (n *counter) question(f *flight) question {
	c := n.limits.cluster
	used := n.used()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.number++
	q := question{back: map[int64]int64{}, debt: n.debt, used: used, sent: time.Now()}
	ahead := n.slice
	if f.waiting == 0 && n.owes() && !n.low.Load() {
		ahead = 0 // it is only to tell
	}
	q.args = []string{
		text(f.waiting), text(ahead), text(n.term.Milliseconds()), c.id + "." + text(n.number), text(n.number), "0", "",
	}
	for stamp, many := range n.back {
		if len(q.back) == mostBack {
			break
		}
		q.back[stamp] = many
		q.args = append(q.args, text(stamp), text(many))
		delete(n.back, stamp)
	}
	q.args[6] = text(int64(len(q.back)))
	n.debt = 0
	for i, r := range n.rules {
		q.told = append(q.told, min(q.debt+n.seeds[i], used[i]))
		n.seeds[i] = 0
		q.args = append(q.args, text(r.Count), text(max(r.Window.Milliseconds(), 1)), text(q.told[i]))
	}
	return q
}

// owes says whether there is something to tell. Called with the lock held.
func (n *counter) owes() bool {
	return n.lost > 0 || len(n.back) > 0 || n.debt > 0 || slices.ContainsFunc(n.seeds, func(s int64) bool { return s > 0 })
}

// used is what the log of this instance has in the window of each limit.
func (n *counter) used() []int64 {
	used := make([]int64, len(n.rules))
	for _, left := range n.local.Left(n.model, n.seen.Load()) {
		for i, r := range n.rules {
			if left.Quota.Of == config.Requests && left.Quota.Zone == "" && left.Quota.Window == r.Window {
				used[i] = max(left.Quota.Count-left.Remaining, 0)
			}
		}
	}
	return used
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

// askRedis makes one call, and takes over what it says.
func (n *counter) askRedis(f *flight) error {
	if err := n.findOut(); err != nil {
		return err
	}
	q := n.question(f)
	c := n.limits.cluster
	ctx, cancel := context.WithTimeout(context.Background(), replyWithin)
	defer cancel()
	list, err := c.run(ctx, limitsScript, n.keys, q.args)
	var a answer
	if err == nil {
		a, err = readAnswer(list, len(n.rules))
		if err != nil {
			c.lost(err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		// Nobody knows whether it was recorded, unless it was refused for sure.
		if _, said := rueidis.IsRedisErr(err); said || errors.Is(err, errAway) {
			n.again(q)
		} else {
			n.lost, n.unsure = n.number, q
		}
		n.limits.remember(n)
		return err
	}
	f.taken = a.taken
	n.learn(f, q, a)
	if a.taken > 0 {
		n.put(f, a, q.sent)
	}
	return nil
}

// findOut asks what became of a call whose answer was lost: what it took is given back, or the next call says again
// what it said. It may be asked as often as its own answer is lost.
func (n *counter) findOut() error {
	n.mu.Lock()
	lost := n.lost
	n.mu.Unlock()
	if lost == 0 {
		return nil
	}
	c := n.limits.cluster
	args := []string{"0", "0", text(n.term.Milliseconds()), c.id + "." + text(lost) + "?", text(lost), text(lost), "0"}
	for _, r := range n.rules {
		args = append(args, text(r.Count), text(max(r.Window.Milliseconds(), 1)), "0")
	}
	ctx, cancel := context.WithTimeout(context.Background(), replyWithin)
	defer cancel()
	list, err := c.run(ctx, limitsScript, n.keys, args)
	if err != nil {
		return err
	}
	a, err := readAnswer(list, len(n.rules))
	if err != nil {
		c.lost(err)
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !a.recorded {
		n.again(n.unsure)
	}
	n.lost, n.unsure = 0, question{}
	return nil
}

// again has the next call say what one said that was not recorded.
func (n *counter) again(q question) {
	n.debt += q.debt
	for i, told := range q.told {
		n.seeds[i] += max(told-q.debt, 0)
	}
	for stamp, many := range q.back {
		n.back[stamp] += many
	}
}

// learn takes over what Redis says of what is left. A hash that has begun a new life is told what this instance has let
// in before.
func (n *counter) learn(f *flight, q question, a answer) {
	n.left.Store(a.left)
	n.leftAt.Store(f.now)
	if a.taken < max(f.waiting, 1) && a.left == 0 && a.which > 0 {
		n.full.Store(fullFor(f.now, a.after, limit.Refusal{Limit: n.rules[a.which-1]}))
	} else {
		n.full.Store(nil)
	}
	for i, life := range a.lives {
		if n.lives[i] != "" && n.lives[i] != life && n.seen.Load() > 0 {
			n.seeds[i] = max(q.used[i]-q.told[i]-min(a.taken, f.waiting), 0)
			n.limits.remember(n)
		}
		n.lives[i] = life
	}
}

// put keeps what was taken. Who waits takes from it; the rest is for those who come.
func (n *counter) put(f *flight, a answer, sent time.Time) {
	spare := &n.leases[0]
	for i := range n.leases {
		l := &n.leases[i]
		if l.left.Load() <= 0 {
			spare = l
			break
		}
		if l.over.Before(spare.over) {
			spare = l
		}
	}
	n.adapt(spare)
	n.end(spare)
	spare.stamp.Store(a.stamp)
	spare.half.Store(max(a.taken-f.waiting, 0) / 2)
	spare.over = sent.Add(n.term)
	spare.left.Store(a.taken)
	spare.until.Store(f.now + int64(n.term))
	n.limits.remember(n)
}

// adapt takes larger slices where they are used up, and smaller ones where they are not.
func (n *counter) adapt(was *lease) {
	switch left := was.left.Load(); {
	case n.ahead == 0 || was.over.IsZero():
	case left <= 0:
		n.slice = min(2*n.slice+1, n.ahead)
	case left > was.half.Load():
		n.slice = max(n.slice/2, 1)
	}
}

// end takes what is left of a lease out of use, to be given back.
func (n *counter) end(l *lease) {
	l.until.Store(0)
	if left := l.left.Swap(0); left > 0 {
		n.back[l.stamp.Load()] += left
	}
	l.over = time.Time{}
}

// look ends what is over, or all, and tells Redis what there is to tell. It says whether there is nothing any more.
func (n *counter) look(all bool) (idle bool) {
	now := time.Now()
	n.mu.Lock()
	for i := range n.leases {
		if l := &n.leases[i]; !l.over.IsZero() && (all || now.After(l.over)) {
			n.adapt(l)
			n.end(l)
		}
	}
	tell := n.owes()
	flying := n.flying
	if len(n.back) > mostKept { // Redis has been away for long: they have left their windows
		clear(n.back)
	}
	n.mu.Unlock()
	if tell && !flying && n.limits.cluster.up.Load() {
		n.join(n.seen.Load(), 0)
	}
	return n.idle()
}

// mostKept bounds what is to be given back.
const mostKept = 4096

func (n *counter) idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.leases {
		if !n.leases[i].over.IsZero() {
			return false
		}
	}
	return !n.owes() && !n.flying
}

// answer is what the script says.
type answer struct {
	taken, stamp, left int64
	after              time.Duration
	which              int
	recorded           bool // the call whose answer was lost
	lives              []string
}

func readAnswer(list []rueidis.RedisMessage, rules int) (a answer, err error) {
	if len(list) != 6+rules {
		return a, fmt.Errorf("a script is answered with %d values instead of %d", len(list), 6+rules)
	}
	var numbers [6]int64
	for i := range numbers {
		if numbers[i], err = list[i].AsInt64(); err != nil || numbers[i] < 0 {
			return a, errors.New("a script is answered with something that is no count")
		}
	}
	a = answer{taken: numbers[0], stamp: numbers[1], left: numbers[2], after: time.Duration(numbers[3]) * time.Millisecond, which: int(numbers[4]), recorded: numbers[5] == 1}
	if a.which > rules {
		return a, errors.New("a script is answered with a limit that there is not")
	}
	for _, m := range list[6:] {
		life, err := m.ToString()
		if err != nil {
			return a, err
		}
		a.lives = append(a.lives, life)
	}
	return a, nil
}
