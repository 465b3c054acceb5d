package usage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// migrations bring a ledger from the version that is their index to the next. They run in the transaction that opens
// it, so that a process that is killed meanwhile leaves the old one. The last one's result is the schema of this
// version.
var migrations = [...]func(writer, *damages) error{
	func(writer, *damages) error { return nil }, // an empty file: tables are made when something is put into them
	batchesFromRows,
	lengthenNames,
}

var keySchema = []byte("schema")

func migrate(w writer, lost *damages, now time.Time) error {
	version := 0
	switch have := w.get(tableMeta, keySchema); {
	case have == nil:
	case len(have) != 1 || int(have[0]) > len(migrations):
		return errors.New("it was written by a newer version of uni-api; use that, or another data folder")
	default:
		version = int(have[0])
	}
	for ; version < len(migrations); version++ {
		if err := migrations[version](w, lost); err != nil {
			return fmt.Errorf("bringing it from version %d to %d: %w", version, version+1, err)
		}
	}
	if err := lost.setAside(w, now); err != nil {
		return err
	}
	return w.put(tableMeta, keySchema, []byte{byte(version)})
}

// tableRows held a row of signed varints for each series and minute in version 1, under the minute since 1970 and the
// series' number, four bytes each.
const tableRows = "rows"

// batchesFromRows makes batches of the minutes of version 1. Those that were hours already are dated at their first
// minute; the next roll-up makes hours and days of them as of any others.
func batchesFromRows(w writer, lost *damages) error {
	names, err := readNames(w, separated, lost)
	if err != nil {
		return err
	}
	index := indexOf(names)
	known := len(index.names)
	minutes := make(map[int64]*span)
	first := int64(-1)
	err = w.each(tableRows, func(key, value []byte) error {
		number := uint32(0)
		if len(key) == 8 {
			number = binary.BigEndian.Uint32(key[4:])
		}
		if number == 0 || int(number) >= known || index.names[number].Kind == ofNothing {
			lost.note(tableRows, key, value, errName)
			return nil
		}
		var c Counts
		for i, left := 0, value; len(left) > 0; i++ {
			v, n := binary.Varint(left)
			if n <= 0 {
				lost.note(tableRows, key, value, errBatch)
				return nil
			}
			if left = left[n:]; i < firstHistogram {
				c.Row[i] = max(v, 0)
			}
		}
		at := int64(binary.BigEndian.Uint32(key)) * minute
		if first < 0 {
			first = at
		}
		if minutes[at] == nil {
			minutes[at] = newSpan()
		}
		minutes[at].count(index, index.names[number], &c)
		return nil
	})
	if err != nil || first < 0 {
		return err
	}
	for at, m := range minutes {
		if err := m.write(w, minute, at); err != nil {
			return err
		}
	}
	for number := known; number < len(index.names); number++ {
		if err := w.put(tableNames, nameKey(uint32(number)), separated.write(index.names[number])); err != nil {
			return err
		}
	}
	// numbers was names the other way round.
	for _, table := range [...]string{tableRows, "numbers"} {
		if err := w.drop(table); err != nil {
			return err
		}
	}
	m := startMarks(first)
	return m.write(w)
}

// lengthenNames writes the names of version 2, in which no word could have a NUL, in the form of today.
func lengthenNames(w writer, lost *damages) error {
	names, err := readNames(w, separated, lost)
	if err != nil {
		return err
	}
	for number, n := range names[1:] {
		if lost.has(tableNames, nameKey(uint32(number+1))) {
			continue // it is set aside as it is
		}
		if err := putName(w, uint32(number+1), n); err != nil {
			return err
		}
	}
	return nil
}
