package usage

import (
	"maps"
	"slices"
	"sync"
)

// memory is a store without a file, for DISABLE_DATABASE.
type memory struct {
	mu     sync.RWMutex
	tables map[string]map[string][]byte
}

func newMemory() *memory { return &memory{tables: make(map[string]map[string][]byte)} }

func (m *memory) view(read func(reader) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return read(m)
}

// update need not undo anything: there is nothing here that fails.
func (m *memory) update(change func(writer) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return change(m)
}

func (m *memory) size() int64 { return 0 }

func (m *memory) close() error { return nil }

func (m *memory) get(table string, key []byte) []byte { return m.tables[table][string(key)] }

func (m *memory) each(table string, visit func(key, value []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(m.tables[table])) {
		if err := visit([]byte(key), m.tables[table][key]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) next(table string, key []byte) (next []byte) {
	for k := range m.tables[table] {
		if k >= string(key) && (next == nil || k < string(next)) {
			next = []byte(k)
		}
	}
	return next
}

func (m *memory) last(table string) (last []byte) {
	for k := range m.tables[table] {
		if k > string(last) {
			last = []byte(k)
		}
	}
	return last
}

func (m *memory) put(table string, key, value []byte) error {
	if m.tables[table] == nil {
		m.tables[table] = make(map[string][]byte)
	}
	m.tables[table][string(key)] = value
	return nil
}

func (m *memory) remove(table string, key []byte) error {
	delete(m.tables[table], string(key))
	return nil
}

func (m *memory) drop(table string) error {
	delete(m.tables, table)
	return nil
}
