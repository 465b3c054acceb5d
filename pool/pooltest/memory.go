package pooltest

import "errors"

// Memory has room for Most bytes.
type Memory struct{ Most, Held int }

// ErrNoRoom is what Hold returns when it is full.
var ErrNoRoom = errors.New("no room")

// Hold takes n bytes in all.
func (m *Memory) Hold(n int) error {
	if n > m.Most {
		return ErrNoRoom
	}
	m.Held = n
	return nil
}
