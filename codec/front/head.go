// Package front is the side of a format that clients speak: what routing needs to know of a request, and the request
// with only those members replaced that must be, for upstreams that speak the same.
package front

import (
	"bytes"
	"slices"

	"uniapi/codec/choice"
	"uniapi/codec/fields"
	"uniapi/codec/form"
	"uniapi/codec/rawjson"
)

// Layout is what the requests of a format have at their top.
type Layout struct {
	known                          *fields.Known
	others                         []string
	model, stream, messages, tools int
	choice, input                  int  // tool_choice and input, -1 if the format has none
	blocks                         bool // messages are Anthropic's, whose blocks may add tools
	firstOther                     int
	firstWatched, watched          int
}

// MostWatched is how many members a layout may watch.
const MostWatched = 7

// Watch has the head tell where members are, which stand in known one after the other: at most MostWatched.
func (l *Layout) Watch(names ...string) *Layout {
	l.firstWatched, l.watched = l.known.Number(names[0]), min(len(names), MostWatched)
	return l
}

// NewLayout makes a layout of the members that are known, among them model, stream and tools. Messages is the
// conversation, however the format calls it; others are the members that an Edit may take out, at most two, which stand
// in known one after the other.
func NewLayout(known *fields.Known, messages string, others ...string) *Layout {
	l := &Layout{known: known, others: others, model: known.Number("model"), stream: known.Number("stream"), messages: known.Number(messages),
		tools: known.Number("tools"), choice: known.Number("tool_choice"), input: known.Number("input"), firstOther: len(known.Names())}
	l.blocks = l.choice >= 0 && l.messages != l.input
	if len(others) > 0 {
		l.firstOther = known.Number(others[0])
	}
	return l
}

// Head is what routing needs to know of a request that names its model in its body, and where it stands there.
type Head struct {
	// Model is the name the client asked for, decoded. It aliases the body unless it held an escape: clone it to keep
	// it longer than the body.
	Model string
	// Stream is whether the client wants events.
	Stream bool
	// IncludeUsage is whether it asks for their usage itself, where a format has that.
	IncludeUsage bool
	// Choosing is whether the request may name other models, or leave the choice to the provider: see choice.Names.
	Choosing bool
	// Messages and Tools are offsets for those who look closer; Kind Missing if absent. Messages is the conversation,
	// however the format calls it.
	Messages, Tools rawjson.Value
	// Watched are those that the layout watches, in its order; Kind Missing if absent.
	Watched [MostWatched]rawjson.Value

	// Turned is who takes the request in the place of the Inbound that has read it; nil if nobody does.
	Turned Inbound
	// Body is what is read in the place of the client's, where the request stands in the address; nil where it does
	// not.
	Body []byte
	// Form is a request that is one, as IsForm tells.
	Form   form.Form
	IsForm bool

	// marks are the members that an upstream may get otherwise, in body order.
	marks [4]mark
	n     int
}

// mark is a member that may change.
type mark struct {
	name  string
	from  int // end of the member before it, or of the opening brace
	value rawjson.Value
}

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object in which each known member
// is there once. An error is a *codec.Error with status 400. It does not allocate.
func (l *Layout) ReadHead(body []byte) (h Head, err error) {
	err = l.Read(body, &h)
	return h, err
}

// Read is ReadHead into a head that has nothing yet.
func (l *Layout) Read(body []byte, h *Head) error {
	var model, stream rawjson.Value
	var seen fields.Seen
	from := bytes.IndexByte(body, '{') + 1
	it := rawjson.MembersOf(body)
	for it.Step() {
		n, err := l.known.Take(&seen, &it)
		if err != nil {
			return err
		}
		switch {
		case n == l.model:
			model = it.Whole()
			h.mark("model", from, model)
		case n == l.stream:
			stream = it.Whole()
			h.mark("stream", from, stream)
		case n == l.messages && n == l.input && it.Value.Kind == rawjson.Array:
			items := it.Elements()
			h.Choosing = choice.Carried(body, &items) || h.Choosing
			it.Leave(&items.Walk)
			h.Messages = it.Whole()
		case n == l.messages:
			h.Messages = it.Whole()
			h.Choosing = h.Choosing || l.blocks && choice.Added(body, h.Messages)
		case n == l.tools:
			tools := it.Elements()
			h.Choosing = choice.Hosted(body, &tools, false) || h.Choosing
			it.Leave(&tools.Walk)
			h.Tools = it.Whole()
		case n >= l.firstOther && n < l.firstOther+len(l.others):
			h.mark(l.others[n-l.firstOther], from, it.Whole())
		default:
			if w := n - l.firstWatched; w >= 0 && w < l.watched {
				h.Watched[w] = it.Whole()
			}
			choosing, err := l.known.Enter(n, body, it.Whole())
			if err != nil {
				return err
			}
			h.Choosing = h.Choosing || choosing || n >= 0 && n == l.choice && choice.Chosen(body, it.Whole())
		}
		from = it.Whole().End
	}
	if err := it.Err(); err != nil {
		return NotAnObject(body, err)
	}
	h.Choosing = h.Choosing || seen.Marked
	if err := h.Asks(body, model, stream); err != nil {
		return err
	}
	return Named(model)
}

func (h *Head) mark(name string, from int, value rawjson.Value) {
	h.marks[h.n] = mark{name, from, value}
	h.n++
}

// Edit is what an upstream gets otherwise.
type Edit struct {
	// Model is the upstream's name of the model; "" takes the member out, for those who have it in the address.
	Model string
	// Without are the names of further members that are taken out: stream, and the others of the layout.
	Without []string
	// Before are members that are put before all others, with the commas between them. Without a Model there must be
	// one.
	Before []byte
}

func (e *Edit) removes(name string) bool {
	return name == "model" && e.Model == "" || slices.Contains(e.Without, name)
}

// Parts appends to dst the edited body, as parts that alias body, the edit and scratch, which takes the new pieces.
// Everything else is byte for byte the client's.
//
// It does not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, e Edit, scratch *[]byte) [][]byte {
	p := rawjson.PartsOf(dst, body)
	front := bytes.IndexByte(body, '{') + 1
	if len(e.Before) > 0 {
		p.Replace(front, front, e.Before)
		if h.keepsFirst(front, &e) {
			p.Replace(front, front, comma)
		}
	}
	for i := range h.n {
		m := &h.marks[i]
		switch {
		case e.removes(m.name):
			p.Replace(m.from, m.value.End, nil)
		case m.name == "model" && e.Model != h.Model:
			at := len(*scratch)
			*scratch = rawjson.AppendString(*scratch, e.Model)
			p.Replace(m.value.Start, m.value.End, (*scratch)[at:len(*scratch):len(*scratch)])
		}
	}
	return p.Rest()
}

var comma = []byte{','}

// keepsFirst says whether the body's first member, which stands behind front, stays. Those behind it bring a comma of
// their own.
func (h *Head) keepsFirst(front int, e *Edit) bool {
	for i := range h.n {
		if m := &h.marks[i]; m.from == front {
			return !e.removes(m.name)
		}
	}
	return true
}
