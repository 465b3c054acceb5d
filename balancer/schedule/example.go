//go:build example

package schedule

// Backwards shows how a schedule is added: it asks the last of a key's channels first.
// This file and its name among the schedules of config/schema.go are all that it takes.
type Backwards struct{}

func init() {
	ofChannels["backwards"] = func([]Place) (Policy, []int) { return Backwards{}, nil }
}

// Pick gives the last one that was not asked yet.
func (Backwards) Pick(w *Walk) int {
	for i := len(w.Marks) - 1; i >= 0; i-- {
		if w.mark(i) {
			return i
		}
	}
	return -1
}

// Explain says what comes before it.
func (Backwards) Explain(*Walk, int) string { return "backwards: the last in the key's rules first" }
