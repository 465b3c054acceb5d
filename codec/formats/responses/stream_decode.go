package responses

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
	"uniapi/codec/toolid"
)

// NewStreamDecoder implements codec.Format.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

// streamDecoder holds what must be known across events: which items have come piece by piece, so that what ends an item
// is not taken for more of it.
type streamDecoder struct {
	codec.Drops
	reader  sse.Reader
	text    []byte // decoded texts of the events of one Push
	started bool
	done    bool
	err     *codec.Error
	items   keyed.List[int64, itemState] // by their place in the output: ids change on the way at some servers
	calls   int64
	proof   codec.Signature // of the last thinking, until a call takes it along
}

// maxItems is how many items an answer may have: more than open ones, since searches and their thoughts are items too.
const maxItems = 4 * codec.MaxItems

// itemState is what is known of an item.
type itemState struct {
	seen bool  // pieces of it have come
	done bool  // it has ended
	call int64 // index among the calls, -1 if it is none
	text bool  // the call is to a tool that takes text
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
		whole := d.Dropped()
		dst = d.event(dst, e)
		d.Cut(whole)
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
	if e.Foreign != nil && len(data) == 0 { // no event: an error, or a page
		if d.err = asError(e.Foreign); d.err == nil {
			d.err = codec.NoAnswer("the upstream sent something else where an event stream was due")
		}
		return dst
	}
	if len(data) == 0 || string(data) == "[DONE]" {
		return dst
	}
	var kind, delta, logprobs, item, response, part, place, annotation, failure rawjson.Value
	it := rawjson.MembersOf(data)
	for it.Next() {
		v := it.Value
		switch it.Name() {
		case "type":
			kind = v
		case "delta":
			delta = v
		case "logprobs":
			logprobs = v
		case "item":
			item = v
		case "response":
			response = v
		case "summary_index":
			part = v
		case "output_index":
			place = v
		case "annotation":
			annotation = v
		case "error":
			failure = v
		}
	}
	switch err := it.Err(); {
	case err != nil && d.started:
		d.Drop()
		return dst
	case err != nil:
		d.err = codec.NotJSON(err)
		return dst
	}
	name, _ := rawjson.Text(data, kind)
	if name == "" {
		name = string(e.Name)
	}
	at, _ := rawjson.Int(data, place)
	switch name {
	case "response.created":
		return d.start(dst, data, response)
	case "response.output_item.added":
		return d.added(d.start(dst, data, rawjson.Value{}), data, item, at)
	case "response.output_text.delta":
		dst = d.piece(dst, codec.EventText, data, delta, at)
		dst[len(dst)-1].LogProbs = d.logProbs(data, logprobs)
		return dst
	case "response.refusal.delta":
		return d.piece(dst, codec.EventRefusal, data, delta, at)
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		return d.piece(dst, codec.EventReasoning, data, delta, at)
	case "response.reasoning_summary_part.added":
		if n, _ := rawjson.Int(data, part); n > 0 { // parts are paragraphs
			dst = append(d.start(dst, data, rawjson.Value{}), codec.Event{Kind: codec.EventReasoning, Text: paragraph})
		}
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		if s := d.state(at); s.call >= 0 {
			s.seen = true
			return append(dst, codec.Event{Kind: codec.EventToolArguments, Index: s.call, Custom: s.text, Text: rawjson.TextIn(&d.text, data, delta)})
		}
	case "response.output_text.annotation.added":
		if c, ok := citation(data, annotation); ok {
			return append(dst, codec.Event{Kind: codec.EventCitation, Citation: &c})
		}
	case "response.output_item.done":
		return d.ended(d.start(dst, data, rawjson.Value{}), data, item, at)
	case "response.completed", "response.incomplete":
		return d.completed(d.start(dst, data, response), data, response)
	case "response.failed", "response.cancelled":
		d.err = failed(data, response)
	case "error":
		if d.err = asError(data); d.err == nil {
			d.err = codec.NoAnswer("the upstream reported an error without a text")
		}
	case "keepalive":
		return append(dst, codec.Event{Kind: codec.EventPing})
	case "":
		if failure.Present() {
			d.err = asError(data)
		}
	}
	return dst
}

var paragraph = []byte("\n\n")

// logProbs puts the list of a delta into the object of the neutral model, nil if it is empty.
func (d *streamDecoder) logProbs(data []byte, v rawjson.Value) []byte {
	mark := len(d.text)
	if d.text = appendLogProbs(d.text, data, v); len(d.text) == mark {
		return nil
	}
	return d.text[mark:len(d.text):len(d.text)]
}

// state finds an item, or takes it up.
func (d *streamDecoder) state(place int64) *itemState {
	if s := d.items.Find(place); s != nil {
		return s
	}
	if d.items.Len() == maxItems {
		d.err = codec.TooMany(maxItems, "output items")
		return &itemState{call: -1}
	}
	return d.items.Add(place, itemState{call: -1})
}

