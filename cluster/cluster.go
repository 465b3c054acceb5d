// Package cluster lets several instances have limits, breakers and credits in common, by a Redis or Valkey that they
// all reach. No request depends on it: while it does not answer, each instance goes on with what it knows itself.
package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"uniapi/config"
)

const (
	// patience is how long a request waits for Redis. What takes longer again and again is as good as no answer.
	patience = 50 * time.Millisecond
	// aliveFor is how long Redis counts as there after its last answer to anybody.
	aliveFor = 100 * time.Millisecond
	// busyFor is how long it waits while Redis goes on answering others, or while this machine is busy: it is when who
	// waits is woken later than busyWhen.
	busyFor  = 2 * time.Second
	busyWhen = 5 * time.Millisecond
	// muteFor is how long Redis may answer nobody for a busy machine to be the reason of it. Then nobody waits for
	// longer than patience, or each question of each request would wait for busyFor.
	muteFor = time.Second
	// replyWithin is how long an answer is waited for in the background: one that comes late is heard all the same, or
	// nobody would know what was recorded.
	replyWithin = 2 * time.Second
	// lookWithin is how long an answer may take before Redis is as good as gone.
	lookWithin = 500 * time.Millisecond
	// firstWithin is how long the start of an instance waits for Redis.
	firstWithin = 2 * time.Second
	// lookEvery is how often Redis is asked whether it is there.
	lookEvery = 250 * time.Millisecond
	// lateFor is for how long answers may be late, one behind the other, and lateWhenBusy where it may be this machine
	// that is slow.
	lateFor      = time.Second
	lateWhenBusy = 10 * time.Second
	// After Redis has come back it must stay away for no longer than this to be believed the next time at once; what
	// comes and goes is believed later and later, up to longestDoubt.
	longestDoubt = 30 * time.Second
	settledAfter = time.Minute
)

// errAway is the error of everything that is asked while Redis does not answer.
var errAway = errors.New("no answer of Redis")

// Cluster is the instance's end of what is shared. Use Open.
type Cluster struct {
	setting config.Cluster
	server  config.RedisServer
	log     *slog.Logger
	id      string // of this process
	books   string // of the ledger of this instance
	folder  string // of where it keeps what limits have counted
	prefix  string // of all keys; in braces, so that a Redis Cluster has them in one place

	client atomic.Pointer[rueidis.Client]
	up     atomic.Bool
	late   atomic.Int64 // since when answers are late, in Unix nanoseconds; 0 is not
	spoke  atomic.Int64 // when Redis has answered last, likewise
	busy   pulse

	heardOf time.Time // when watch, which alone uses it, had an answer last

	mu     sync.Mutex
	since  time.Time // of up or not
	reason string    // of not
	doubt  time.Duration
	listen []func() // what is done when Redis is back

	limits   *limits
	breakers *breakers
	accounts *accounts

	stop   context.CancelFunc
	ending context.Context
	tasks  sync.WaitGroup
}

// Options are what a Cluster is made of.
type Options struct {
	Config config.Cluster
	Log    *slog.Logger
	// Books is what names the ledger of this instance, the same after a restart; of a ledger that instances share, what
	// this process is called in it. "" is a name for this process.
	Books string
	// Folder is what names where long windows of limits are kept, the same after a restart; "" is Books.
	Folder string
}

// Open begins to share, and waits a moment for Redis. One that does not answer is no error: it is looked for until it
// does.
func Open(o Options) (*Cluster, error) {
	server, err := o.Config.Server()
	if err != nil {
		return nil, err
	}
	id := rand.Text()[:16]
	c := &Cluster{setting: o.Config, server: server, log: o.Log, id: id, prefix: "{" + o.Config.Name + "}:", books: cmp.Or(o.Books, id), folder: cmp.Or(o.Folder, o.Books, id), since: time.Now()}
	c.ending, c.stop = context.WithCancel(context.Background())
	c.limits, c.breakers, c.accounts = newLimits(c), newBreakers(c), newAccounts(c)
	first, cancel := context.WithTimeout(c.ending, firstWithin)
	err = c.look(first)
	cancel()
	c.judge(err, true)
	c.every(lookEvery, c.watch)
	c.every(keepEvery, c.limits.keep)
	c.every(quotaEvery, c.limits.keepQuotas)
	c.every(claimEvery, c.breakers.keep)
	c.every(creditEvery, c.accounts.keep)
	return c, nil
}

// Close gives back what this instance has taken ahead, if Redis answers, and lets go of it.
func (c *Cluster) Close() {
	c.stop()
	c.tasks.Wait()
	within, cancel := context.WithTimeout(context.Background(), replyWithin)
	defer cancel()
	c.limits.giveAllBack(within)
	c.accounts.giveAllBack(within)
	if client := c.client.Swap(nil); client != nil {
		(*client).Close()
	}
}

// State is how it stands.
type State struct {
	Redis  string    // without secrets
	Up     bool      // it answers
	Since  time.Time // it has been so
	Reason string    // why it does not
}

// State tells how it stands.
func (c *Cluster) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{c.setting.String(), c.up.Load(), c.since, c.reason}
}

// Strict says whether requests are refused that need an answer while there is none.
func (c *Cluster) Strict() bool { return c.setting.OnFailure == config.FailRefuse }

// Ready says whether this instance should get requests.
func (c *Cluster) Ready() bool { return c.up.Load() || !c.Strict() }

// whenBack has something done each time Redis has come back.
func (c *Cluster) whenBack(do func()) {
	c.mu.Lock()
	c.listen = append(c.listen, do)
	c.mu.Unlock()
}

