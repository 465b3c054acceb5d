package cluster

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"uniapi/balancer/breaker"
)

var (
	//go:embed publish.lua
	publishText string
	//go:embed changes.lua
	changesText string
	//go:embed claim.lua
	claimText string

	publishScript = rueidis.NewLuaScript(publishText)
	changesScript = rueidis.NewLuaScript(changesText)
	claimScript   = rueidis.NewLuaScript(claimText)
)

const (
	// hearEvery is how often an instance asks for what the others have found.
	hearEvery = 250 * time.Millisecond
	// A claim is held as long as its instance lives, and so much longer.
	claimFor   = 5 * time.Second
	claimEvery = time.Second
	// How long it is remembered that something is closed again: whoever has not heard of it by then has been away, and
	// finds out by itself.
	closedFor = time.Minute
	// restsLonger is how long something that rests is remembered behind its pause: nobody has said yet that it is fit
	// again.
	restsLonger = 10 * time.Minute
	// mostReason is how much of a reason is passed on.
	mostReason = 1024
)

// breakers is the breaker.Store of instances that share. What rests stands in a hash, with the number of the change
// that put it there, and each instance asks for the changes since the last that it knows.
type breakers struct {
	cluster *Cluster
	keys    []string // of the hash, of the changes by number, of the last number, of when each is over

	mu     sync.Mutex
	heard  int64                // the last change
	claims map[string]time.Time // that this instance holds, and until when it wants to
}

func newBreakers(c *Cluster) *breakers {
	return &breakers{
		cluster: c, keys: []string{c.prefix + "breakers", c.prefix + "breakers:changes", c.prefix + "breakers:number", c.prefix + "breakers:over"}, claims: map[string]time.Time{},
	}
}

// Breakers are what the instances know of what rests, together.
func (c *Cluster) Breakers() breaker.Store { return c.breakers }

// passedOn is news as it stands in Redis.
type passedOn struct {
	Provider string        `json:"p"`
	Model    string        `json:"m,omitempty"`
	Key      string        `json:"k,omitempty"`
	Rests    bool          `json:"rests,omitempty"`
	Until    time.Duration `json:"until,omitempty"` // from when it was published
	Held     time.Duration `json:"held,omitempty"`
	Failures int           `json:"failures,omitempty"`
	Limit    bool          `json:"limit,omitempty"`
	Reason   string        `json:"reason,omitempty"`
}

func fieldOf(n breaker.Name) string { return n.Provider + "\x00" + n.Model + "\x00" + n.Key }

// Publish implements breaker.Store.
func (b *breakers) Publish(ctx context.Context, news []breaker.News) error {
	keys, args := append([]string(nil), b.keys...), []string{b.cluster.id}
	for i := range news {
		n := &news[i]
		keep := closedFor
		if n.Rests {
			keep = max(n.Until, n.Held, 0) + restsLonger
		}
		said, err := json.Marshal(passedOn{n.Provider, n.Model, n.Key, n.Rests, n.Until, n.Held, n.Failures, n.Limit, n.Reason[:min(len(n.Reason), mostReason)]})
		if err != nil {
			return err
		}
		keys = append(keys, b.claimKey(n.Name))
		args = append(args, b.cluster.key("b", fieldOf(n.Name)), string(said), text(keep.Milliseconds()))
	}
	if _, err := b.cluster.run(ctx, publishScript, keys, args); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys[len(b.keys):] {
		delete(b.claims, key)
	}
	return nil
}

// Watch implements breaker.Store.
func (b *breakers) Watch(ctx context.Context, told func([]breaker.News)) error {
	tick := time.NewTicker(hearEvery)
	defer tick.Stop()
	for {
		if err := b.hear(ctx, told); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (b *breakers) hear(ctx context.Context, told func([]breaker.News)) error {
	within, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	b.mu.Lock()
	since := b.heard
	b.mu.Unlock()
	list, err := b.cluster.run(within, changesScript, b.keys, []string{text(since), b.cluster.id})
	if err != nil {
		return err
	}
	number, news, err := readChanges(list)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.heard = number
	b.mu.Unlock()
	if len(news) > 0 {
		told(news)
	}
	return nil
}

var errNoChanges = errors.New("a script is answered with what is no list of changes")

// readChanges reads the number of the last change, the time there, and pairs of when something was published and what.
func readChanges(list []rueidis.RedisMessage) (number int64, news []breaker.News, err error) {
	if len(list) < 2 || len(list)%2 != 0 {
		return 0, nil, errNoChanges
	}
	number, err = list[0].AsInt64()
	if err != nil {
		return 0, nil, errNoChanges
	}
	now, err := list[1].AsInt64()
	if err != nil {
		return 0, nil, errNoChanges
	}
	for i := 2; i < len(list); i += 2 {
		at, err := list[i].AsInt64()
		if err != nil {
			return 0, nil, errNoChanges
		}
		said, err := list[i+1].ToString()
		if err != nil {
			return 0, nil, errNoChanges
		}
		if n, ok := readNews(said, time.Duration(max(now-at, 0))*time.Millisecond); ok {
			news = append(news, n)
		}
	}
	return number, news, nil
}

// longestRest bounds what is believed of another instance.
const longestRest = 31 * 24 * time.Hour

// readNews reads what an instance published a while ago. What cannot be read is of an instance of another version.
func readNews(said string, ago time.Duration) (n breaker.News, ok bool) {
	var p passedOn
	if json.Unmarshal([]byte(said), &p) != nil || p.Provider == "" || p.Until > longestRest || p.Held > longestRest || p.Failures < 0 {
		return n, false
	}
	n = breaker.News{
		Name: breaker.Name{Provider: p.Provider, Model: p.Model, Key: p.Key}, Rests: p.Rests, Failures: min(p.Failures, 1<<20), Limit: p.Limit,
		Reason: strings.ToValidUTF8(p.Reason, "�"),
	}
	if n.Rests {
		n.Until, n.Held = max(p.Until, -longestRest)-ago, max(p.Held-ago, 0)
	}
	return n, true
}

func (b *breakers) claimKey(of breaker.Name) string { return b.cluster.key("claim", fieldOf(of)) }

// Claim implements breaker.Store. A claim is renewed as long as this process lives, so that one of an instance that was
// killed is over soon.
func (b *breakers) Claim(ctx context.Context, of breaker.Name, lease time.Duration) (bool, error) {
	key := b.claimKey(of)
	mine, err := b.claim(ctx, key)
	if mine && err == nil {
		b.mu.Lock()
		b.claims[key] = time.Now().Add(lease)
		b.mu.Unlock()
	}
	return mine, err
}

func (b *breakers) claim(ctx context.Context, key string) (bool, error) {
	list, err := b.cluster.run(ctx, claimScript, []string{key}, []string{b.cluster.id, text(claimFor.Milliseconds())})
	if err != nil {
		return false, err
	}
	if len(list) != 1 {
		return false, errNoChanges
	}
	mine, err := list[0].AsInt64()
	return mine == 1, err
}

// keep renews claims.
func (b *breakers) keep() {
	var held []string
	b.mu.Lock()
	for key, until := range b.claims {
		if time.Now().After(until) {
			delete(b.claims, key)
		} else {
			held = append(held, key)
		}
	}
	b.mu.Unlock()
	for _, key := range held {
		ctx, cancel := context.WithTimeout(b.cluster.ending, replyWithin)
		mine, err := b.claim(ctx, key)
		cancel()
		if err == nil && !mine {
			b.mu.Lock()
			delete(b.claims, key)
			b.mu.Unlock()
		}
	}
}
