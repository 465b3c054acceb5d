package breaker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Group is the breakers of one instance, and what they share with those of others. The zero Group is alone.
type Group struct {
	store   Store               // nil: there is nobody to tell
	find    func(Name) *Breaker // of this instance; nil if it has none of that name
	now     func() int64
	changes atomic.Uint64

	mu    sync.Mutex
	fresh map[Name]*Breaker // changed since they were published last
	wake  chan struct{}
}

// NewGroup returns the group of an instance, on its clock. find gives its breaker of a name, nil if it has none.
func NewGroup(store Store, now func() int64, find func(Name) *Breaker) *Group {
	g := &Group{now: now, find: find, fresh: make(map[Name]*Breaker), wake: make(chan struct{}, 1)}
	if _, alone := store.(Local); !alone {
		g.store = store
	}
	return g
}

// Changes is how often something has begun to rest for all, or was back.
func (g *Group) Changes() uint64 { return g.changes.Load() }

const (
	// shareWithin bounds one call of a store in the background, shareAgain is how long it is left alone after one that
	// failed.
	shareWithin = time.Second
	shareAgain  = time.Second
	// probedElsewhere is how long a probe that another instance has claimed is left to it before this one asks again:
	// it may have died.
	probedElsewhere = time.Second
)

// Share passes news on in both directions until ctx is done. Nothing that requests do waits for it. failed is told of
// every error.
func (g *Group) Share(ctx context.Context, failed func(error)) {
	if g.store == nil {
		return
	}
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() { g.hear(ctx, failed) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		if err := g.publish(ctx); err != nil && ctx.Err() == nil {
			failed(err)
			if !sleep(ctx, shareAgain) {
				return
			}
			g.ring()
		}
	}
}

func (g *Group) hear(ctx context.Context, failed func(error)) {
	for ctx.Err() == nil {
		if err := g.store.Watch(ctx, g.told); err != nil && ctx.Err() == nil {
			failed(err)
		}
		sleep(ctx, shareAgain)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// note has a breaker published, soon, as it stands by then.
func (g *Group) note(b *Breaker) {
	g.mu.Lock()
	g.fresh[b.name] = b
	g.mu.Unlock()
	g.ring()
}

func (g *Group) ring() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *Group) publish(ctx context.Context) error {
	g.mu.Lock()
	fresh := g.fresh
	g.fresh = make(map[Name]*Breaker)
	g.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	now, news := g.now(), make([]News, 0, len(fresh))
	for _, b := range fresh {
		news = append(news, b.news(now))
	}
	within, cancel := context.WithTimeout(ctx, shareWithin)
	defer cancel()
	err := g.store.Publish(within, news)
	if err != nil {
		g.mu.Lock()
		for name, b := range fresh {
			if g.fresh[name] == nil { // else it is newer
				g.fresh[name] = b
			}
		}
		g.mu.Unlock()
	}
	return err
}

func (b *Breaker) news(now int64) News {
	n := News{Name: b.name}
	if rec := b.record.Load(); rec != nil && rec.all != nil {
		p := rec.all
		n.Rests, n.Until, n.Held = true, time.Duration(p.Until-now), time.Duration(max(p.Held-now, 0))
		n.Failures, n.Limit, n.Reason = p.Failures, p.Limit, p.Reason
	}
	return n
}

// told takes over what other instances have found.
func (g *Group) told(news []News) {
	for i := range news {
		if b := g.find(news[i].Name); b != nil {
			b.adopt(&news[i], g.now())
		}
	}
}

// adopt lets it stand for all client keys as it stands in another instance. What rests for one alone still does.
func (b *Breaker) adopt(n *News, now int64) {
	for {
		old := b.record.Load()
		next := old.copy()
		next.all, next.probes = nil, nil
		if n.Rests {
			next.all = &Pause{Began: now, Until: now + int64(n.Until), Failures: n.Failures, Sure: true, Limit: n.Limit, Reason: n.Reason}
			if n.Held > 0 {
				next.all.Held = now + int64(n.Held)
			}
		}
		if old == nil && next.empty() || b.put(old, next) {
			return
		}
	}
}

// Claim asks whether this instance may probe what rests for all, before a request of a client does that Take or Force
// has given the right to at a moment. False is that another instance does: it is left to that, and the right is given
// back. If nobody knows, it may.
func (b *Breaker) Claim(ctx context.Context, at int64, c *Client) (bool, error) {
	g := b.group
	if g.store == nil || b.record.Load().pauseOfAll() == nil { // a probe of what rests for one client key is nobody else's
		return true, nil
	}
	mine, err := g.store.Claim(ctx, b.name, time.Duration(ProbeLease))
	if err != nil || mine {
		return true, err
	}
	b.leave(at, c, g.now()+int64(probedElsewhere))
	return false, nil
}

// others stand for the client keys of other instances.
var others = new(Client)

// leave makes a probe of a client one of another instance, until a moment.
func (b *Breaker) leave(at int64, c *Client, until int64) {
	for {
		old := b.record.Load()
		if old.pauseOfAll() == nil {
			b.Release(at, c)
			return
		}
		next := old.release(at, c).copy()
		next.probes = append(next.probes, probe{others, until})
		if b.put(old, next) {
			return
		}
	}
}
