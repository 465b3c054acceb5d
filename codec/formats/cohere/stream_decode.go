package cohere

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// NewStreamDecoder reads a chat stream into events.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

// streamDecoder holds what must be known across events.
type streamDecoder struct {
	codec.Drops
	reader  sse.Reader
	text    []byte // decoded texts of the events of one Push
	started bool
	done    bool
	calls   int64                       // so far
	last    int64                       // index of the last call
	open    keyed.List[int64, openCall] // by the index that Cohere gives them
	err     *codec.Error
}

// openCall is a call whose arguments are coming.
type openCall struct {
	index int64 // as we count
	bare  bool  // no arguments have come
}

// Push implements codec.StreamDecoder.
func (d *streamDecoder) Push(dst []codec.Event, p []byte) ([]codec.Event, error) {
	d.text = d.text[:0]
	if !d.reader.Push(p) && d.err == nil {
		d.err = codec.NoAnswer("the upstream sent an event that is too large")
	}
	for !d.done && d.err == nil {
		e, ok := d.reader.Next()
		if !ok {
			break
		}
		dst = d.event(dst, e)
	}
	return dst, d.failure()
}

// End implements codec.StreamDecoder.
func (d *streamDecoder) End(dst []codec.Event) ([]codec.Event, error) {
	d.text = d.text[:0]
	if e, ok := d.reader.Rest(); ok && !d.done && d.err == nil {
		if _, err := rawjson.One(e.Data); err != nil && e.Lines > 0 && d.started {
			d.err = codec.CutShort()
		} else {
			dst = d.event(dst, e)
		}
	}
	switch {
	case d.done || d.err != nil:
	case !d.started:
		d.err = codec.NoAnswer("the upstream returned an empty response")
	default:
		d.err = codec.CutShort()
	}
	return dst, d.failure()
}

// Done says that the upstream has ended its answer: nothing can follow, even if it keeps the connection open.
func (d *streamDecoder) Done() bool { return d.done }

func (d *streamDecoder) failure() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

func (d *streamDecoder) event(dst []codec.Event, e sse.Event) []codec.Event {
	data := bytes.TrimSpace(e.Data)
	switch {
	case len(data) > 0 && string(data) != "[DONE]": // some proxies add OpenAI's end
		return d.read(dst, string(e.Name) == "error", data)
	case string(e.Name) == "error":
		d.err = codec.NoAnswer("the upstream broke the stream off with an error")
	case e.Foreign != nil:
		d.err = answerFailure(e.Foreign)
	}
	return dst
}

// read gives the meaning of one event by its JSON.
func (d *streamDecoder) read(dst []codec.Event, failed bool, data []byte) []codec.Event {
	var kind string
	var id, index, delta, message rawjson.Value
	it := rawjson.MembersOf(data)
	for it.Next() {
		switch it.Name() {
		case "type":
			kind, _ = rawjson.Text(data, it.Value)
		case "id":
			id = it.Value
		case "index":
			index = it.Value
		case "delta":
			delta = it.Value
		}
	}
	switch {
	case it.Err() != nil && d.started:
		d.Drop()
		return dst
	case it.Err() != nil, kind == "", failed:
		d.err = answerFailure(data)
		return dst
	}
	for it := delta.Members(data); it.Next(); {
		if it.Name() == "message" {
			message = it.Value
		}
	}
	switch kind {
	case "message-start":
		d.started = true
		return append(dst, codec.Event{Kind: codec.EventStart, ID: string(rawjson.TextIn(&d.text, data, id))})
	case "content-start", "content-delta":
		return d.content(dst, data, message.Get(data, "content"))
	case "tool-plan-delta":
		return d.piece(dst, codec.EventReasoning, data, message.Get(data, "tool_plan"))
	case "tool-call-start":
		return d.start(dst, data, index, message.Get(data, "tool_calls"))
	case "tool-call-delta":
		return d.arguments(dst, data, d.open.Find(d.key(data, index)), message.Get(data, "tool_calls"))
	case "tool-call-end":
		return d.end(dst, d.key(data, index))
	case "citation-start":
		if c, ok := citation(data, message.Get(data, "citations")); ok {
			return append(dst, codec.Event{Kind: codec.EventCitation, Citation: &c})
		}
	case "message-end":
		return d.finish(dst, data, delta)
	}
	return dst
}

