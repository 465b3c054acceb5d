package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// lacks is what an answer in this format has in another way than clients read it.
type lacks struct {
	unnamed  bool    // it has a message and no id, by which clients tell messages apart
	thoughts bool    // thinking stands in reasoning alone; clients that were made for DeepSeek and most others read reasoning_content
	message  bool    // a chunk's delta is called message
	list     bool    // a chunk that has the usage has no choices, which clients go through
	objects  bool    // arguments of a call are an object; clients read a text
	parts    bool    // the content is a list of parts, thinking among them; clients read a text
	untyped  bool    // a call does not say that it is a function's
	word     bool    // it ends with a word that only its host knows
	calls    bool    // it ends as if there were no calls; agents that go by that do not run them
	numbers  []int64 // of the calls of a chunk, where the upstream's own do not tell them apart
	open     *openCalls
	blocks   *thoughtBlocks
}

// mender writes anew the events of a stream that lack something. Most streams have none.
type mender struct {
	id      string // of a stream that has none
	decided bool   // whether it has one is known
	blocks  thoughtBlocks
}

// mends says whether an event lacks something.
func (m *mender) mends(f *findings) bool {
	if !m.decided && (f.delta || f.message) { // before that comes Azure's word about the prompt
		if m.decided = true; f.lacks().unnamed {
			m.id = codec.NewID("chatcmpl-")
		}
	}
	l := f.lacks()
	if len(m.blocks.text) > 0 && f.content && !l.parts {
		m.blocks.end() // nobody has signed it
	}
	return m.id != "" || l.message || l.list || l.inMessage()
}

// inMessage says whether something is lacking in what a choice says, be it a whole message or a piece.
func (l *lacks) inMessage() bool {
	return l.thoughts || l.objects || l.parts || l.untyped || l.word || l.calls
}

