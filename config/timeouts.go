package config

import (
	"iter"
	"strings"
	"time"
)

// DefaultTimeout is how long an attempt may wait for its first byte when neither api.yaml nor env TIMEOUT says.
const DefaultTimeout = 100 * time.Second

// ModelTable maps models to values, in file order. The zero value is empty.
type ModelTable[T any] struct {
	entries []modelEntry[T]
}

type modelEntry[T any] struct {
	name  string // lower case
	value T
}

// Set adds an entry or replaces the one of the same name. Names are compared in lower case; "default" is the table's
// default.
func (t *ModelTable[T]) Set(name string, value T) {
	name = strings.ToLower(name)
	for i := range t.entries {
		if t.entries[i].name == name {
			t.entries[i].value = value
			return
		}
	}
	t.entries = append(t.entries, modelEntry[T]{name, value})
}

// Find returns the value of the entry with exactly this name, else of the first entry in file order whose name is part
// of it. The default entry is not consulted: see Default.
func (t ModelTable[T]) Find(name string) (T, bool) {
	name = strings.ToLower(name)
	for _, e := range t.entries {
		if e.name == name && name != "default" {
			return e.value, true
		}
	}
	for _, e := range t.entries {
		if e.name != "default" && strings.Contains(name, e.name) {
			return e.value, true
		}
	}
	var none T
	return none, false
}

// Default returns the value of the table's "default" entry.
func (t ModelTable[T]) Default() (T, bool) {
	for _, e := range t.entries {
		if e.name == "default" {
			return e.value, true
		}
	}
	var none T
	return none, false
}

// All yields the entries in file order, names in lower case, the default included.
func (t ModelTable[T]) All() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, e := range t.entries {
			if !yield(e.name, e.value) {
				return
			}
		}
	}
}

// ModelTimeout is how long an attempt at this provider may wait for its first byte: the provider's model_timeout by
// request model, by upstream model, its default; then the global one likewise; then env TIMEOUT; then DefaultTimeout.
func (c *Config) ModelTimeout(p *Provider, requestModel, upstreamModel string) time.Duration {
	if d, ok := lookUp(requestModel, upstreamModel, p.Preferences.ModelTimeout, c.Preferences.ModelTimeout); ok {
		return d
	}
	if c.timeout > 0 {
		return c.timeout
	}
	return DefaultTimeout
}

// KeepaliveInterval is how long a client may go without a byte while an attempt at this provider is silent, looked up
// as ModelTimeout is; 0 is for as long as it takes.
func (c *Config) KeepaliveInterval(p *Provider, requestModel, upstreamModel string) time.Duration {
	d, _ := lookUp(requestModel, upstreamModel, p.Preferences.KeepaliveInterval, c.Preferences.KeepaliveInterval)
	return d
}

// lookUp asks the tables one after the other, each by request model, by upstream model, and for its default.
func lookUp[T any](requestModel, upstreamModel string, tables ...ModelTable[T]) (T, bool) {
	for _, table := range tables {
		if v, ok := table.Find(requestModel); ok {
			return v, true
		}
		if v, ok := table.Find(upstreamModel); ok {
			return v, true
		}
		if v, ok := table.Default(); ok {
			return v, true
		}
	}
	var none T
	return none, false
}
