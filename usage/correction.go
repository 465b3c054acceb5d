package usage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"uniapi/codec/saturate"
)

// Correction is a change of what was added to the credits of a client key.
type Correction struct {
	At    time.Time `json:"at"`
	Nano  int64     `json:"nano_dollars"`   // below zero if it was taken back
	Total int64     `json:"total"`          // what was added in all then, in nano-dollars
	By    string    `json:"by,omitempty"`   // which admin's key
	Note  string    `json:"note,omitempty"` // what for
	// Repriced is by how much what the key has spent was changed, in nano-dollars; nothing was added then.
	Repriced int64 `json:"repriced_nano_dollars,omitempty"`
}

// TooMuchTakenBack is the error of a correction that would take back more than was ever added.
type TooMuchTakenBack struct{ Added int64 } // nano-dollars

func (e *TooMuchTakenBack) Error() string {
	return fmt.Sprintf("only %v dollars were added", float64(e.Added)/1e9)
}

// AddCredits adds to what a key may spend, or takes back what was added, and has that and the correction itself written
// before it returns. known is false for a key that is not configured.
func (b *Books) AddCredits(secret string, c Correction) (state KeyState, known bool, err error) {
	b.configuring.Lock() // while the period and the sum stay what they are
	defer b.configuring.Unlock()
	k := b.Key(secret)
	t := k.terms.Load()
	if t == nil {
		return state, false, nil
	}
	c.At = b.options.Now().UTC()
	if added := k.added(); t.Renews != nil && c.Nano < 0 && saturate.Add(added, c.Nano) < 0 {
		return state, true, &TooMuchTakenBack{added} // what was added before has gone with its month
	}
	ctx, cancel := within(writeWithin)
	defer cancel()
	total, err := b.ledger.AddCredits(ctx, k.hash, c)
	if err == nil {
		total, err = b.addedTo(k, t, total)
	}
	if err != nil {
		return state, true, fmt.Errorf("writing the credit to the ledger: %w", err)
	}
	b.setAdded(k, total)
	return b.state(k, t), true, nil
}

// Corrections are all that AddCredits did for a key, the first one first.
func (b *Books) Corrections(secret string) (list []Correction, known bool, err error) {
	k := b.Key(secret)
	if k.terms.Load() == nil {
		return nil, false, nil
	}
	ctx, cancel := within(readWithin)
	defer cancel()
	if list, err = b.ledger.Corrections(ctx, k.hash); err != nil {
		err = fmt.Errorf("reading the corrections from the ledger: %w", err)
	}
	return list, true, err
}

// AddCredits implements Ledger.
func (l *localLedger) AddCredits(_ context.Context, key string, c Correction) (total int64, err error) {
	err = l.store.update(func(w writer) error {
		added, _ := amount(w.get(tableCredits, []byte(key))) // none, or none that can be read
		switch total = saturate.Add(added, c.Nano); {
		case total == math.MaxInt64:
			return errors.New("that is more than can be counted")
		case total < 0:
			return &TooMuchTakenBack{added}
		}
		c.Total = total
		row, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := w.put(tableCorrections, freeCorrectionKey(w, key, c.At), row); err != nil {
			return err
		}
		return w.put(tableCredits, []byte(key), binary.BigEndian.AppendUint64(nil, uint64(total)))
	})
	return total, err
}

// freeCorrectionKey is where a correction is put: two may be of the same nanosecond, or the clock was set back.
func freeCorrectionKey(r reader, key string, at time.Time) []byte {
	free := correctionKey(key, at)
	for r.get(tableCorrections, free) != nil {
		free = correctionKey(key, time.Unix(0, int64(binary.BigEndian.Uint64(free[len(free)-8:]))+1))
	}
	return free
}

func correctionKey(key string, at time.Time) []byte {
	return binary.BigEndian.AppendUint64([]byte(key+"\x00"), uint64(at.UnixNano()))
}

// Corrections implements Ledger.
func (l *localLedger) Corrections(_ context.Context, key string) (list []Correction, err error) {
	var lost damages
	err = l.store.view(func(r reader) error {
		return r.each(tableCorrections, func(at, row []byte) error {
			if !strings.HasPrefix(string(at), key+"\x00") {
				return nil
			}
			var c Correction
			if err := json.Unmarshal(row, &c); err != nil {
				lost.note(tableCorrections, at, row, err)
				return nil
			}
			list = append(list, c)
			return nil
		})
	})
	if err == nil {
		l.setAside(&lost)
	}
	return list, err
}
