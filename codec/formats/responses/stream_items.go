package responses

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// itemKind is a kind of output item and what its events are called.
type itemKind struct {
	name, prefix string // its type, and what its ids begin with
	delta, done  string // the events of its growing and of its whole text
	member       string // of the done event
}

var (
	messageItem   = &itemKind{"message", "msg_", "response.output_text.delta", "response.output_text.done", "text"}
	reasoningItem = &itemKind{"reasoning", "rs_", "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "text"}
	functionItem  = &itemKind{"function_call", "fc_", "response.function_call_arguments.delta", "response.function_call_arguments.done", "arguments"}
	searchItem    = &itemKind{name: "tool_search_call", prefix: "tsc_"} // which comes whole
	customItem    = &itemKind{"custom_tool_call", "ctc_", "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input"}
)

// item is one of the output that grows.
type item struct {
	kind  *itemKind
	place int64
	id    string
	text  []byte // of the part or the call that grows

	// of a message:
	part        partKind
	parts       []byte // those that are complete
	number      int64  // of the part that grows
	annotations []byte
	cited       int64
	logprobs    []byte

	// of a call:
	index    int64
	callID   string
	toolName string
	space    string
	typed    *typed
	wrapped  bool // the text is in a function's arguments, and shown when it is whole

	sealed string // of thinking
}

// partKind is a kind of a message's parts.
type partKind uint8

const (
	noPart partKind = iota
	outputText
	refusal
)

// namespacesOf finds which of a client's tools have a namespace.
func namespacesOf(q *codec.Request) map[string]string {
	var spaces map[string]string
	for i := range q.Tools {
		raw := q.Tools[i].Extra.Get("namespace")
		if raw == nil || q.Format != formatName {
			continue
		}
		if spaces == nil {
			spaces = map[string]string{}
		}
		v, _ := rawjson.One(raw)
		spaces[q.Tools[i].Name], _ = rawjson.Text(raw, v)
	}
	return spaces
}

// add begins an item.
func (s *streamEncoder) add(dst []byte, it *item) []byte {
	it.place = s.places
	if it.id == "" {
		it.id = itemID(it.kind.prefix, s.id, it.place)
	}
	s.places++
	s.output = append(s.output, nil)
	return s.event(dst, "response.output_item.added", func(dst []byte) []byte {
		dst = rawjson.Num(dst, "output_index", it.place)
		return it.append(rawjson.Key(dst, "item"), "in_progress")
	})
}

// done ends an item and keeps the whole of it for the end. What is still open when the limit is met was cut off: a
// client must not run half a call.
func (s *streamEncoder) done(dst []byte, it *item) []byte {
	status := "completed"
	if s.status() == "incomplete" {
		status = "incomplete"
	}
	whole := it.append(nil, status)
	s.output[it.place] = whole
	return s.event(dst, "response.output_item.done", func(dst []byte) []byte {
		dst = rawjson.Num(dst, "output_index", it.place)
		return append(rawjson.Key(dst, "item"), whole...)
	})
}

// append writes the item; one in progress has nothing in it yet.
func (it *item) append(dst []byte, status string) []byte {
	begun := status != "in_progress"
	if it.typed != nil && it.typed.action == "operation" && status == "incomplete" {
		status = "in_progress" // a patch is never incomplete
	}
	dst = rawjson.Str(append(dst, '{'), "id", it.id)
	dst = rawjson.Str(dst, "type", it.kind.name)
	if it.kind != customItem { // which has none
		dst = rawjson.Str(dst, "status", status)
	}
	text := it.text
	if !begun {
		text = nil
	}
	switch it.kind {
	case messageItem:
		dst = rawjson.Str(dst, "role", "assistant")
		dst = append(rawjson.Key(dst, "content"), '[')
		if begun {
			dst = append(dst, it.parts...)
		}
		return append(dst, "]}"...)
	case reasoningItem:
		dst = append(rawjson.Key(dst, "summary"), '[')
		if len(text) > 0 {
			dst = append(rawjson.Str(append(dst, `{"type":"summary_text"`...), "text", text), '}')
		}
		sealed := it.sealed
		if begun && sealed == "" {
			sealed = unproven
		}
		return append(rawjson.StrIf(append(dst, ']'), "encrypted_content", sealed), '}')
	}
	dst = rawjson.Str(dst, "call_id", it.callID)
	if it.kind == searchItem {
		return append(rawjson.Field(rawjson.Str(dst, "execution", "client"), "arguments", objectIn(text)), '}')
	}
	if it.typed != nil {
		return append(it.typed.append(dst, it.text), '}')
	}
	dst = rawjson.Str(dst, "name", it.toolName)
	dst = rawjson.StrIf(dst, "namespace", it.space)
	return append(rawjson.Str(dst, it.kind.member, text), '}')
}

// at writes where an event of the item belongs.
func (it *item) at(dst []byte) []byte {
	dst = rawjson.Num(rawjson.Str(dst, "item_id", it.id), "output_index", it.place)
	switch it.kind {
	case messageItem:
		dst = rawjson.Num(dst, "content_index", it.number)
	case reasoningItem:
		dst = rawjson.Num(dst, "summary_index", 0)
	}
	return dst
}

// grow adds to the item's text. logprobs are those of its tokens, as elements of a list.
func (it *item) grow(s *streamEncoder, dst []byte, name string, text, logprobs []byte) []byte {
	it.text = append(it.text, text...)
	if it.wrapped {
		return dst
	}
	return s.event(dst, name, func(dst []byte) []byte {
		dst = rawjson.Str(it.at(dst), "delta", text)
		if it.part == outputText {
			dst = appendList(dst, "logprobs", logprobs)
		}
		return dst
	})
}

// text adds to the message's text or to its refusal.
func (s *streamEncoder) text(dst []byte, kind partKind, e *codec.Event) []byte {
	if len(e.Text) == 0 {
		return dst
	}
	if s.open == nil || s.open.kind != messageItem {
		dst = s.close(dst)
		s.open = &item{kind: messageItem}
		dst = s.add(dst, s.open)
	}
	if it := s.open; it.part != kind {
		dst = s.closePart(dst, it)
		it.part = kind
		dst = s.event(dst, "response.content_part.added", func(dst []byte) []byte {
			return it.appendPart(rawjson.Key(it.at(dst), "part"))
		})
	}
	name := messageItem.delta
	if kind == refusal {
		name = "response.refusal.delta"
	}
	logprobs := logProbElements(e.LogProbs)
	s.open.logprobs = joined(s.open.logprobs, logprobs)
	return s.open.grow(s, dst, name, e.Text, logprobs)
}

// joined adds elements to those of a list.
func joined(list, elements []byte) []byte {
	if len(list) > 0 && len(elements) > 0 {
		list = append(list, ',')
	}
	return append(list, elements...)
}

// appendList writes a member with a list of elements that are written already.
func appendList(dst []byte, name string, elements []byte) []byte {
	return append(append(append(rawjson.Key(dst, name), '['), elements...), ']')
}

// appendPart writes the part that grows.
func (it *item) appendPart(dst []byte) []byte {
	if it.part == refusal {
		return append(rawjson.Str(append(dst, `{"type":"refusal"`...), "refusal", it.text), '}')
	}
	dst = rawjson.Str(append(dst, `{"type":"output_text"`...), "text", it.text)
	dst = appendList(dst, "annotations", it.annotations)
	return append(appendList(dst, "logprobs", it.logprobs), '}')
}

// closePart ends the part of a message that grows.
func (s *streamEncoder) closePart(dst []byte, it *item) []byte {
	if it.part == noPart {
		return dst
	}
	name, member := messageItem.done, messageItem.member
	if it.part == refusal {
		name, member = "response.refusal.done", "refusal"
	}
	dst = s.event(dst, name, func(dst []byte) []byte {
		dst = rawjson.Str(it.at(dst), member, it.text)
		if it.part == outputText {
			dst = appendList(dst, "logprobs", it.logprobs)
		}
		return dst
	})
	dst = s.event(dst, "response.content_part.done", func(dst []byte) []byte {
		return it.appendPart(rawjson.Key(it.at(dst), "part"))
	})
	s.scratch = it.appendPart(s.scratch[:0])
	it.parts = joined(it.parts, s.scratch)
	it.number++
	it.part, it.text, it.annotations, it.cited, it.logprobs = noPart, it.text[:0], nil, 0, nil
	return dst
}

func (s *streamEncoder) cite(dst []byte, c *codec.Citation) []byte {
	it := s.open
	if it == nil || it.part != outputText || c == nil || c.URL == "" {
		return dst
	}
	annotation := appendCitation(nil, c)
	it.annotations = joined(it.annotations, annotation)
	it.cited++
	return s.event(dst, "response.output_text.annotation.added", func(dst []byte) []byte {
		dst = rawjson.Num(it.at(dst), "annotation_index", it.cited-1)
		return append(rawjson.Key(dst, "annotation"), annotation...)
	})
}

// thinking makes sure that a reasoning item is open.
func (s *streamEncoder) thinking(dst []byte) []byte {
	if s.open != nil && s.open.kind == reasoningItem {
		return dst
	}
	dst = s.close(dst)
	it := &item{kind: reasoningItem}
	s.open = it
	dst = s.add(dst, it)
	return s.event(dst, "response.reasoning_summary_part.added", func(dst []byte) []byte {
		return append(rawjson.Key(it.at(dst), "part"), `{"type":"summary_text","text":""}`...)
	})
}

// endThinking closes a block of thinking with what proves it. One of a chat upstream has neither proof nor end.
func (s *streamEncoder) endThinking(dst []byte, e *codec.Event) []byte {
	proof := sealed(e.Signature, e.Reasoning)
	if (s.open == nil || s.open.kind != reasoningItem) && proof == "" {
		return dst
	}
	if s.open == nil || s.open.kind != reasoningItem {
		dst = s.close(dst)
		s.open = &item{kind: reasoningItem}
		if e.Reasoning != nil && strings.HasPrefix(e.Reasoning.ID, "rs_") && isOpenAI(e.Signature, e.Reasoning) {
			s.open.id = strings.Clone(e.Reasoning.ID) // what is sealed in it belongs to that id
		}
		dst = s.add(dst, s.open)
	}
	s.open.sealed = proof
	return s.close(dst)
}

// close ends the message or the thinking that is open.
func (s *streamEncoder) close(dst []byte) []byte {
	it := s.open
	if it == nil {
		return dst
	}
	s.open = nil
	if it.kind == messageItem {
		return s.done(s.closePart(dst, it), it)
	}
	if len(it.text) > 0 {
		dst = s.event(dst, it.kind.done, func(dst []byte) []byte { return rawjson.Str(it.at(dst), "text", it.text) })
		dst = s.event(dst, "response.reasoning_summary_part.done", func(dst []byte) []byte {
			return append(rawjson.Str(append(rawjson.Key(it.at(dst), "part"), `{"type":"summary_text"`...), "text", it.text), '}')
		})
	}
	return s.done(dst, it)
}

func (s *streamEncoder) beginCall(dst []byte, e *codec.Event) []byte {
	it := &item{kind: functionItem, index: e.Index, callID: strings.Clone(e.ID), toolName: strings.Clone(e.Name)}
	switch {
	case e.Custom || s.custom[e.Name]:
		it.kind, it.wrapped = customItem, !e.Custom
	case s.toolSearch && e.Name == toolSearch:
		it.kind, it.wrapped = searchItem, true
	case s.typed[e.Name] != nil:
		it.typed = s.typed[e.Name]
		it.kind, it.wrapped = it.typed.kind, true
		s.calls.Add(it.index, it)
		return dst // clients read its arguments where it begins, so it does when it is whole
	}
	if space := s.namespaces[it.toolName]; space != "" {
		it.space, it.toolName = space, strings.TrimPrefix(it.toolName, namespaced(space, ""))
	}
	s.calls.Add(it.index, it)
	return s.add(dst, it)
}

// customNames are the tools that the client takes text for, nil if there are none. Upstreams without such tools were
// told of functions.
func customNames(tools []codec.Tool) map[string]bool {
	var names map[string]bool
	for i := range tools {
		if tools[i].Kind != codec.ToolCustom {
			continue
		}
		if names == nil {
			names = make(map[string]bool)
		}
		names[tools[i].Name] = true
	}
	return names
}

func (s *streamEncoder) call(index int64) *item {
	if c := s.calls.Find(index); c != nil {
		return *c
	}
	return nil
}

// whole says whether the arguments of a call can be all of them.
func (it *item) whole() bool {
	if it.kind == customItem && !it.wrapped || len(bytes.TrimSpace(it.text)) == 0 {
		return true
	}
	_, err := rawjson.One(it.text)
	return err == nil
}

func (s *streamEncoder) closeCall(dst []byte, it *item) []byte {
	s.calls.Remove(it.index)
	if it.typed != nil {
		dst = s.add(dst, it)
	}
	if it.kind == searchItem || it.typed != nil {
		return s.done(dst, it)
	}
	if it.wrapped {
		text := customInput(it.text)
		it.wrapped, it.text = false, nil
		dst = it.grow(s, dst, it.kind.delta, text, nil)
	}
	if it.kind == functionItem && len(bytes.TrimSpace(it.text)) == 0 && s.status() != "incomplete" { // clients parse what they get
		dst = it.grow(s, dst, it.kind.delta, emptyObject, nil)
	}
	dst = s.event(dst, it.kind.done, func(dst []byte) []byte { return rawjson.Str(it.at(dst), it.kind.member, it.text) })
	return s.done(dst, it)
}

var emptyObject = []byte("{}")

// objectIn is the object that a text is, an empty one for any other.
func objectIn(text []byte) []byte {
	if v, err := rawjson.One(text); err == nil && v.Kind == rawjson.Object {
		return v.Raw(text)
	}
	return emptyObject
}

// customInput is the text for a custom tool out of the arguments of the function that stood for it: {"input":"…"}.
func customInput(arguments []byte) []byte {
	v, err := rawjson.One(arguments)
	if err != nil || v.Kind != rawjson.Object {
		return arguments
	}
	if input := v.Get(arguments, "input"); input.Kind == rawjson.String {
		text, _ := rawjson.AppendText(nil, arguments, input)
		return text
	}
	return arguments
}

// media writes an image that the model made, as OpenAI's own tool does.
func (s *streamEncoder) media(dst []byte, m *codec.Media) []byte {
	if m == nil || !strings.HasPrefix(m.MIME, "image/") || m.Data == "" {
		return dst
	}
	place := s.places
	s.places++
	whole := rawjson.Str([]byte{'{'}, "id", itemID("ig_", s.id, place))
	whole = rawjson.Str(whole, "type", "image_generation_call")
	whole = rawjson.Str(whole, "status", "completed")
	whole = rawjson.Str(whole, "output_format", strings.TrimPrefix(m.MIME, "image/"))
	whole = append(rawjson.Str(whole, "result", m.Data), '}')
	s.output = append(s.output, whole)
	for _, name := range []string{"response.output_item.added", "response.output_item.done"} {
		dst = s.event(dst, name, func(dst []byte) []byte {
			return append(rawjson.Key(rawjson.Num(dst, "output_index", place), "item"), whole...)
		})
	}
	return dst
}
