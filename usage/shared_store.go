package usage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// sharedTx is a transaction in the common ledger as a writer, for what is done to the ledger as a whole: pricing it
// anew, importing. Spans are those of one instance. What goes wrong with the database is in err, since a reader cannot
// say it.
type sharedTx struct {
	ctx      context.Context
	tx       pgx.Tx
	server   *postgres
	instance int32
	named    func() int         // how many numbers series have
	months   map[time.Time]bool // whose parts this transaction knows of
	err      error
}

// alone changes the ledger while nothing is delivered and no series is given a number. index is that of its names, and
// what is added to it is written.
func (l *sharedLedger) alone(ctx context.Context, change func(w *sharedTx, m *marks, index *index) error) error {
	if err := l.prepared(ctx); err != nil {
		return err
	}
	var failed error
	err := l.server.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		for _, lock := range [...]int64{lockFolder, lockOrder, lockNames} {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lock); err != nil {
				return err
			}
		}
		now, err := l.clock(ctx, tx)
		if err != nil {
			return err
		}
		m, err := sharedMarks(ctx, tx, now, now)
		if err != nil {
			return err
		}
		if err := l.tables.learn(ctx, tx); err != nil {
			return err
		}
		index := indexOf(append([]Name(nil), l.tables.index.names...))
		had := len(index.names)
		w := &sharedTx{ctx: ctx, tx: tx, server: l.server, instance: l.tables.instance, named: func() int { return len(index.names) }}
		if failed = change(w, &m, index); failed != nil {
			if w.err != nil {
				return w.err
			}
			return errAsked
		}
		for number := had; number < len(index.names) && w.err == nil; number++ {
			_ = putName(w, uint32(number), index.names[number])
		}
		if w.err == nil {
			// The instances read again what was spent.
			_, w.err = tx.Exec(ctx, `INSERT INTO uniapi.meta AS m (key, value) VALUES ('changed', '\x01') ON CONFLICT (key) DO UPDATE
				SET value = decode(lpad(to_hex(extract(epoch FROM clock_timestamp())::bigint * 1000 + (random() * 999)::bigint), 16, '0'), 'hex')`)
		}
		return w.err
	})
	if errors.Is(err, errAsked) {
		return failed
	}
	return err
}

// of is the same transaction for another instance.
func (w *sharedTx) of(name string) (*sharedTx, error) {
	o := *w
	if _, err := w.tx.Exec(w.ctx, `INSERT INTO uniapi.instances (name) VALUES ($1) ON CONFLICT DO NOTHING`, name); err != nil {
		return nil, err
	}
	err := w.tx.QueryRow(w.ctx, `SELECT id FROM uniapi.instances WHERE name = $1`, name).Scan(&o.instance)
	return &o, err
}

// counted are the instances that any span is of.
func (w *sharedTx) counted() (map[int32]bool, error) {
	rows, err := w.tx.Query(w.ctx, `SELECT instance FROM uniapi.minutes UNION SELECT instance FROM uniapi.hours UNION SELECT instance FROM uniapi.days
		UNION SELECT instance FROM uniapi.key_days`)
	if err != nil {
		return nil, err
	}
	all, instance := map[int32]bool{}, int32(0)
	_, err = pgx.ForEachRow(rows, []any{&instance}, func() error {
		all[instance] = true
		return nil
	})
	return all, err
}

