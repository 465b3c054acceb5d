package usage

import (
	"context"
	"errors"
	"slices"
	"time"

	"uniapi/codec/saturate"
)

// reading is a View of the local ledger, together with what its journal has.
type reading struct {
	reader
	marks marks
	names []Name
	end   int64 // nothing was counted after it
	fresh map[freshKey][]byte
	lost  damages

	bySeries []*Counts // what a scan adds the rows of a series to; nil if that was not asked yet
	decoder  decoder
}

// freshKey is a minute's batch of one kind.
type freshKey struct {
	k  Kind
	at int64
}

// read asks the ledger. What cannot be read is missing in the answer, and the log says so.
func (b *Books) read(ask func(View) error, kinds ...Kind) { b.lacking(b.freshly(ask, kinds)) }

// lacking tells of an answer that lacks something.
func (b *Books) lacking(err error) {
	if isAway(err) { // the ledger has said so
		b.options.Log.Debug("the answer is of this instance alone", "error", err)
	} else if err != nil {
		b.options.Log.Error("the ledger could not be read; the answer is not complete", "dir", b.options.Dir, "error", err)
	}
}

func (b *Books) freshly(ask func(View) error, kinds []Kind) error {
	ctx, cancel := within(readWithin)
	defer cancel()
	now := b.options.Now()
	if err := b.handOver(ctx, now); err != nil {
		return err
	}
	return b.ledger.Read(ctx, now, kinds, ask)
}

// Read implements Ledger. It asks again if a row turns out to be damaged. The minutes that the journal has are whole,
// and are copied before the store is looked at, so that a write meanwhile is seen once whichever of the two it is in.
func (l *localLedger) Read(_ context.Context, now time.Time, kinds []Kind, ask func(View) error) error {
	l.mu.Lock()
	r := &reading{fresh: make(map[freshKey][]byte), names: l.journal.index.names}
	r.end = max(begin(now.Unix(), minute)+minute, l.journal.floor+hour)
	for at, m := range l.journal.minutes {
		for _, k := range kinds {
			r.fresh[freshKey{k, at}] = m.batch(k)
		}
	}
	l.mu.Unlock()
	err := errTorn
	for errors.Is(err, errTorn) {
		err = l.store.view(func(from reader) (err error) {
			r.reader = from
			if r.marks, _, err = readMarks(from); err != nil {
				return err
			}
			return ask(r)
		})
	}
	l.setAside(&r.lost)
	return err
}

// End implements View.
func (r *reading) End() int64 { return r.end }

// Scan implements View.
func (r *reading) Scan(q Question, begun func(at, length int64), of func(Name) *Counts) error {
	if r.bySeries == nil {
		r.bySeries = make([]*Counts, len(r.names))
	}
	clear(r.bySeries)
	torn := false
	t := begin(max(q.From, r.first(q.Kind)), minute)
	for t < min(q.To, r.end) {
		length := r.spanAt(t, min(q.To, r.end), q.Longest)
		t = begin(t, length)
		batch, is := r.fresh[freshKey{q.Kind, t}]
		table, key := spanTable(length, q.Kind), spanKey(t)
		if length != minute || !is {
			if batch = r.get(table, key); r.lost.has(table, key) {
				batch = nil
			}
		}
		if begun != nil {
			begun(t, length)
		}
		if err := r.add(q, batch, of); errors.Is(err, errBatch) && batch != nil {
			r.lost.note(table, key, batch, err)
			torn = true
		} else if err != nil {
			return err
		}
		t += length
	}
	if torn {
		return errTorn
	}
	return nil
}

// add adds a batch to the sums that its series go into.
func (r *reading) add(q Question, batch []byte, of func(Name) *Counts) error {
	if q.Kind == ofClients {
		span := addresses{}
		if err := span.add(batch); err != nil {
			return err
		}
		for address, n := range span {
			if sum := of(Name{Kind: ofClients, Who: address}); sum != nil {
				sum.Row[requests] = saturate.Add(sum.Row[requests], n)
			}
		}
		return nil
	}
	return r.decoder.add(batch, q.Columns, func(number uint32) *Counts { return r.sum(number, of) })
}

// uncounted is the sum of series that are not asked for.
var uncounted = new(Counts)

// sum is what a series goes into. Series that are newer than the question are left out.
func (r *reading) sum(number uint32, of func(Name) *Counts) *Counts {
	if int(number) >= len(r.bySeries) {
		return nil
	}
	sum := r.bySeries[number]
	if sum == nil {
		if n := r.names[number]; n.Kind != ofNothing {
			sum = of(n)
		}
		if sum == nil {
			sum = uncounted
		}
		r.bySeries[number] = sum
	}
	if sum == uncounted {
		return nil
	}
	return sum
}

// first is when the first span begins.
func (r *reading) first(k Kind) int64 {
	if k == ofKeys {
		return r.marks.Origin
	}
	return r.marks.DaysFrom
}

// spanAt is the length of the span to read at a time.
func (r *reading) spanAt(t, to, longest int64) int64 {
	whole := func(length, complete int64) bool {
		return length <= longest && t%length == 0 && t+length <= min(to, complete)
	}
	switch m := &r.marks; {
	case whole(day, m.DaysTo), t < m.HoursFrom:
		return day
	case whole(hour, m.HoursTo), t < m.MinutesFrom:
		return hour
	}
	return minute
}

// Aligned implements View.
func (r *reading) Aligned(k Kind, from int64) int64 {
	from = begin(max(from, r.first(k)), minute)
	return begin(from, r.spanAt(from, from, minute))
}

// tally adds rows up by something that the name of a series says.
type tally[K comparable] struct {
	group  func(n Name) (key K, counted bool)
	wanted Columns
	sums   map[K]*Counts
}

func newTally[K comparable](wanted Columns, group func(Name) (K, bool)) *tally[K] {
	return &tally[K]{group: group, wanted: wanted, sums: make(map[K]*Counts)}
}

// of is the sum that a series goes into, nil if none.
func (t *tally[K]) of(n Name) *Counts {
	key, counted := t.group(n)
	if !counted {
		return nil
	}
	sum := t.sums[key]
	if sum == nil {
		sum = new(Counts)
		t.sums[key] = sum
	}
	return sum
}

// scan adds up what was counted in [from, to), by spans of at most a length.
func (t *tally[K]) scan(v View, k Kind, from, to, longest int64) error {
	return v.Scan(Question{k, from, to, longest, t.wanted}, nil, t.of)
}

// sinceOf adds up the rows of client keys, each from a time of its own, by something.
func sinceOf[K comparable](v View, k Kind, wanted Columns, starts map[string]int64, group func(Name) (K, bool)) (map[K]*Counts, error) {
	// One pass over time, in pieces that end where another key begins.
	times := make([]int64, 0, len(starts))
	aligned := make(map[string]int64, len(starts))
	for hash, start := range starts {
		aligned[hash] = v.Aligned(k, start)
		times = append(times, aligned[hash])
	}
	var now int64
	t := newTally(wanted, func(n Name) (key K, counted bool) {
		if start, is := aligned[n.Who]; !is || start > now {
			return key, false
		}
		return group(n)
	})
	slices.Sort(times)
	times = slices.Compact(times)
	for i, from := range times {
		to := v.End()
		if i+1 < len(times) {
			to = times[i+1]
		}
		now = from
		if err := t.scan(v, k, from, to, day); err != nil {
			return nil, err
		}
	}
	return t.sums, nil
}
