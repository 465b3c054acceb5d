package usage

import (
	"errors"
	"slices"
)

// reading is the ledger as one question sees it, together with what is not in it yet.
type reading struct {
	reader
	marks marks
	names []name
	end   int64 // nothing was counted after it
	fresh map[freshKey][]byte

	lost damages
	torn bool // a row turned out to be damaged: the question is asked again, without it
}

// freshKey is a minute's batch of one kind.
type freshKey struct {
	k  kind
	at int64
}

// read asks the ledger, again if a row of it turns out to be damaged, and the journal for the minutes that it has: those are whole, and are copied before the ledger is looked at,
// so that a fold meanwhile is seen once whichever of the two it is in.
func (b *Books) read(ask func(*reading) error, kinds ...kind) {
	err := b.freshly(ask, kinds)
	if err != nil {
		b.options.Log.Error("the ledger could not be read; the answer is not complete", "dir", b.options.Dir, "error", err)
	}
}

func (b *Books) freshly(ask func(*reading) error, kinds []kind) error {
	now := b.options.Now().Unix()
	b.mu.Lock()
	err := b.gather(now)
	r := &reading{fresh: make(map[freshKey][]byte), names: b.journal.index.names}
	r.end = max(begin(now, minute)+minute, b.journal.floor+hour)
	for at, m := range b.journal.minutes {
		for _, k := range kinds {
			r.fresh[freshKey{k, at}] = m.batch(k)
		}
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	for again := true; again && err == nil; again = r.torn {
		r.torn = false
		err = b.store.view(func(from reader) (err error) {
			r.reader = from
			if r.marks, _, err = readMarks(from); err != nil {
				return err
			}
			return ask(r)
		})
	}
	b.setAside(&r.lost)
	return err
}

// scan visits what was counted in [from, to) by spans of at most a length. Where the ledger has only longer ones left, it begins with
// the whole of the one that from is in.
func (r *reading) scan(k kind, from, to, longest int64, visit func(at int64, batch []byte) error) error {
	t := begin(max(from, r.first(k)), minute)
	for t < min(to, r.end) {
		length := r.spanAt(t, min(to, r.end), longest)
		t = begin(t, length)
		batch, is := r.fresh[freshKey{k, t}]
		table, key := spanTable(length, k), spanKey(t)
		if length != minute || !is {
			if batch = r.get(table, key); r.lost.has(table, key) {
				batch = nil
			}
		}
		if err := visit(t, batch); errors.Is(err, errBatch) && batch != nil {
			r.lost.note(table, key, batch, err)
			r.torn = true
		} else if err != nil {
			return err
		}
		t += length
	}
	return nil
}

// first is when the first span begins.
func (r *reading) first(k kind) int64 {
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

// aligned is when the span begins that a scan from a time begins with.
func (r *reading) aligned(k kind, from int64) int64 {
	from = begin(max(from, r.first(k)), minute)
	return begin(from, r.spanAt(from, from, minute))
}

// tally adds rows up by something that the name of a series says.
type tally[K comparable] struct {
	group  func(n name) (key K, counted bool)
	wanted columns
	sums   map[K]*counts

	names    []name
	bySeries []*counts // the sum that a series goes into; nil if that was not asked yet
	decoder  decoder
}

func newTally[K comparable](r *reading, wanted columns, group func(name) (K, bool)) *tally[K] {
	return &tally[K]{group: group, wanted: wanted, sums: make(map[K]*counts), names: r.names, bySeries: make([]*counts, len(r.names))}
}

// uncounted is the sum of series that are not asked for.
var uncounted = new(counts)

// of is the sum that a series goes into. Series that are newer than the question are left out.
func (t *tally[K]) of(number uint32) *counts {
	if int(number) >= len(t.bySeries) {
		return nil
	}
	sum := t.bySeries[number]
	if sum == nil {
		sum = uncounted
		if key, counted := t.group(t.names[number]); counted && t.names[number].kind != ofNothing {
			if sum = t.sums[key]; sum == nil {
				sum = new(counts)
				t.sums[key] = sum
			}
		}
		t.bySeries[number] = sum
	}
	if sum == uncounted {
		return nil
	}
	return sum
}

func (t *tally[K]) add(_ int64, batch []byte) error { return t.decoder.add(batch, t.wanted, t.of) }

// regroup makes the tally ask again where series belong.
func (t *tally[K]) regroup() { clear(t.bySeries) }

// sinceOf adds up the rows of client keys, each from a time of its own, by something.
func sinceOf[K comparable](r *reading, k kind, wanted columns, starts map[string]int64, group func(name) (K, bool)) (map[K]*counts, error) {
	// One pass over time, in pieces that end where another key begins.
	times := make([]int64, 0, len(starts))
	aligned := make(map[string]int64, len(starts))
	for hash, start := range starts {
		aligned[hash] = r.aligned(k, start)
		times = append(times, aligned[hash])
	}
	var now int64
	t := newTally(r, wanted, func(n name) (key K, counted bool) {
		if start, is := aligned[n.a]; !is || start > now {
			return key, false
		}
		return group(n)
	})
	slices.Sort(times)
	times = slices.Compact(times)
	for i, from := range times {
		to := r.end
		if i+1 < len(times) {
			to = times[i+1]
		}
		now = from
		t.regroup()
		if err := r.scan(k, from, to, day, t.add); err != nil {
			return nil, err
		}
	}
	return t.sums, nil
}
