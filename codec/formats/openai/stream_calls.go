package openai

import (
	"uniapi/codec"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
)

// callState is a tool call that is under way in a stream.
type callState struct {
	place     int64  // among the calls of the choice
	given, id string // the upstream's id, and the one that it has for the client
	name      string
	started   bool
	said      bool   // arguments have come
	held      []byte // those that came before the name
}

// openCalls are the calls of a choice, found by what upstreams number and name them.
type openCalls struct {
	list    []callState
	byIndex keyed.List[int64, int]
	byID    keyed.List[string, int]
}

// callPiece is what a chunk says of a call.
type callPiece struct {
	id, name  string
	index     int64
	numbered  bool // it has an index
	arguments bool
}

// toolDelta reads a piece of a tool call.
func (d *streamDecoder) toolDelta(dst []codec.Event, data []byte, v rawjson.Value, c *choiceState) []codec.Event {
	inner, custom := v.Get(data, "function"), false
	if inner.Kind != rawjson.Object {
		inner = v.Get(data, "custom")
		custom = inner.Kind == rawjson.Object
	}
	p := callPiece{arguments: argumentsIn(data, inner).End-argumentsIn(data, inner).Start > len(`""`)}
	p.id, _ = rawjson.Text(data, v.Get(data, "id"))
	p.name, _ = rawjson.Text(data, inner.Get(data, "name"))
	p.index, p.numbered = rawjson.Int(data, v.Get(data, "index"))
	call := d.call(c, &p)
	if d.err != nil {
		return dst
	}
	start := len(dst)
	dst = d.functionDelta(dst, data, inner, call, c.index)
	if len(dst) > start && dst[start].Kind == codec.EventToolStart {
		dst[start].Custom = custom
		google := v.Get(data, "extra_content").Get(data, "google")
		if s, _ := rawjson.Text(data, google.Get(data, "thought_signature")); s != "" {
			dst[start].Signature = codec.Signature{Provider: "google", Value: s}
		}
	}
	return dst
}

func argumentsIn(data []byte, function rawjson.Value) rawjson.Value {
	if v := function.Get(data, "arguments"); v.Present() {
		return v
	}
	return function.Get(data, "input")
}

// functionDelta reads the name and arguments. A call starts when its name is known.
func (d *streamDecoder) functionDelta(dst []codec.Event, data []byte, v rawjson.Value, call *callState, choice int64) []codec.Event {
	index := call.place
	if !call.started {
		if name, _ := rawjson.Text(data, v.Get(data, "name")); name != "" {
			if call.id = call.given; call.id == "" {
				call.id = codec.NewID("call_")
			}
			call.name = string([]byte(name))
			call.started = true
			dst = append(dst, codec.Event{Kind: codec.EventToolStart, Choice: choice, Index: index, ID: call.id, Name: call.name})
			if len(call.held) > 0 {
				dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Choice: choice, Index: index, Text: call.held})
			}
		}
	}
	arguments := argumentsIn(data, v)
	text := rawjson.TextIn(&d.text, data, arguments)
	if arguments.Kind == rawjson.Object {
		text = arguments.Raw(data)
	}
	call.said = call.said || len(text) > 0
	switch {
	case len(text) == 0:
	case !call.started:
		call.held = append(call.held, text...)
	default:
		dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Choice: choice, Index: index, Text: text})
	}
	return dst
}

// call finds the call that a piece belongs to, or takes it up.
func (d *streamDecoder) call(c *choiceState, p *callPiece) *callState {
	if at := c.calls.find(p); at >= 0 {
		call := &c.calls.list[at]
		if call.given == "" && p.id != "" {
			call.given = string([]byte(p.id))
			c.calls.byID.Add(call.given, at)
		}
		return call
	}
	if d.calls++; d.calls > codec.MaxCalls {
		d.err = codec.TooMany(codec.MaxCalls, "tool calls")
		return &callState{}
	}
	return c.calls.add(p)
}

func (o *openCalls) add(p *callPiece) *callState {
	at := len(o.list)
	o.list = append(o.list, callState{place: int64(at), given: string([]byte(p.id))})
	if p.id != "" {
		o.byID.Add(o.list[at].given, at)
	}
	if p.numbered {
		o.byIndex.Add(p.index, at)
	}
	return &o.list[at]
}

// find is the call that a piece goes on with, -1 for one that begins another. Some upstreams number every call 0 (Ollama, among others), and
// only the id tells them apart; some make up an id for every piece, which then has no name; some number none, and then a piece without an id
// goes on with the last.
func (o *openCalls) find(p *callPiece) int {
	at := len(o.list) - 1
	if p.numbered {
		known := o.byIndex.Find(p.index)
		if known == nil {
			return -1
		}
		at = *known
	} else if p.id != "" {
		return o.named(p.id)
	}
	if at < 0 {
		return -1
	}
	switch call := &o.list[at]; {
	case p.id != "" && call.given != "" && p.id != call.given:
		if other := o.named(p.id); other >= 0 {
			return other
		}
		if p.name != "" || !p.arguments {
			return -1
		}
	case p.id == call.given:
		if p.id == "" && p.name != "" && call.started && p.name != call.name && call.said {
			return -1
		}
	}
	return at
}

func (o *openCalls) named(id string) int {
	if at := o.byID.Find(id); at != nil {
		return *at
	}
	return -1
}
