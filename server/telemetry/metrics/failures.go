package metrics

import (
	"strings"
	"sync"
	"time"
)

// Failure is what failed attempts are told apart by: the provider's name in api.yaml, the model, and a word for why.
type Failure struct{ Provider, Model, Reason string }

// failed is how many have, and how long they took together.
type failed struct {
	attempts int64
	took     time.Duration
}

// Failures counts failed attempts. Such are seldom, or cost little beside what they cost the request.
type Failures struct {
	mu     sync.Mutex
	counts map[Failure]*failed
	most   int // that are told apart
}

// Count counts one, which took so long.
func (f *Failures) Count(of Failure, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	count := f.counts[of]
	if count == nil {
		if f.counts == nil {
			f.counts = map[Failure]*failed{}
		}
		of.Model = strings.Clone(of.Model)
		if len(f.counts) >= f.most {
			of.Model = OtherModels
		}
		if count = f.counts[of]; count == nil {
			count = new(failed)
			f.counts[of] = count
		}
	}
	count.attempts++
	count.took += max(0, took)
}

// all visits what was counted, in no order.
func (f *Failures) all(visit func(of Failure, n failed)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for of, n := range f.counts {
		visit(of, *n)
	}
}
