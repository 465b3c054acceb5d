package usage

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"uniapi/codec/saturate"
)

// What is known of a common ledger stays here as well, beside what waits for it: a start while the database is away
// goes on with that.

// tableKnown has, by the hash of a client key, what was known of its credits.
const tableKnown = "known"

// remembered is what the ledger had of a key when it was asked last, and what this process had spent beside that.
type remembered struct {
	At    int64            `json:"at"`
	Since int64            `json:"since"` // from when on the costs count
	Total int64            `json:"total"` // that the ledger had
	Told  map[string]int64 `json:"told,omitempty"`
	Added int64            `json:"added,omitempty"` // to the credits, of what counts
	Run   string           `json:"run"`             // this process, and what it has spent in its life
	Own   int64            `json:"own,omitempty"`
	// Unread is that the ledger was never asked: it is what this folder knows by itself.
	Unread bool `json:"unread,omitempty"`
}

// mostKnown is for how long it is of use.
const mostKnown = 400 * day

// readKnown reads what a process before this one has left. What is too old, or cannot be read, is forgotten.
func readKnown(s store, now time.Time) (all map[string]*remembered, err error) {
	var old [][]byte
	all = make(map[string]*remembered)
	err = s.view(func(r reader) error {
		return r.each(tableKnown, func(hash, value []byte) error {
			n := new(remembered)
			if json.Unmarshal(value, n) != nil || n.Since <= 0 || n.At < now.Unix()-mostKnown {
				old = append(old, append([]byte(nil), hash...))
				return nil
			}
			all[string(hash)] = n
			return nil
		})
	})
	if err == nil && len(old) > 0 {
		err = s.update(func(w writer) error {
			for _, hash := range old {
				if err := w.remove(tableKnown, hash); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all, err
}

// over says whether it is of a time that does not count any more: by another created_at, or since the credits have
// begun anew.
func (n *remembered) over(since int64, renews bool) bool {
	return since > n.At || renews && n.Since < since
}

// hexOf is how a process is written.
func hexOf(id run) string { return hex.EncodeToString(id[:]) }

// common is that as the ledger would tell it, of a key whose costs count from a time on. Of a time that is over nothing
// counts, but what each process had spent by then is known: others may tell of it yet.
func (n *remembered) common(since int64, renews bool) *common {
	c := &common{since: since, told: map[run]int64{}, unread: n.Unread}
	for name, nano := range n.Told {
		if id, err := hex.DecodeString(name); err == nil && len(id) == len(run{}) {
			c.told[run(id)] = max(nano, 0)
		}
	}
	c.total = max(n.Total, 0)
	if id, err := hex.DecodeString(n.Run); err == nil && len(id) == len(run{}) {
		c.atLeast(run(id), n.Own)
	}
	if n.over(since, renews) {
		c.total = 0
	}
	return c
}

// atLeast counts what a process has spent in its life, as far as it is more than was known.
func (c *common) atLeast(id run, nano int64) {
	if more := nano - c.told[id]; more > 0 {
		c.total = saturate.Add(c.total, more)
		c.told[id] = nano
	}
}

// recall takes what was known of a key before this process, if nothing else is: what its folder has of the ledger, and
// what waits there for it. Told is that the ledger has ever been asked.
func (s *sharing) recall(k *Key, start int64, left []leftBehind) (told bool) {
	t := k.terms.Load()
	renews := t != nil && t.Renews != nil
	if c := s.keys[k]; c != nil {
		if renews && start > c.since {
			s.begin(k, c, start)
		}
		return !c.unread
	}
	c := &common{since: start, told: map[run]int64{}, unread: true}
	if n := s.ledger.before[k.hash]; n != nil {
		c = n.common(start, renews)
		if !renews || !n.over(start, renews) {
			k.granted.Store(n.Added)
		}
	}
	waits := map[run]int64{}
	for _, l := range left {
		if l.at >= begin(start, hour) { // it may be of an hour
			waits[l.run] = saturate.Add(waits[l.run], l.costs[k.hash])
		}
	}
	for id, nano := range waits {
		c.atLeast(id, nano)
	}
	s.keys[k] = c
	s.put(k, c) // it stays known if this process ends before the ledger answers
	return !c.unread
}

// begin lets the costs of a key count from a later time on, of which the ledger has told nothing yet: what was known by
// then counts no more, of this process too. Nothing can have been added since, for that takes the ledger.
func (s *sharing) begin(k *Key, c *common, start int64) {
	c.since, c.total = start, 0
	own := k.account.Spent()
	if o, shares := k.account.(owner); shares {
		own = o.Own()
	}
	c.told[s.ledger.box.run] = max(c.told[s.ledger.box.run], own)
	k.granted.Store(0)
	s.put(k, c)
}

// leftBehind is what a process before this one has spent with keys in a time, and has not delivered.
type leftBehind struct {
	run   run
	at    int64
	costs map[string]int64
}

// left is that of pieces.
func (l *sharedLedger) left(pieces []*piece) (list []leftBehind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range pieces {
		list = append(list, leftBehind{p.run, p.at, l.box.costs(p.span)})
	}
	return list
}

// older are copies of the pieces of processes before this one.
func (l *sharedLedger) older() []*piece {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(l.box.listed(), func(p *piece) bool { return p.run == l.box.run })
}

// recallAll does that for keys that could not be read, and tells of it once after a start.
func (s *sharing) recallAll(b *Books, keys map[*Key]int64) {
	asOf, some, unknown := int64(0), 0, 0
	left := s.ledger.left(s.ledger.older())
	for k, start := range keys {
		told := s.recall(k, start, left)
		if t := k.terms.Load(); t == nil || t.Credits == nil {
			continue
		}
		if some++; !told {
			unknown++
		} else if n := s.ledger.before[k.hash]; n != nil {
			asOf = max(asOf, n.At)
		}
	}
	if s.read || some == 0 || b.unread.Swap(true) {
		return
	}
	said := []any{"database", s.ledger.server.at, "keys", some, "unknown", unknown}
	if asOf > 0 {
		said = append(said, "as of", time.Unix(asOf, 0).UTC().Format(time.RFC3339))
	}
	what := "until it can, credits count with what this folder knows of before; of keys that are unknown to it, with what is spent from now on"
	if b.options.Strict {
		what = "until it can, keys with credits are refused"
	}
	b.options.Log.Warn("what keys have spent cannot be read from the common ledger: "+what, said...)
}

// owner is an account that knows what of all was spent by this process.
type owner interface{ Own() int64 }

// written is what was written of a key last.
type written struct {
	common     *remembered
	own, added int64
}

// snapshot is what the ledger has of a key, for those who must not wait for it.
func (c *common) snapshot() *remembered {
	n := &remembered{Since: c.since, Total: c.total, Told: make(map[string]int64, len(c.told)), Unread: c.unread}
	for id, nano := range c.told {
		n.Told[hexOf(id)] = nano
	}
	return n
}

// keepKnown hands on what has changed of what is known of keys with credits. Books.flushing is held.
func (b *Books) keepKnown(now time.Time) {
	s := b.sharing
	b.mu.Lock()
	keys := make([]*Key, 0, len(b.keys))
	for _, k := range b.keys {
		if t := k.terms.Load(); t != nil && t.Credits != nil && k.common.Load() != nil {
			keys = append(keys, k)
		}
	}
	b.mu.Unlock()
	changed := make(map[string][]byte)
	for _, k := range keys {
		is := written{common: k.common.Load(), own: k.account.Spent(), added: k.granted.Load()}
		if o, shares := k.account.(owner); shares {
			is.own = o.Own()
		}
		if s.kept[k] == is {
			continue
		}
		n := *is.common
		n.At, n.Own, n.Added, n.Run = now.Unix(), is.own, is.added, hexOf(s.ledger.box.run)
		data, err := json.Marshal(&n)
		if err != nil {
			continue // it is numbers and texts
		}
		changed[k.hash], s.kept[k] = data, is
	}
	if len(changed) > 0 {
		s.ledger.keepKnown(changed)
	}
}

// keepKnown takes over what is known of keys. It is written by the next Write.
func (l *sharedLedger) keepKnown(changed map[string][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = make(map[string][]byte, len(changed))
	}
	maps.Copy(l.known, changed)
}

func putKnown(w writer, all map[string][]byte) error {
	for hash, value := range all {
		if err := w.put(tableKnown, []byte(hash), value); err != nil {
			return err
		}
	}
	return nil
}

// wroteKnown forgets what was written, but for what has changed since.
func (l *sharedLedger) wroteKnown(done map[string][]byte) {
	maps.DeleteFunc(l.known, func(hash string, value []byte) bool {
		was, is := done[hash]
		return is && &was[0] == &value[0]
	})
}

// Unread says that what keys have spent could not be read from the ledger since the start, so that it is known as of
// before at best.
func (b *Books) Unread() bool { return b.unread.Load() }

// Ready says whether requests of keys with credits are served. They are not where Options.Strict wants certainty and
// there is none yet.
func (b *Books) Ready() bool { return !b.options.Strict || !b.unread.Load() }

// errUnread is why a request is refused then.
var errUnread = fmt.Errorf("what was spent is not known, since the ledger could not be read since the start: %w", errAway)
