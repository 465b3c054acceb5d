package limit

import (
	"time"

	"uniapi/config"
)

// lasting is the longest window that outlives the process; 0 if none does.
func (m *meters) lasting() (longest time.Duration) {
	for i := range m.list {
		if w := m.list[i].quota.Window; w >= longWindow {
			longest = max(longest, w)
		}
	}
	return longest
}

// settled is what a quota of an earlier process had settled.
type settled struct {
	quota  config.Quota // but for its count
	began  int64        // of a calendar's period
	pieces []piece      // newest first; one of a calendar's period, whose time says nothing
}

// piece is an amount that leaves its window at a time.
type piece struct {
	at     int64
	amount int64
}

// past is what has been settled of quotas with long windows. What is under way is not: nobody would ever settle it.
// changed says whether there is anything new.
func (m *meters) past(now int64) (list []settled, longest time.Duration, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	longest = m.lasting()
	if changed = m.changed && longest > 0; longest == 0 {
		return nil, 0, false
	}
	m.changed = false
	for i := range m.list {
		r := &m.list[i]
		if r.quota.Window < longWindow {
			continue
		}
		r.pass(now, m.wall)
		s := settled{quota: r.counts(), began: r.began}
		if r.zone != nil {
			s.pieces = []piece{{now, r.used}}
		}
		for n := r.newest; n > r.newest-piecesOfWindow-1 && r.piece > 0 && n >= 0; n-- {
			if amount := r.pieces[n%(piecesOfWindow+1)]; amount > 0 {
				s.pieces = append(s.pieces, piece{min((n+1)*r.piece-1, now), amount})
			}
		}
		list = append(list, s)
	}
	return list, longest, changed
}

// recall gives new meters what an earlier process had settled.
func (m *meters) recall(list []settled, now int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.list {
		r := &m.list[i]
		r.pass(now, m.wall)
		for _, s := range list {
			if s.quota != r.counts() || r.zone != nil && s.began != r.began {
				continue
			}
			for _, p := range s.pieces {
				if n := min(p.at, now) / max(r.piece, 1); r.zone == nil && n >= max(r.newest-piecesOfWindow, 0) {
					r.pieces[n%(piecesOfWindow+1)] += p.amount
					r.used += p.amount
				} else if r.zone != nil {
					r.used += p.amount
				}
			}
		}
	}
}