// every has something done again and again until Close.
func (c *Cluster) every(interval time.Duration, do func()) {
	c.tasks.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-c.ending.Done():
				return
			case <-tick.C:
				do()
			}
		}
	})
}

// watch looks after Redis.
func (c *Cluster) watch() {
	within := lookWithin
	if !c.up.Load() {
		within = patience
		if c.client.Load() == nil {
			within = firstWithin
		}
	}
	ctx, cancel := context.WithTimeout(c.ending, within)
	slow := time.AfterFunc(patience, c.busy.feel)
	err := c.look(ctx)
	slow.Stop()
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) {
		c.heardOf = time.Now()
	} else if c.up.Load() && c.busy.is() && time.Since(c.heardOf) < lateWhenBusy {
		return // it is this machine that is slow
	}
	if c.ending.Err() == nil {
		c.judge(err, false)
	}
}

// look writes what a request would, so that a Redis that answers and takes nothing is found out.
func (c *Cluster) look(ctx context.Context) error {
	if c.client.Load() == nil {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	client := *c.client.Load()
	err := client.Do(ctx, client.B().Set().Key(c.prefix+"instance:"+c.id).Value("1").PxMilliseconds(5000).Build()).Error()
	if err == nil {
		c.spoke.Store(time.Now().UnixNano())
	}
	if err == nil && !c.up.Load() {
		teach(ctx, client)
	}
	return err
}

// teach has each server of a client know the scripts by their sums, or the first request to use one would wait twice:
// it is sent by its sum, and whole only after an answer that this is not known. A server that does not let itself be
// taught is no error.
func teach(ctx context.Context, client rueidis.Client) {
	for _, node := range client.Nodes() {
		var all rueidis.Commands
		for _, text := range [...]string{limitsText, quotasText, creditText, publishText, changesText, claimText} {
			all = append(all, node.B().ScriptLoad().Script(text).Build())
		}
		node.DoMulti(ctx, all...)
	}
}

// judge notes what look has found.
func (c *Cluster) judge(err error, first bool) {
	if err != nil {
		c.lost(err)
		return
	}
	if c.up.Load() {
		return
	}
	c.mu.Lock()
	away := time.Since(c.since)
	if !first && away < c.doubt {
		c.mu.Unlock()
		return
	}
	c.late.Store(0)
	c.since, c.reason = time.Now(), ""
	c.up.Store(true)
	back := c.listen
	c.mu.Unlock()
	if first {
		c.log.Info("limits, credits and breakers are shared with other instances", "cluster", c.setting.String())
		return
	}
	c.log.Info("Redis answers again; limits, credits and breakers are shared again", "cluster", c.setting.String(), "away", away.Round(time.Millisecond).String())
	for _, do := range back {
		do()
	}
}

// lost notes that Redis does not answer.
func (c *Cluster) lost(err error) {
	c.mu.Lock()
	first := c.reason == ""
	wasUp := c.up.Swap(false)
	if first || wasUp {
		if stood := time.Since(c.since); wasUp && stood < settledAfter {
			c.doubt = min(max(2*c.doubt, lookEvery), longestDoubt)
		} else {
			c.doubt = 0
		}
		c.since = time.Now()
	}
	c.reason = err.Error()
	c.mu.Unlock()
	if !first && !wasUp {
		return
	}
	what := "what this instance shares is decided by what it knows alone"
	if c.Strict() {
		what = "what has a limit or credits is refused"
	}
	c.log.Warn("Redis does not answer: until it does, "+what, "cluster", c.setting.String(), "error", err)
}

// heard notes how long a request's answer took, and what came of it.
func (c *Cluster) heard(took time.Duration, err error) {
	switch {
	case c.ending.Err() != nil:
	case err == nil && took <= patience:
		c.late.Store(0)
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		c.lost(err)
	case c.late.CompareAndSwap(0, time.Now().UnixNano()):
		c.busy.feel()
	case c.up.Load():
		late := time.Since(time.Unix(0, c.late.Load()))
		if late > lateWhenBusy || late > lateFor && !c.busy.is() {
			c.lost(errors.New("its answers take longer than 50 ms"))
			return
		}
		c.busy.feel()
	}
}

// run has a script decide, and says how that went.
func (c *Cluster) run(ctx context.Context, script *rueidis.Lua, keys, args []string) ([]rueidis.RedisMessage, error) {
	client := c.client.Load()
	if client == nil || !c.up.Load() {
		return nil, errAway
	}
	began := time.Now()
	list, err := script.Exec(ctx, *client, keys, args).ToArray()
	if err == nil {
		c.spoke.Store(time.Now().UnixNano())
	}
	c.heard(time.Since(began), err)
	return list, err
}

// await waits until a question is answered, and says whether it was. Where ctx has come to its deadline it waits on for
// as long as Redis answers other questions, or this machine may be too busy to hear it: then Redis is not away, and to
// decide without it would let in more than the limit says.
func (c *Cluster) await(ctx context.Context, done <-chan struct{}) bool {
	c.busy.feel()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	end := time.Now().Add(busyFor - patience)
	for {
		select {
		case <-done:
			return true
		default:
		}
		mute := time.Since(time.Unix(0, c.spoke.Load()))
		more := aliveFor - mute
		if mute < muteFor && c.busy.is() {
			more = patience
		}
		if more <= 0 || time.Now().After(end) || !c.up.Load() || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return false
		}
		timer := time.NewTimer(more)
		select {
		case <-done:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// key is the name that something has in Redis. It says nothing of what it is of.
func (c *Cluster) key(kind, of string) string {
	sum := sha256.Sum256([]byte(of))
	return c.prefix + kind + ":" + base64.RawURLEncoding.EncodeToString(sum[:15])
}