// append appends such an event with what it lacks.
func (m *mender) append(dst, name, data []byte, l lacks) []byte {
	l.unnamed, l.blocks = m.id != "", &m.blocks
	if len(name) > 0 {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	return append(appendMended(append(dst, "data: "...), data, m.id, &l, "delta"), "\n\n"...)
}

// Mended is a whole answer with what CheckChat says that it lacks. Its room is asked for before it is made.
func Mended(body []byte, hold func(bytes int) error) ([]byte, error) {
	var f findings
	if f.inspect(body) != nil {
		return body, nil
	}
	l := f.lacks()
	l.message = false
	size := len(body) + len(body)/8 + 1<<10
	if l.thoughts || l.objects || l.untyped || l.parts { // which are there twice, or escaped
		size += len(body)
	}
	if err := hold(size); err != nil {
		return nil, err
	}
	return appendMended(make([]byte, 0, size), body, codec.NewID("chatcmpl-"), &l, "message"), nil
}

// appendMended writes an answer, or a chunk of one, with what it lacks. said is what the member is called that says
// something.
func appendMended(dst, data []byte, id string, l *lacks, said string) []byte {
	dst = append(dst, '{')
	if l.unnamed {
		dst = rawjson.Str(dst, "id", id)
	}
	for it := rawjson.MembersOf(data); it.Next(); {
		switch name := it.Name(); {
		case name == "id" && l.unnamed, name == "choices" && l.list:
		case name == "choices" && it.Value.Kind == rawjson.Array:
			dst = append(rawjson.Key(dst, name), '[')
			for choices := it.Value.Elements(data); choices.Next(); {
				dst = appendMendedChoice(rawjson.Comma(dst), data, choices.Value, l, said)
			}
			dst = append(dst, ']')
		default:
			dst = rawjson.Field(dst, name, it.Value.Raw(data))
		}
	}
	if l.list {
		dst = append(rawjson.Key(dst, "choices"), "[]"...)
	}
	return append(dst, '}')
}

func appendMendedChoice(dst, data []byte, choice rawjson.Value, l *lacks, said string) []byte {
	if choice.Kind != rawjson.Object {
		return append(dst, choice.Raw(data)...)
	}
	if l.parts && said == "message" {
		l.blocks = &thoughtBlocks{}
	} else if l.parts {
		index, _ := rawjson.Int(data, choice.Get(data, "index"))
		l.blocks.turn(index)
	}
	dst = append(dst, '{')
	for it := choice.Members(data); it.Next(); {
		switch name := it.Name(); {
		case name == "delta" && l.message:
		case (name == "delta" || name == "message") && it.Value.Kind == rawjson.Object:
			if l.message {
				name = said
			}
			dst = appendMendedDelta(rawjson.Key(dst, name), data, it.Value, l)
		case name == "finish_reason" && (l.word || l.calls):
			dst = appendFinish(rawjson.Key(dst, name), data, it.Value, l.calls && l.called(data, choice))
		default:
			dst = rawjson.Field(dst, name, it.Value.Raw(data))
		}
	}
	return append(dst, '}')
}

// called says whether a choice has calls, be it in an earlier chunk.
func (l *lacks) called(data []byte, choice rawjson.Value) bool {
	if nonEmpty(choice.Get(data, "message").Get(data, "tool_calls")) {
		return true
	}
	index, _ := rawjson.Int(data, choice.Get(data, "index"))
	return l.open != nil && l.open.last.Find(index) != nil
}

func appendMendedDelta(dst, data []byte, delta rawjson.Value, l *lacks) []byte {
	thoughts := rawjson.Value{}
	if t := delta.Get(data, "reasoning"); l.thoughts && t.Kind == rawjson.String && !delta.Get(data, "reasoning_content").Present() {
		thoughts = t
	}
	parted := l.parts && delta.Get(data, "content").Kind == rawjson.Array
	dst = append(dst, '{')
	for it := delta.Members(data); it.Next(); {
		switch name := it.Name(); {
		case name == "reasoning_content" && thoughts.Present():
		case name == "content" && parted:
			dst = appendPartedTexts(rawjson.Key(dst, name), data, it.Value)
		case name == "images" && parted: // goes with those among the parts
		case name == "tool_calls" && it.Value.Kind == rawjson.Array && (l.message || l.objects || l.untyped || len(l.numbers) > 0):
			dst = l.appendCalls(rawjson.Key(dst, name), data, it.Value)
		default:
			dst = rawjson.Field(dst, name, it.Value.Raw(data))
		}
	}
	if thoughts.Present() {
		dst = rawjson.Field(dst, "reasoning_content", thoughts.Raw(data))
	}
	if parted {
		dst = appendPartedRest(dst, data, delta, l.blocks)
	}
	return append(dst, '}')
}

// appendCalls writes calls with the numbers that they are to have, those of a message with the ones that a delta has,
// and their arguments as texts.
func (l *lacks) appendCalls(dst, data []byte, calls rawjson.Value) []byte {
	dst = append(dst, '[')
	n := int64(0)
	for it := calls.Elements(data); it.Next(); n++ {
		dst = rawjson.Comma(dst)
		if it.Value.Kind != rawjson.Object {
			dst = append(dst, it.Value.Raw(data)...)
			continue
		}
		dst = append(dst, '{')
		renumbered := len(l.numbers) > 0
		switch {
		case renumbered:
			dst = rawjson.Num(dst, "index", l.numbers[0])
			l.numbers = l.numbers[1:]
		case l.message && !it.Value.Get(data, "index").Present():
			dst = rawjson.Num(dst, "index", n)
		}
		untyped := l.untyped && isUntyped(data, it.Value)
		if untyped {
			dst = rawjson.Str(dst, "type", "function")
		}
		for members := it.Value.Members(data); members.Next(); {
			switch name := members.Name(); {
			case name == "index" && renumbered, name == "type" && untyped:
			case name == "function" && l.objects:
				dst = appendFunction(rawjson.Key(dst, name), data, members.Value)
			default:
				dst = rawjson.Field(dst, name, members.Value.Raw(data))
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendFunction writes a called function with its arguments as a text.
func appendFunction(dst, data []byte, function rawjson.Value) []byte {
	if function.Kind != rawjson.Object {
		return append(dst, function.Raw(data)...)
	}
	dst = append(dst, '{')
	for it := function.Members(data); it.Next(); {
		if name := it.Name(); name == "arguments" && it.Value.Kind == rawjson.Object {
			dst = rawjson.Str(dst, name, it.Value.Raw(data))
		} else {
			dst = rawjson.Field(dst, name, it.Value.Raw(data))
		}
	}
	return append(dst, '}')
}