// instances are those that have counted anything, in the order of their names.
func (w *sharedTx) instances() (names []string, err error) {
	rows, err := w.tx.Query(w.ctx, `SELECT name FROM uniapi.instances ORDER BY name COLLATE "C"`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// spansOf takes the name of a table of spans apart.
func spansOf(table string) (length int64, k Kind, is bool) {
	_, kind, is := strings.Cut(table, ".")
	for _, l := range [...]int64{minute, hour, day} {
		if is && len(kind) == 1 && spanTable(l, Kind(kind[0])) == table {
			return l, Kind(kind[0]), true
		}
	}
	return 0, 0, false
}

func (w *sharedTx) fail(err error) error {
	if err != nil && w.err == nil {
		w.err = err
	}
	return err
}

// value is what a question for one value gives; nil if there is none.
func (w *sharedTx) value(question string, args ...any) (value []byte) {
	if err := w.tx.QueryRow(w.ctx, question, args...).Scan(&value); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		_ = w.fail(err)
	}
	return value
}

// get implements reader.
func (w *sharedTx) get(table string, key []byte) (value []byte) {
	if length, k, is := spansOf(table); is {
		at, _ := spanAt(key)
		_ = w.fail(w.spans(length, k, at, at+1, func(_ int64, batch []byte) error {
			value = batch
			return nil
		})) // of pieces of which one is damaged, too: whoever wrote in their place would lose the others
		return value
	}
	switch table {
	case tableMeta:
		return w.value(`SELECT value FROM uniapi.meta WHERE key = $1`, string(key))
	case tableCredits:
		return w.value(`SELECT int8send(nano) FROM uniapi.credits WHERE key = $1`, string(key))
	}
	return nil // corrections have numbers of their own: every place is free
}

// spans visits the spans of a time, each in one piece.
func (w *sharedTx) spans(length int64, k Kind, from, to int64, visit func(at int64, batch []byte) error) error {
	rows, err := w.tx.Query(w.ctx, `SELECT extract(epoch FROM at)::bigint, rows FROM uniapi.`+tableOf(length, k)+
		` WHERE at >= $1 AND at < $2 AND kind = $3 AND instance = $4 ORDER BY at, piece`, time.Unix(from, 0), time.Unix(to, 0), string(rune(k)), w.instance)
	if err != nil {
		return w.fail(err)
	}
	var at, last int64
	var batch []byte
	var pieces [][]byte
	var visited error
	told := func() error {
		if len(pieces) == 0 {
			return nil
		}
		whole, err := joined(k, pieces, w.named())
		if pieces = nil; err != nil {
			return fmt.Errorf("the %s of instance %d in the table uniapi.%s at %s: %w", kindNames[k], w.instance, tableOf(length, k), time.Unix(last, 0).UTC(), err)
		}
		return visit(last, whole)
	}
	_, err = pgx.ForEachRow(rows, []any{&at, &batch}, func() error {
		if at != last {
			if visited = told(); visited != nil {
				return visited
			}
		}
		last, pieces = at, append(pieces, append([]byte(nil), batch...))
		return nil
	})
	if visited != nil {
		return visited
	}
	if err != nil {
		return w.fail(err)
	}
	return told()
}

// joined makes one batch of pieces.
func joined(k Kind, pieces [][]byte, named int) ([]byte, error) {
	if len(pieces) == 1 {
		return pieces[0], nil
	}
	sum, d := newSpan(), decoderOf(named)
	for _, piece := range pieces {
		if err := sum.addBatch(&d, string(rune(k)), piece); err != nil {
			return nil, err
		}
	}
	return sum.batch(k), nil
}

// each implements reader.
func (w *sharedTx) each(table string, visit func(key, value []byte) error) error {
	if length, k, is := spansOf(table); is {
		return w.spans(length, k, 0, mostTime-1, func(at int64, batch []byte) error { return visit(spanKey(at), batch) })
	}
	var question string
	switch table {
	case tableCredits:
		question = `SELECT convert_to(key, 'UTF8'), int8send(nano) FROM uniapi.credits ORDER BY key COLLATE "C"`
	case tableCorrections:
		question = `SELECT convert_to(key, 'UTF8') || '\x00' || int8send(number), convert_to(said::text, 'UTF8') FROM uniapi.corrections ORDER BY key COLLATE "C", number`
	case tableMeta:
		question = `SELECT convert_to(key, 'UTF8'), value FROM uniapi.meta ORDER BY key`
	default:
		return nil
	}
	rows, err := w.tx.Query(w.ctx, question)
	if err != nil {
		return w.fail(err)
	}
	var key, value []byte
	var visited error
	if _, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		visited = visit(key, value)
		return visited
	}); visited != nil {
		return visited
	}
	return w.fail(err)
}

