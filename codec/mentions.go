package codec

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"uniapi/codec/estimate"
	"uniapi/codec/quoted"
)

// Mentions are what the bytes of a request name somewhere, as a member or as a value. One pass over them tells it. What
// is not mentioned need not be looked for where it would stand; what is may stand in what a user has said.
type Mentions quoted.Set

const (
	MentionsHourOfCache Mentions = 1 << iota // something that is kept in a cache for an hour
	MentionsServiceTier
	MentionsSearch     // what may have the provider search, or run programs
	MentionsSearchKind // and in a way that has a price of its own
	mentionsWithin     // the first of the words of Beyond.Within, which have the bits from here

	// MentionsEscapes is that letters are written as escapes, which no client has a reason for: anything may be
	// mentioned.
	MentionsEscapes = Mentions(quoted.Escaped)
)

// toolsMember is where a request has its tools.
const toolsMember = "tools"

// mentioned are the words that a request of a format is looked through for.
type mentioned struct {
	once    sync.Once
	list    quoted.List
	all     []Mentions // the bits of each of Beyond.Within: all of them have to be there
	lengths [32]uint64 // of the names of members that say something, by their first letter
	paths   [32][]Path // those of Bounds, by the same
	anyPath []Path     // all of them
}

// Path leads to a number in a request.
type Path struct {
	Name   string // of the request's member
	Inside string // from its value on, names with dots between them; "" is the value itself
	Of     Bound
}

// Bound is what the number that a path leads to says.
type Bound int

const (
	BoundAnswer Bound = iota
	BoundOthers
	BoundThinking
	BoundAnswers
	BoundCount // how many there are
)

// plain are those of formats without bounds.
var plain Bounds

// Mentions are those of a request. b may be nil.
func (b *Bounds) Mentions(body []byte) Mentions {
	return Mentions(b.words().In(body))
}

// words are those that a request is looked through for. b may be nil.
func (b *Bounds) words() *quoted.List {
	if b == nil {
		b = &plain
	}
	b.mentioned.once.Do(b.collect)
	return &b.mentioned.list
}

// Said keeps the mentions of a request for everybody who asks, several at once too. The zero value knows nothing yet.
type Said struct{ mentions atomic.Uint64 }

// By is what the body mentions, by the bounds of the format that it is in.
func (s *Said) By(b *Bounds, body []byte) Mentions {
	if known := s.mentions.Load(); known != 0 {
		return Mentions(known)
	}
	m := b.Mentions(body)
	s.mentions.Store(uint64(m))
	return m
}

// Prompts is estimate.Prompts of a request in JSON, which finds in the same pass what it mentions.
func (s *Said) Prompts(b *Bounds, body []byte) (tokens, most int64) {
	tokens, most, found := estimate.Prompts(body, b.words())
	s.mentions.Store(uint64(found))
	return tokens, most
}

// MayName tells whether a member of a request may be one that the bounds name, in whatever letters. It overlooks none,
// and most others it tells apart.
func (b *Bounds) MayName(member string) bool {
	b.mentioned.once.Do(b.collect)
	if !ascii(member) { // some letters are capitals of ASCII ones
		return true
	}
	return member != "" && b.mentioned.lengths[member[0]&31]&(1<<(len(member)&63)) != 0
}

// Paths are those that may begin with a member of a request, in whatever letters: of most members none.
func (b *Bounds) Paths(member string) []Path {
	b.mentioned.once.Do(b.collect)
	switch {
	case !ascii(member):
		return b.mentioned.anyPath
	case member == "":
		return nil
	}
	return b.mentioned.paths[member[0]&31]
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// collect makes the list.
func (b *Bounds) collect() {
	m, s := &b.mentioned, &b.Searches
	m.list.Add("1h", quoted.Set(MentionsHourOfCache))
	for _, name := range ServiceTierNames {
		m.list.Add(name, quoted.Set(MentionsServiceTier))
	}
	for _, names := range [][]string{s.Members, s.Named, s.Maps} {
		for _, name := range names {
			m.list.Add(name, quoted.Set(MentionsSearch))
		}
	}
	for _, kinds := range [][]string{s.Web, s.Files, s.Code} {
		for _, kind := range kinds {
			m.list.Add(kind+"*", quoted.Set(MentionsSearch))
		}
	}
	for _, name := range s.Members {
		m.list.Add(name, quoted.Set(MentionsSearchKind))
	}
	for _, kind := range s.Preview {
		m.list.Add(kind+"*", quoted.Set(MentionsSearchKind))
	}
	for _, paths := range [][]string{b.Answer, b.Others, b.Thinking, b.Answers, {b.Each, toolsMember}, b.Beyond.Members} {
		for _, path := range paths {
			if name, _, _ := strings.Cut(path, "."); name != "" {
				m.lengths[name[0]&31] |= 1 << (len(name) & 63)
			}
		}
	}
	for of, paths := range [BoundCount][]string{BoundAnswer: b.Answer, BoundOthers: b.Others, BoundThinking: b.Thinking, BoundAnswers: b.Answers} {
		for _, path := range paths {
			name, inside, _ := strings.Cut(path, ".")
			p := Path{name, inside, Bound(of)}
			m.paths[name[0]&31], m.anyPath = append(m.paths[name[0]&31], p), append(m.anyPath, p)
		}
	}
	next, known := mentionsWithin, map[string]Mentions{}
	for _, words := range b.Beyond.Within {
		all := Mentions(0)
		for word := range strings.SplitSeq(words, " ") {
			if known[word] == 0 {
				if next == Mentions(quoted.Searched) {
					panic("codec: more words in Beyond.Within than a set has bits")
				}
				known[word] = next
				m.list.Add(word, quoted.Set(next))
				next <<= 1
			}
			all |= known[word]
		}
		m.all = append(m.all, all)
	}
}

// May tells whether one of some things may be mentioned, however it is written.
func (m Mentions) May(what Mentions) bool { return m&(what|MentionsEscapes) != 0 }

// Plainly tells whether one of some things is mentioned without escapes.
func (m Mentions) Plainly(what Mentions) bool { return m&what != 0 }

// MayReadMore tells whether a request of which m are the mentions may have the provider read what Beyond.Within says.
func (b *Bounds) MayReadMore(m Mentions) bool {
	if b == nil || len(b.Beyond.Within) == 0 {
		return false
	}
	b.mentioned.once.Do(b.collect)
	return m&MentionsEscapes != 0 || slices.ContainsFunc(b.mentioned.all, func(all Mentions) bool { return m&all == all })
}
