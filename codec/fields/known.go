package fields

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Known are the members of an object that the gateway reads. Each may stand in it once and in one spelling, whatever
// other members there are: of two of a name another reader may take the other one, and a reader that ignores case takes
// Model for model. Both would let a request say one thing here and another there.
//
// It is made once, and immutable from then on.
type Known struct {
	names []string
	mixed []string // those with capitals
	inner []*Known // by number: what is known inside the member; nil if nothing is
	marks set
	camel bool

	ends  [mostKnown]ends       // of the names
	table [1 << tableBits]uint8 // 1 + the number of a name, by its hash; 0 for none
	seed  uint64
}

const (
	mostKnown = 128
	tableBits = 11
	maxSeeds  = 100_000
)

// set are numbers of names.
type set [mostKnown / 64]uint64

func (s *set) has(n int) bool { return s[n>>6]>>(n&63)&1 == 1 }
func (s *set) add(n int)      { s[n>>6] |= 1 << (n & 63) }

// NewKnown makes the members of those names, which are numbered in their order. It panics for more than 128, and for
// one that is there twice.
func NewKnown(names ...string) *Known {
	k := &Known{names: names, inner: make([]*Known, len(names))}
	if len(names) > mostKnown {
		panic("fields: more names than a set holds")
	}
	for _, name := range names {
		if !plain(name) {
			k.mixed = append(k.mixed, name)
		}
	}
	for range maxSeeds {
		if k.spread() {
			return k
		}
		k.seed += 0xD1B54A32D192ED03
	}
	panic("fields: names that are too much alike")
}

// spread fills the table, and says whether each name has a place of its own.
func (k *Known) spread() bool {
	clear(k.table[:])
	for i, name := range k.names {
		k.ends[i] = endsOf(name)
		place := &k.table[k.hash(k.ends[i], len(name))]
		if *place != 0 {
			if k.names[*place-1] == name {
				panic("fields: the name " + name + " is there twice")
			}
			return false
		}
		*place = uint8(i + 1)
	}
	return true
}

// ends are the first and the last eight bytes of a name, which is enough to tell names apart that people make; of one
// that is not longer than both they are all there is of it, beside its length.
type ends struct{ first, last uint64 }

func endsOf(name string) ends {
	switch n := len(name); {
	case n >= 8:
		return ends{load64(name), load64(name[n-8:])}
	case n >= 4:
		return ends{load32(name), load32(name[n-4:])}
	case n > 0:
		return ends{uint64(name[0]) | uint64(name[n/2])<<8, uint64(name[n-1])}
	}
	return ends{}
}

