package usage

import (
	"encoding/binary"
	"fmt"
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
	tableMeta    = "meta"
	tableNames   = "names"   // a series' number → its name
	tableCredits = "credits" // hash of a client key → nano-dollars that were added
)

// spanTable names the table of the batches of one kind by spans of one length, under when they begin.
func spanTable(length int64, k kind) string {
	switch length {
	case minute:
		return "minutes." + string(k)
	case hour:
		return "hours." + string(k)
	}
	return "days." + string(k)
}

func spanKey(at int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(at)) }

// putSpan writes a batch, absolutely: to write it again changes nothing, so that a write whose outcome is unknown can be repeated.
func putSpan(w writer, length int64, k kind, at int64, batch []byte) error {
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

func (m *marks) write(w writer) error {
	var value []byte
	for _, n := range [...]int64{m.Origin, m.MinutesFrom, m.HoursFrom, m.HoursTo, m.DaysFrom, m.DaysTo} {
		value = binary.BigEndian.AppendUint64(value, uint64(n))
	}
	return w.put(tableMeta, keyMarks, value)
}

// readMarks reads them; found is false in a ledger in which nothing has been counted.
func readMarks(r reader) (m marks, found bool, err error) {
	value := r.get(tableMeta, keyMarks)
	if value == nil {
		return m, false, nil
	}
	into := [...]*int64{&m.Origin, &m.MinutesFrom, &m.HoursFrom, &m.HoursTo, &m.DaysFrom, &m.DaysTo}
	if len(value) != 8*len(into) {
		return m, false, fmt.Errorf("the marks of the ledger are %d bytes long", len(value))
	}
	for i, n := range into {
		*n = int64(binary.BigEndian.Uint64(value[8*i:]))
	}
	return m, true, nil
}

// startMarks are those of a ledger that begins now.
func startMarks(now int64) marks {
	today := begin(now, day)
	return marks{today, today, today, today, today, today}
}

// readNames reads the names by number; the first number is 1.
func readNames(r reader) ([]name, error) {
	list := make([]name, 1)
	err := r.each(tableNames, func(key, value []byte) error {
		n, err := readName(string(value))
		if err != nil || len(key) != 4 || binary.BigEndian.Uint32(key) != uint32(len(list)) {
			return errName
		}
		list = append(list, n)
		return nil
	})
	return list, err
}

func putName(w writer, number uint32, n name) error {
	return w.put(tableNames, binary.BigEndian.AppendUint32(nil, number), []byte(n.String()))
}
