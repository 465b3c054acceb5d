package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// lacks is what an answer in this format has in another way than clients read it.
type lacks struct {
	unnamed  bool // it has a message and no id, by which clients tell messages apart
	thoughts bool // thinking stands in reasoning alone; clients that were made for DeepSeek and most others read reasoning_content
	message  bool // a chunk's delta is called message
}

// mender writes anew the events of a stream that lack something. Most streams have none.
type mender struct {
	id      string // of a stream that has none
	decided bool   // whether it has one is known
}

// mends says whether an event lacks something.
func (m *mender) mends(f *findings) bool {
	if !m.decided && (f.delta || f.message) { // before that comes Azure's word about the prompt
		if m.decided = true; f.lacks().unnamed {
			m.id = codec.NewID("chatcmpl-")
		}
	}
	return m.id != "" || f.thoughts || f.lacks().message
}

// append appends such an event with what it lacks.
func (m *mender) append(dst, name, data []byte, l lacks) []byte {
	l.unnamed = m.id != ""
	if len(name) > 0 {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	return append(appendMended(append(dst, "data: "...), data, m.id, l, "delta"), "\n\n"...)
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
	if l.thoughts { // which are there twice
		size += len(body)
	}
	if err := hold(size); err != nil {
		return nil, err
	}
	return appendMended(make([]byte, 0, size), body, codec.NewID("chatcmpl-"), l, "message"), nil
}

// appendMended writes an answer, or a chunk of one, with what it lacks. said is what the member is called that says something.
func appendMended(dst, data []byte, id string, l lacks, said string) []byte {
	dst = append(dst, '{')
	if l.unnamed {
		dst = rawjson.Str(dst, "id", id)
	}
	for it := rawjson.MembersOf(data); it.Next(); {
		switch name := it.Name(); {
		case name == "id" && l.unnamed:
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
	return append(dst, '}')
}

func appendMendedChoice(dst, data []byte, choice rawjson.Value, l lacks, said string) []byte {
	if choice.Kind != rawjson.Object {
		return append(dst, choice.Raw(data)...)
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
		default:
			dst = rawjson.Field(dst, name, it.Value.Raw(data))
		}
	}
	return append(dst, '}')
}

func appendMendedDelta(dst, data []byte, delta rawjson.Value, l lacks) []byte {
	thoughts := rawjson.Value{}
	if t := delta.Get(data, "reasoning"); l.thoughts && t.Kind == rawjson.String && !delta.Get(data, "reasoning_content").Present() {
		thoughts = t
	}
	dst = append(dst, '{')
	for it := delta.Members(data); it.Next(); {
		switch name := it.Name(); {
		case name == "reasoning_content" && thoughts.Present():
		case name == "tool_calls" && l.message:
			dst = appendNumbered(rawjson.Key(dst, name), data, it.Value)
		default:
			dst = rawjson.Field(dst, name, it.Value.Raw(data))
		}
	}
	if thoughts.Present() {
		dst = rawjson.Field(dst, "reasoning_content", thoughts.Raw(data))
	}
	return append(dst, '}')
}

// appendNumbered writes the calls of a message as those of a delta, which have numbers.
func appendNumbered(dst, data []byte, calls rawjson.Value) []byte {
	if calls.Kind != rawjson.Array {
		return append(dst, calls.Raw(data)...)
	}
	dst = append(dst, '[')
	n := int64(0)
	for it := calls.Elements(data); it.Next(); n++ {
		dst = append(rawjson.Comma(dst), '{')
		if !it.Value.Get(data, "index").Present() {
			dst = rawjson.Num(dst, "index", n)
		}
		for members := it.Value.Members(data); members.Next(); {
			dst = rawjson.Field(dst, members.Name(), members.Value.Raw(data))
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
