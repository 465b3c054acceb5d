package openai

import (
	"uniapi/codec"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
)

// NewStreamEncoder writes chunks for the client that sent q.
func (Format) NewStreamEncoder(q *codec.Request) codec.StreamEncoder {
	return &streamEncoder{model: q.Model, askedUsage: q.IncludeUsage, legacy: q.LegacyFunctions}
}

// streamEncoder keeps the rules that strict clients depend on: one id, role once and first, a call's id and name
// once, one finish.
type streamEncoder struct {
	model      string
	askedUsage bool
	legacy     bool

	head    []byte // the start of each chunk up to the choice's index
	usage   codec.Usage
	choices []spoken
	// thinking is the text of the current block, which its signature must come with.
	thinking []byte
}

// spoken is what a choice has sent.
type spoken struct {
	index    int64
	finished bool
	bare     keyed.List[int64, struct{}] // calls without arguments so far
}

// Append implements codec.StreamEncoder.
func (s *streamEncoder) Append(dst []byte, e *codec.Event) []byte {
	switch e.Kind {
	case codec.EventStart:
		s.start(e)
		s.usage = e.Usage
		return dst
	case codec.EventUsage:
		s.usage.Update(e.Usage)
		return dst
	case codec.EventPing:
		return append(dst, ": keep-alive\n\n"...)
	}
	if s.head == nil {
		s.start(&codec.Event{})
	}
	c, dst := s.choice(dst, e.Choice)
	if c.finished {
		return dst
	}
	if e.Kind != codec.EventReasoning && e.Kind != codec.EventReasoningEnd {
		s.thinking = s.thinking[:0] // of a provider that does not sign it
	}
	switch e.Kind {
	case codec.EventText:
		if proof, signed := e.TextProof(); signed {
			if len(e.Text) > 0 {
				dst = s.close(rawjson.Str(s.open(dst, e.Choice), "content", e.Text), e.LogProbs, "")
			}
			return s.textProof(dst, &proof)
		}
		return s.close(rawjson.Str(s.open(dst, e.Choice), "content", e.Text), e.LogProbs, "")
	case codec.EventRefusal:
		return s.close(rawjson.Str(s.open(dst, e.Choice), "refusal", e.Text), nil, "")
	case codec.EventReasoning:
		s.thinking = append(s.thinking, e.Text...)
		return s.close(rawjson.Str(s.open(dst, e.Choice), "reasoning_content", e.Text), nil, "")
	case codec.EventReasoningEnd:
		return s.reasoningEnd(dst, e)
	case codec.EventToolStart:
		c.bare.Add(e.Index, struct{}{})
		return s.toolStart(dst, e)
	case codec.EventToolArguments:
		c.bare.Remove(e.Index)
		return s.arguments(dst, e, e.Text)
	case codec.EventToolEnd:
		if c.bare.Find(e.Index) != nil {
			c.bare.Remove(e.Index)
			return s.arguments(dst, e, emptyArguments)
		}
	case codec.EventMedia:
		return s.media(dst, e)
	case codec.EventCitation:
		dst = append(rawjson.Key(s.open(dst, e.Choice), "annotations"), '[')
		return s.close(append(appendCitation(dst, e.Citation, false), ']'), nil, "")
	case codec.EventFinish:
		for index := range c.bare.All() {
			dst = s.arguments(dst, &codec.Event{Choice: e.Choice, Index: index}, emptyArguments)
		}
		c.finished = true
		c.bare.Reset()
		return s.close(s.open(dst, e.Choice), nil, finishWord(e.Finish, s.legacy))
	}
	return dst
}

var emptyArguments = []byte("{}")

func (s *streamEncoder) start(e *codec.Event) {
	s.head = append(s.head[:0], "data: {"...)
	s.head = rawjson.Str(s.head, "id", answerID(e.ID))
	s.head = rawjson.Str(s.head, "object", "chat.completion.chunk")
	s.head = rawjson.Num(s.head, "created", answerTime(e.Created))
	s.head = rawjson.Str(s.head, "model", s.model)
	s.head = append(rawjson.Key(s.head, "choices"), '[')
}

// choice finds the state of a choice; one that says its first word gets its role.
func (s *streamEncoder) choice(dst []byte, index int64) (*spoken, []byte) {
	for i := range s.choices {
		if s.choices[i].index == index {
			return &s.choices[i], dst
		}
	}
	s.choices = append(s.choices, spoken{index: index})
	dst = append(s.open(dst, index), `"role":"assistant","content":""`...)
	return &s.choices[len(s.choices)-1], s.close(dst, nil, "")
}