func (d *streamDecoder) start(dst []codec.Event, data []byte, response rawjson.Value) []codec.Event {
	if d.started {
		return dst
	}
	d.started = true
	e := codec.Event{Kind: codec.EventStart}
	if response.Kind == rawjson.Object {
		e.ID = string(rawjson.TextIn(&d.text, data, response.Get(data, "id")))
		e.Name = string(rawjson.TextIn(&d.text, data, response.Get(data, "model")))
		e.Created = seconds(data, response.Get(data, "created_at"))
	}
	return append(dst, e)
}

// piece is one delta of a text.
func (d *streamDecoder) piece(dst []codec.Event, kind codec.EventKind, data []byte, delta rawjson.Value, place int64) []codec.Event {
	if !d.started {
		dst = d.start(dst, data, rawjson.Value{})
	}
	d.state(place).seen = true
	return append(dst, codec.Event{Kind: kind, Text: rawjson.TextIn(&d.text, data, delta)})
}

// added begins a call; of other items the pieces say enough.
func (d *streamDecoder) added(dst []codec.Event, data []byte, item rawjson.Value, place int64) []codec.Event {
	kind, _ := rawjson.Text(data, item.Get(data, "type"))
	if kind != "function_call" && kind != "custom_tool_call" {
		return dst
	}
	s := d.state(place)
	if s.call >= 0 || d.err != nil {
		return dst
	}
	if d.calls == codec.MaxCalls {
		d.err = codec.TooMany(codec.MaxCalls, "tool calls")
		return dst
	}
	s.call, s.text = d.calls, kind == "custom_tool_call"
	d.calls++
	get := func(name string) string { return string(rawjson.TextIn(&d.text, data, item.Get(data, name))) }
	id := toolid.Join(get("call_id"), d.proof)
	d.proof = codec.Signature{}
	return append(dst, codec.Event{
		Kind: codec.EventToolStart, Index: s.call, ID: id, Name: namespaced(get("namespace"), get("name")), Custom: s.text,
	})
}

// ended takes the whole of an item: what is sealed in it, and all of it if no piece has come.
func (d *streamDecoder) ended(dst []codec.Event, data []byte, item rawjson.Value, place int64) []codec.Event {
	s := d.state(place)
	if s.done {
		return dst
	}
	s.done = true
	r := &reader{Reader: fields.Reader{Data: data}}
	var m codec.Message
	for _, p := range r.outputItem(item, &m) {
		switch p.Kind {
		case codec.PartToolCall:
			dst = d.added(dst, data, item, place)
			s = d.state(place)
			if !s.seen && p.Call.Arguments != "" {
				dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Index: s.call, Custom: s.text, Text: []byte(p.Call.Arguments)})
			}
			dst = append(dst, codec.Event{Kind: codec.EventToolEnd, Index: s.call})
		case codec.PartReasoning:
			d.proof = proofOf(&p)
			if !s.seen && p.Text != "" {
				dst = append(dst, codec.Event{Kind: codec.EventReasoning, Text: []byte(p.Text)})
			}
			if p.Signature.Value != "" || p.Reasoning != nil { // else there is nothing to tell: OpenRouter ends it behind the text
				dst = append(dst, codec.Event{Kind: codec.EventReasoningEnd, Signature: p.Signature, Reasoning: p.Reasoning})
			}
		case codec.PartImage:
			dst = append(dst, codec.Event{Kind: codec.EventMedia, Media: p.Media})
		case codec.PartText, codec.PartRefusal:
			if s.seen {
				continue
			}
			kind := codec.EventText
			if p.Kind == codec.PartRefusal {
				kind = codec.EventRefusal
			}
			dst = append(dst, codec.Event{Kind: kind, Text: []byte(p.Text)})
			for i := range p.Citations {
				dst = append(dst, codec.Event{Kind: codec.EventCitation, Citation: &p.Citations[i]})
			}
		}
	}
	return dst
}

// completed ends the answer. A server may have sent nothing before.
func (d *streamDecoder) completed(dst []codec.Event, data []byte, response rawjson.Value) []codec.Event {
	if e := response.Get(data, "error"); e.Present() && e.Kind == rawjson.Object && e.End-e.Start > len("{}") {
		d.err = failed(data, response)
		return dst
	}
	place := int64(0)
	for it := response.Get(data, "output").Elements(data); it.Next() && d.err == nil; place++ {
		if s := d.items.Find(place); s != nil && (s.seen || s.done) {
			continue
		}
		dst = d.ended(dst, data, it.Value, place)
	}
	if d.err != nil {
		return dst
	}
	d.done = true
	status, _ := rawjson.Text(data, response.Get(data, "status"))
	reason, _ := rawjson.Text(data, response.Get(data, "incomplete_details").Get(data, "reason"))
	dst = append(dst, codec.Event{Kind: codec.EventFinish, Finish: finishOf(status, reason, d.calls > 0)})
	if u, _ := codec.ReadUsage(data, response.Get(data, "usage")); u.Tells() {
		searchesIn(data, response.Get(data, "output")).tell(&u)
		u.Tier = codec.TierTold(data, response.Get(data, codec.ServiceTier))
		dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: u})
	}
	return dst
}
