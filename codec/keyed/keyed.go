// Package keyed finds what is open in an answer, such as calls and blocks, by the number that it came with. There are
// few of them, but for upstreams that send what no model says: few are found in a list, many by a map.
package keyed

import "iter"

// List has values by their keys, in the order in which they were added. The zero value is ready.
type List[K comparable, V any] struct {
	entries []entry[K, V]
	first   int       // of the entries, behind removed ones
	places  map[K]int // in entries; nil while there are few
	live    int       // entries that were not removed
}

type entry[K comparable, V any] struct {
	key   K
	gone  bool
	value V
}

// few is how many entries are looked through.
const few = 16

// Len is how many values there are.
func (l *List[K, V]) Len() int { return l.live }

// Find is the value of a key, the newest if there are several, nil if there is none. It is valid until the next Add.
func (l *List[K, V]) Find(key K) *V {
	if i := l.place(key); i >= 0 {
		return &l.entries[i].value
	}
	return nil
}

func (l *List[K, V]) place(key K) int {
	if l.places != nil {
		if i, has := l.places[key]; has {
			return i
		}
		return -1
	}
	for i := len(l.entries) - 1; i >= 0; i-- {
		if e := &l.entries[i]; e.key == key && !e.gone {
			return i
		}
	}
	return -1
}

// Add adds a value.
func (l *List[K, V]) Add(key K, value V) *V {
	if len(l.entries) >= 2*few && l.live <= len(l.entries)/2 {
		l.compact()
	}
	l.entries = append(l.entries, entry[K, V]{key: key, value: value})
	l.live++
	switch {
	case l.places != nil:
		l.places[key] = len(l.entries) - 1
	case len(l.entries) > few:
		l.index()
	}
	return &l.entries[len(l.entries)-1].value
}

// Remove takes out what Find finds.
func (l *List[K, V]) Remove(key K) {
	i := l.place(key)
	if i < 0 {
		return
	}
	if l.live--; l.live == 0 {
		l.Reset()
		return
	}
	l.entries[i] = entry[K, V]{key: key, gone: true}
	for l.entries[l.first].gone {
		l.first++
	}
	if l.places != nil {
		delete(l.places, key)
	}
}

// Reset takes all out and keeps their room.
func (l *List[K, V]) Reset() {
	clear(l.entries)
	l.entries, l.first, l.places, l.live = l.entries[:0], 0, nil, 0
}

// All are the values in their order. They may be changed, and the one that is at hand be removed.
func (l *List[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for i := l.first; i < len(l.entries); i++ {
			if e := &l.entries[i]; !e.gone && !yield(e.key, &e.value) {
				return
			}
		}
	}
}

// compact moves the entries together, once half of them are gone.
func (l *List[K, V]) compact() {
	kept := l.entries[:0]
	for _, e := range l.entries {
		if !e.gone {
			kept = append(kept, e)
		}
	}
	clear(l.entries[len(kept):])
	l.entries, l.first = kept, 0
	if l.places = nil; len(kept) > few {
		l.index()
	}
}

func (l *List[K, V]) index() {
	l.places = make(map[K]int, 2*len(l.entries))
	for i := range l.entries {
		if e := &l.entries[i]; !e.gone {
			l.places[e.key] = i
		}
	}
}
