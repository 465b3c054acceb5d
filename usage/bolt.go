package usage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ledgerFile is the file in the data folder.
const ledgerFile = "usage.db"

// lockWait is how long Open waits for another process to let go of the file, as one that is being restarted does.
const lockWait = 2 * time.Second

// boltFile is a store in a bbolt file.
type boltFile struct{ db *bbolt.DB }

// openFile opens the ledger, or makes it, and brings it to the schema of this version. Rows that it cannot read on the
// way are in lost.
func openFile(dir string, lost *damages, now time.Time) (*boltFile, error) {
	return openBolt(dir, ledgerFile, func(w writer) error { return migrate(w, lost, now) })
}

// openBolt opens a file of a folder, or makes it, and has it brought to a schema.
func openBolt(dir, name string, migrate func(writer) error) (*boltFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be made (--data names another, DISABLE_DATABASE=true does without): %w", dir, err)
	}
	path := filepath.Join(dir, name)
	l := new(boltFile)
	err := guarded(func() (err error) {
		l.db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("the ledger %s is open in another process; each gateway needs a data folder of its own (--data): %w", path, ErrInUse)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, errDamaged):
		return nil, damaged(path, err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return nil, fmt.Errorf("the data folder %s cannot be written to by user %d: give it to that user (chown %[2]d), name another with --data, or do without with DISABLE_DATABASE=true: %w", dir, os.Getuid(), err)
	case err != nil:
		return nil, fmt.Errorf("opening the ledger %s (--data names another folder, DISABLE_DATABASE=true does without): %w", path, err)
	}
	if err = l.whole(path); err == nil {
		err = l.update(migrate)
	}
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, errDamaged), errors.Is(err, errName), errors.Is(err, errBatch):
		err = damaged(path, err)
	default:
		err = fmt.Errorf("the ledger %s cannot be used: %w", path, err)
	}
	_ = l.close()
	return nil, err
}

func damaged(path string, err error) error {
	return fmt.Errorf("the ledger %s is damaged; move it away to begin a new one, or put a copy from a backup in its place: %w", path, err)
}

// errDamaged is what bbolt's own checks found.
var errDamaged = errors.New("a page is not what it should be")

// guarded makes an error of what bbolt does with a damaged file: it trusts its pages, so one that is none makes it
// panic, and one that is missing is a memory fault.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

// whole checks that the file is as long as it says: what is cut off would only be missed when it is read.
func (l *boltFile) whole(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return l.db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w: the file is %d bytes long and should be %d", errDamaged, info.Size(), tx.Size())
		}
		return nil
	})
}

func (l *boltFile) view(read func(reader) error) error {
	return guarded(func() error {
		return l.db.View(func(tx *bbolt.Tx) error { return read(boltTx{tx}) })
	})
}

func (l *boltFile) update(change func(writer) error) error {
	return guarded(func() error {
		return l.db.Update(func(tx *bbolt.Tx) error { return change(boltTx{tx}) })
	})
}

func (l *boltFile) size() (bytes int64) {
	_ = guarded(func() error {
		return l.db.View(func(tx *bbolt.Tx) error {
			bytes = tx.Size()
			return nil
		})
	})
	return bytes
}

// close does not wait for transactions that a damaged page has ended; there are none else.
func (l *boltFile) close() error { return guarded(l.db.Close) }

// boltTx is a transaction as reader and writer.
type boltTx struct{ tx *bbolt.Tx }

func (t boltTx) get(table string, key []byte) []byte {
	if b := t.tx.Bucket([]byte(table)); b != nil {
		return b.Get(key)
	}
	return nil
}

func (t boltTx) each(table string, visit func(key, value []byte) error) error {
	if b := t.tx.Bucket([]byte(table)); b != nil {
		return b.ForEach(visit)
	}
	return nil
}

func (t boltTx) next(table string, key []byte) (next []byte) {
	if b := t.tx.Bucket([]byte(table)); b != nil {
		next, _ = b.Cursor().Seek(key)
	}
	return next
}

func (t boltTx) last(table string) (last []byte) {
	if b := t.tx.Bucket([]byte(table)); b != nil {
		last, _ = b.Cursor().Last()
	}
	return last
}

func (t boltTx) put(table string, key, value []byte) error {
	b, err := t.tx.CreateBucketIfNotExists([]byte(table))
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

func (t boltTx) remove(table string, key []byte) error {
	if b := t.tx.Bucket([]byte(table)); b != nil {
		return b.Delete(key)
	}
	return nil
}

func (t boltTx) drop(table string) error {
	if t.tx.Bucket([]byte(table)) == nil {
		return nil
	}
	return t.tx.DeleteBucket([]byte(table))
}
