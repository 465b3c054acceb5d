package usage

import "uniapi/codec/saturate"

// repricedDay is what reprice changes of a day. The ledger has the same requests in rows of minutes, hours and the day.
// They are priced by the shortest that has them, since some prices depend on the time, and what comes of it is put into
// all that the time is in.
type repricedDay struct {
	*repricing
	spans []spanOf // minutes first, then hours, then the day
	known map[Name][]known
}

// spanOf is a row's time.
type spanOf struct{ begun, length int64 }

func (s spanOf) has(o spanOf) bool {
	return s.begun <= o.begun && o.begun+o.length <= s.begun+s.length
}

// known is what a row of a time has that no shorter one has, as it was, and by how much its cost is another.
type known struct {
	at  spanOf
	row Row
	by  int64
}

func (d *repricedDay) write(w writer, lost *damages) error {
	for _, s := range d.spans {
		m := readSpans(w, s.length, s.begun, s.begun+s.length, lost)
		if !d.put(m, s) {
			continue
		}
		if err := m.write(w, s.length, s.begun); err != nil {
			return err
		}
	}
	return nil
}

// put changes a span's rows of requests, and those of sums.
func (d *repricedDay) put(m *span, s spanOf) (changed bool) {
	index := d.index
	var b bill
	for _, kind := range [...]Kind{ofRequests, ofParts} {
		for number, c := range m.rows[kind] {
			if int(number) < len(index.names) && index.names[number].Kind == kind {
				b = b.with(index.names[number], c.Row)
			}
		}
	}
	b.each(func(n Name, row *Row) {
		by := d.change(n, s, row)
		if by == 0 {
			return
		}
		changed = true
		of := n
		if n.Kind == ofParts {
			of, _, _ = n.ofRequests()
			m.rows[ofParts].at(index.number(n)).pay(by)
		}
		m.rows[ofRequests].at(index.number(of)).pay(by)
		m.rows[ofChannels].at(index.number(of.channel())).pay(by)
		m.rows[ofKeys].at(index.number(of.key())).pay(by)
	})
	return changed
}

// pay makes what was counted cost so much more.
func (c *Counts) pay(by int64) { c.Row[cost] = max(saturate.Add(c.Row[cost], by), 0) }

// change is by how much what a row has cost is another: what shorter rows in it have told, and what comes of the rest.
// A row may have more than they do, since what was imported of long ago has no minutes.
func (d *repricedDay) change(n Name, s spanOf, row *Row) (by int64) {
	rest := known{at: s, row: *row}
	for _, k := range d.known[n] {
		if s.has(k.at) {
			by = saturate.Add(by, k.by)
			for i := range rest.row {
				rest.row[i] = max(saturate.Sub(rest.row[i], k.row[i]), 0)
			}
		}
	}
	if rest.row[requests] == 0 {
		return by
	}
	is, _, _ := d.price(n, &rest.row, s.begun, s.length)
	rest.by = saturate.Sub(is, rest.row[cost])
	d.known[n] = append(d.known[n], rest)
	return saturate.Add(by, rest.by)
}
