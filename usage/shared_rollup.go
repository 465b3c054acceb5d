package usage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// rollUpWithin is how long an hour may take to be rolled up. What is delivered meanwhile waits.
	rollUpWithin = time.Minute
	// rollUpAfter is when an hour is rolled up that is over: most of it has come by then, and what comes later is
	// added.
	rollUpAfter = 15
	// runsFor is how long it is remembered which piece of a process was the last, after that was delivered.
	runsFor = 40 * 24 * time.Hour
)

// rollUpLater notes when the next hour is due.
func (l *sharedLedger) rollUpLater(m *marks) {
	l.tables.mu.Lock()
	l.tables.rollUpAt = m.HoursTo + hour + rollUpAfter
	l.tables.mu.Unlock()
}

// rollUpIfDue makes hours of minutes and days of hours that are over. One instance does.
func (l *sharedLedger) rollUpIfDue(ctx context.Context) error {
	for {
		l.tables.mu.Lock()
		at := l.tables.rollUpAt
		l.tables.mu.Unlock()
		// A clock that is ahead asks too early, and is told when it is due; one that is behind leaves it to others.
		now := time.Now
		if l.now != nil {
			now = l.now
		}
		if at == 0 || now().Unix() < at {
			return nil
		}
		more := false
		err := l.server.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) (err error) {
			more, err = l.rollUpHour(ctx, tx)
			return err
		})
		switch {
		case errors.Is(err, errAway):
			return err
		case err != nil: // deliveries go on, and answers are right without it
			l.log.Error("the common ledger's minutes cannot be made hours; it is tried again", "database", l.server.at, "error", err)
			l.tables.mu.Lock()
			l.tables.rollUpAt = now().Unix() + minute
			l.tables.mu.Unlock()
			return nil
		case !more:
			return nil
		}
	}
}

// errNewer is that a newer version has written what this one would lose.
var errNewer = errors.New("a newer version of uni-api has counted something; it rolls up")

// latestVersion is how far a newer version's batches may be ahead: a first byte beyond it is damage, which must not
// keep hours from being rolled up for good.
const latestVersion = batchVersion + 16

// rollUpHour rolls up the next hour that is over and in which something was counted; more is that there may be another.
// Hours and days in which nothing was cost nothing, however many they are.
func (l *sharedLedger) rollUpHour(ctx context.Context, tx pgx.Tx) (more bool, err error) {
	mine := false
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, lockFolder).Scan(&mine); err != nil || !mine {
		l.tables.mu.Lock()
		l.tables.rollUpAt = time.Now().Unix() + 5 // another one is at it
		l.tables.mu.Unlock()
		return false, err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockOrder); err != nil {
		return false, err
	}
	now, err := l.clock(ctx, tx)
	if err != nil {
		return false, err
	}
	m, err := sharedMarks(ctx, tx, now, now)
	if err != nil {
		return false, err
	}
	l.rollUpLater(&m)
	over := begin(now-rollUpAfter, hour)
	if over <= m.HoursTo {
		return false, nil
	}
	if m.HoursTo, err = l.combineNext(ctx, tx, hour, m.HoursTo, over, minute); err != nil {
		return false, err
	}
	for m.DaysTo+day <= m.HoursTo {
		if m.DaysTo, err = l.combineNext(ctx, tx, day, m.DaysTo, begin(m.HoursTo, day), hour); err != nil {
			return false, err
		}
	}
	if err := l.forget(ctx, tx, &m, now); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `UPDATE uniapi.meta SET value = $1 WHERE key = 'marks'`, m.bytes()); err != nil {
		return false, err
	}
	l.rollUpLater(&m)
	return true, nil
}

// combineNext combines the first span in [from, to) in which there are shorter ones, and says up to where all are
// complete then.
func (l *sharedLedger) combineNext(ctx context.Context, tx pgx.Tx, length, from, to, of int64) (complete int64, err error) {
	next := to
	for _, table := range tablesOf(of) {
		var at *int64
		if err := tx.QueryRow(ctx, `SELECT extract(epoch FROM min(at))::bigint FROM uniapi.`+table+` WHERE at >= $1 AND at < $2`,
			time.Unix(from, 0), time.Unix(to, 0)).Scan(&at); err != nil {
			return from, err
		}
		if at != nil {
			next = min(next, begin(*at, length))
		}
	}
	if next >= to {
		return to, nil
	}
	return next + length, l.combine(ctx, tx, length, next, of)
}

