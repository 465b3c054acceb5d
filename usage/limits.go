package usage

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"time"
)

// LimitKeeper has what is to outlive the process of rate limits.
type LimitKeeper struct {
	// Changes gives what has changed since it was called last, by names.
	Changes func() map[string][]byte
	// Until says from which second since 1970 on a value may be forgotten.
	Until func(value []byte) int64
}

// Limits are what was kept of the limits that processes before this one have counted.
func (b *Books) Limits() (map[string][]byte, error) {
	ctx, cancel := within(readWithin)
	defer cancel()
	kept, err := b.ledger.Limits(ctx, b.options.Now())
	if err != nil {
		return nil, fmt.Errorf("reading what was kept of the limits: %w", err)
	}
	return kept, nil
}

// KeepLimits has what limits count written with all else, once a second.
func (b *Books) KeepLimits(k LimitKeeper) { b.limits.Store(&k) }

// Limits implements Ledger.
func (l *localLedger) Limits(_ context.Context, now time.Time) (map[string][]byte, error) {
	return keptLimits(l.store, now)
}

// keptLimits are what a store has of them, without what may be forgotten, which it removes.
func keptLimits(s store, now time.Time) (map[string][]byte, error) {
	kept := make(map[string][]byte)
	var old [][]byte
	err := s.view(func(r reader) error {
		return r.each(tableLimits, func(name, value []byte) error {
			if len(value) < 8 || int64(binary.BigEndian.Uint64(value)) <= now.Unix() {
				old = append(old, append([]byte(nil), name...))
			} else {
				kept[string(name)] = append([]byte(nil), value[8:]...)
			}
			return nil
		})
	})
	if err != nil || len(old) == 0 {
		return kept, err
	}
	return kept, s.update(func(w writer) error {
		for _, name := range old {
			if err := w.remove(tableLimits, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeepLimits implements Ledger.
func (l *localLedger) KeepLimits(changed map[string][]byte, until func([]byte) int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits.take(changed, until)
}

// unkeptLimits are what limits have counted, as it is to be written, by names.
type unkeptLimits map[string][]byte

func (u *unkeptLimits) take(changed map[string][]byte, until func([]byte) int64) {
	if *u == nil {
		*u = make(unkeptLimits, len(changed))
	}
	for name, value := range changed {
		(*u)[name] = append(binary.BigEndian.AppendUint64(nil, uint64(until(value))), value...)
	}
}

// putLimits writes what limits have counted.
func putLimits(w writer, limits map[string][]byte) error {
	for name, value := range limits {
		if err := w.put(tableLimits, []byte(name), value); err != nil {
			return err
		}
	}
	return nil
}

// wrote forgets what was written, but for what has changed since.
func (u unkeptLimits) wrote(written map[string][]byte) {
	maps.DeleteFunc(u, func(name string, value []byte) bool {
		was, is := written[name]
		return is && &was[0] == &value[0]
	})
}
