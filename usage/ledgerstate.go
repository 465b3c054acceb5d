package usage

import "time"

// LedgerState is how the ledger stands, for metrics.
type LedgerState struct {
	Err     error         // why it cannot be written; nil if it can
	Pending int           // rows that have changed and are not in it yet, and series that were counted since the last fold
	Lag     time.Duration // since the last fold that left nothing behind: about a second if all is well
	Rows    int           // that the last fold wrote
	Took    time.Duration // by the last fold that wrote
	Size    int64         // of its file, in bytes; 0 without one
	Damaged int64         // rows that could not be read and were set aside, ever
}

// lastFold is what is told of the last fold that succeeded.
type lastFold struct {
	at   time.Time
	rows int // of the last one that had any
	took time.Duration
}

// Ledger tells how the ledger stands.
func (b *Books) Ledger() LedgerState {
	s := LedgerState{Err: b.Health(), Size: b.store.size(), Damaged: b.damaged.Load()}
	b.changing.Lock()
	s.Pending = len(b.changed)
	b.changing.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.journal.minutes {
		if m.changes != m.written {
			s.Pending += m.size()
		}
	}
	s.Lag = max(b.options.Now().Sub(b.last.at), 0)
	s.Rows, s.Took = b.last.rows, b.last.took
	return s
}
