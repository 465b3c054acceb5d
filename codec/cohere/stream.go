package cohere

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/blocks"
	"uniapi/codec/fields"
	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// NewStreamDecoder implements codec.Format.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

type streamDecoder struct {
	reader  sse.Reader
	text    []byte // decoded texts of the events of one Push
	started bool
	done    bool
	calls   int64
	bare    bool // the call that is open has no arguments yet
	err     *codec.Error
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
		dst = d.event(dst, e)
	}
	switch {
	case d.done || d.err != nil:
	case !d.started:
		d.err = codec.NoAnswer("the upstream returned an empty response")
	default:
		d.err = &codec.Error{Status: 502, Class: codec.Cut, Type: "server_error", InAnswer: true,
			Message: "the upstream's stream ended before its answer was complete"}
	}
	return dst, d.failure()
}

func (d *streamDecoder) failure() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

func (d *streamDecoder) event(dst []codec.Event, e sse.Event) []codec.Event {
	data := bytes.TrimSpace(e.Data)
	if e.Foreign != nil && len(data) == 0 {
		d.err = openai.ReadError(502, "", e.Foreign)
		return dst
	}
	if len(data) == 0 || string(data) == "[DONE]" {
		return dst
	}
	top, err := rawjson.One(data)
	if err != nil {
		d.err = codec.NoAnswer("the upstream sent an event that is not valid JSON: " + err.Error())
		return dst
	}
	kind, _ := rawjson.Text(data, top.Get(data, "type"))
	if kind == "" {
		kind = string(e.Name)
	}
	delta := top.Get(data, "delta")
	message := delta.Get(data, "message")
	switch kind {
	case "message-start":
		d.started = true
		return append(dst, codec.Event{Kind: codec.EventStart, ID: string(d.keep(data, top.Get(data, "id")))})
	case "content-start", "content-delta":
		content := message.Get(data, "content")
		dst = d.piece(dst, codec.EventReasoning, data, content.Get(data, "thinking"))
		return d.piece(dst, codec.EventText, data, content.Get(data, "text"))
	case "tool-plan-delta":
		return d.piece(dst, codec.EventReasoning, data, message.Get(data, "tool_plan"))
	case "tool-call-start":
		return d.call(dst, data, message.Get(data, "tool_calls"))
	case "tool-call-delta":
		return d.arguments(dst, data, message.Get(data, "tool_calls"))
	case "tool-call-end":
		if d.bare {
			dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Index: d.calls - 1, Text: noArguments})
			d.bare = false
		}
		return append(dst, codec.Event{Kind: codec.EventToolEnd, Index: d.calls - 1})
	case "citation-start":
		if c, ok := citation(data, message.Get(data, "citations")); ok {
			return append(dst, codec.Event{Kind: codec.EventCitation, Citation: &c})
		}
	case "message-end":
		return d.finish(dst, data, delta)
	case "":
		d.err = openai.ReadError(502, "", data)
	}
	return dst
}

var noArguments = []byte("{}")

func (d *streamDecoder) keep(data []byte, v rawjson.Value) []byte {
	mark := len(d.text)
	d.text, _ = rawjson.AppendText(d.text, data, v)
	return d.text[mark:len(d.text):len(d.text)]
}

func (d *streamDecoder) piece(dst []codec.Event, kind codec.EventKind, data []byte, v rawjson.Value) []codec.Event {
	if v.Kind != rawjson.String || v.End-v.Start == len(`""`) {
		return dst
	}
	d.started = true
	return append(dst, codec.Event{Kind: kind, Text: d.keep(data, v)})
}

func (d *streamDecoder) call(dst []codec.Event, data []byte, v rawjson.Value) []codec.Event {
	d.started, d.bare = true, true
	d.calls++
	dst = append(dst, codec.Event{
		Kind: codec.EventToolStart, Index: d.calls - 1, ID: string(d.keep(data, v.Get(data, "id"))),
		Name: string(d.keep(data, v.Get(data, "function").Get(data, "name"))),
	})
	return d.arguments(dst, data, v)
}

// arguments adds to those of the open call; null stands for none.
func (d *streamDecoder) arguments(dst []codec.Event, data []byte, v rawjson.Value) []codec.Event {
	piece := v.Get(data, "function").Get(data, "arguments")
	if piece.Kind != rawjson.String || piece.End-piece.Start == len(`""`) || d.calls == 0 {
		return dst
	}
	text := d.keep(data, piece)
	if d.bare && string(text) == "null" {
		return dst
	}
	d.bare = false
	return append(dst, codec.Event{Kind: codec.EventToolArguments, Index: d.calls - 1, Text: text})
}

func (d *streamDecoder) finish(dst []codec.Event, data []byte, delta rawjson.Value) []codec.Event {
	r := reader{fields.Reader{Data: data}}
	finish := finishOf(strings.Clone(r.soft(delta, "finish_reason")))
	if finish.Reason == codec.FinishError {
		message := r.soft(delta, "error")
		if message == "" {
			message = "the upstream could not finish its answer"
		}
		d.err = codec.NoAnswer(strings.Clone(message))
		return dst
	}
	d.done = true
	dst = append(dst, codec.Event{Kind: codec.EventFinish, Finish: finish})
	if u, ok := readUsage(data, delta.Get(data, "usage")); ok {
		dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: u})
	}
	return dst
}

