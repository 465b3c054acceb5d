package usage

import "time"

// LedgerState is how the ledger stands, for metrics.
type LedgerState struct {
	Err     error         // why it cannot be written; nil if it can
	Pending int           // rows that have changed and are not in it yet, and series that were counted since the last flush
	Lag     time.Duration // since the last flush that left nothing behind: about a second if all is well
	Rows    int           // that the last flush wrote
	Took    time.Duration // by the last flush that wrote
	Size    int64         // of its file, in bytes; 0 without one
	Damaged int64         // rows that could not be read and were set aside, ever
	Away    time.Time     // since when the database that instances share does not answer, and statistics lack what others count; the zero time is that it does
}

// AwayFor is for how long that is so.
func (s *LedgerState) AwayFor() time.Duration {
	if s.Away.IsZero() {
		return 0
	}
	return time.Since(s.Away)
}

// Ledger tells how the ledger stands.
func (b *Books) Ledger() LedgerState {
	l := b.ledger.Status()
	s := LedgerState{Err: b.Health(), Pending: l.Pending, Rows: l.Rows, Took: l.Took, Size: l.Size, Damaged: l.Damaged, Away: l.Away}
	b.changing.Lock()
	s.Pending += len(b.changed)
	b.changing.Unlock()
	b.gathering.Lock()
	s.Pending += len(b.waiting)
	b.gathering.Unlock()
	b.mu.Lock()
	s.Lag = max(b.options.Now().Sub(b.emptied), 0)
	b.mu.Unlock()
	if !l.Away.IsZero() {
		s.Lag = max(s.Lag, time.Since(l.Away))
	}
	return s
}
