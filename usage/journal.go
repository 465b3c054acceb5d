package usage

import (
	"maps"
	"slices"

	"uniapi/codec/saturate"
)

// index numbers series. Numbers are given once and are the ledger's as soon as a flush that uses them is written.
type index struct {
	names   []Name // by number; the first is 1
	numbers map[Name]uint32
}

func indexOf(names []Name) *index {
	x := &index{names: names, numbers: make(map[Name]uint32, len(names))}
	for number, n := range names[1:] {
		x.numbers[n] = uint32(number + 1)
	}
	return x
}

func (x *index) number(n Name) uint32 {
	number, known := x.numbers[n]
	if !known {
		number = uint32(len(x.names))
		x.names = append(x.names, n)
		x.numbers[n] = number
	}
	return number
}

// span is all that was counted in a span of time: when it is written it takes the place of what the ledger has.
type span struct {
	rows    map[Kind]rows
	clients addresses

	changes int  // how often it was changed
	written int  // changes that are in the ledger
	stored  bool // the ledger may have something of it
}

func newSpan() *span {
	m := &span{rows: make(map[Kind]rows, len(kindsOfRows)), clients: addresses{}}
	for _, k := range kindsOfRows {
		m.rows[k] = rows{}
	}
	return m
}

// count adds what was counted of a series, and that to the sums it belongs to. The rows of single series go without
// histograms, which are most of a row and of use for a whole channel or key.
func (m *span) count(x *index, n Name, c *Counts) {
	m.changes++
	switch n.Kind {
	case ofClients:
		m.clients[n.Who] = saturate.Add(m.clients[n.Who], c.Row[requests])
	case ofRequests:
		m.rows[ofRequests].at(x.number(n)).Row.add(&c.Row)
		m.rows[ofChannels].at(x.number(n.channel())).add(c)
		m.rows[ofKeys].at(x.number(n.key())).add(c)
	default:
		m.rows[n.Kind].at(x.number(n)).add(c)
	}
}

// batch is what is written of one kind.
func (m *span) batch(k Kind) []byte {
	if k == ofClients {
		return m.clients.encode()
	}
	return m.rows[k].encode()
}

func (m *span) write(w writer, length, at int64) error {
	for _, k := range allKinds {
		if err := putSpan(w, length, k, at, m.batch(k)); err != nil {
			return err
		}
	}
	return nil
}

// size is how many rows it has.
func (m *span) size() int {
	n := len(m.clients)
	for _, list := range m.rows {
		n += len(list)
	}
	return n
}

// read adds what the ledger has of a span, but for what is lost. What turns out to be so is added to that, and then the
// span holds some of it: whole is false.
func (m *span) read(r reader, length, at int64, lost *damages) (whole bool) {
	var d decoder
	if common, is := r.(*sharedTx); is { // whoever may write there is not this program alone
		d = decoderOf(common.named())
	}
	whole = true
	for _, k := range allKinds {
		table, key := spanTable(length, k), spanKey(at)
		batch := r.get(table, key)
		if batch == nil {
			continue
		}
		m.stored = true
		if lost.has(table, key) {
			continue
		}
		var err error
		if k == ofClients {
			err = m.clients.add(batch)
		} else {
			err = d.add(batch, allColumns, m.rows[k].at)
		}
		if err != nil {
			lost.note(table, key, batch, err)
			whole = false
		}
	}
	return whole
}

// readSpans is the sum of the spans of a length in [from, to).
func readSpans(r reader, length, from, to int64, lost *damages) *span {
	for {
		sum, whole := newSpan(), true
		for at := from; at < to; at += length {
			whole = sum.read(r, length, at, lost) && whole
		}
		if whole {
			return sum
		}
	}
}

func (m *span) empty() bool {
	return len(m.rows[ofRequests])+len(m.rows[ofAttempts])+len(m.clients) == 0
}

func (m *span) merge(o *span) {
	for k, list := range o.rows {
		for number, c := range list {
			m.rows[k].at(number).add(c)
		}
	}
	for address, n := range o.clients {
		m.clients[address] = saturate.Add(m.clients[address], n)
	}
	m.changes++
}

// journal holds the minutes that are not in the ledger yet, and the one that goes on.
type journal struct {
	index   *index
	minutes map[int64]*span
	saved   int   // names that are in the ledger
	floor   int64 // no minute before it is counted into: those have been made hours
	lost    damages
}

// at gives a minute to count into. What the ledger has of it, from before a restart, is taken over.
func (j *journal) at(s store, at int64) (*span, error) {
	if m := j.minutes[at]; m != nil {
		return m, nil
	}
	var m *span
	if err := s.view(func(r reader) error {
		m = readSpans(r, minute, at, at+minute, &j.lost)
		return nil
	}); err != nil {
		return nil, err
	}
	j.minutes[at] = m
	return m, nil
}

// mostMinutes is how many minutes wait for the ledger as they are. Beyond it, those of an hour that is over become one,
// which bounds what a full disk costs in memory.
const mostMinutes = 60

// squeeze does that, as of a time.
func (j *journal) squeeze(s store, now int64) error {
	if len(j.minutes) <= mostMinutes {
		return nil
	}
	for _, at := range slices.Sorted(maps.Keys(j.minutes)) {
		first := begin(at, hour)
		if at == first || first == begin(now, hour) || j.minutes[at].empty() {
			continue
		}
		into, err := j.at(s, first)
		if err != nil {
			return err
		}
		m := j.minutes[at]
		into.merge(m)
		delete(j.minutes, at)
		if m.stored { // what the ledger has of it has moved: it is written empty
			j.minutes[at] = newSpan()
			j.minutes[at].stored, j.minutes[at].changes = true, 1
		}
	}
	return nil
}

// forget lets go of minutes that are over and written.
func (j *journal) forget(now int64) {
	maps.DeleteFunc(j.minutes, func(at int64, m *span) bool {
		return m.changes == m.written && at < begin(now, minute)
	})
}

// waiting says whether something before a time has not been written.
func (j *journal) waiting(before int64) bool {
	for at, m := range j.minutes {
		if at < before && m.changes != m.written {
			return true
		}
	}
	return false
}
