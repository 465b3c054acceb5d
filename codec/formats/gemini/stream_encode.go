package gemini

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
)

// NewStreamEncoder implements codec.Format.
func (f Format) NewStreamEncoder(q *codec.Request) codec.StreamEncoder {
	return &streamEncoder{format: f, model: q.Model, thoughts: showsThoughts(q)}
}

// streamEncoder writes a GenerateContentResponse for each event that says something. Calls go out when they are
// complete, since their arguments are an object, and finishes with the usage in the last frame, which is where clients
// look.
type streamEncoder struct {
	format   Format
	model    string
	thoughts bool

	begun     bool   // a frame is out
	tail      []byte // what ends each frame
	usage     codec.Usage
	calls     keyed.List[callKey, openCall]
	finishes  []ended
	citations []codec.Citation
	scratch   []byte
}

type callKey struct{ choice, index int64 }

type openCall struct {
	choice    int64
	id, name  string
	custom    bool
	signature codec.Signature
	arguments []byte
}

type ended struct {
	choice int64
	finish codec.Finish
}

// Append implements codec.StreamEncoder.
func (s *streamEncoder) Append(dst []byte, e *codec.Event) []byte {
	switch e.Kind {
	case codec.EventStart:
		s.usage = e.Usage
		s.tail = rawjson.StrIf(rawjson.Str(append(s.tail[:0], ']'), "modelVersion", s.model), "responseId", answerID(e.ID))
	case codec.EventUsage:
		s.usage.Update(e.Usage)
	case codec.EventPing:
		if s.format.Array && s.begun { // as events, Google's SDKs take a comment for a broken answer
			dst = append(dst, ' ')
		}
	case codec.EventText, codec.EventRefusal:
		if len(e.Text) == 0 && e.Signature.Value == "" {
			break
		}
		dst = rawjson.Str(append(s.open(dst, e.Choice), '{'), "text", e.Text)
		dst = append(appendSignature(dst, e.Signature, nil), '}')
		return s.close(dst, e.LogProbs)
	case codec.EventReasoning:
		if s.thoughts {
			dst = rawjson.Str(append(s.open(dst, e.Choice), '{'), "text", e.Text)
			return s.close(append(dst, `,"thought":true}`...), nil)
		}
	case codec.EventReasoningEnd:
		if s.thoughts && (e.Signature.Value != "" || e.Reasoning != nil && e.Reasoning.Encrypted != "") {
			dst = append(s.open(dst, e.Choice), `{"text":"","thought":true`...)
			return s.close(append(appendSignature(dst, e.Signature, e.Reasoning), '}'), nil)
		}
	case codec.EventToolStart:
		s.calls.Add(callKey{e.Choice, e.Index}, openCall{choice: e.Choice, id: string([]byte(e.ID)), name: string([]byte(e.Name)), custom: e.Custom,
			signature: codec.Signature{Provider: e.Signature.Provider, Value: string([]byte(e.Signature.Value))}})
	case codec.EventToolArguments:
		if call := s.calls.Find(callKey{e.Choice, e.Index}); call != nil {
			call.arguments = append(call.arguments, e.Text...)
		}
	case codec.EventToolEnd:
		key := callKey{e.Choice, e.Index}
		if call := s.calls.Find(key); call != nil {
			dst = s.callFrame(dst, call)
			s.calls.Remove(key)
			return dst
		}
	case codec.EventMedia:
		if e.Media != nil {
			p := codec.Part{Kind: kindOf(e.Media.MIME), Media: e.Media}
			return s.part(dst, e.Choice, &p)
		}
	case codec.EventCitation:
		if e.Citation != nil {
			c := *e.Citation
			c.URL, c.Title, c.Text, c.Raw = string([]byte(c.URL)), string([]byte(c.Title)), string([]byte(c.Text)), nil
			s.citations = append(s.citations, c)
		}
	case codec.EventFinish:
		dst = s.flush(dst, e.Choice)
		if i := slices.IndexFunc(s.finishes, func(f ended) bool { return f.choice == e.Choice }); i < 0 {
			s.finishes = append(s.finishes, ended{e.Choice, codec.Finish{Reason: e.Finish.Reason, Native: string([]byte(e.Finish.Native))}})
		}
	}
	return dst
}

// flush writes the calls of a choice that nothing has ended.
func (s *streamEncoder) flush(dst []byte, choice int64) []byte {
	for key, call := range s.calls.All() {
		if key.choice == choice {
			dst = s.callFrame(dst, call)
			s.calls.Remove(key)
		}
	}
	return dst
}

// callFrame writes a call. One whose arguments are no JSON ends the answer as Google would.
func (s *streamEncoder) callFrame(dst []byte, c *openCall) []byte {
	part, ok := appendAnswerCall(s.scratch[:0], c.id, c.name, string(c.arguments), c.custom, c.signature)
	s.scratch = part
	if !ok {
		s.finishes = append(s.finishes, ended{c.choice, malformed})
		return dst
	}
	return s.close(append(s.open(dst, c.choice), part...), nil)
}

func (s *streamEncoder) part(dst []byte, choice int64, p *codec.Part) []byte {
	part, _ := appendAnswerPart(s.scratch[:0], p, s.thoughts)
	if s.scratch = part; len(part) == 0 {
		return dst
	}
	return s.close(append(s.open(dst, choice), part...), nil)
}

// separate writes what stands before a frame of the array form.
func (s *streamEncoder) separate(dst []byte) []byte {
	if s.begun {
		return append(dst, ",\r\n"...)
	}
	s.begun = true
	return append(dst, '[')
}

// open begins a frame up to the inside of its parts, close ends it behind them.
func (s *streamEncoder) open(dst []byte, choice int64) []byte {
	if s.format.Array {
		dst = s.separate(dst)
	} else {
		dst = append(dst, "data: "...)
	}
	dst = append(dst, `{"candidates":[{`...)
	dst = rawjson.Num(dst, "index", choice)
	return append(rawjson.Key(dst, "content"), `{"role":"model","parts":[`...)
}

func (s *streamEncoder) close(dst, logprobs []byte) []byte {
	dst = append(dst, "]}"...)
	if logprobs != nil {
		dst = appendLogProbs(dst, logprobs)
	}
	dst = append(append(dst, '}'), s.ending()...)
	return s.closeFrame(dst)
}

func (s *streamEncoder) closeFrame(dst []byte) []byte {
	if s.format.Array {
		return append(dst, '}')
	}
	return append(dst, "}\r\n\r\n"...)
}

// ending is what stands behind the candidates of each frame, with the bracket that closes them.
func (s *streamEncoder) ending() []byte {
	if s.tail == nil {
		s.tail = rawjson.Str([]byte{']'}, "modelVersion", s.model)
	}
	return s.tail
}

// End implements codec.StreamEncoder.
func (s *streamEncoder) End(dst []byte) []byte {
	if s.format.Array {
		dst = s.separate(dst)
	} else {
		dst = append(dst, "data: "...)
	}
	dst = append(dst, `{"candidates":[`...)
	for i, f := range s.finishes {
		dst = append(rawjson.Comma(dst), `{"content":{"role":"model","parts":[]}`...)
		dst = rawjson.Str(dst, "finishReason", finishWord(f.finish))
		dst = rawjson.Num(dst, "index", f.choice)
		if i == 0 {
			dst = appendGrounding(dst, s.citations)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, s.ending()...)
	if !s.usage.Zero() {
		dst = appendUsage(dst, s.usage)
	}
	dst = s.closeFrame(dst)
	if s.format.Array {
		dst = append(dst, ']')
	}
	return dst
}