func (k *Known) hash(e ends, length int) uint32 {
	return uint32((e.first ^ bits.RotateLeft64(e.last, 23) ^ uint64(length)<<59 ^ k.seed) * 0x9E3779B97F4A7C15 >> (64 - tableBits))
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load32(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// Inside says what is known inside a member, if it is an object, or in each object of a list.
func (k *Known) Inside(name string, inner *Known) *Known {
	k.inner[k.Number(name)] = inner
	return k
}

// Mark marks members: Seen.Marked tells whether one of them has come.
func (k *Known) Mark(names ...string) *Known {
	for _, name := range names {
		k.marks.add(k.Number(name))
	}
	return k
}

// Camel makes top_p another spelling of topP, as it is to Google's parser.
func (k *Known) Camel() *Known {
	k.camel = true
	return k
}

// Names are the names in their order.
func (k *Known) Names() []string { return slices.Clone(k.names) }

// Number is a name's number, -1 for one that is not known.
func (k *Known) Number(name string) int {
	e := endsOf(name)
	n := int(k.table[k.hash(e, len(name))]) - 1
	if n < 0 || k.ends[n&(mostKnown-1)] != e || len(k.names[n]) != len(name) || len(name) > 16 && k.names[n] != name {
		return -1
	}
	return n
}

// Seen is what has come of one object so far.
type Seen struct {
	// Marked is whether a marked member has come.
	Marked bool

	numbers set
}

// Take takes the member that it stands on, and returns its number, -1 if it is not known. The error says that it is
// there for the second time, or under a name that others would take for a known one. It does not look inside: see
// Enter.
func (k *Known) Take(seen *Seen, it *rawjson.Members) (int, *codec.Error) {
	name := it.Name()
	n := k.Number(name)
	if n < 0 {
		if len(k.mixed) == 0 && plain(name) {
			return n, nil
		}
		var err *codec.Error
		if n, err = k.takeOdd(name, it); n < 0 {
			return n, err
		}
	}
	if seen.numbers.has(n) {
		return n, k.twice(n)
	}
	seen.numbers.add(n)
	seen.Marked = seen.Marked || k.marks.has(n)
	return n, nil
}

// plain says whether a name is one that nobody takes for another.
func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// takeOdd is for a name that is not known as it stands.
func (k *Known) takeOdd(name string, it *rawjson.Members) (int, *codec.Error) {
	if k.camel {
		if n := k.Number(Camel(name)); n >= 0 {
			return n, nil
		}
	}
	others := k.names
	switch {
	case plain(name):
		others = k.mixed
	case name == "" && it.Key.End-it.Key.Start == len(`""`):
		return -1, nil
	case name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' && c != 0 }):
		return -1, codec.BadRequest("", "the request body is not valid JSON: the name of a member is not a valid JSON string")
	}
	read, _, _ := strings.Cut(name, "\x00") // where readers in C stop
	if k.camel {
		read = strings.ReplaceAll(read, "_", "")
	}
	for _, known := range others {
		if strings.EqualFold(read, known) {
			return -1, codec.BadRequest(strings.Clone(name), "unknown field '"+name+"': did you mean '"+known+"'?")
		}
	}
	return -1, nil
}

func (k *Known) twice(n int) *codec.Error {
	return codec.BadRequest(k.names[n], "'"+k.names[n]+"' is in the request more than once, which readers understand in different ways: send it once")
}

// Enter looks for the same faults inside the value of the member of that number, where something is known of it, and
// says whether a marked member is in there. For a negative number nothing is known.
func (k *Known) Enter(n int, data []byte, v rawjson.Value) (marked bool, err *codec.Error) {
	if n < 0 || k.inner[n] == nil {
		return false, nil
	}
	inner := k.inner[n]
	if v.Kind != rawjson.Array {
		if marked, err = inner.object(data, v); err != nil {
			err = inside(k.names[n]+".", err)
		}
		return marked, err
	}
	i := 0
	for it := v.Elements(data); it.Next(); i++ {
		found, err := inner.object(data, it.Value)
		if err != nil {
			return false, inside(k.names[n]+"["+strconv.Itoa(i)+"].", err)
		}
		marked = marked || found
	}
	return marked, nil
}

func (k *Known) object(data []byte, v rawjson.Value) (marked bool, err *codec.Error) {
	var seen Seen
	for it := v.Members(data); it.Next(); {
		n, err := k.Take(&seen, &it)
		deeper := false
		if err == nil {
			deeper, err = k.Enter(n, data, it.Value)
		}
		if err != nil {
			return false, err
		}
		marked = marked || deeper
	}
	return marked || seen.Marked, nil
}

// inside is the error of a member inside another, to which the path leads.
func inside(path string, err *codec.Error) *codec.Error {
	e := *err
	if e.Param != "" {
		e.Message = strings.Replace(e.Message, "'"+e.Param+"'", "'"+path+e.Param+"'", 1)
		e.Param = path + e.Param
	}
	return &e
}

// Camel is a member's name as Google writes it: topP for top_p.
func Camel(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '_' && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z' {
			i++
			c = name[i] - ('a' - 'A')
		}
		out = append(out, c)
	}
	return string(out)
}
