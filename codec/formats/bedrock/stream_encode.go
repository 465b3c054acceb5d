package bedrock

import (
	"encoding/base64"

	"uniapi/codec"
	"uniapi/codec/contentblocks"
	"uniapi/codec/eventstream"
	"uniapi/codec/rawjson"
)

// NewStreamEncoder writes frames for the client that sent q.
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

// Append implements codec.StreamEncoder. Converse has one answer, the first.
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
	case codec.EventPing: // the framing has no sign of life
		return dst
	}
	return s.sequence.Append(s.start(dst), e)
}

func (s *streamEncoder) start(dst []byte) []byte {
	if s.started {
		return dst
	}
	s.started = true
	return eventstream.AppendEvent(dst, "messageStart", []byte(`{"role":"assistant"}`))
}

// End implements codec.StreamEncoder.
func (s *streamEncoder) End(dst []byte) []byte {
	dst = s.sequence.Flush(s.start(dst))
	payload := rawjson.Str([]byte{'{'}, "stopReason", finishWord(s.finish))
	dst = eventstream.AppendEvent(dst, "messageStop", append(payload, '}'))
	payload = appendUsage(rawjson.Key([]byte{'{'}, "usage"), s.usage)
	return eventstream.AppendEvent(dst, "metadata", append(payload, `,"metrics":{"latencyMs":0}}`...))
}

// Fail implements codec.StreamEncoder.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte {
	return eventstream.AppendException(dst, exceptionOf(e), Format{}.EncodeError(nil, e))
}

// blockWriter writes blocks as events.
type blockWriter struct {
	next    int64 // index of the next block
	kind    contentblocks.Kind
	payload []byte
}

// event ends the payload with the block's index and frames it.
func (w *blockWriter) event(dst []byte, name string, index int64) []byte {
	w.payload = append(rawjson.Num(w.payload, "contentBlockIndex", index), '}')
	return eventstream.AppendEvent(dst, name, w.payload)
}

// Open implements contentblocks.Writer. Only calls have a start.
func (w *blockWriter) Open(dst []byte, b *contentblocks.Block) []byte {
	w.kind = b.Kind
	w.next++
	switch b.Kind {
	case contentblocks.Call:
		w.payload = append(w.payload[:0], `{"start":{"toolUse":{`...)
		w.payload = rawjson.Str(w.payload, "toolUseId", clientID(b.ID))
		w.payload = append(rawjson.Str(w.payload, "name", b.Name), "}}"...)
		return w.event(dst, "contentBlockStart", w.next-1)
	case contentblocks.Redacted:
		w.payload = append(w.payload[:0], `{"delta":{"reasoningContent":{`...)
		w.payload = append(rawjson.Str(w.payload, "redactedContent", base64.StdEncoding.EncodeToString([]byte(b.Info.Encrypted))), "}}"...)
		return w.event(dst, "contentBlockDelta", w.next-1)
	}
	return dst
}

// Piece implements contentblocks.Writer.
func (w *blockWriter) Piece(dst, text []byte) []byte {
	head, tail := `{"delta":{"text":`, "}"
	switch w.kind {
	case contentblocks.Thinking:
		head, tail = `{"delta":{"reasoningContent":{"text":`, "}}"
	case contentblocks.Call:
		head, tail = `{"delta":{"toolUse":{"input":`, "}}"
	}
	w.payload = rawjson.AppendString(append(w.payload[:0], head...), text)
	w.payload = append(w.payload, tail...)
	return w.event(dst, "contentBlockDelta", w.next-1)
}

// Sign implements contentblocks.Writer.
func (w *blockWriter) Sign(dst []byte, s codec.Signature) []byte {
	w.payload = append(w.payload[:0], `{"delta":{"reasoningContent":{`...)
	w.payload = append(rawjson.Str(w.payload, "signature", s.Value), "}}"...)
	return w.event(dst, "contentBlockDelta", w.next-1)
}

// Close implements contentblocks.Writer.
func (w *blockWriter) Close(dst []byte) []byte {
	w.payload = append(w.payload[:0], '{')
	return w.event(dst, "contentBlockStop", w.next-1)
}
