package usage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ledgerFile is the file in the data folder.
const ledgerFile = "usage.db"

// schema is the version of what is in the file.
const schema = 1

// The buckets. rows holds a Row by minute and by the series' number, both big-endian, so that a time is one piece of the file; names and
// numbers tell which series a number is.
var (
	bucketMeta    = []byte("meta")
	bucketRows    = []byte("rows")
	bucketNames   = []byte("names")   // number → name
	bucketNumbers = []byte("numbers") // name → number
	bucketCredits = []byte("credits") // hash of a key → nano-dollars

	keySchema = []byte("schema")
)

const (
	rowKey   = 4 + 4 // minute, number
	lockWait = 2 * time.Second
)

// ledger is a store in a bbolt file.
type ledger struct {
	db *bbolt.DB
	// numbers are what the file has of them. Only add, of which one runs at a time, touches them.
	numbers map[name]uint32
}

// openLedger opens the file, or makes it.
func openLedger(dir string) (*ledger, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be made (--data names another, DISABLE_DATABASE=true does without): %w", dir, err)
	}
	path := filepath.Join(dir, ledgerFile)
	db, err := bbolt.Open(path, 0o640, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("the ledger %s is open in another process; each gateway needs a data folder of its own (--data)", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("the ledger %s is damaged; move it away to begin a new one, or put a copy from a backup in its place: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("opening the ledger %s: %w", path, err)
	}
	l := &ledger{db: db, numbers: make(map[name]uint32)}
	if err := l.prepare(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("the ledger %s cannot be used: %w", path, err)
	}
	return l, nil
}

// prepare makes the buckets, checks the version and reads the names.
func (l *ledger) prepare() (err error) {
	defer func() { // bbolt trusts its pages: one that is no page makes it panic
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged; move it away to begin a new one, or put a copy from a backup in its place: %v", p)
		}
	}()
	return l.db.Update(func(tx *bbolt.Tx) error {
		for _, bucket := range [][]byte{bucketMeta, bucketRows, bucketNames, bucketNumbers, bucketCredits} {
			if _, err := tx.CreateBucketIfNotExists(bucket); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		if have := meta.Get(keySchema); have == nil {
			if err := meta.Put(keySchema, []byte{schema}); err != nil {
				return err
			}
		} else if len(have) != 1 || have[0] > schema {
			return errors.New("it was written by a newer version of uni-api; use that, or another data folder")
		}
		return tx.Bucket(bucketNames).ForEach(func(k, v []byte) error {
			n, err := readName(string(v))
			if err != nil || len(k) != 4 {
				return errName
			}
			l.numbers[n] = binary.BigEndian.Uint32(k)
			return nil
		})
	})
}

func appendKey(dst []byte, minute int64, number uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, uint32(minute)), number)
}

// number is a series' number, given to it now if it has none.
func (l *ledger) number(tx *bbolt.Tx, n name, given map[name]uint32) (uint32, error) {
	if number, known := l.numbers[n]; known {
		return number, nil
	}
	if number, known := given[n]; known {
		return number, nil
	}
	next, err := tx.Bucket(bucketNames).NextSequence()
	if err != nil {
		return 0, err
	}
	number := uint32(next)
	given[n] = number
	key := binary.BigEndian.AppendUint32(nil, number)
	if err := tx.Bucket(bucketNames).Put(key, []byte(n.String())); err != nil {
		return 0, err
	}
	return number, tx.Bucket(bucketNumbers).Put([]byte(n.String()), key)
}

