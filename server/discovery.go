package server

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

// discoveryLimits bound one look at a model list; some providers take their time.
var discoveryLimits = pool.Deadlines{FirstByte: 20 * time.Second, Idle: 20 * time.Second}

// discovery reads the model lists of providers that have none in the
// configuration, in the background: a dead provider delays nothing, and comes
// back by itself. Lists are kept by what was asked, so a reload does not lose
// them; they are never written to the user's file.
type discovery struct {
	log     *slog.Logger
	changed func() // called, from any goroutine, when a list is new or different
	lists   *ristretto.Cache[string, []string]

	again time.Duration // how often a provider's list is read again
	retry time.Duration // after a failure, doubled up to again

	mu      sync.Mutex
	running map[string]chan struct{} // by list key and by how it is asked; closing ends the look-out
	group   sync.WaitGroup
}

func newDiscovery(log *slog.Logger, changed func()) (*discovery, error) {
	lists, err := ristretto.NewCache(&ristretto.Config[string, []string]{
		NumCounters: 10_000, MaxCost: 32 << 20, BufferItems: 64, // bytes of model names; thousands of providers fit
	})
	if err != nil {
		return nil, fmt.Errorf("making the model list cache: %w", err)
	}
	return &discovery{
		log: log, changed: changed, lists: lists, running: make(map[string]chan struct{}),
		again: 10 * time.Minute, retry: 5 * time.Second,
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

// models is the list of a provider as far as it is known.
func (d *discovery) models(p *config.Provider) []config.Model {
	ids, _ := d.lists.Get(listKey(p))
	models := make([]config.Model, len(ids))
	for i, id := range ids {
		models[i] = config.Model{Upstream: id, Alias: id}
	}
	return models
}

// watch keeps the lists of the configuration's providers up to date, and stops
// for those that are no longer in it.
func (d *discovery) watch(cfg *config.Config, channels []*provider.Channel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wanted := make(map[string]bool)
	for i, p := range cfg.Providers {
		if p.Models != nil || channels[i] == nil {
			continue
		}
		key := listKey(p)
		way := fmt.Sprintf("%s %q %q %q", key, p.Preferences.Proxy, cfg.Preferences.Proxy, p.Preferences.Headers)
		wanted[way] = true
		if d.running[way] == nil {
			stop := make(chan struct{})
			d.running[way] = stop
			d.group.Go(func() { d.lookOut(p, channels[i], key, stop) })
		}
	}
	for way, stop := range d.running {
		if !wanted[way] {
			close(stop)
			delete(d.running, way)
		}
	}
}

// lookOut reads one list again and again.
func (d *discovery) lookOut(p *config.Provider, channel *provider.Channel, key string, stop chan struct{}) {
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
	wait := d.retry
	refused := 0
	for {
		next := d.again
		ids, err := channel.Models(&call, discoveryLimits)
		ids, bad := namesOnly(ids)
		if len(bad) > 0 && len(bad) != refused {
			d.log.Warn("names in the model list are refused", "provider", p.Name, "models", len(bad), "first", fmt.Sprintf("%.60q", bad[0]),
				"because", fmt.Sprintf("there are more than %d, or they are longer than %d bytes or hold control characters", mostListed, mostModelName))
		}
		refused = len(bad)
		switch {
		case call.Canceled():
			return
		case err != nil:
			d.log.Warn("the model list could not be read; the provider serves what was known before",
				"provider", p.Name, "error", err, "again_in", wait.String())
			next, wait = wait, min(2*wait, d.again)
		default:
			wait = d.retry
			if old, found := d.lists.Get(key); !found || !slices.Equal(old, ids) {
				d.keep(key, ids)
				d.changed()
				d.log.Info("models discovered", "provider", p.Name, "models", len(ids))
			} else {
				d.keep(key, ids)
			}
		}
		select {
		case <-stop:
			return
		case <-time.After(next + rand.N(next/10)): // several gateways must not ask in step
		}
	}
}

// namesOnly takes out of a list what is no name of a model.
func namesOnly(ids []string) (good, bad []string) {
	for _, id := range ids {
		if len(id) > mostModelName || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) || len(good) == mostListed {
			bad = append(bad, id)
		} else {
			good = append(good, id)
		}
	}
	return good, bad
}

func (d *discovery) keep(key string, ids []string) {
	cost := int64(1)
	for _, id := range ids {
		cost += int64(len(id))
	}
	d.lists.SetWithTTL(key, ids, cost, listLifetime)
	d.lists.Wait()
}

func (d *discovery) close() {
	d.mu.Lock()
	for key, stop := range d.running {
		close(stop)
		delete(d.running, key)
	}
	d.mu.Unlock()
	d.group.Wait()
	d.lists.Close()
}
