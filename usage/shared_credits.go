package usage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"uniapi/codec/saturate"
)

// Credits implements Ledger.
func (l *sharedLedger) Credits(ctx context.Context) (map[string]int64, error) {
	added := make(map[string]int64)
	err := l.ask(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT key, nano FROM uniapi.credits`)
		if err != nil {
			return err
		}
		var key string
		var nano int64
		_, err = pgx.ForEachRow(rows, []any{&key, &nano}, func() error {
			added[key] = max(nano, 0) // nobody has taken back more than was added
			return nil
		})
		return err
	})
	return added, err
}

// ask reads something, unless the database is known to be away: nothing waits for that again and again.
func (l *sharedLedger) ask(ctx context.Context, read func(pgx.Tx) error) error {
	l.mu.Lock()
	away := l.awayErr
	l.mu.Unlock()
	if errors.Is(away, errAway) {
		return away
	}
	if err := l.prepared(ctx); err != nil {
		return err
	}
	return l.server.do(ctx, readOnly, read)
}

// AddCredits implements Ledger. If the connection breaks when it may have been written, it is asked for again by its
// number.
func (l *sharedLedger) AddCredits(ctx context.Context, key string, c Correction) (total int64, err error) {
	id := run{}
	if _, err := rand.Read(id[:]); err != nil {
		return 0, err
	}
	for {
		total, err = l.addCredits(ctx, id, key, c)
		if err == nil || !errors.Is(err, errAway) || ctx.Err() != nil {
			return total, err
		}
		select {
		case <-time.After(retryFirst):
		case <-ctx.Done():
			return 0, err
		}
	}
}

func (l *sharedLedger) addCredits(ctx context.Context, id run, key string, c Correction) (total int64, err error) {
	if err := l.prepared(ctx); err != nil {
		return 0, err
	}
	var refused error
	err = l.server.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO uniapi.credits (key, nano) VALUES ($1, 0) ON CONFLICT DO NOTHING`, key); err != nil {
			return err
		}
		var added int64
		if err := tx.QueryRow(ctx, `SELECT nano FROM uniapi.credits WHERE key = $1 FOR UPDATE`, key).Scan(&added); err != nil {
			return err
		}
		var there []byte
		if err := tx.QueryRow(ctx, `SELECT said FROM uniapi.corrections WHERE id = $1`, [16]byte(id)).Scan(&there); err == nil {
			total = added
			return nil
		} else if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		switch total = saturate.Add(added, c.Nano); {
		case total == math.MaxInt64:
			refused = errors.New("that is more than can be counted")
			return errAsked
		case total < 0:
			refused = &TooMuchTakenBack{added}
			return errAsked
		}
		c.Total = total
		if _, err := tx.Exec(ctx, `UPDATE uniapi.credits SET nano = $2 WHERE key = $1`, key, total); err != nil {
			return err
		}
		return putCorrection(ctx, tx, id, key, c)
	})
	if refused != nil {
		return 0, refused
	}
	return total, err
}

func putCorrection(ctx context.Context, tx pgx.Tx, id run, key string, c Correction) error {
	said, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO uniapi.corrections (id, key, at, said) VALUES ($1, $2, $3, $4)`, [16]byte(id), key, c.At, said)
	return err
}

// Corrections implements Ledger.
func (l *sharedLedger) Corrections(ctx context.Context, key string) (list []Correction, err error) {
	err = l.ask(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT said FROM uniapi.corrections WHERE key = $1 ORDER BY number`, key)
		if err != nil {
			return err
		}
		var said []byte
		_, err = pgx.ForEachRow(rows, []any{&said}, func() error {
			var c Correction
			if err := json.Unmarshal(said, &c); err != nil {
				l.log.Error("a correction in the common ledger cannot be read; it is left out", "database", l.server.at, "key", key, "error", err)
				return nil
			}
			list = append(list, c)
			return nil
		})
		return err
	})
	return list, err
}

// Elsewhere is what processes have told the common ledger that was spent, in their lives, by client key.
type Elsewhere map[string]map[run]int64

// News is what has changed in a ledger that instances share.
type News struct {
	Added map[string]int64 // to credits, ever, by key
	Spent Elsewhere        // of processes that have delivered something since
	// Changed is another number when what has been counted is another, as after a new pricing: sums must be read again.
	Changed int64
}

// News asks for what has changed. seen is how far each process had come then, and moves on.
func (l *sharedLedger) News(ctx context.Context, seen map[run]int64) (n News, err error) {
	n.Added, n.Spent = make(map[string]int64), Elsewhere{}
	next := maps.Clone(seen)
	err = l.ask(ctx, func(tx pgx.Tx) error {
		var key string
		var nano, batch int64
		rows, err := tx.Query(ctx, `SELECT key, nano FROM uniapi.credits`)
		if err != nil {
			return err
		}
		if _, err := pgx.ForEachRow(rows, []any{&key, &nano}, func() error {
			n.Added[key] = max(nano, 0)
			return nil
		}); err != nil {
			return err
		}
		var value []byte
		if err := tx.QueryRow(ctx, `SELECT coalesce((SELECT value FROM uniapi.meta WHERE key = 'changed'), '')`).Scan(&value); err != nil {
			return err
		}
		for _, b := range value {
			n.Changed = n.Changed<<8 | int64(b)
		}
		var id [16]byte
		var ids [][16]byte
		if rows, err = tx.Query(ctx, `SELECT id, batch FROM uniapi.runs WHERE seen > now() - interval '1 day'`); err != nil {
			return err
		}
		if _, err := pgx.ForEachRow(rows, []any{&id, &batch}, func() error {
			if batch > seen[id] {
				ids = append(ids, id)
				next[id] = batch
			}
			return nil
		}); err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := n.Spent.read(ctx, tx, id, seen[id]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		maps.Copy(seen, next)
	}
	return n, err
}

func (e Elsewhere) read(ctx context.Context, tx pgx.Tx, id run, after int64) error {
	rows, err := tx.Query(ctx, `SELECT key, nano FROM uniapi.spent WHERE run = $1 AND batch > $2`, [16]byte(id), after)
	if err != nil {
		return err
	}
	var key string
	var nano int64
	_, err = pgx.ForEachRow(rows, []any{&key, &nano}, func() error {
		if e[key] == nil {
			e[key] = map[run]int64{}
		}
		e[key][id] = max(nano, 0) // nothing that was paid gives anything back
		return nil
	})
	return err
}

// elsewhere is what the sums of this moment have of each process.
func (v *sharedView) elsewhere() (Elsewhere, error) {
	all := Elsewhere{}
	rows, err := v.tx.Query(v.ctx, `SELECT run, key, nano FROM uniapi.spent`)
	if err != nil {
		v.broken = err
		return nil, err
	}
	var id [16]byte
	var key string
	var nano int64
	_, err = pgx.ForEachRow(rows, []any{&id, &key, &nano}, func() error {
		if all[key] == nil {
			all[key] = map[run]int64{}
		}
		all[key][id] = max(nano, 0)
		return nil
	})
	v.broken = err
	return all, err
}
