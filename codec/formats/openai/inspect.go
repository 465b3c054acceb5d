package openai

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// findings are what the passthrough needs to know of a chunk of a stream or of a whole answer.
type findings struct {
	choices  bool   // there is at least one choice, or another kind of result (data)
	content  bool   // a choice says something: text, reasoning, a refusal, a tool call, audio, an image
	finished bool   // a choice has a finish_reason
	finish   string // that of the last choice; aliases the data
	said     int64  // bytes of the texts and arguments of the choices
	usage    codec.Usage
	hasUsage bool
	failure  *codec.Error
	// holes are the strings that differ from one ordinary chunk to the next, for the template.
	holes  [passthrough.MostHoles]passthrough.Hole
	nHoles int  // also those that there is no room for
	single bool // one choice

	named    bool // it has an id
	delta    bool // a choice has a delta, be it empty
	message  bool // or a message
	thoughts bool // thinking stands in reasoning alone
}

func (f *findings) lacks() lacks {
	return lacks{unnamed: (f.delta || f.message) && !f.named, thoughts: f.thoughts, message: f.message && !f.delta}
}

// hole notes a string of a chunk, and whether it is of what the answer says.
func (f *findings) hole(v rawjson.Value, says bool) {
	if says && v.Present() {
		f.said += int64(v.End - v.Start - len(`""`))
	}
	if v.Kind != rawjson.String {
		return
	}
	if f.nHoles < len(f.holes) {
		f.holes[f.nHoles] = passthrough.Hole{Value: v, Says: says}
	}
	f.nHoles++
}

// inspect reads a chunk or an answer in one pass. The error says that data is not one JSON object; what was found before it
// is in f all the same.
func (f *findings) inspect(data []byte) error {
	var status int64 // Groq and others put it beside the error object
	it := rawjson.MembersOf(data)
	for it.Step() {
		switch it.Name() {
		case "id":
			f.named = it.Value.Kind == rawjson.String && nonEmpty(it.Value)
		case "status_code":
			status, _ = rawjson.Int(data, it.Value)
		case "choices":
			choices := it.Elements()
			f.inspectChoices(data, &choices)
			it.Leave(&choices.Walk)
		case "usage", "usageMetadata", "usage_metadata":
			f.takeUsage(data, it.Whole())
		case "meta":
			if v := it.Whole(); v.Kind == rawjson.Object {
				u, _ := readMeta(data, v)
				f.usage.Update(u)
			}
		case "x_groq":
			v := it.Whole()
			f.takeUsage(data, v.Get(data, "usage"))
			f.takeError(data, v.Get(data, "error"))
		case "error":
			f.takeError(data, it.Whole())
		case "base_resp":
			v := it.Whole()
			if n, ok := rawjson.Int(data, v.Get(data, "status_code")); ok && n != 0 && n != 200 {
				f.failure = codec.AnswerError(data, v)
			}
		case "data":
			v := it.Whole()
			f.choices = f.choices || v.Kind == rawjson.Array && v.End-v.Start > len("[]")
			f.content = f.content || f.choices
		case "obfuscation":
			f.hole(it.Value, false)
		}
	}
	if err := it.Err(); err != nil {
		// Of a body that is cut off in its error member the error is still certain.
		if it.Key.End > 0 && it.Name() == "error" && f.failure == nil {
			f.failure = codec.NoAnswer("the upstream answered with an error that is not valid JSON or too long")
		}
		return err
	}
	if f.failure != nil && f.failure.Class == codec.Semantic && status >= 400 && status <= 599 {
		f.failure.Status = int(status)
		f.failure.Type = ""
		f.failure.Classify(f.failure.Raw)
	}
	return nil
}

func (f *findings) takeUsage(data []byte, v rawjson.Value) {
	if !v.Present() {
		return
	}
	f.hasUsage = true
	u, _ := codec.ReadUsage(data, v)
	f.usage.Update(u)
}

// takeError reads an error member unless it says that there is none: null, "", {}, or the object with nothing in it that some
// upstreams send with every answer.
func (f *findings) takeError(data []byte, v rawjson.Value) {
	switch v.Kind {
	case rawjson.String:
		if v.End-v.Start == len(`""`) {
			return
		}
	case rawjson.Object:
		blank := true
		for it := v.Members(data); it.Next(); {
			blank = blank && (!it.Value.Present() || it.Value.Kind == rawjson.String && it.Value.End-it.Value.Start == len(`""`))
		}
		if blank {
			return
		}
	case rawjson.Missing, rawjson.Null, rawjson.False:
		return
	}
	f.failure = codec.AnswerError(data, v)
}

// takeChoiceError is takeError for that of a choice.
func (f *findings) takeChoiceError(data []byte, v rawjson.Value) {
	if f.takeError(data, v); f.failure != nil {
		var said codec.Error
		said.SaysError(data, v)
		f.failure.OfChoice = said.Status != 0
	}
}

func (f *findings) inspectChoices(data []byte, choices *rawjson.Elements) {
	n := 0
	for choices.Step() {
		n++
		it := choices.Members()
		for it.Step() {
			switch name := it.Name(); name {
			case "delta", "message":
				f.delta, f.message = f.delta || name == "delta", f.message || name == "message" && it.Value.Kind == rawjson.Object
				delta := it.Members()
				f.inspectDelta(data, &delta)
				it.Leave(&delta.Walk)
			case "text":
				v := it.Whole()
				f.content = f.content || nonEmpty(v)
				f.hole(v, true)
			case "finish_reason":
				if s, ok := rawjson.Text(data, it.Value); ok && s != "" {
					f.finished, f.finish = true, s
				}
			case "usage":
				f.takeUsage(data, it.Whole())
			case "error":
				f.takeChoiceError(data, it.Whole())
			}
		}
		choices.Leave(&it.Walk)
	}
	f.choices = f.choices || n > 0
	f.single = n == 1
}

func (f *findings) inspectDelta(data []byte, it *rawjson.Members) {
	reasoning, content := false, false
	for it.Step() {
		switch name := it.Name(); name {
		case "content", "reasoning_content", "reasoning", "refusal":
			v := it.Whole()
			f.content = f.content || nonEmpty(v)
			f.hole(v, true)
			reasoning = reasoning || name == "reasoning" && v.Kind == rawjson.String && nonEmpty(v)
			content = content || name == "reasoning_content" && v.Present()
		case "tool_calls":
			v := it.Whole()
			f.content = f.content || nonEmpty(v)
			for calls := v.Elements(data); calls.Next(); {
				f.hole(calls.Value.Get(data, "function").Get(data, "arguments"), true)
			}
		case "function_call", "audio", "images", "annotations", "reasoning_details", "thinking_blocks":
			f.content = f.content || nonEmpty(it.Whole())
		}
	}
	f.thoughts = f.thoughts || reasoning && !content
}

// nonEmpty says whether a value carries anything: neither null nor "" nor [] nor {}.
func nonEmpty(v rawjson.Value) bool { return v.Present() && v.End-v.Start > 2 }

// finishFailure is the error that a finish_reason stands for, nil for the others. OpenAI has no such words; compatible upstreams
// use them for answers that did not come about.
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
