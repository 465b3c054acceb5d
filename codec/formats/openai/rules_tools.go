package openai

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
)

const (
	jsonMode = "json_object"
	// jsonWord is what must stand in a conversation whose answer is to be JSON, and wordText says it.
	jsonWord = "json"
	wordText = "Answer with a JSON object."
)

var (
	wordMessage = []byte(`{"role":"system","content":"` + wordText + `"}`)
	wordItem    = []byte(`{"role":"developer","content":"` + wordText + `"}`)
	noSchema    = []byte(`{"type":"object","properties":{}}`)
)

// editSchemas puts the schemas of functions that are not strict into the form that the upstream takes. Inside is the
// member of a tool that the function stands in, "" if it is the tool itself.
func (r *Rules) editSchemas(e *edit, inside string) {
	mends, demands := r.Known && r.Refuses("other_schemas"), r.Refuses("functions_without_parameters")
	if !mends && !demands {
		return
	}
	tools := e.get("tools")
	if r.seen.has(tools.Raw(e.body)) {
		return
	}
	var out []byte
	done := tools.Start
	for list := tools.Elements(e.body); list.Next(); {
		f := list.Value
		if kind, _ := rawjson.Text(e.body, f.Get(e.body, "type")); kind != "function" {
			continue
		}
		if inside != "" {
			f = f.Get(e.body, inside)
		}
		parameters := f.Get(e.body, "parameters")
		switch {
		case f.Kind != rawjson.Object:
		case !parameters.Present():
			if demands && parameters.Kind == rawjson.Missing {
				out = append(append(out, e.body[done:f.Start]...), '{')
				out = rawjson.Field(out, "parameters", noSchema)
				if done = f.Start + 1; !isEmpty(e.body, f) {
					out = append(out, ',')
				}
			}
		case !mends || schema.FitsOpenAI(parameters.Raw(e.body)) || f.Get(e.body, "strict").Kind == rawjson.True:
		default:
			clean, err := schema.Clean(nil, parameters.Raw(e.body), schema.OpenAITool)
			if err != nil {
				continue // the upstream says what is wrong with it
			}
			out = append(append(out, e.body[done:parameters.Start]...), clean...)
			done = parameters.End
		}
	}
	if out != nil {
		e.set("tools", append(out, e.body[done:tools.End]...))
	} else if tools.Kind == rawjson.Array {
		r.seen.add(tools.Raw(e.body))
	}
}

// seenTools remembers by a hash lists of tools that need not change: an agent sends the same ones with each of its
// requests, and to go through them takes longer than all else that is done for the request. Requests may share it.
type seenTools struct {
	seed  maphash.Seed
	slots [64]atomic.Uint64
}

func newSeenTools() *seenTools { return &seenTools{seed: maphash.MakeSeed()} }

func (s *seenTools) has(tools []byte) bool {
	h := maphash.Bytes(s.seed, tools)
	return s.slots[h%uint64(len(s.slots))].Load() == h && h != 0
}

func (s *seenTools) add(tools []byte) {
	h := maphash.Bytes(s.seed, tools)
	s.slots[h%uint64(len(s.slots))].Store(h)
}

// wantsWord says whether a conversation lacks the word that must be in it where the answer is to be JSON.
func (r *Rules) wantsWord(body []byte, messages rawjson.Value) bool {
	return r.Known && r.Refuses("json_without_word") && messages.Kind == rawjson.Array && !saysWord(messages.Raw(body))
}

// saysWord looks for the word in any letters.
func saysWord(text []byte) bool {
	for {
		i := bytes.IndexAny(text, "jJ")
		if i < 0 || len(text)-i < len(jsonWord) {
			return false
		}
		if bytes.EqualFold(text[i:i+len(jsonWord)], []byte(jsonWord)) {
			return true
		}
		text = text[i+1:]
	}
}

// withFirst is a list with one more element, at its beginning.
func withFirst(list, element []byte) []byte {
	rest := bytes.TrimLeft(list[1:], " \t\r\n")
	out := append(append(make([]byte, 0, len(list)+len(element)+1), '['), element...)
	if rest[0] != ']' {
		out = append(out, ',')
	}
	return append(out, rest...)
}

// editWord has the word JSON in the input of a Responses request whose answer is to be JSON: in instructions it does
// not count.
func (r *Rules) editWord(e *edit, input []byte) {
	if kind, _ := rawjson.Text(e.body, e.get("text").Get(e.body, "format").Get(e.body, "type")); kind != jsonMode || !r.Known || !r.Refuses("json_without_word") {
		return
	}
	switch kind := e.get("input").Kind; {
	case saysWord(input):
	case kind == rawjson.Array:
		e.set("input", withLast(input, wordItem))
	case kind == rawjson.String:
		asked := append(rawjson.Field([]byte(`[{"role":"user"`), "content", input), "}]"...)
		e.set("input", withLast(asked, wordItem))
	}
}

// withLast is a list with one more element, at its end.
func withLast(list, element []byte) []byte {
	rest := bytes.TrimRight(list[:len(list)-1], " \t\r\n")
	out := append(make([]byte, 0, len(list)+len(element)+1), rest...)
	if rest[len(rest)-1] != '[' {
		out = append(out, ',')
	}
	return append(append(out, element...), ']')
}
