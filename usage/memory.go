package usage

import (
	"maps"
	"sync"
)

// memory is a store without a file, for DISABLE_DATABASE.
type memory struct {
	mu    sync.Mutex
	rows  map[int64]map[name]*Row
	extra map[string]int64
}

func newMemory() *memory {
	return &memory{rows: make(map[int64]map[name]*Row), extra: make(map[string]int64)}
}

func (m *memory) add(minute int64, rows []row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range rows {
		m.put(minute, rows[i].name, &rows[i].Row)
	}
	return nil
}

func (m *memory) put(minute int64, n name, r *Row) {
	at := m.rows[minute]
	if at == nil {
		at = make(map[name]*Row)
		m.rows[minute] = at
	}
	if at[n] == nil {
		at[n] = new(Row)
	}
	at[n].add(r)
}

func (m *memory) scan(k kind, from, to int64, visit func(int64, name, *Row)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for minute, rows := range m.rows {
		if minute < from || minute >= to {
			continue
		}
		for n, r := range rows {
			if n.kind == k {
				copied := *r
				visit(minute, n, &copied)
			}
		}
	}
	return nil
}

func (m *memory) compact(before, forget int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for minute, rows := range maps.Clone(m.rows) {
		switch {
		case minute < forget:
			delete(m.rows, minute)
		case minute < before && minute%60 != 0:
			delete(m.rows, minute)
			for n, r := range rows {
				m.put(minute-minute%60, n, r)
			}
		}
	}
	return nil
}

func (m *memory) credit(hash string, nano int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.extra[hash] += nano
	return m.extra[hash], nil
}

func (m *memory) credits() (map[string]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.extra), nil
}

func (m *memory) close() error { return nil }