// open begins a chunk up to the inside of its delta, close ends it behind that.
func (s *streamEncoder) open(dst []byte, choice int64) []byte {
	dst = append(append(dst, s.head...), '{')
	dst = rawjson.Num(dst, "index", choice)
	return append(rawjson.Key(dst, "delta"), '{')
}

func (s *streamEncoder) close(dst, logprobs []byte, finish string) []byte {
	dst = append(dst, '}')
	dst = append(rawjson.Key(dst, "logprobs"), orNull(logprobs)...)
	if finish == "" {
		dst = append(dst, `,"finish_reason":null}]`...)
	} else {
		dst = append(rawjson.Str(dst, "finish_reason", finish), "}]"...)
	}
	if s.askedUsage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

func (s *streamEncoder) toolStart(dst []byte, e *codec.Event) []byte {
	dst = s.open(dst, e.Choice)
	if s.legacy {
		dst = append(rawjson.Key(dst, "function_call"), '{')
		dst = rawjson.Str(dst, "name", e.Name)
		return s.close(append(dst, `,"arguments":""}`...), nil, "")
	}
	dst = append(rawjson.Key(dst, "tool_calls"), "[{"...)
	dst = rawjson.Num(dst, "index", e.Index)
	dst = rawjson.Str(dst, "id", e.ID)
	kind, input := "function", "arguments"
	if e.Custom {
		kind, input = "custom", "input"
	}
	dst = rawjson.Str(dst, "type", kind)
	dst = append(rawjson.Key(dst, kind), '{')
	dst = rawjson.Str(dst, "name", e.Name)
	dst = append(rawjson.Str(dst, input, ""), '}')
	dst = appendThoughtSignature(dst, e.Signature)
	return s.close(append(dst, "}]"...), nil, "")
}

func (s *streamEncoder) arguments(dst []byte, e *codec.Event, text []byte) []byte {
	dst = s.open(dst, e.Choice)
	if s.legacy {
		dst = append(rawjson.Key(dst, "function_call"), '{')
		return s.close(append(rawjson.Str(dst, "arguments", text), '}'), nil, "")
	}
	kind, input := "function", "arguments"
	if e.Custom {
		kind, input = "custom", "input"
	}
	dst = append(rawjson.Key(dst, "tool_calls"), "[{"...)
	dst = rawjson.Num(dst, "index", e.Index)
	dst = append(rawjson.Key(dst, kind), '{')
	return s.close(append(rawjson.Str(dst, input, text), "}}]"...), nil, "")
}

// reasoningEnd gives the client what it must send back: the block with its signature, or what only the provider can
// read.
func (s *streamEncoder) reasoningEnd(dst []byte, e *codec.Event) []byte {
	text := s.thinking
	s.thinking = s.thinking[:0]
	if e.Signature.Value == "" && (e.Reasoning == nil || e.Reasoning.Encrypted == "") {
		return dst
	}
	dst = s.open(dst, e.Choice)
	info := e.Reasoning
	if isMistral(e.Signature) {
		info = ofMistral
	}
	if info != nil && (info.Format != "" || info.ID != "") {
		dst = append(rawjson.Key(dst, "reasoning_details"), '[')
		dst = appendDetail(dst, 0, text, e.Signature, info)
	} else {
		dst = append(rawjson.Key(dst, "thinking_blocks"), '[')
		dst = appendThinkingBlock(dst, text, e.Signature, e.Reasoning)
	}
	return s.close(append(dst, ']'), nil, "")
}

// textProof gives the client the signature of a text, in OpenRouter's form.
func (s *streamEncoder) textProof(dst []byte, e *codec.Event) []byte {
	dst = append(rawjson.Key(s.open(dst, e.Choice), "reasoning_details"), '[')
	return s.close(append(appendDetail(dst, 0, "", e.Signature, ofGoogle), ']'), nil, "")
}

func (s *streamEncoder) media(dst []byte, e *codec.Event) []byte {
	if e.Media == nil {
		return dst
	}
	dst = append(rawjson.Key(s.open(dst, e.Choice), "images"), '[')
	dst = appendPart(dst, &codec.Part{Kind: codec.PartImage, Media: e.Media})
	return s.close(append(dst, ']'), nil, "")
}

// End implements codec.StreamEncoder.
func (s *streamEncoder) End(dst []byte) []byte {
	if s.askedUsage {
		if s.head == nil {
			s.start(&codec.Event{})
		}
		dst = append(append(dst, s.head...), `],"usage":`...)
		dst = append(appendUsage(dst, s.usage), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// Fail implements codec.StreamEncoder.
func (s *streamEncoder) Fail(dst []byte, e *codec.Error) []byte { return AppendErrorEvent(dst, e) }
