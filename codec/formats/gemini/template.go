package gemini

import (
	"cmp"
	"slices"

	"uniapi/codec/rawjson"
)

const (
	maxHoles    = 1 + len(countNames)
	maxTemplate = 4096 // bytes of an object that is worth remembering
	maxMisses   = 16   // objects without a match among them, after which it is given up
)

// template is the shape of the last ordinary object of a stream: one choice with one part of text, and counts. Most
// objects differ from the one before in the text and some counts only. One that has the same bytes around these means
// the same, and comparing them replaces parsing it. This is exact, not a guess.
type template struct {
	bytes []byte
	holes []hole // in their order; empty for no template
	tail  int    // where the last literal starts
	miss  int

	// Of the object that matched last:
	choice  int64
	thought bool
	text    rawjson.Value
	counts  counts
}

// hole is a place for a text or a number. The literal before it is bytes[from:to], a text's opening quote included.
type hole struct {
	from, to int
	count    int // in counts, -1 for the text
}

// match says whether data has the template's shape, and reads what is in the holes.
func (t *template) match(data []byte) bool {
	if len(t.holes) == 0 {
		return false
	}
	pos := 0
	for _, h := range t.holes {
		n := h.to - h.from
		if len(data)-pos < n || string(data[pos:pos+n]) != string(t.bytes[h.from:h.to]) {
			return false
		}
		pos += n
		start := pos
		if h.count < 0 {
			if pos = stringEnd(data, pos); pos < 0 {
				return false
			}
			t.text = rawjson.Value{Start: start - 1, End: pos + 1, Kind: rawjson.String}
			continue
		}
		number := int64(0)
		for pos < len(data) && data[pos] >= '0' && data[pos] <= '9' {
			number = number*10 + int64(data[pos]-'0')
			pos++
		}
		if digits := pos - start; digits == 0 || digits > 18 || digits > 1 && data[start] == '0' {
			return false
		}
		t.counts.n[h.count] = number
	}
	return string(data[pos:]) == string(t.bytes[t.tail:])
}

// stringEnd returns the offset of the quote that closes the string whose inside starts at data[i], -1 if there is none
// or the string is not a plain one.
func stringEnd(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			return i
		case c == '\\':
			i++
		case c < ' ':
			return -1
		}
	}
	return -1
}

// learn takes the shape of an object that has been read, if it is an ordinary one.
func (t *template) learn(data []byte) {
	if t.miss == maxMisses {
		return
	}
	t.miss++
	t.holes = t.holes[:0]
	t.choice, t.thought, t.counts = 0, false, counts{}
	if len(data) > maxTemplate || !t.walk(data) {
		t.holes = t.holes[:0]
		return
	}
	slices.SortFunc(t.holes, func(a, b hole) int { return cmp.Compare(a.from, b.from) })
	t.bytes = append(t.bytes[:0], data...)
	from := 0
	for i, h := range t.holes {
		t.holes[i].from, t.holes[i].to, from = from, h.from, h.to
	}
	if t.tail = from; !t.match(data) { // a number that is no count
		t.holes = t.holes[:0]
	}
}

// walk collects the holes, with from and to around what is in them. False for an object that is not ordinary, such as
// one with two members of a name.
func (t *template) walk(data []byte) bool {
	v, err := rawjson.One(data)
	if err != nil {
		return false
	}
	texts, candidates, usages := 0, 0, 0
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "candidates":
			candidates++
			n, ok := t.candidates(data, it.Value)
			if !ok {
				return false
			}
			texts += n
		case "usageMetadata":
			usages++
			t.counts = readCounts(data, it.Value)
			for c := it.Value.Members(data); c.Next(); {
				if i := countOf(c.Name()); i >= 0 && c.Value.Kind == rawjson.Number {
					t.holes = append(t.holes, hole{c.Value.Start, c.Value.End, i})
				}
			}
		case "promptFeedback", "error":
			return false
		}
	}
	return texts == 1 && candidates == 1 && usages <= 1 && len(t.holes) <= maxHoles
}

// candidates counts the texts, of which there may be one.
func (t *template) candidates(data []byte, list rawjson.Value) (texts int, ok bool) {
	n, contents := 0, 0
	for it := list.Elements(data); it.Next(); n++ {
		for m := it.Value.Members(data); m.Next(); {
			switch m.Name() {
			case "content":
				contents++
				for parts := m.Value.Get(data, "parts").Elements(data); parts.Next(); texts++ {
					if !t.part(data, parts.Value) {
						return 0, false
					}
				}
			case "index":
				t.choice, _ = rawjson.Int(data, m.Value)
			case "citationMetadata", "groundingMetadata", "logprobsResult", "finishReason", "finishMessage":
				return 0, false
			}
		}
	}
	return texts, n == 1 && contents == 1
}

func (t *template) part(data []byte, v rawjson.Value) bool {
	text := false
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "text":
			if text || it.Value.Kind != rawjson.String {
				return false
			}
			text = true
			t.holes = append(t.holes, hole{it.Value.Start + 1, it.Value.End - 1, -1})
		case "thought":
			t.thought = it.Value.Kind == rawjson.True
		default:
			return false
		}
	}
	return text
}
