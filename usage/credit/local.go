package credit

import (
	"context"
	"sync"
	"sync/atomic"

	"uniapi/codec/saturate"
)

// NewLocal returns the store that keeps accounts in this process. It is sure of every answer.
func NewLocal() Store { return &local{accounts: make(map[string]*account)} }

type local struct {
	mu       sync.Mutex
	accounts map[string]*account
}

// Account implements Store.
func (l *local) Account(key string) Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accounts[key] == nil {
		l.accounts[key] = new(account)
	}
	return l.accounts[key]
}

// account counts without a lock.
type account struct {
	since atomic.Int64
	added atomic.Int64
	spent saturate.Counter
	// held is spent and what requests in flight have reserved. That it is one word makes Reserve exact.
	held saturate.Counter
}

func (a *account) Reserve(estimate, limit int64) Answer {
	if _, taken := a.held.Change(func(held int64) (int64, bool) { return saturate.Add(held, estimate), held < limit }); !taken {
		return Refused
	}
	return Reserved
}

func (a *account) Confirm(_ context.Context, estimate, limit int64) (bool, error) {
	return a.Reserve(estimate, limit) == Reserved, nil
}

func (a *account) Settle(estimate, cost int64) {
	a.held.Add(cost - estimate)
	a.spent.Add(cost)
}

func (a *account) Spent() int64        { return a.spent.Load() }
func (a *account) Reserved() int64     { return max(saturate.Sub(a.held.Load(), a.spent.Load()), 0) }
func (a *account) Added() int64        { return a.added.Load() }
func (a *account) SetAdded(nano int64) { a.added.Store(nano) }
func (a *account) Since() int64        { return a.since.Load() }

func (a *account) Begin(since, by int64) {
	by, _ = a.spent.Change(func(spent int64) (int64, bool) { return saturate.Add(spent, by), true })
	a.held.Change(func(held int64) (int64, bool) { return saturate.Add(held, by), true })
	a.since.Store(since)
}
