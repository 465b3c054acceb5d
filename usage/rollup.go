package usage

import (
	"bytes"
	"time"
)

// minutesFor is how long there are rows by the minute.
const minutesFor = 48 * time.Hour

// daysAtOnce bounds a transaction that catches up after the process was not there for long.
const daysAtOnce = 32

// rollUp makes hours of minutes and days of hours as soon as they are over, and forgets what has been kept for long
// enough. l.writing is held.
func (l *localLedger) rollUp(now time.Time) error {
	to := begin(now.Unix(), hour)
	l.mu.Lock()
	m := l.marks
	due := to > m.HoursTo && !l.journal.waiting(to)
	if due {
		l.journal.floor = to // a clock that is set back must not count into what is complete
	}
	l.mu.Unlock()
	for due && m.HoursTo < to {
		var lost damages
		next := m
		if err := l.store.update(func(w writer) error {
			if err := next.advance(w, min(to, m.HoursTo+daysAtOnce*day), now, l.retention, &lost); err != nil {
				return err
			}
			return lost.setAside(w, now)
		}); err != nil {
			return err
		}
		m = next
		l.told(&lost)
		l.mu.Lock()
		l.marks = m
		l.mu.Unlock()
	}
	return nil
}

// advance completes the hours before a time and the days that end before it.
func (m *marks) advance(w writer, to int64, now time.Time, retention time.Duration, lost *damages) error {
	if err := complete(w, hour, &m.HoursTo, to, minute, lost); err != nil {
		return err
	}
	if err := complete(w, day, &m.DaysTo, begin(m.HoursTo, day), hour, lost); err != nil {
		return err
	}
	if err := forget(w, minute, &m.MinutesFrom, min(begin(now.Add(-minutesFor).Unix(), hour), m.HoursTo), allKinds[:]); err != nil {
		return err
	}
	kept := min(begin(now.Add(-retention).Unix(), day), m.DaysTo)
	if err := forget(w, hour, &m.HoursFrom, kept, allKinds[:]); err != nil {
		return err
	}
	// What a key has spent counts for as long as its created_at says: the days of keys stay.
	if err := forget(w, day, &m.DaysFrom, kept, []Kind{ofRequests, ofChannels, ofAttempts, ofParts, ofClients}); err != nil {
		return err
	}
	return m.write(w)
}

// complete makes spans of a length of the shorter ones in them, from a time on, which it moves, up to another. Time in
// which nothing was counted costs nothing, however long it is.
func complete(w writer, length int64, from *int64, to, of int64, lost *damages) error {
	for at := begin(nextOf(w, of, *from, allKinds[:]), length); at < to; at = begin(nextOf(w, of, at+length, allKinds[:]), length) {
		if err := readSpans(w, of, at, at+length, lost).write(w, length, at); err != nil {
			return err
		}
	}
	*from = max(*from, to)
	return nil
}

// forget removes spans from a time on, which it moves, up to another.
func forget(w writer, length int64, from *int64, to int64, kinds []Kind) error {
	for at := nextOf(w, length, *from, kinds); at < to; at = nextOf(w, length, at+length, kinds) {
		for _, k := range kinds {
			if err := w.remove(spanTable(length, k), spanKey(at)); err != nil {
				return err
			}
		}
	}
	*from = max(*from, to)
	return nil
}

// nextOf is when the first span of a length begins that is there from a time on, of any of the kinds; mostTime if none
// is.
func nextOf(r reader, length, from int64, kinds []Kind) int64 {
	first := int64(mostTime)
	for _, k := range kinds {
		for key := r.next(spanTable(length, k), spanKey(from)); key != nil; key = r.next(spanTable(length, k), append(bytes.Clone(key), 0)) {
			if at, ok := spanAt(key); ok && at%length == 0 { // what a damaged file has besides is nobody's
				first = min(first, at)
				break
			}
		}
	}
	return first
}