// next implements reader.
func (w *sharedTx) next(table string, key []byte) []byte {
	from, _ := spanAt(key)
	return w.end(table, `min(at)`, from)
}

// last implements reader.
func (w *sharedTx) last(table string) []byte { return w.end(table, `max(at)`, 0) }

// end is the key of one of the spans from a time on.
func (w *sharedTx) end(table, which string, from int64) []byte {
	length, k, is := spansOf(table)
	if !is {
		return nil
	}
	var at *int64
	if err := w.tx.QueryRow(w.ctx, `SELECT extract(epoch FROM `+which+`)::bigint FROM uniapi.`+tableOf(length, k)+
		` WHERE at >= $1 AND kind = $2 AND instance = $3`, time.Unix(from, 0), string(rune(k)), w.instance).Scan(&at); err != nil || at == nil {
		_ = w.fail(err)
		return nil
	}
	return spanKey(*at)
}

// put implements writer.
func (w *sharedTx) put(table string, key, value []byte) error {
	if length, k, is := spansOf(table); is {
		at, _ := spanAt(key)
		if err := w.remove(table, key); err != nil {
			return err
		}
		if err := w.parts(monthOf(at)); err != nil {
			return err
		}
		return w.exec(`INSERT INTO uniapi.`+tableOf(length, k)+` (at, kind, instance, piece, rows) VALUES ($1, $2, $3, 0, $4)`,
			time.Unix(at, 0), string(rune(k)), w.instance, value)
	}
	switch table {
	case tableMeta:
		return w.exec(`INSERT INTO uniapi.meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, string(key), value)
	case tableNames:
		return w.exec(`INSERT INTO uniapi.names (number, name) VALUES ($1, $2)`, binary.BigEndian.Uint32(key), value)
	case tableCredits:
		return w.exec(`INSERT INTO uniapi.credits (key, nano) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET nano = excluded.nano`,
			string(key), int64(binary.BigEndian.Uint64(value)))
	case tableCorrections:
		hash, _, _ := strings.Cut(string(key), "\x00")
		var c Correction
		if err := json.Unmarshal(value, &c); err != nil {
			return err
		}
		return w.exec(`INSERT INTO uniapi.corrections (id, key, at, said) VALUES (gen_random_uuid(), $1, $2, $3)`, hash, c.At, value)
	case tableDamaged:
		return w.exec(`INSERT INTO uniapi.damaged (was, rows) VALUES ($1, $2)`, fmt.Sprintf("%x", key), value)
	}
	return fmt.Errorf("the common ledger has no table %s", table)
}

// parts has the parts of a month made, and this transaction know of them: PostgreSQL goes by the parts that a table had
// when the transaction first wrote to it, until it locks something new. A whole table is locked, since a part may be
// another user's: rights on the table are enough then.
func (w *sharedTx) parts(month time.Time) error {
	if w.months[month] {
		return nil
	}
	if err := w.server.makeParts(w.ctx, month); err != nil {
		return w.fail(err)
	}
	for _, table := range partitioned {
		if err := w.exec(`LOCK TABLE uniapi.` + table + ` IN ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
	}
	if w.months == nil {
		w.months = make(map[time.Time]bool)
	}
	w.months[month] = true
	return nil
}

func (w *sharedTx) exec(statement string, args ...any) error {
	_, err := w.tx.Exec(w.ctx, statement, args...)
	return w.fail(err)
}

// remove implements writer.
func (w *sharedTx) remove(table string, key []byte) error {
	if length, k, is := spansOf(table); is {
		at, _ := spanAt(key)
		return w.exec(`DELETE FROM uniapi.`+tableOf(length, k)+` WHERE at = $1 AND kind = $2 AND instance = $3`, time.Unix(at, 0), string(rune(k)), w.instance)
	}
	return nil
}

// drop implements writer.
func (w *sharedTx) drop(string) error { return nil }

// offline are the options of what opens a ledger for once: what waits in a folder for the common ledger is its
// gateway's.
func (o Options) offline() Options {
	o = o.withDefaults()
	if o.Database != "" {
		o.Memory = true
	}
	return o
}
