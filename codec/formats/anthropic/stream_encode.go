package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/contentblocks"
	"uniapi/codec/rawjson"
)

// NewStreamEncoder writes events for the client that sent q.
func (Format) NewStreamEncoder(q *codec.Request) codec.StreamEncoder {
	s := &streamEncoder{q: q}
	s.sequence.Writer = &s.blocks
	return s
}

// streamEncoder keeps the order that clients depend on: one message_start, blocks one after the other with indices
// from 0, one message_delta with the reason and the usage, one message_stop.
type streamEncoder struct {
	q        *codec.Request
	started  bool
	sequence contentblocks.Sequence
	blocks   blockWriter
	usage    codec.Usage
	finish   codec.Finish
}

// Append implements codec.StreamEncoder. Anthropic's format has one answer, the first.
func (s *streamEncoder) Append(dst []byte, e *codec.Event) []byte {
	if e.Choice != 0 {
		return dst
	}
	switch e.Kind {
	case codec.EventStart:
		if !s.started {
			dst = s.start(dst, e)
		}
		return dst
	case codec.EventUsage:
		s.usage.Update(e.Usage)
		return dst
	case codec.EventFinish:
		s.finish = e.Finish
	}
	if !s.started {
		dst = s.start(dst, &codec.Event{})
	}
	switch e.Kind {
	case codec.EventPing:
		return append(dst, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
	case codec.EventCitation:
		if s.sequence.Is() == contentblocks.Text && e.Citation != nil && e.Citation.URL != "" {
			return s.blocks.cite(dst, e.Citation)
		}
		return dst
	}
	dst = s.sequence.Append(dst, e)
	if proof, signed := e.TextProof(); signed {
		dst = s.sequence.Append(dst, &proof)
	}
	return dst
}

// appendEvent begins an event up to the members behind its type.
func appendEvent(dst []byte, kind string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(dst, "\ndata: {\"type\":\""...), kind...)
	return append(dst, '"')
}

// start begins the message. Clients show how full the context is from its input tokens, so there is a guess until the
// upstream counts.
func (s *streamEncoder) start(dst []byte, e *codec.Event) []byte {
	s.started = true
	if s.usage = e.Usage; s.usage.Zero() {
		s.usage.Prompt = s.q.EstimateTokens()
	}
	dst = append(rawjson.Key(appendEvent(dst, "message_start"), "message"), '{')
	dst = rawjson.Str(dst, "id", messageID(e.ID))
	dst = append(dst, `,"type":"message","role":"assistant"`...)
	dst = rawjson.Str(dst, "model", s.q.Model)
	dst = append(dst, `,"content":[],"stop_reason":null,"stop_sequence":null`...)
	dst = appendUsage(rawjson.Key(dst, "usage"), s.usage)
	return append(dst, "}}\n\n"...)
}

// End implements codec.StreamEncoder.
func (s *streamEncoder) End(dst []byte) []byte {
	if !s.started {
		dst = s.start(dst, &codec.Event{})
	}
	dst = s.sequence.Flush(dst)
	dst = append(rawjson.Key(appendEvent(dst, "message_delta"), "delta"), '{')
	dst = append(appendFinish(dst, s.finish), '}')
	dst = append(appendUsage(rawjson.Key(dst, "usage"), s.usage), "}\n\n"...)
	return append(appendEvent(dst, "message_stop"), "}\n\n"...)
}

// Fail implements codec.StreamEncoder. The message is not stopped: that would make it a whole one.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte {
	dst = append(dst, "event: error\ndata: "...)
	return append(Format{}.EncodeError(dst, e), "\n\n"...)
}

// blockWriter writes blocks as events.
type blockWriter struct {
	next int64  // index of the next block
	bare bool   // the open block is thinking that has no signature yet
	head []byte // the start of a delta of the open block, up to its text
}

// Open implements contentblocks.Writer.
func (w *blockWriter) Open(dst []byte, b *contentblocks.Block) []byte {
	dst = rawjson.Num(appendEvent(dst, "content_block_start"), "index", w.next)
	dst = rawjson.Key(dst, "content_block")
	delta := ""
	w.bare = b.Kind == contentblocks.Thinking
	switch b.Kind {
	case contentblocks.Text:
		dst = append(dst, `{"type":"text","text":""`...)
		delta = `{"type":"text_delta","text":`
	case contentblocks.Thinking:
		dst = append(dst, `{"type":"thinking","thinking":"","signature":""`...)
		delta = `{"type":"thinking_delta","thinking":`
	case contentblocks.Redacted:
		dst = rawjson.Str(append(dst, `{"type":"redacted_thinking"`...), "data", sealedData(b.Info))
	case contentblocks.Call:
		dst = rawjson.Str(append(dst, `{"type":"tool_use"`...), "id", clientID(b.ID))
		dst = append(rawjson.Str(dst, "name", b.Name), `,"input":{}`...)
		delta = `{"type":"input_json_delta","partial_json":`
	}
	w.head = rawjson.Num(appendEvent(w.head[:0], "content_block_delta"), "index", w.next)
	w.head = append(rawjson.Key(w.head, "delta"), delta...)
	w.next++
	return append(dst, "}}\n\n"...)
}

// Piece implements contentblocks.Writer.
func (w *blockWriter) Piece(dst, text []byte) []byte {
	dst = rawjson.AppendString(append(dst, w.head...), text)
	return append(dst, "}}\n\n"...)
}

// Sign implements contentblocks.Writer.
func (w *blockWriter) Sign(dst []byte, s codec.Signature) []byte {
	w.bare = false
	dst = append(w.delta(dst), `{"type":"signature_delta"`...)
	return append(rawjson.Str(dst, "signature", sealed(s)), "}}\n\n"...)
}

func (w *blockWriter) cite(dst []byte, c *codec.Citation) []byte {
	dst = append(w.delta(dst), `{"type":"citations_delta","citation":`...)
	return append(appendCitation(dst, c), "}}\n\n"...)
}

// delta begins a delta of the open block that is no piece.
func (w *blockWriter) delta(dst []byte) []byte {
	dst = rawjson.Num(appendEvent(dst, "content_block_delta"), "index", w.next-1)
	return rawjson.Key(dst, "delta")
}

// Close implements contentblocks.Writer.
func (w *blockWriter) Close(dst []byte) []byte {
	if w.bare {
		dst = w.Sign(dst, codec.Signature{})
	}
	dst = rawjson.Num(appendEvent(dst, "content_block_stop"), "index", w.next-1)
	return append(dst, "}\n\n"...)
}
