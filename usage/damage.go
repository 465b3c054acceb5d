package usage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A row of the ledger that cannot be read is left out: what it counted is lost, and nothing else. It is moved to a
// table of its own, so that somebody can look at it, and the log says what it was. A page that is damaged is not:
// nobody knows what else was on it.

// damage is such a row.
type damage struct {
	table      string
	key, value []byte
	err        error
}

// damages are those that one reading has found.
type damages struct {
	list  []damage
	known map[string]bool // by table and key
}

// note adds a row, once.
func (d *damages) note(table string, key, value []byte, err error) {
	if d.has(table, key) {
		return
	}
	if d.known == nil {
		d.known = make(map[string]bool)
	}
	d.known[table+string(key)] = true
	d.list = append(d.list, damage{table, bytes.Clone(key), bytes.Clone(value), err})
}

func (d *damages) has(table string, key []byte) bool {
	return d.known != nil && d.known[table+string(key)]
}

// forget takes the first rows out.
func (d *damages) forget(n int) {
	for _, row := range d.list[:n] {
		delete(d.known, row.table+string(row.key))
	}
	d.list = d.list[n:]
}

// tableDamaged has the rows that were damaged: under their table, their key, and when they were moved.
const tableDamaged = "damaged"

// setAside moves the rows there. One that has been written anew meanwhile stays.
func (d *damages) setAside(w writer, now time.Time) error {
	for i := range d.list {
		row := &d.list[i]
		at := append(append([]byte(row.table), 0), row.key...)
		if err := w.put(tableDamaged, binary.BigEndian.AppendUint64(at, uint64(now.Unix())), row.value); err != nil {
			return err
		}
		if !bytes.Equal(w.get(row.table, row.key), row.value) {
			continue
		}
		if err := w.remove(row.table, row.key); err != nil {
			return err
		}
		if row.table == tableNames && errors.Is(row.err, errName) { // its number must not be given again
			number := binary.BigEndian.Uint32(row.key)
			if err := putName(w, number, lostName(number)); err != nil {
				return err
			}
		}
	}
	return nil
}

// what says in the words of the log what was in the row.
func (d *damage) what() string {
	for _, span := range [...]struct {
		word   string
		length int64
	}{{"minute", minute}, {"hour", hour}, {"day", day}} {
		for _, k := range allKinds {
			if d.table == spanTable(span.length, k) && len(d.key) == 8 {
				at := time.Unix(int64(binary.BigEndian.Uint64(d.key)), 0).UTC()
				return fmt.Sprintf("%s of the %s %s", k.what(), span.word, at.Format("2006-01-02T15:04Z"))
			}
		}
	}
	switch d.table {
	case tableNames:
		return "the name of a series, and with it what the series has counted"
	case tableCredits:
		return fmt.Sprintf("the credits that were added to the key of hash %q", d.key)
	case tableCorrections:
		return "when, by whom and what for credits were added to a key, though not how much it has"
	case tableMeta:
		return "which spans of time there are, which has been found out again"
	}
	return "a row of table " + d.table
}

// mostTold is how many damaged rows of one reading have a line of their own in the log.
const mostTold = 20

// told logs rows that were found and set aside, and counts them.
func (l *localLedger) told(d *damages) {
	l.damaged.Add(int64(len(d.list)))
	for i := range d.list {
		if i == mostTold {
			l.log.Error("more rows of the ledger could not be read", "dir", l.dir, "rows", len(d.list)-i)
			return
		}
		row := &d.list[i]
		l.log.Error("a row of the ledger could not be read; it is left out, and kept in the ledger's table "+tableDamaged,
			"dir", l.dir, "lost", row.what(), "table", row.table, "key", fmt.Sprintf("%x", row.key), "bytes", len(row.value), "error", row.err)
	}
}

// setAside moves rows that a question has found, as far as the ledger can be written.
func (l *localLedger) setAside(d *damages) {
	if len(d.list) == 0 {
		return
	}
	if err := l.store.update(func(w writer) error { return d.setAside(w, l.now()) }); err != nil {
		l.log.Error("damaged rows of the ledger could not be set aside", "dir", l.dir, "rows", len(d.list), "error", err)
		return
	}
	l.told(d)
}
