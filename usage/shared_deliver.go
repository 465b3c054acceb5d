package usage

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// tables are what this instance knows of the common ledger.
type tables struct {
	mu       sync.Mutex
	ready    bool
	instance int32
	index    *index // the numbers of series in the tables
	months   map[time.Time]bool
	rollUpAt int64 // when there is an hour to roll up; 0 is not known
}

// prepare has the tables made, and finds out what this instance is called in them.
func (l *sharedLedger) prepare(ctx context.Context) error {
	if err := l.server.prepare(ctx); err != nil {
		return err
	}
	var id int32
	err := l.server.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO uniapi.instances (name) VALUES ($1) ON CONFLICT DO NOTHING`, l.instance); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT id FROM uniapi.instances WHERE name = $1`, l.instance).Scan(&id)
	})
	if err != nil {
		return err
	}
	l.tables.mu.Lock()
	defer l.tables.mu.Unlock()
	l.tables.ready, l.tables.instance, l.tables.months = true, id, map[time.Time]bool{}
	l.tables.index = indexOf(make([]Name, 1))
	return nil
}

// prepared prepares the tables unless that has been done.
func (l *sharedLedger) prepared(ctx context.Context) error {
	l.tables.mu.Lock()
	ready := l.tables.ready
	l.tables.mu.Unlock()
	if ready {
		return nil
	}
	return l.prepare(ctx)
}

// clock is what time it is for the ledger: that of the database, since instances may disagree.
func (l *sharedLedger) clock(ctx context.Context, tx pgx.Tx) (now int64, err error) {
	if l.now != nil {
		return l.now().Unix(), nil
	}
	err = tx.QueryRow(ctx, `SELECT extract(epoch FROM clock_timestamp())::bigint`).Scan(&now)
	return now, err
}

// mostGap is how many numbers in a row may have lost their names. What is farther from the one before is no number: a
// row that is damaged would have room made for billions.
const mostGap = 1 << 16

// learn reads the names that have been given numbers since the last time.
func (t *tables) learn(ctx context.Context, tx pgx.Tx) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows, err := tx.Query(ctx, `SELECT number, name FROM uniapi.names WHERE number >= $1 ORDER BY number`, len(t.index.names))
	if err != nil {
		return err
	}
	var number int32
	var name []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &name}, func() error {
		if int(number) > len(t.index.names)+mostGap {
			return nil
		}
		n, err := lengthened.read(name)
		for len(t.index.names) < int(number) || err != nil && len(t.index.names) == int(number) {
			t.index.names = append(t.index.names, lostName(uint32(len(t.index.names))))
		}
		if err == nil && len(t.index.names) == int(number) {
			t.index.names = append(t.index.names, n)
			t.index.numbers[n] = uint32(number)
		}
		return nil
	})
	return err
}

// named is how many numbers are known to be given.
func (t *tables) named() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.index.names)
}

// numbers are those of names, by what they are called here; ok is false if one has none yet.
func (t *tables) numbers(names map[uint32]Name) (all map[uint32]uint32, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all = make(map[uint32]uint32, len(names))
	for own, n := range names {
		number, known := t.index.numbers[n]
		if !known {
			return nil, false
		}
		all[own] = number
	}
	return all, true
}

// numbered gives names that are new numbers, one behind the other: a question has a place for each.
func (l *sharedLedger) numbered(ctx context.Context, names map[uint32]Name) (map[uint32]uint32, error) {
	if all, ok := l.tables.numbers(names); ok {
		return all, nil
	}
	err := l.server.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockNames); err != nil {
			return err
		}
		var list [][]byte
		for _, n := range names {
			list = append(list, lengthened.write(n))
		}
		if err := l.tables.learn(ctx, tx); err != nil { // what numbers there are, but for those that are none
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO uniapi.names (number, name)
			SELECT coalesce((SELECT max(number) FROM uniapi.names WHERE number < $2), 0) + row_number() OVER (), n
			FROM unnest($1::bytea[]) AS n WHERE NOT EXISTS (SELECT FROM uniapi.names WHERE name = n AND number < $2)
			ON CONFLICT (name) DO UPDATE SET number = excluded.number`, list, l.tables.named())
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := l.server.do(ctx, readOnly, func(tx pgx.Tx) error { return l.tables.learn(ctx, tx) }); err != nil {
		return nil, err
	}
	all, ok := l.tables.numbers(names)
	if !ok {
		l.tables.mu.Lock()
		l.tables.ready = false // it is another database than it was
		l.tables.mu.Unlock()
		return nil, errors.New("the common ledger does not have the names that were put into it")
	}
	return all, nil
}

var readOnly = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// parts has the months made that a time and what follows it need.
func (l *sharedLedger) parts(ctx context.Context, at int64) error {
	for _, t := range [...]int64{at, at + 7*day} {
		month := monthOf(t)
		l.tables.mu.Lock()
		known := l.tables.months[month]
		l.tables.mu.Unlock()
		if known {
			continue
		}
		if err := l.server.makeParts(ctx, month); err != nil {
			return err
		}
		l.tables.mu.Lock()
		l.tables.months[month] = true
		l.tables.mu.Unlock()
	}
	return nil
}

// deliver puts a piece into the tables, once however often it is tried: with it, in the same transaction, stands which
// piece of its process was the last.
func (l *sharedLedger) deliver(ctx context.Context, p *piece) error {
	if err := l.prepared(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	names, costs := l.box.names(p.span), l.box.costs(p.span)
	l.mu.Unlock()
	numbers, err := l.numbered(ctx, names)
	if err != nil {
		return err
	}
	if err := l.parts(ctx, p.at); err != nil {
		return err
	}
	l.tables.mu.Lock()
	instance := l.tables.instance
	l.tables.mu.Unlock()
	return l.server.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared($1)`, lockOrder); err != nil {
			return err
		}
		now, err := l.clock(ctx, tx)
		if err != nil {
			return err
		}
		first, err := l.first(ctx, tx, p, instance)
		if err != nil || !first {
			return err
		}
		at := max(min(p.at, begin(now, minute)+minute), begin(now-int64(l.retention/time.Second), day))
		m, err := sharedMarks(ctx, tx, now, at)
		if err != nil {
			return err
		}
		l.rollUpLater(&m)
		if err := addSpan(ctx, tx, &m, at, instance, p.span.numbered(numbers)); err != nil {
			return err
		}
		keys := slices.Sorted(maps.Keys(costs))
		nano := make([]int64, len(keys))
		for i, key := range keys {
			nano[i] = costs[key]
		}
		_, err = tx.Exec(ctx, `INSERT INTO uniapi.spent AS s (run, key, nano, batch) SELECT $1, k, n, $2 FROM unnest($3::text[], $4::bigint[]) AS u(k, n)
			ON CONFLICT (run, key) DO UPDATE SET nano = least(s.nano::numeric + excluded.nano, 9223372036854775807)::bigint, batch = excluded.batch`, [16]byte(p.run), p.number, keys, nano)
		return err
	})
}

