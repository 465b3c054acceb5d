package codec

// Drops counts the events of a stream that could not be read and were left out of an answer that had begun. It is for a
// stream's reader to embed; how the stream ends is judged without them.
type Drops struct{ count int }

// Drop counts one.
func (d *Drops) Drop() { d.count++ }

// Dropped is how many there were.
func (d *Drops) Dropped() int { return d.count }

// Cut takes back what was counted since there were so many: the event that a stream ended in is no broken one, but one
// that was cut off.
func (d *Drops) Cut(before int) { d.count = before }

// NotJSON is the error of an event that cannot be read.
func NotJSON(err error) *Error {
	return NoAnswer("the upstream sent an event that is not valid JSON: " + err.Error())
}
