// Package discovery reads the model lists of providers that have none in the
// configuration, in the background: a dead provider delays nothing, and comes back
// by itself. Lists are kept by what was asked, so a reload does not lose them; they
// are never written to the user's file.
package discovery

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dgraph-io/ristretto/v2"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
)

// listLifetime is how long a provider that stays unreachable keeps its last list.
const listLifetime = 24 * time.Hour

// What a provider may list: more names, or names that are longer than any in use or
// hold what is no text, are a mistake or an attack.
const (
	mostListed    = 10_000 // of a provider; OpenRouter's list, one of the longest, has 400
	mostModelName = 255    // bytes
)

// longestLook is how long one look may take: a list that comes byte by byte would keep the next one from being read.
const longestLook = 5 * time.Minute

// discoveryLimits bound one look at a model list; some providers take their time.
var discoveryLimits = pool.Deadlines{FirstByte: 20 * time.Second, Idle: 20 * time.Second}

// Lists are those of the providers that are watched.
type Lists struct {
	log     *slog.Logger
	secret  func(name string) bool
	changed func()
	known   *ristretto.Cache[string, []string]

	again time.Duration // how often a provider's list is read again
	retry time.Duration // after a failure, doubled up to again
	look  time.Duration // that one may take

	mu      sync.Mutex
	running map[string]chan struct{} // by list key and by how it is asked; closing ends the look-out
	group   sync.WaitGroup
}

// New begins with no list. secret says whether a name holds a secret of the configuration
// in force; changed is called when a list is new or different. Both from any goroutine.
func New(log *slog.Logger, secret func(name string) bool, changed func()) (*Lists, error) {
	known, err := ristretto.NewCache(&ristretto.Config[string, []string]{
		NumCounters: 10_000, MaxCost: 32 << 20, BufferItems: 64, // bytes of model names; thousands of providers fit
	})
	if err != nil {
		return nil, fmt.Errorf("making the model list cache: %w", err)
	}
	return &Lists{
		log: log, secret: secret, changed: changed, known: known, running: make(map[string]chan struct{}),
		again: 10 * time.Minute, retry: 5 * time.Second, look: longestLook,
	}, nil
}

// listKey names a list by what was asked: address, first key, engine.
func listKey(p *config.Provider) string {
	first := ""
	if len(p.Keys) > 0 {
		first = p.Keys[0]
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", p.BaseURL, p.Engine, first))
	return string(sum[:])
}

// Models is the list of a provider as far as it is known.
func (l *Lists) Models(p *config.Provider) []config.Model {
	ids, _ := l.known.Get(listKey(p))
	models := make([]config.Model, 0, len(ids))
	for _, id := range ids {
		if !l.secret(id) { // of a configuration that came later than the list
			models = append(models, config.Model{Upstream: id, Alias: id})
		}
	}
	return models
}

// Watch keeps the lists of the configuration's providers up to date, and stops
// for those that are no longer in it.
func (l *Lists) Watch(cfg *config.Config, channels []*provider.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := make(map[string]bool)
	for i, p := range cfg.Providers {
		if p.Models != nil || channels[i] == nil {
			continue
		}
		key := listKey(p)
		way := fmt.Sprintf("%s %q %q %q", key, p.Preferences.Proxy, cfg.Preferences.Proxy, p.Preferences.Headers)
		wanted[way] = true
		if l.running[way] == nil {
			stop := make(chan struct{})
			l.running[way] = stop
			l.group.Go(func() { l.lookOut(p, channels[i], key, stop) })
		}
	}
	for way, stop := range l.running {
		if !wanted[way] {
			close(stop)
			delete(l.running, way)
		}
	}
}

// lookOut reads one list again and again.
func (l *Lists) lookOut(p *config.Provider, channel *provider.Channel, key string, stop chan struct{}) {
	var call pool.Call
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-stop:
			call.Cancel()
		case <-ended:
		}
	}()
	wait := l.retry
	refused := 0
	for {
		next := l.again
		call.Until(time.Now().Add(l.look))
		ids, err := channel.Models(&call, discoveryLimits)
		ids, bad := NamesOnly(ids, l.secret)
		if len(bad) > 0 && len(bad) != refused {
			l.log.Warn("names in the model list are refused", "provider", p.Name, "models", len(bad), "first", fmt.Sprintf("%.60q", bad[0]),
				"because", fmt.Sprintf("there are more than %d, or they are longer than %d bytes or begin or end with a space, or hold control characters, others that nobody sees, or a secret of api.yaml", mostListed, mostModelName))
		}
		refused = len(bad)
		switch {
		case call.Canceled():
			return
		case err != nil:
			l.log.Warn("the model list could not be read; the provider serves what was known before",
				"provider", p.Name, "error", err, "again_in", wait.String())
			next, wait = wait, min(2*wait, l.again)
		default:
			wait = l.retry
			if old, found := l.known.Get(key); !found || !slices.Equal(old, ids) {
				l.keep(key, ids)
				l.changed()
				l.log.Info("models discovered", "provider", p.Name, "models", len(ids))
			} else {
				l.keep(key, ids)
			}
		}
		select {
		case <-stop:
			return
		case <-time.After(next + rand.N(next/10)): // several gateways must not ask in step
		}
	}
}

// NamesOnly takes out of a list what is no name of a model, or holds a secret: names are shown to every client.
func NamesOnly(ids []string, secret func(name string) bool) (good, bad []string) {
	for _, id := range ids {
		if len(id) > mostModelName || !utf8.ValidString(id) || strings.ContainsFunc(id, unseen) || strings.TrimSpace(id) != id || len(good) == mostListed || secret(id) {
			bad = append(bad, id)
		} else {
			good = append(good, id)
		}
	}
	return good, bad
}

// unseen says of a character that nobody sees it, or sees another order by it: with one, a name looks like another.
func unseen(c rune) bool { return !unicode.IsPrint(c) }

func (l *Lists) keep(key string, ids []string) {
	cost := int64(1)
	for _, id := range ids {
		cost += int64(len(id))
	}
	l.known.SetWithTTL(key, ids, cost, listLifetime)
	l.known.Wait()
}

// Close ends the look-outs.
func (l *Lists) Close() {
	l.mu.Lock()
	for key, stop := range l.running {
		close(stop)
		delete(l.running, key)
	}
	l.mu.Unlock()
	l.group.Wait()
	l.known.Close()
}