// first says whether a piece is not in the tables yet, and notes that it is.
func (l *sharedLedger) first(ctx context.Context, tx pgx.Tx, p *piece, instance int32) (bool, error) {
	done, err := tx.Exec(ctx, `INSERT INTO uniapi.runs AS r (id, instance, batch) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen = now() WHERE r.batch < excluded.batch`, [16]byte(p.run), instance, p.number)
	return done.RowsAffected() > 0, err
}

// sharedMarks are the marks of the common ledger, which begins with a time.
func sharedMarks(ctx context.Context, tx pgx.Tx, now, at int64) (m marks, err error) {
	read := func(more string) (found bool, err error) {
		var value []byte
		if err := tx.QueryRow(ctx, `SELECT value FROM uniapi.meta WHERE key = 'marks'`+more).Scan(&value); errors.Is(err, pgx.ErrNoRows) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		m, found, err = parseMarks(value)
		return found, err
	}
	found, err := read("")
	if err != nil || found && begin(at, day) >= m.Origin {
		return m, err
	}
	if !found {
		m = startMarks(now)
		if _, err := tx.Exec(ctx, `INSERT INTO uniapi.meta (key, value) VALUES ('marks', $1) ON CONFLICT DO NOTHING`, m.bytes()); err != nil {
			return m, err
		}
	}
	if _, err := read(" FOR UPDATE"); err != nil {
		return m, err
	}
	if today := begin(at, day); today < m.Origin {
		m.Origin, m.DaysFrom, m.HoursFrom = today, min(m.DaysFrom, today), min(m.HoursFrom, today)
		_, err = tx.Exec(ctx, `UPDATE uniapi.meta SET value = $1 WHERE key = 'marks'`, m.bytes())
	}
	return m, err
}

// numbered is a span with other numbers.
func (m *span) numbered(numbers map[uint32]uint32) *span {
	other := newSpan()
	other.clients = m.clients
	for k, list := range m.rows {
		for own, c := range list {
			if number, known := numbers[own]; known {
				other.rows[k].at(number).add(c)
			}
		}
	}
	return other
}

// addSpan adds what was counted in a minute to every span of the ledger that it is in and that is complete: a piece
// that comes late is in the hour and the day as it would have been in time.
func addSpan(ctx context.Context, tx pgx.Tx, m *marks, at int64, instance int32, s *span) error {
	var number int64
	if err := tx.QueryRow(ctx, `SELECT nextval('uniapi.pieces')`).Scan(&number); err != nil {
		return err
	}
	for _, level := range [...]struct {
		length int64
		in     bool
	}{{minute, at >= m.MinutesFrom}, {hour, at < m.HoursTo}, {day, at < m.DaysTo}} {
		if level.in {
			if err := copySpan(ctx, tx, level.length, begin(at, level.length), instance, number, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// spanColumns are those of the tables of spans.
var spanColumns = []string{"at", "kind", "instance", "piece", "rows"}

// tableOf is where the spans of a length and kind are. The days of keys stay for good.
func tableOf(length int64, k Kind) string {
	switch {
	case length == minute:
		return "minutes"
	case length == hour:
		return "hours"
	case k == ofKeys:
		return "key_days"
	}
	return "days"
}

// copySpan writes a span by COPY.
func copySpan(ctx context.Context, tx pgx.Tx, length, at int64, instance int32, number int64, s *span) error {
	into := make(map[string][][]any)
	for _, k := range allKinds {
		if batch := s.batch(k); len(batch) > 0 {
			table := tableOf(length, k)
			into[table] = append(into[table], []any{time.Unix(at, 0), string(rune(k)), instance, number, batch})
		}
	}
	return copyRows(ctx, tx, into)
}

func copyRows(ctx context.Context, tx pgx.Tx, into map[string][][]any) error {
	for _, table := range slices.SortedFunc(maps.Keys(into), cmp.Compare[string]) {
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"uniapi", table}, spanColumns, pgx.CopyFromRows(into[table])); err != nil {
			return err
		}
	}
	return nil
}
