package limit

import (
	"time"

	"uniapi/config"
)

// Reservation is what a store that several instances share holds of quotas for a request, beside what this process
// does. It may stand for many requests of the same need or another: each tells its own.
type Reservation interface {
	// Asked is what Store.Confirm is asked about before the request may be made, and whose Cancel gives everything
	// back; nil if nobody is to be asked.
	Asked() Record
	// End ends it for a request that needed so much, with what that came to; undone is that it was not made. It does
	// not wait.
	End(need, came Need, undone bool)
}

// With is what is held together with what a store holds beside it of the same need.
func (h Hold) With(r Reservation, need Need) Hold {
	h.beside, h.need = r, need.bounded()
	return h
}

// Unsure says whether the hold holds only if its store confirms it.
func (h *Hold) Unsure() bool { return h.beside != nil && h.beside.Asked() != nil }

// Asked is the hold as Store.Confirm takes it. To cancel that gives back what the store holds, and nothing of what this
// process does.
func (h *Hold) Asked() Grant { return Grant{Record: h.beside.Asked()}.IfConfirmed() }

// WholeQuotas are those that a table sets for all models of a subject together.
func WholeQuotas(table config.ModelTable[config.RateLimit]) (list []config.Quota) {
	all, _ := table.Default()
	for _, q := range all.Quotas {
		if q.Of != config.Requests {
			list = append(list, q)
		}
	}
	return list
}

// ModelQuotas are those that a table sets for one model by itself.
func ModelQuotas(table config.ModelTable[config.RateLimit], model string) (list []config.Quota) {
	if own, found := table.Find(model); found {
		return own.Quotas
	}
	all, _ := table.Default()
	for _, q := range all.Quotas {
		if q.Of == config.Requests { // each model by itself, as requests always are
			list = append(list, q)
		}
	}
	return list
}

// Spent is what has been settled of a quota in its window, or in the period of its calendar that goes on.
type Spent struct {
	Quota config.Quota
	Parts []Part // of a window that slides newest first; of a calendar one
}

// Part is an amount that was settled so long ago, at most.
type Part struct {
	Ago    time.Duration
	Amount int64
}

// Historian is a Limiter of this process, which knows what has been settled here.
type Historian interface {
	// Spent is what has been settled of the quotas of a model, or of all models together.
	Spent(model string, whole bool, now int64) []Spent
}

// Spent implements Historian.
func (s *subject) Spent(model string, whole bool, now int64) []Spent {
	if whole {
		model = allModels
	}
	return s.counter(model, now).meters.spent(now)
}

func (m *meters) spent(now int64) (list []Spent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.list {
		r := &m.list[i]
		r.pass(now, m.wall)
		s := Spent{Quota: r.quota}
		if r.zone != nil && r.used > 0 {
			s.Parts = []Part{{0, r.used}}
		}
		for n := r.newest; n > r.newest-piecesOfWindow-1 && r.piece > 0 && n >= 0; n-- {
			if amount := r.pieces[n%(piecesOfWindow+1)]; amount > 0 {
				s.Parts = append(s.Parts, Part{time.Duration(max(now-(n+1)*r.piece, 0)), amount})
			}
		}
		list = append(list, s)
	}
	return list
}

// Period is when the period of a calendar's quota began, and when it ends.
func Period(q config.Quota, t time.Time) (began, end time.Time) {
	zone, err := time.LoadLocation(q.Zone)
	if err != nil { // it was found when the file was read
		zone = time.UTC
	}
	return period(t.In(zone), q.Window)
}

// Bounded is a need within what one request may come to.
func (n Need) Bounded() Need { return n.bounded() }
