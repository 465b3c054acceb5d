package admin

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Reasons remembers why attempts at providers failed: the last few distinct reasons of each,
// and how often each came. Only failures cost anything.
type Reasons struct {
	mu sync.Mutex
	of map[string][]Reason
}

// Reason is why attempts failed.
type Reason struct {
	Status int     `json:"status"` // that the client would have been told
	Error  string  `json:"error"`  // as it came last
	Model  string  `json:"model"`  // that it came for last
	Count  int64   `json:"count"`  // since the gateway began
	At     float64 `json:"at"`     // last
	shape  string
}

const (
	mostReasons   = 6    // of a provider
	mostReasoned  = 5000 // providers; names come and go with the configuration
	reasonCompare = 80   // bytes of a reason that tell it from others: what follows is often of one request alone
)

// Add notes a failed attempt.
func (r *Reasons) Add(provider, model string, status int, reason string, at time.Time) {
	shape := shapeOf(reason)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= mostReasoned && r.of[provider] == nil {
		r.of = make(map[string][]Reason)
	}
	list := r.of[provider]
	next := Reason{Status: status, Error: reason, Model: strings.Clone(model), Count: 1, At: epoch(at), shape: shape}
	if i := slices.IndexFunc(list, func(o Reason) bool { return o.Status == status && o.shape == shape }); i >= 0 {
		next.Count += list[i].Count
		list = slices.Delete(list, i, i+1)
	} else if len(list) == mostReasons {
		list = list[:mostReasons-1]
	}
	r.of[provider] = slices.Insert(list, 0, next)
}

// Of is why attempts at a provider failed, the last first.
func (r *Reasons) Of(provider string) []Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Reason{}, r.of[provider]...)
}

// shapeOf is a reason without its numbers: ids and counts are other ones each time.
func shapeOf(reason string) string {
	reason = reason[:min(len(reason), reasonCompare)]
	return strings.Map(func(c rune) rune {
		if '0' <= c && c <= '9' {
			return -1
		}
		return c
	}, reason)
}
