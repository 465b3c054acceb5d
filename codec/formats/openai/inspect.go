package openai

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// findings are what the passthrough needs to know of a chunk of a stream or of a whole answer.
type findings struct {
	codec.Told

	choices  bool   // there is at least one choice, or another kind of result (data)
	content  bool   // a choice says something: text, reasoning, a refusal, a tool call, audio, an image
	finished bool   // a choice has a finish_reason
	finish   string // that of the last choice; aliases the data
	said     int64  // bytes of the texts and arguments of the choices
	// holes are the strings that differ from one ordinary chunk to the next, for the template.
	holes  [passthrough.MostHoles]passthrough.Hole
	nHoles int  // also those that there is no room for
	single bool // one choice

	forms
	stream bool // it is a chunk of a stream: what its calls are told apart by is noted
	pieces []callPiece
}

// forms are those in which it is written.
type forms struct {
	named    bool // it has an id
	delta    bool // a choice has a delta, be it empty
	message  bool // or a message
	thoughts bool // thinking stands in reasoning alone
	listed   bool // choices are a list
	objects  bool // arguments of a call are an object instead of its text
	parts    bool // the content is a list of parts
	untyped  bool // a call has a name and no type
	word     bool // a finish_reason is a word that OpenAI does not have, for one that it has
	stops    bool // one says that everything is said
	called   bool // a message has calls
	calls    bool // there are tool calls
}

// again makes room for those of the next chunk of a stream.
func (f *findings) again() {
	pieces := f.pieces[:0]
	*f = findings{}
	f.stream, f.pieces = true, pieces
}

func (f *findings) lacks() lacks {
	return lacks{unnamed: (f.delta || f.message) && !f.named, thoughts: f.thoughts, message: f.message && !f.delta,
		list: f.stream && f.Counts && f.named && !f.listed, objects: f.objects, parts: f.parts, untyped: f.untyped, word: f.word,
		calls: f.stops && f.called && !f.stream}
}

// hole notes a string of a chunk, and whether it is of what the answer says.
func (f *findings) hole(data []byte, v rawjson.Value, says bool) {
	if says && v.Present() {
		f.said += estimate.Weight(v.Raw(data)) - int64(len(`""`))
	}
	if v.Kind != rawjson.String {
		return
	}
	if f.nHoles < len(f.holes) {
		f.holes[f.nHoles] = passthrough.Hole{Value: v, Says: says}
	}
	f.nHoles++
}

// inspect reads a chunk or an answer in one pass. The error says that data is not one JSON object; what was found
// before it is in f all the same.
func (f *findings) inspect(data []byte) error {
	it := rawjson.MembersOf(data)
	for it.Step() {
		switch it.Name() {
		case "id":
			f.named = it.Value.Kind == rawjson.String && nonEmpty(it.Value)
		case "choices":
			f.listed = it.Value.Kind == rawjson.Array
			choices := it.Elements()
			f.inspectChoices(data, &choices)
			it.Leave(&choices.Walk)
		case "status_code", codec.ServiceTier, "usage", "usageMetadata", "usage_metadata", "meta", "x_groq", "error", "base_resp":
			f.Member(data, &it)
		case "data":
			v := it.Whole()
			f.choices = f.choices || v.Kind == rawjson.Array && v.End-v.Start > len("[]")
			f.content = f.content || f.choices
		case "obfuscation":
			f.hole(data, it.Value, false)
		}
	}
	return f.End(&it)
}

func (f *findings) inspectChoices(data []byte, choices *rawjson.Elements) {
	n := 0
	for choices.Step() {
		n++
		it, choice, before := choices.Members(), int64(0), len(f.pieces)
		for it.Step() {
			switch name := it.Name(); name {
			case "index":
				choice, _ = rawjson.Int(data, it.Value)
			case "delta", "message":
				f.delta, f.message = f.delta || name == "delta", f.message || name == "message" && it.Value.Kind == rawjson.Object
				delta := it.Members()
				f.inspectDelta(data, &delta, f.stream && name == "delta")
				it.Leave(&delta.Walk)
			case "text":
				v := it.Whole()
				f.content = f.content || nonEmpty(v)
				f.hole(data, v, true)
			case "finish_reason":
				if s, ok := rawjson.Text(data, it.Value); ok && s != "" {
					f.finished, f.finish = true, s
					f.word = f.word || ownWord(s) != ""
					f.stops = f.stops || finishOf(s).Reason == codec.FinishStop
				}
			case "usage":
				f.TakeUsage(data, it.Whole())
			case "error":
				f.TakeError(data, it.Whole())
			}
		}
		choices.Leave(&it.Walk)
		for i := range f.pieces[before:] {
			f.pieces[before+i].choice = choice
		}
	}
	f.choices = f.choices || n > 0
	f.single = n == 1
}

func (f *findings) inspectDelta(data []byte, it *rawjson.Members, noted bool) {
	reasoning, content := false, false
	for it.Step() {
		switch name := it.Name(); name {
		case "content", "reasoning_content", "reasoning", "refusal":
			v := it.Whole()
			f.content = f.content || nonEmpty(v)
			f.hole(data, v, true)
			reasoning = reasoning || name == "reasoning" && v.Kind == rawjson.String && nonEmpty(v)
			content = content || name == "reasoning_content" && v.Present()
			f.parts = f.parts || name == "content" && v.Kind == rawjson.Array
		case "tool_calls":
			f.calls = true
			calls := it.Elements()
			for calls.Step() {
				f.inspectCall(data, &calls, noted)
			}
			it.Leave(&calls.Walk)
			f.called = f.called || nonEmpty(it.Whole())
			f.content = f.content || f.called
		case "function_call", "audio", "images", "annotations", "reasoning_details", "thinking_blocks":
			f.content = f.content || nonEmpty(it.Whole())
		}
	}
	f.thoughts = f.thoughts || reasoning && !content
}

// inspectCall looks at a call, or a piece of one.
func (f *findings) inspectCall(data []byte, calls *rawjson.Elements, noted bool) {
	if calls.Value.Kind != rawjson.Object {
		return
	}
	it := calls.Members()
	call := readCall(&it)
	calls.Leave(&it.Walk)
	f.hole(data, call.arguments, true)
	f.objects = f.objects || call.arguments.Kind == rawjson.Object
	f.untyped = f.untyped || !call.typed && !call.custom && nonEmpty(call.name)
	if noted && len(f.pieces) < codec.MaxCalls { // of more nobody is
		f.pieces = append(f.pieces, call.piece(data, 0))
	}
}

// nonEmpty says whether a value carries anything: neither null nor "" nor [] nor {}.
func nonEmpty(v rawjson.Value) bool { return v.Present() && v.End-v.Start > 2 }

// finishFailure is the error that a finish_reason stands for, nil for the others. OpenAI has no such words; compatible
// upstreams use them for answers that did not come about.
func finishFailure(reason string) *codec.Error {
	switch strings.ToLower(reason) {
	case "prohibited_content":
		return &codec.Error{Status: 400, Class: codec.ContentPolicy, Type: "invalid_request_error", Code: "content_filter", InAnswer: true,
			Message: "the upstream refused the request: prohibited content"}
	case "error", "network_error", "insufficient_system_resource":
		return codec.NoAnswer("the upstream could not finish its answer: " + strings.Clone(reason))
	}
	return nil
}
