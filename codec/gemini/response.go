package gemini

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// DecodeResponse reads a whole answer: the events that a stream with this one object would give, put together.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	var a answer
	text := bytes.TrimSpace(body)
	v, err := rawjson.One(text)
	var events []codec.Event
	switch {
	case err == nil && v.Kind == rawjson.Array: // of a stream that was asked for as one
		for it := v.Elements(text); it.Next() && a.err == nil; {
			events = a.object(events, it.Value.Raw(text))
		}
	case err == nil && v.Kind == rawjson.Object:
		events = a.object(events, text)
	default:
		a.err = notAnAnswer(body)
	}
	if a.err == nil {
		events = a.end(events, true)
	}
	if a.err != nil {
		return nil, a.err
	}
	r := &codec.Response{Format: formatName, ID: a.start.ID, Model: a.start.Name, Created: a.start.Created, Usage: a.usage,
		HasUsage: !a.usage.Zero()}
	for i := range a.choices {
		r.Choices = append(r.Choices, codec.Choice{Index: a.choices[i].index, Message: codec.Message{Role: codec.RoleAssistant}})
	}
	for i := range events {
		for j := range r.Choices {
			if e := &events[i]; r.Choices[j].Index == e.Choice {
				collect(&r.Choices[j], e)
			}
		}
	}
	return r, nil
}

// collect adds an event to a choice. Pieces of text are joined unless a signature holds them apart.
func collect(c *codec.Choice, e *codec.Event) {
	parts := &c.Message.Parts
	switch e.Kind {
	case codec.EventText, codec.EventReasoning:
		kind := codec.PartText
		if e.Kind == codec.EventReasoning {
			kind = codec.PartReasoning
		}
		if e.LogProbs != nil {
			c.LogProbs = e.LogProbs
		}
		if last := lastPart(*parts, kind); last != nil && last == &(*parts)[len(*parts)-1] && last.Signature == e.Signature {
			last.Text += string(e.Text)
			return
		}
		*parts = append(*parts, codec.Part{Kind: kind, Text: string(e.Text), Signature: e.Signature})
	case codec.EventToolStart:
		*parts = append(*parts, codec.Part{Kind: codec.PartToolCall, Signature: e.Signature, Call: &codec.ToolCall{ID: e.ID, Name: e.Name}})
	case codec.EventToolArguments:
		if last := lastPart(*parts, codec.PartToolCall); last != nil {
			last.Call.Arguments += string(e.Text)
		}
	case codec.EventMedia:
		p := codec.Part{Kind: kindOf(e.Media.MIME), Media: e.Media}
		if p.Kind == codec.PartAudio {
			playable(e.Media)
		}
		*parts = append(*parts, p)
	case codec.EventCitation:
		if last := lastPart(*parts, codec.PartText); last != nil {
			last.Citations = append(last.Citations, *e.Citation)
		}
	case codec.EventFinish:
		c.Finish = e.Finish
	}
}

func lastPart(parts []codec.Part, kind codec.PartKind) *codec.Part {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Kind == kind {
			return &parts[i]
		}
	}
	return nil
}

// EncodeResponse writes an answer for a client of Google's.
func (f Format) EncodeResponse(dst []byte, a *codec.Response, q *codec.Request) []byte {
	thoughts := showsThoughts(q)
	dst = append(dst, `{"candidates":[`...)
	for i := range a.Choices {
		c := &a.Choices[i]
		dst = append(rawjson.Comma(dst), `{"content":{"parts":[`...)
		finish := c.Finish
		for j := range c.Message.Parts {
			var ok bool
			if dst, ok = appendAnswerPart(dst, &c.Message.Parts[j], thoughts); !ok {
				finish = malformed
			}
		}
		dst = append(dst, `],"role":"model"}`...)
		dst = rawjson.Str(dst, "finishReason", finishWord(finish))
		dst = rawjson.Num(dst, "index", c.Index)
		dst = appendGrounding(dst, citationsOf(&c.Message))
		if c.LogProbs != nil {
			dst = appendLogProbs(dst, c.LogProbs)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if a.HasUsage {
		dst = appendUsage(dst, a.Usage)
	}
	dst = rawjson.Str(dst, "modelVersion", q.Model)
	return append(rawjson.StrIf(dst, "responseId", a.ID), '}')
}

func citationsOf(m *codec.Message) []codec.Citation {
	var list []codec.Citation
	for _, p := range m.Parts {
		list = append(list, p.Citations...)
	}
	return list
}
