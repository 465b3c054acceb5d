package native

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
)

// Head is what routing needs to know of a request that names its model in its body, and where it stands there.
type Head struct {
	// Model is the name the client asked for, decoded. It aliases the body unless it held an escape: clone it to keep it longer
	// than the body.
	Model string
	// Stream is whether the client wants events.
	Stream bool
	// Messages and Tools are offsets for those who look closer; Kind Missing if absent. Messages is the conversation, however the format
	// calls it.
	Messages, Tools rawjson.Value

	stream rawjson.Value // the one that counts
	// marks are the members that an upstream may get otherwise, in body order. More than the array holds is only in a body that has
	// them twice.
	marks [4]mark
	n     int
	more  []mark
}

// mark is a member that may change.
type mark struct {
	name  string
	from  int // end of the member before it, or of the opening brace
	value rawjson.Value
}

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object. Of a member that occurs twice the last one
// counts. Messages is the name of the conversation; others are the members that an Edit may take out. The errors, *codec.Error with
// status 400, are those of openai.ReadHead. It does not allocate.
func ReadHead(body []byte, messages string, others []string) (Head, error) {
	var h Head
	var model rawjson.Value
	good := true
	from := bytes.IndexByte(body, '{') + 1
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch name := it.Name(); name {
		case "model":
			model = it.Value
			h.mark(name, from, it.Value)
		case "stream":
			h.stream = it.Value
			h.mark(name, from, it.Value)
		case messages:
			h.Messages = it.Value
		case "tools":
			h.Tools = it.Value
		default:
			// A reader that ignores case would take this for the model, past the check that the key may use it.
			good = good && (len(name) != len("model") || !strings.EqualFold(name, "model"))
			if slices.Contains(others, name) {
				h.mark(name, from, it.Value)
			}
		}
		from = it.Value.End
	}
	h.Model, _ = rawjson.Text(body, model)
	h.Stream = h.stream.Kind == rawjson.True
	if it.Err() != nil || !good || strings.TrimSpace(h.Model) == "" || !utf8.ValidString(h.Model) || h.stream.Kind > rawjson.True {
		_, err := openai.ReadHead(body)
		return h, err
	}
	return h, nil
}

func (h *Head) mark(name string, from int, value rawjson.Value) {
	m := mark{name, from, value}
	if h.n < len(h.marks) {
		h.marks[h.n] = m
		h.n++
		return
	}
	h.more = append(h.more, m)
}

// Edit is what an upstream gets otherwise.
type Edit struct {
	// Model is the upstream's name of the model; "" takes the member out, for those who have it in the address.
	Model string
	// Without are the names of further members that are taken out: stream, and those that ReadHead was told of.
	Without []string
	// Before are members that are put before all others, with the commas between them. Without a Model there must be one.
	Before []byte
}

func (e *Edit) removes(name string) bool {
	return name == "model" && e.Model == "" || slices.Contains(e.Without, name)
}

// Parts appends to dst the edited body, as parts that alias body, the edit and scratch, which takes the new pieces. Everything else is
// byte for byte the client's. A member that the client wrote twice gets the value that counts in every place, so that no upstream can
// choose another.
//
// It does not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, e Edit, scratch *[]byte) [][]byte {
	pos := 0
	put := func(end int, piece []byte, next int) {
		if end > pos {
			dst = append(dst, body[pos:end])
		}
		if len(piece) > 0 {
			dst = append(dst, piece)
		}
		pos = next
	}
	front := bytes.IndexByte(body, '{') + 1
	if len(e.Before) > 0 {
		put(front, e.Before, front)
		if h.keepsFirst(front, &e) {
			dst = append(dst, comma)
		}
	}
	for i := range h.n + len(h.more) {
		m := h.at(i)
		switch {
		case e.removes(m.name):
			put(m.from, nil, m.value.End)
		case m.name == "model" && e.Model != h.Model, m.name == "model" && h.repeats(m.name):
			at := len(*scratch)
			*scratch = rawjson.AppendString(*scratch, e.Model)
			put(m.value.Start, (*scratch)[at:len(*scratch):len(*scratch)], m.value.End)
		case m.name == "stream" && m.value != h.stream:
			put(m.value.Start, h.stream.Raw(body), m.value.End)
		}
	}
	put(len(body), nil, len(body))
	return dst
}

var comma = []byte{','}

func (h *Head) at(i int) *mark {
	if i < h.n {
		return &h.marks[i]
	}
	return &h.more[i-h.n]
}

// repeats says whether a member is there more than once.
func (h *Head) repeats(name string) bool {
	n := 0
	for i := range h.n + len(h.more) {
		if h.at(i).name == name {
			n++
		}
	}
	return n > 1
}

// keepsFirst says whether the body's first member, which stands behind front, stays. Those behind it bring a comma of their own.
func (h *Head) keepsFirst(front int, e *Edit) bool {
	for i := range h.n + len(h.more) {
		if m := h.at(i); m.from == front {
			return !e.removes(m.name)
		}
	}
	return true
}