func (d *streamDecoder) content(dst []codec.Event, data []byte, v rawjson.Value) []codec.Event {
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "thinking":
			dst = d.piece(dst, codec.EventReasoning, data, it.Value)
		case "text":
			dst = d.piece(dst, codec.EventText, data, it.Value)
		}
	}
	return dst
}

func (d *streamDecoder) piece(dst []codec.Event, kind codec.EventKind, data []byte, v rawjson.Value) []codec.Event {
	text := rawjson.TextIn(&d.text, data, v)
	if len(text) == 0 {
		return dst
	}
	d.started = true
	return append(dst, codec.Event{Kind: kind, Text: text})
}

// start begins a call. Some servers send all of its arguments with it.
func (d *streamDecoder) start(dst []codec.Event, data []byte, index, v rawjson.Value) []codec.Event {
	d.started = true
	if d.calls == codec.MaxCalls {
		d.err = codec.TooMany(codec.MaxCalls, "tool calls")
		return dst
	}
	key, ok := rawjson.Int(data, index)
	if !ok {
		key = d.calls
	}
	dst = d.end(dst, key)
	dst = append(dst, codec.Event{Kind: codec.EventToolStart, Index: d.calls, ID: string(rawjson.TextIn(&d.text, data, v.Get(data, "id"))),
		Name: string(rawjson.TextIn(&d.text, data, v.Get(data, "function").Get(data, "name")))})
	call := d.open.Add(key, openCall{index: d.calls, bare: true})
	d.calls++
	d.last = key
	return d.arguments(dst, data, call, v)
}

// key is the index of an event, that of the last call if it has none.
func (d *streamDecoder) key(data []byte, index rawjson.Value) int64 {
	if key, ok := rawjson.Int(data, index); ok {
		return key
	}
	return d.last
}

// arguments adds to those of a call. In the place of none Cohere writes null.
func (d *streamDecoder) arguments(dst []codec.Event, data []byte, c *openCall, v rawjson.Value) []codec.Event {
	text := rawjson.TextIn(&d.text, data, v.Get(data, "function").Get(data, "arguments"))
	if c == nil || len(text) == 0 || c.bare && string(text) == "null" {
		return dst
	}
	c.bare = false
	return append(dst, codec.Event{Kind: codec.EventToolArguments, Index: c.index, Text: text})
}

var noArguments = []byte("{}")

func (d *streamDecoder) end(dst []codec.Event, key int64) []codec.Event {
	c := d.open.Find(key)
	if c == nil {
		return dst
	}
	if c.bare {
		dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Index: c.index, Text: noArguments})
	}
	dst = append(dst, codec.Event{Kind: codec.EventToolEnd, Index: c.index})
	d.open.Remove(key)
	return dst
}

func (d *streamDecoder) finish(dst []codec.Event, data []byte, delta rawjson.Value) []codec.Event {
	r := reader{fields.Reader{Data: data}}
	word := r.soft(delta, "finish_reason")
	if d.err = finishFailure(word, r.soft(delta, "error")); d.err != nil {
		return dst
	}
	d.started, d.done = true, true
	for key := range d.open.All() {
		dst = d.end(dst, key)
	}
	dst = append(dst, codec.Event{Kind: codec.EventFinish, Finish: finishOf(strings.Clone(word), d.calls > 0)})
	if u, _ := readUsage(data, delta.Get(data, "usage")); u.Tells() {
		dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: u})
	}
	return dst
}