// NewStreamEncoder implements codec.Format.
func (Format) NewStreamEncoder(*codec.Request) codec.StreamEncoder {
	s := &streamEncoder{}
	s.sequence.Writer = &s.blocks
	return s
}

type streamEncoder struct {
	started  bool
	sequence blocks.Sequence
	blocks   blockWriter
	usage    codec.Usage
	finish   codec.Finish
}

// Append implements codec.StreamEncoder. Cohere has one answer, the first.
func (s *streamEncoder) Append(dst []byte, e *codec.Event) []byte {
	if e.Choice != 0 {
		return dst
	}
	switch e.Kind {
	case codec.EventStart, codec.EventUsage:
		if !e.Usage.Zero() {
			s.usage = e.Usage
		}
	case codec.EventFinish:
		s.finish = e.Finish
	case codec.EventPing:
		return sse.AppendComment(dst, "keep-alive")
	}
	dst = s.start(dst, e.ID)
	if e.Kind == codec.EventCitation && e.Citation != nil {
		dst = s.blocks.event(dst, "citation-start", append(appendCitation([]byte(`{"message":{"citations":`), e.Citation), "}}"...))
		return s.blocks.event(dst, "citation-end", nil)
	}
	return s.sequence.Append(dst, e)
}

func (s *streamEncoder) start(dst []byte, id string) []byte {
	if s.started {
		return dst
	}
	s.started = true
	data := rawjson.Str([]byte(`{"type":"message-start"`), "id", id)
	data = append(data, `,"delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}`...)
	return sse.AppendEvent(dst, "message-start", data)
}

// End implements codec.StreamEncoder.
func (s *streamEncoder) End(dst []byte) []byte {
	dst = s.sequence.Flush(s.start(dst, ""))
	data := rawjson.Str([]byte(`{"type":"message-end","delta":{`), "finish_reason", finishWord(s.finish))
	data = appendUsage(append(rawjson.Key(data, "usage"), '{'), s.usage)
	return sse.AppendEvent(dst, "message-end", append(data, "}}}"...))
}

// Fail implements codec.StreamEncoder.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte {
	data := rawjson.Str([]byte(`{"type":"message-end","delta":{"finish_reason":"ERROR"`), "error", e.Message)
	return sse.AppendEvent(dst, "message-end", append(data, "}}"...))
}

// blockWriter writes blocks as events.
type blockWriter struct {
	next int64 // index of the next block
	kind blocks.Kind
	data []byte
}

// event writes an event for the open block.
func (w *blockWriter) event(dst []byte, name string, delta []byte) []byte {
	data := rawjson.Num(rawjson.Str([]byte{'{'}, "type", name), "index", max(w.next-1, 0))
	return sse.AppendEvent(dst, name, append(rawjson.RawIf(data, "delta", delta), '}'))
}

// content writes the delta of a block of words or of thinking.
func (w *blockWriter) content(text []byte, first bool) []byte {
	kind := "text"
	if w.kind == blocks.Thinking {
		kind = "thinking"
	}
	w.data = append(w.data[:0], `{"message":{"content":{`...)
	if first {
		w.data = rawjson.Str(w.data, "type", kind)
	}
	w.data = append(rawjson.Str(w.data, kind, text), "}}}"...)
	return w.data
}

// Open implements blocks.Writer.
func (w *blockWriter) Open(dst []byte, b *blocks.Block) []byte {
	w.kind = b.Kind
	switch b.Kind {
	case blocks.Redacted: // nobody but its provider can read it
		return dst
	case blocks.Call:
		w.next++
		delta := rawjson.Str([]byte(`{"message":{"tool_calls":{`), "id", b.ID)
		delta = rawjson.Str(append(delta, `,"type":"function","function":{`...), "name", b.Name)
		return w.event(dst, "tool-call-start", append(delta, `,"arguments":""}}}}`...))
	}
	w.next++
	return w.event(dst, "content-start", w.content(nil, true))
}

// Piece implements blocks.Writer.
func (w *blockWriter) Piece(dst, text []byte) []byte {
	if w.kind != blocks.Call {
		return w.event(dst, "content-delta", w.content(text, false))
	}
	w.data = rawjson.Str(append(w.data[:0], `{"message":{"tool_calls":{"function":{`...), "arguments", text)
	return w.event(dst, "tool-call-delta", append(w.data, "}}}}"...))
}

// Sign implements blocks.Writer: there are no signatures here.
func (w *blockWriter) Sign(dst []byte, _ codec.Signature) []byte { return dst }

// Close implements blocks.Writer.
func (w *blockWriter) Close(dst []byte) []byte {
	switch w.kind {
	case blocks.Redacted:
		return dst
	case blocks.Call:
		return w.event(dst, "tool-call-end", nil)
	}
	return w.event(dst, "content-end", nil)
}
