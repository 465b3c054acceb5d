package passthrough

import (
	"cmp"
	"slices"

	"uniapi/codec/estimate"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// MostHoles is how many strings may differ from one ordinary event to the next.
const MostHoles = 4

// Hole is such a string, as it stands in an event's data.
type Hole struct {
	rawjson.Value
	// Says is whether it is of what the answer says. The others are padding.
	Says bool
}

const (
	maxHole     = 128  // bytes; a longer string is read the slow way, which is then the faster one
	maxTemplate = 2048 // bytes of an event that is worth remembering
)

// template is the shape of the last ordinary event, which has a piece of the answer and nothing else: in chat a chunk
// with one choice and neither usage nor error nor finish reason. Most events of a stream differ from the one before
// only in the text of their piece. An event that has the same bytes around those strings therefore means the same, and
// a few comparisons replace its parsing. This is exact, not a guess.
type template struct {
	bytes []byte
	lits  [MostHoles + 1][2]int // what lies before, between and behind the holes, as offsets into bytes
	says  [MostHoles + 1]bool   // whether the hole before a literal is of what the answer says
	n     int                   // literals in use; 0 = no template

	said int64 // what such holes of all events that matched weigh
}

// learn remembers an ordinary event by its holes, whose offsets are those in its data, which starts at offset in it. It
// sorts them.
func (t *template) learn(event []byte, offset int, holes []Hole) {
	t.n = 0
	if len(holes) > MostHoles || len(event) > maxTemplate || event[len(event)-1] != '\n' {
		return
	}
	t.bytes = append(t.bytes[:0], event...)
	slices.SortFunc(holes, func(a, b Hole) int { return cmp.Compare(a.Start, b.Start) })
	from := 0
	for i, h := range holes {
		t.says[i+1] = h.Says
		t.lits[i] = [2]int{from, offset + h.Start + 1} // with the opening quote
		from = offset + h.End - 1                      // at the closing one
	}
	t.lits[len(holes)] = [2]int{from, len(event)}
	t.n = len(holes) + 1
}

// match returns the length of the event that p starts with, if it has the template's shape, else 0. A censor looks at
// holes that are nothing the answer says; nil does not.
func (t *template) match(p []byte, censor sse.Censor) int {
	pos, said := 0, int64(0)
	for i := range t.n {
		if i > 0 {
			end, weight := estimate.WeightOfString(p[pos:min(pos+maxHole, len(p))])
			if end < 0 { // it is not near, or a control character comes first, which may be the end of the line
				return 0
			}
			if t.says[i] {
				said += weight
			} else if censor != nil {
				censor.Censor(p[pos : pos+end])
			}
			pos += end
		}
		lit := t.bytes[t.lits[i][0]:t.lits[i][1]]
		if len(p)-pos < len(lit) || string(p[pos:pos+len(lit)]) != string(lit) {
			return 0
		}
		pos += len(lit)
	}
	t.said += said
	return pos
}
