package cohere

import (
	"uniapi/codec"
	"uniapi/codec/contentblocks"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// NewStreamEncoder writes events for the client that sent q.
func (Format) NewStreamEncoder(*codec.Request) codec.StreamEncoder {
	s := &streamEncoder{}
	s.sequence.Writer = &s.blocks
	return s
}

type streamEncoder struct {
	started  bool
	sequence contentblocks.Sequence
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
	switch e.Kind {
	case codec.EventCitation:
		if e.Citation != nil {
			return s.blocks.cite(dst, e.Citation)
		}
	case codec.EventReasoningEnd: // there are no signatures here; without one it only ends the block
		e = &codec.Event{Kind: codec.EventReasoningEnd}
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
	return sse.AppendEvent(dst, "message-end", append(appendUsage(data, s.usage), "}}"...))
}

// Fail implements codec.StreamEncoder. The end of a message is also where this format has its errors.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte {
	data := rawjson.Str([]byte(`{"type":"message-end","delta":{"finish_reason":"ERROR"`), "error", e.Message)
	return sse.AppendEvent(dst, "message-end", append(data, "}}"...))
}

// blockWriter writes blocks as events. Contents, calls and citations are each counted from 0.
type blockWriter struct {
	contents, calls, citations int64
	kind                       contentblocks.Kind
	data                       []byte
}

// event begins the data of an event up to what is behind its index. Number is that of the last of its kind.
func (w *blockWriter) event(name string, number int64) {
	w.data = rawjson.Num(rawjson.Str(append(w.data[:0], '{'), "type", name), "index", number-1)
}

// Open implements contentblocks.Writer.
func (w *blockWriter) Open(dst []byte, b *contentblocks.Block) []byte {
	w.kind = b.Kind
	switch b.Kind {
	case contentblocks.Redacted: // nobody but its provider can read it
		return dst
	case contentblocks.Call:
		w.calls++
		w.event("tool-call-start", w.calls)
		w.data = rawjson.Str(append(w.data, `,"delta":{"message":{"tool_calls":{`...), "id", b.ID)
		w.data = rawjson.Str(append(w.data, `,"type":"function","function":{`...), "name", b.Name)
		return sse.AppendEvent(dst, "tool-call-start", append(w.data, `,"arguments":""}}}}}`...))
	}
	w.contents++
	w.event("content-start", w.contents)
	w.data = rawjson.Str(append(w.data, `,"delta":{"message":{"content":{`...), "type", w.word())
	return sse.AppendEvent(dst, "content-start", append(rawjson.Str(w.data, w.word(), ""), "}}}}"...))
}

// word names the kind of a content, and the member that has its text.
func (w *blockWriter) word() string {
	if w.kind == contentblocks.Thinking {
		return "thinking"
	}
	return "text"
}

// Piece implements contentblocks.Writer.
func (w *blockWriter) Piece(dst, text []byte) []byte {
	if w.kind == contentblocks.Call {
		w.event("tool-call-delta", w.calls)
		w.data = rawjson.Str(append(w.data, `,"delta":{"message":{"tool_calls":{"function":{`...), "arguments", text)
		return sse.AppendEvent(dst, "tool-call-delta", append(w.data, "}}}}}"...))
	}
	w.event("content-delta", w.contents)
	w.data = rawjson.Str(append(w.data, `,"delta":{"message":{"content":{`...), w.word(), text)
	return sse.AppendEvent(dst, "content-delta", append(w.data, "}}}}"...))
}

// Sign implements contentblocks.Writer; nothing comes to it.
func (w *blockWriter) Sign(dst []byte, _ codec.Signature) []byte { return dst }

// Close implements contentblocks.Writer.
func (w *blockWriter) Close(dst []byte) []byte {
	switch w.kind {
	case contentblocks.Redacted:
		return dst
	case contentblocks.Call:
		w.event("tool-call-end", w.calls)
		return sse.AppendEvent(dst, "tool-call-end", append(w.data, '}'))
	}
	w.event("content-end", w.contents)
	return sse.AppendEvent(dst, "content-end", append(w.data, '}'))
}

// cite writes a citation, which is whole at once.
func (w *blockWriter) cite(dst []byte, c *codec.Citation) []byte {
	w.citations++
	w.event("citation-start", w.citations)
	w.data = appendCitation(append(w.data, `,"delta":{"message":{"citations":`...), c)
	dst = sse.AppendEvent(dst, "citation-start", append(w.data, "}}}"...))
	w.event("citation-end", w.citations)
	return sse.AppendEvent(dst, "citation-end", append(w.data, '}'))
}
