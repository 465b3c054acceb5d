package usage

import (
	"encoding/binary"
	"errors"
)

// store keeps what the journal hands over: tables of keys and values, read and changed in transactions.
type store interface {
	// view reads. What it gives is valid until it returns.
	view(func(reader) error) error
	// update makes all the changes or none.
	update(func(writer) error) error
	// size is that of its file in bytes, 0 if it has none.
	size() int64
	close() error
}

// reader reads tables. A table that is not there is empty.
type reader interface {
	get(table string, key []byte) []byte
	each(table string, visit func(key, value []byte) error) error
	// next is the first key that is not before one, last the last of all; nil if there is none.
	next(table string, key []byte) []byte
	last(table string) []byte
}

// writer changes tables. Values must stay as they are until the transaction is over.
type writer interface {
	reader
	put(table string, key, value []byte) error
	remove(table string, key []byte) error
	drop(table string) error
}

// The tables beside those of spans.
const (
	tableMeta        = "meta"
	tableNames       = "names"       // a series' number → its name
	tableCredits     = "credits"     // hash of a client key → nano-dollars that were added
	tableCorrections = "corrections" // hash of a client key, and when → a Correction
	tableLimits      = "limits"      // name of a limit's counter → when it may be forgotten, and what it has counted
)

// spanTable names the table of the batches of one kind by spans of one length, under when they begin.
func spanTable(length int64, k Kind) string {
	switch length {
	case minute:
		return "minutes." + string(k)
	case hour:
		return "hours." + string(k)
	}
	return "days." + string(k)
}

func spanKey(at int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(at)) }

// spanAt reads what spanKey wrote.
func spanAt(key []byte) (at int64, ok bool) {
	if len(key) != 8 {
		return 0, false
	}
	at = int64(binary.BigEndian.Uint64(key))
	return at, at >= 0 && at < mostTime
}

// putSpan writes a batch, absolutely: to write it again changes nothing, so that a write whose outcome is unknown can
// be repeated.
func putSpan(w writer, length int64, k Kind, at int64, batch []byte) error {
	if len(batch) == 0 {
		return w.remove(spanTable(length, k), spanKey(at))
	}
	return w.put(spanTable(length, k), spanKey(at), batch)
}

// marks say which spans the ledger has. All are times at which a span begins; what begins before a To is complete.
type marks struct {
	Origin      int64 // of the first day that was ever counted; the days of keys are there from here
	MinutesFrom int64
	HoursFrom   int64
	HoursTo     int64
	DaysFrom    int64
	DaysTo      int64
}

var keyMarks = []byte("marks")

func (m *marks) write(w writer) error { return w.put(tableMeta, keyMarks, m.bytes()) }

func (m *marks) bytes() (value []byte) {
	for _, n := range [...]int64{m.Origin, m.MinutesFrom, m.HoursFrom, m.HoursTo, m.DaysFrom, m.DaysTo} {
		value = binary.BigEndian.AppendUint64(value, uint64(n))
	}
	return value
}

var errMarks = errors.New("the marks of the ledger cannot be")

// readMarks reads them; found is false in a ledger in which nothing has been counted.
func readMarks(r reader) (m marks, found bool, err error) {
	return parseMarks(r.get(tableMeta, keyMarks))
}

func parseMarks(value []byte) (m marks, found bool, err error) {
	if value == nil {
		return m, false, nil
	}
	into := [...]*int64{&m.Origin, &m.MinutesFrom, &m.HoursFrom, &m.HoursTo, &m.DaysFrom, &m.DaysTo}
	if len(value) != 8*len(into) {
		return m, false, errMarks
	}
	for i, n := range into {
		*n = int64(binary.BigEndian.Uint64(value[8*i:]))
	}
	if !m.possible() {
		return m, false, errMarks
	}
	return m, true, nil
}

// mostTime is the end of the year 9999, in seconds since 1970.
const mostTime = 253402300800

// possible says whether there can be such a ledger.
func (m *marks) possible() bool {
	whole := m.Origin%minute == 0 && m.MinutesFrom%minute == 0 && m.HoursFrom%hour == 0 && m.HoursTo%hour == 0 && m.DaysFrom%day == 0 && m.DaysTo%day == 0
	return whole && m.Origin >= 0 && m.Origin <= m.DaysFrom && m.DaysFrom <= m.DaysTo && m.DaysTo <= m.HoursTo &&
		m.HoursFrom >= 0 && m.HoursFrom <= m.HoursTo && m.MinutesFrom >= 0 && m.MinutesFrom <= m.HoursTo && m.HoursTo < mostTime
}

// extent is from where to where there are spans of a length, which may be long ago: marks move on with the time,
// whether or not anything is counted.
type extent struct {
	from, to int64
	any      bool
}

// extentOf finds it out.
func extentOf(r reader, length int64) extent {
	e := extent{from: mostTime}
	for _, k := range allKinds {
		table := spanTable(length, k)
		for _, key := range [...][]byte{r.next(table, spanKey(0)), r.last(table)} {
			if len(key) != 8 {
				continue
			}
			if at := int64(binary.BigEndian.Uint64(key)); at >= 0 && at < mostTime && at%length == 0 {
				e = extent{min(e.from, at), max(e.to, at+length), true}
			}
		}
	}
	return e
}

// extents are those of all lengths.
type extents struct{ minutes, hours, days extent }

func (e *extents) any() bool { return e.minutes.any || e.hours.any || e.days.any }

// first is when the first span begins; mostTime if there is none.
func (e *extents) first() int64 { return min(e.minutes.from, e.hours.from, e.days.from) }

// fit says whether the marks can be those of a ledger with these spans.
func (m *marks) fit(e *extents) bool {
	return m.Origin <= e.first() && m.DaysTo >= e.days.to && m.HoursTo >= e.hours.to && m.HoursFrom <= e.hours.from && m.MinutesFrom <= e.minutes.from
}

// marksOf makes marks that the spans fit.
func marksOf(e *extents, now int64) (m marks) {
	origin := begin(min(e.first(), now), day)
	m.Origin, m.DaysFrom, m.DaysTo = origin, origin, max(origin, e.days.to)
	m.HoursTo = max(m.DaysTo, e.hours.to)
	m.HoursFrom = min(begin(e.hours.from, day), m.HoursTo)
	m.MinutesFrom = min(begin(e.minutes.from, hour), m.HoursTo)
	return m
}

// believedMarks are those that the ledger has, if its spans fit them, else what the spans say; then found is false.
func believedMarks(r reader, now int64, lost *damages) (m marks, found bool) {
	m, found, err := readMarks(r)
	there := &extents{extentOf(r, minute), extentOf(r, hour), extentOf(r, day)}
	spans := marksOf(there, now)
	switch {
	case err != nil, found && !m.fit(there):
		lost.note(tableMeta, keyMarks, r.get(tableMeta, keyMarks), errMarks)
		return spans, false
	case !found, !there.any() && m.HoursTo < spans.HoursTo: // there is nothing before, whatever they say
		return spans, false
	}
	return m, true
}

// startMarks are those of a ledger that begins now.
func startMarks(now int64) marks {
	today := begin(now, day)
	return marks{today, today, today, today, today, today}
}
