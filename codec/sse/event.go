package sse

import "bytes"

// Event is one event by its fields. The slices alias the bytes it was parsed from, or the join buffer of Parse.
type Event struct {
	// Name is the value of the last event: line, nil if there is none.
	Name []byte
	// Data is the data: lines joined with LF, and Lines how many there were: with one, Data aliases the block, with
	// none there is no data, which is not the same as empty data.
	Data  []byte
	Lines int
	// Foreign is the block from its first line on that is no field of an event stream: an error page or a JSON body
	// where events were promised. Nil otherwise.
	Foreign []byte
}

// Censor looks at an event, or a piece of one, in which a provider may speak in its own voice and not in the model's,
// before it goes out. It may change bytes, but moves none, and says whether it has.
type Censor interface {
	Censor(event []byte) (changed bool)
}

// Overlap is how much of a large event waits for what follows, in bytes: such an event goes out in pieces, and nobody
// finds what is looked for where each piece has some of it.
const Overlap = 1 << 10

// WantsWhole says whether a censor must see events whole, however large they are. Nil does not.
func WantsWhole(c Censor) bool {
	whole, may := c.(interface{ WantsWhole() bool })
	return may && whole.WantsWhole()
}

var (
	bom   = []byte("\xef\xbb\xbf")
	colon = []byte{':'}
)

// TrimBOM takes the mark off that some streams begin with. Anywhere else in a stream it is part of a line.
func TrimBOM(start []byte) []byte { return bytes.TrimPrefix(start, bom) }

// Parse reads the lines of one event, with or without the empty line at its end. Several data lines are joined in join,
// which is reused; the usual single line is not copied. Unknown fields are ignored, as the standard says, and ids, but
// a line that does not even look like a field is reported as Foreign.
func Parse(block []byte, join *[]byte) Event {
	var e Event
	for len(block) > 0 {
		end := lineEnd(block, 0)
		line, rest := block[:end], block[min(end+1, len(block)):]
		name, value, _ := bytes.Cut(line, colon)
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		switch {
		case len(name) == 0: // empty line or comment
		case string(name) == "data":
			switch e.Lines {
			case 0:
				e.Data = value
			case 1:
				*join = append((*join)[:0], e.Data...)
				fallthrough
			default:
				*join = append(append(*join, '\n'), value...)
				e.Data = *join
			}
			e.Lines++
		case string(name) == "event":
			e.Name = value
		case e.Foreign == nil && !fieldLike(name):
			e.Foreign = block
		}
		block = rest
	}
	return e
}

// fieldLike says whether name may be the name of a field that we do not know: a short word, as in "retry".
func fieldLike(name []byte) bool {
	if len(name) > 32 {
		return false
	}
	for _, c := range name {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
