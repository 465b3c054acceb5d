package openai

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// NewStreamDecoder reads a chat stream into events.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

// streamDecoder holds what must be known across chunks. A finish is held back until the stream or its usage ends it,
// because compatible upstreams send content behind it, or send it twice.
type streamDecoder struct {
	codec.Drops
	reader  sse.Reader
	text    []byte // decoded texts of the events of one Push
	started bool
	done    bool
	err     *codec.Error
	choices []choiceState
	calls   openCalls
	open    []callState // those calls, as clients are told of them
}

// legacyCall stands for the index of a function_call, which has none.
const legacyCall = -1

type choiceState struct {
	index  int64
	finish codec.Finish
	ended  bool
	calls  int64 // how many
	said   bool  // something has come of it
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
	if d.done || d.err != nil {
		return dst, d.failure()
	}
	if e, ok := d.reader.Rest(); ok {
		whole := d.Dropped()
		dst = d.event(dst, e)
		d.Cut(whole)
	}
	finished := false
	for i := range d.choices {
		finished = finished || d.choices[i].finish.Reason != codec.FinishNone
	}
	switch {
	case d.done:
	case d.err != nil && d.err.Raw == nil && d.started, d.err == nil && d.started && !finished:
		d.err = codec.CutShort()
	case !d.started && d.err == nil:
		d.err = codec.Empty()
	case d.err == nil:
		dst = d.finish(dst)
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
	case string(e.Name) == "error":
		d.err = eventError(data)
	case e.Foreign != nil && len(data) == 0:
		d.err = foreignError(e.Foreign)
	case len(data) == 0:
	case string(data) == "[DONE]":
		if !d.started {
			d.err = codec.Empty()
			return dst
		}
		d.done = true
		return d.finish(dst)
	case data[0] != '{' && d.started:
	default:
		return d.chunk(dst, data)
	}
	return dst
}

// chunk reads one chunk. Its usage comes last, whatever the order of the members.
func (d *streamDecoder) chunk(dst []codec.Event, data []byte) []codec.Event {
	var f findings // for its reading of errors and usage
	var choices rawjson.Value
	start := codec.Event{Kind: codec.EventStart}
	it := rawjson.MembersOf(data)
	for it.Next() {
		v := it.Value
		switch it.Name() {
		case "choices":
			choices = v
		case "usage", "usageMetadata", "usage_metadata":
			f.TakeUsage(data, v)
		case codec.ServiceTier:
			f.Usage.Tier = codec.TierTold(data, v)
		case "x_groq":
			f.TakeUsage(data, v.Get(data, "usage"))
			f.TakeError(data, v.Get(data, "error"))
		case "error":
			f.TakeError(data, v)
		case "id":
			start.ID, _ = rawjson.Text(data, v)
		case "model":
			start.Name, _ = rawjson.Text(data, v)
		case "created":
			start.Created, _ = rawjson.Int(data, v)
		}
	}
	switch {
	case f.Failure != nil:
		d.err = f.Failure
	case it.Err() != nil && !d.started:
		d.err = codec.NotAnAnswer(data)
	case it.Err() != nil:
		d.Drop()
		return dst
	}
	if d.err != nil {
		return dst
	}
	if !d.started {
		f.choices = choices.End-choices.Start > len("[]")
		if d.err = f.disguised(data); d.err != nil {
			return dst
		}
		d.started = true
		dst = append(dst, start)
	}
	n := int64(0)
	for it := choices.Elements(data); it.Next() && d.err == nil; n++ {
		dst = d.choice(dst, data, it.Value, n, &f)
	}
	if f.Usage.Tells() {
		dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: f.Usage})
	}
	return dst
}

func (d *streamDecoder) choice(dst []codec.Event, data []byte, v rawjson.Value, index int64, f *findings) []codec.Event {
	var delta, message, logprobs rawjson.Value
	word := ""
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "index":
			if n, ok := rawjson.Int(data, it.Value); ok {
				index = n
			}
		case "delta":
			delta = it.Value
		case "message":
			message = it.Value
		case "finish_reason":
			word, _ = rawjson.Text(data, it.Value)
		case "logprobs":
			logprobs = it.Value
		case "usage":
			f.TakeUsage(data, it.Value)
		case "error":
			if f.TakeError(data, it.Value); f.Failure != nil {
				d.err = f.Failure
				return dst
			}
		}
	}
	c := d.state(index)
	if d.err != nil {
		return dst
	}
	before := len(dst)
	dst = d.delta(dst, data, delta, logprobs, c)
	// A whole answer in one event, or pieces under another name; beside pieces it is Perplexity's repetition of what
	// has come so far.
	if message.Present() && len(dst) == before && (!c.said || !delta.Present()) {
		dst = d.delta(dst, data, message, logprobs, c)
	}
	c.said = c.said || len(dst) > before
	if finish := finishOf(word); finish.Reason != codec.FinishNone && c.finish.Reason == codec.FinishNone {
		finish.Native = finishNative(word)
		c.finish = finish
	}
	return dst
}