func (l *ledger) add(minute int64, rows []row) error {
	given := make(map[name]uint32)
	err := l.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketRows)
		for i := range rows {
			number, err := l.number(tx, rows[i].name, given)
			if err != nil {
				return err
			}
			if err := addRow(bucket, appendKey(nil, minute, number), &rows[i].Row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for n, number := range given {
		l.numbers[n] = number // folds do not run side by side
	}
	return nil
}

// addRow adds to the row at a key.
func addRow(bucket *bbolt.Bucket, key []byte, r *Row) error {
	sum := *r
	if have := bucket.Get(key); have != nil {
		old, err := readRow(have)
		if err != nil {
			return err
		}
		sum.add(&old)
	}
	return bucket.Put(key, sum.append(nil))
}

func (l *ledger) scan(k kind, from, to int64, visit func(int64, name, *Row)) error {
	return l.db.View(func(tx *bbolt.Tx) error {
		names := make(map[uint32]name)
		read := func(number uint32) (name, error) {
			if n, known := names[number]; known {
				return n, nil
			}
			n, err := readName(string(tx.Bucket(bucketNames).Get(binary.BigEndian.AppendUint32(nil, number))))
			names[number] = n
			return n, err
		}
		c := tx.Bucket(bucketRows).Cursor()
		for key, value := c.Seek(appendKey(nil, max(from, 0), 0)); key != nil; key, value = c.Next() {
			if len(key) != rowKey {
				return errRow
			}
			minute := int64(binary.BigEndian.Uint32(key))
			if minute >= to {
				return nil
			}
			n, err := read(binary.BigEndian.Uint32(key[4:]))
			if err != nil {
				return err
			}
			if n.kind != k {
				continue
			}
			r, err := readRow(value)
			if err != nil {
				return err
			}
			visit(minute, n, &r)
		}
		return nil
	})
}

// compactRows is how many rows one transaction makes fewer, so that no write waits long for it.
const compactRows = 20_000

func (l *ledger) compact(before, forget int64) error {
	for {
		more, err := l.compactSome(before, forget)
		if err != nil || !more {
			return err
		}
	}
}

var keyCompacted = []byte("compacted") // up to which minute

func (l *ledger) compactSome(before, forget int64) (more bool, err error) {
	err = l.db.Update(func(tx *bbolt.Tx) error {
		bucket, meta := tx.Bucket(bucketRows), tx.Bucket(bucketMeta)
		done := int64(0)
		if at := meta.Get(keyCompacted); len(at) == 4 {
			done = int64(binary.BigEndian.Uint32(at))
		}
		type moved struct{ key, value []byte }
		var list []moved
		c := bucket.Cursor()
		key, value := c.First()
		if key == nil || int64(binary.BigEndian.Uint32(key)) >= forget {
			key, value = c.Seek(appendKey(nil, done, 0))
		}
		last := before
		for ; key != nil; key, value = c.Next() {
			minute := int64(binary.BigEndian.Uint32(key))
			if minute >= before {
				break
			}
			if len(list) == compactRows {
				more, last = true, minute
				break
			}
			if minute < forget || minute%60 != 0 {
				list = append(list, moved{append([]byte(nil), key...), append([]byte(nil), value...)})
			}
		}
		for _, m := range list {
			minute := int64(binary.BigEndian.Uint32(m.key))
			if err := bucket.Delete(m.key); err != nil {
				return err
			}
			if minute < forget {
				continue
			}
			r, err := readRow(m.value)
			if err != nil {
				return err
			}
			if err := addRow(bucket, appendKey(nil, minute-minute%60, binary.BigEndian.Uint32(m.key[4:])), &r); err != nil {
				return err
			}
		}
		return meta.Put(keyCompacted, binary.BigEndian.AppendUint32(nil, uint32(max(last, 0))))
	})
	return more, err
}

func (l *ledger) credit(hash string, nano int64) (total int64, err error) {
	err = l.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketCredits)
		if have := bucket.Get([]byte(hash)); len(have) == 8 {
			total = int64(binary.BigEndian.Uint64(have))
		}
		total += nano
		return bucket.Put([]byte(hash), binary.BigEndian.AppendUint64(nil, uint64(total)))
	})
	return total, err
}

func (l *ledger) credits() (map[string]int64, error) {
	all := make(map[string]int64)
	err := l.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketCredits).ForEach(func(k, v []byte) error {
			if len(v) == 8 {
				all[string(k)] = int64(binary.BigEndian.Uint64(v))
			}
			return nil
		})
	})
	return all, err
}

func (l *ledger) close() error { return l.db.Close() }
