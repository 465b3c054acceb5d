package metrics

import (
	"sync"
	"time"
)

// Lack is why tokens are not what the provider counted.
type Lack int

const (
	LackNone       Lack = iota // it did not say
	LackUnreadable             // what it said is no number
	LackAbsurd                 // nobody can believe what it said
	LackUnit                   // it counts something else: seconds, searches
	LackCut                    // the answer ended before it could say
	LackZero                   // it said that there were none: believed, but worth a look
	lackCount
)

// LackNames are the lacks as /metrics has them.
var LackNames = [lackCount]string{"none", "unreadable", "absurd", "unit", "cut", "zero"}

// Lacks counts usages that were not told, by provider. The names are those of
// api.yaml.
type Lacks struct {
	mu     sync.Mutex
	counts map[string]*[lackCount]int64
	told   map[string]time.Time
}

// lackEvery is how often the log tells of one provider.
const lackEvery = time.Hour

// Count counts one.
func (l *Lacks) Count(provider string, why Lack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = make(map[string]*[lackCount]int64)
	}
	if l.counts[provider] == nil {
		l.counts[provider] = new([lackCount]int64)
	}
	l.counts[provider][why]++
}

// Tell says whether it is time to.
func (l *Lacks) Tell(provider string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, was := l.told[provider]; was && now.Sub(last) < lackEvery {
		return false
	}
	if l.told == nil {
		l.told = make(map[string]time.Time)
	}
	l.told[provider] = now
	return true
}

// All visits the counts.
func (l *Lacks) All(visit func(provider string, why Lack, n int64)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for provider, counts := range l.counts {
		for why, n := range counts {
			if n > 0 {
				visit(provider, Lack(why), n)
			}
		}
	}
}