// finishNative keeps the word beyond its bytes, without a copy for the usual ones.
func finishNative(word string) string {
	for _, known := range []string{"stop", "length", "tool_calls", "content_filter", "function_call"} {
		if word == known {
			return known
		}
	}
	return string([]byte(word))
}

func (d *streamDecoder) state(index int64) *choiceState {
	for i := range d.choices {
		if d.choices[i].index == index {
			return &d.choices[i]
		}
	}
	if len(d.choices) == codec.MaxChoices {
		d.err = codec.TooMany(codec.MaxChoices, "choices")
		return &choiceState{index: index}
	}
	d.choices = append(d.choices, choiceState{index: index})
	return &d.choices[len(d.choices)-1]
}

func (d *streamDecoder) delta(dst []codec.Event, data []byte, v, logprobs rawjson.Value, c *choiceState) []codec.Event {
	var thinking, content, refusal, calls, call, images, annotations, details, blocks rawjson.Value
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "reasoning_content":
			thinking = it.Value
		case "reasoning":
			if !thinking.Present() {
				thinking = it.Value
			}
		case "content":
			content = it.Value
		case "refusal":
			refusal = it.Value
		case "tool_calls":
			calls = it.Value
		case "function_call":
			call = it.Value
		case "images":
			images = it.Value
		case "annotations":
			annotations = it.Value
		case "reasoning_details":
			details = it.Value
		case "thinking_blocks":
			blocks = it.Value
		}
	}
	piece := func(kind codec.EventKind, v rawjson.Value) {
		if text := rawjson.TextIn(&d.text, data, v); len(text) > 0 {
			dst = append(dst, codec.Event{Kind: kind, Choice: c.index, Text: text})
		}
	}
	before := len(dst)
	piece(codec.EventReasoning, thinking)
	dst = d.proofs(dst, data, blocks, details, len(dst) > before, c.index)
	text := len(dst)
	piece(codec.EventText, content)
	if len(dst) > text && logprobs.Present() {
		dst[text].LogProbs = logprobs.Raw(data)
	}
	r := reader{fields.Reader{Data: data}}
	for it := content.Elements(data); it.Next(); {
		dst = d.contentPart(dst, &r, it.Value, c)
	}
	piece(codec.EventRefusal, refusal)
	for it := images.Elements(data); it.Next(); {
		dst = d.contentPart(dst, &r, it.Value, c)
	}
	for _, cited := range r.citations(annotations) {
		dst = append(dst, codec.Event{Kind: codec.EventCitation, Choice: c.index, Citation: &cited})
	}
	for it := calls.Elements(data); it.Next() && d.err == nil; {
		dst = d.toolDelta(dst, data, it.Value, c)
	}
	if call.Kind == rawjson.Object && d.err == nil {
		dst = d.functionDelta(dst, data, call, c)
	}
	return dst
}

// contentPart reads an element of content that comes as a list, as Mistral's thinking models send it.
func (d *streamDecoder) contentPart(dst []codec.Event, r *reader, v rawjson.Value, c *choiceState) []codec.Event {
	if v.Kind == rawjson.String { // LangChain's
		if text := rawjson.TextIn(&d.text, r.Data, v); len(text) > 0 {
			dst = append(dst, codec.Event{Kind: codec.EventText, Choice: c.index, Text: text})
		}
		return dst
	}
	p := r.part(v, "content")
	e := codec.Event{Kind: codec.EventText, Choice: c.index, Text: []byte(p.Text), Media: p.Media}
	switch p.Kind {
	case codec.PartText:
	case codec.PartReasoning:
		e.Kind = codec.EventReasoning
	case codec.PartImage, codec.PartAudio, codec.PartVideo, codec.PartFile:
		e.Kind = codec.EventMedia
	default:
		return dst
	}
	if e.Kind == codec.EventMedia || len(e.Text) > 0 {
		dst = append(dst, e)
	}
	if p.Signature.Value != "" {
		proof := codec.Signature{Provider: p.Signature.Provider, Value: strings.Clone(p.Signature.Value)} // the bytes it came in do not last
		dst = append(dst, codec.Event{Kind: codec.EventReasoningEnd, Choice: c.index, Signature: proof})
	}
	return dst
}

// finish ends the choices that have not ended. A stream closed by [DONE] is complete even if the upstream gave no
// reason.
func (d *streamDecoder) finish(dst []codec.Event) []codec.Event {
	for i := range d.choices {
		c := &d.choices[i]
		if failure := finishFailure(c.finish.Native); failure != nil && d.err == nil {
			d.err = failure
		} else if !c.ended {
			c.ended = true
			dst = append(dst, codec.Event{Kind: codec.EventFinish, Choice: c.index, Finish: settle(c.finish, c.calls > 0)})
		}
	}
	return dst
}