// tablesOf are the tables that spans of a length are in.
func tablesOf(length int64) (tables []string) {
	for _, k := range allKinds {
		if table := tableOf(length, k); !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	return tables
}

// combine makes a span of the shorter ones in it, for each instance, and one piece of the pieces of each of those.
func (l *sharedLedger) combine(ctx context.Context, tx pgx.Tx, length, at, of int64) error {
	type key struct {
		instance int32
		at       int64
	}
	sums, whole := map[key]*span{}, map[int32]*span{}
	tables := tablesOf(of)
	if err := l.tables.learn(ctx, tx); err != nil {
		return err
	}
	d := decoderOf(l.tables.named())
	var damaged [][]byte
	var was []string
	for _, table := range tables {
		rows, err := tx.Query(ctx, `SELECT instance, extract(epoch FROM at)::bigint, kind, rows FROM uniapi.`+table+` WHERE at >= $1 AND at < $2`,
			time.Unix(at, 0), time.Unix(at+length, 0))
		if err != nil {
			return err
		}
		var instance int32
		var begun int64
		var kind string
		var batch []byte
		if _, err := pgx.ForEachRow(rows, []any{&instance, &begun, &kind, &batch}, func() error {
			if whole[instance] == nil {
				whole[instance] = newSpan()
			}
			one := sums[key{instance, begun}]
			if one == nil {
				one = newSpan()
				sums[key{instance, begun}] = one
			}
			if kind != string(rune(ofClients)) && len(batch) > 0 && batch[0] > batchVersion && batch[0] <= latestVersion {
				return errNewer
			}
			if one.addBatch(&d, kind, batch) != nil {
				damaged = append(damaged, slices.Clone(batch))
				was = append(was, fmt.Sprintf("%s %s of instance %d at %d", table, kind, instance, begun))
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if len(damaged) > 0 {
		l.damaged.Add(int64(len(damaged)))
		l.log.Error("rows of the common ledger cannot be read; they are left out, and kept in uniapi.damaged", "database", l.server.at, "rows", len(damaged), "first", was[0])
		if _, err := tx.Exec(ctx, `INSERT INTO uniapi.damaged (was, rows) SELECT * FROM unnest($1::text[], $2::bytea[])`, was, damaged); err != nil {
			return err
		}
	}
	into := make(map[string][][]any)
	put := func(length, at int64, instance int32, s *span) {
		for _, k := range allKinds {
			if batch := s.batch(k); len(batch) > 0 {
				table := tableOf(length, k)
				into[table] = append(into[table], []any{time.Unix(at, 0), string(rune(k)), instance, int64(0), batch})
			}
		}
	}
	for of1, s := range sums {
		whole[of1.instance].merge(s)
		put(of, of1.at, of1.instance, s)
	}
	for instance, s := range whole {
		put(length, at, instance, s)
	}
	for _, table := range tables {
		if _, err := tx.Exec(ctx, `DELETE FROM uniapi.`+table+` WHERE at >= $1 AND at < $2`, time.Unix(at, 0), time.Unix(at+length, 0)); err != nil {
			return err
		}
	}
	return copyRows(ctx, tx, into)
}

// decoderOf reads batches of a ledger that has so many names. Rows of higher numbers are no series': they would take
// memory alone.
func decoderOf(names int) decoder { return decoder{below: uint64(names) + mostGap} }

// addBatch adds what was written of one kind.
func (m *span) addBatch(d *decoder, kind string, batch []byte) error {
	if len(kind) != 1 {
		return errBatch
	}
	k := Kind(kind[0])
	if k == ofClients {
		return m.clients.add(batch)
	}
	list, known := m.rows[k]
	if !known {
		return errBatch
	}
	return d.add(batch, allColumns, list.at)
}

// forget removes what has been kept for long enough, months as a whole.
func (l *sharedLedger) forget(ctx context.Context, tx pgx.Tx, m *marks, now int64) error {
	minutes := min(begin(now-int64(minutesFor/time.Second), hour), m.HoursTo)
	kept := min(begin(now-int64(l.retention/time.Second), day), m.DaysTo)
	for _, old := range [...]struct {
		table string
		from  *int64
		to    int64
	}{{"minutes", &m.MinutesFrom, minutes}, {"hours", &m.HoursFrom, kept}, {"days", &m.DaysFrom, kept}} {
		if *old.from >= old.to {
			continue
		}
		if monthOf(*old.from) != monthOf(old.to) {
			if err := dropParts(ctx, tx, old.table, old.to); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM uniapi.`+old.table+` WHERE at < $1`, time.Unix(old.to, 0)); err != nil {
			return err
		}
		*old.from = old.to
	}
	_, err := tx.Exec(ctx, `DELETE FROM uniapi.runs WHERE seen < now() - $1::interval`, runsFor)
	return err
}
