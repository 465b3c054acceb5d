package gemini

import (
	"bytes"
	"encoding/json"

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
	gathered := make([]gathering, len(a.choices))
	for i := range a.choices {
		gathered[i] = gathering{index: a.choices[i].index, text: -1, call: -1}
	}
	for i := range events {
		for j := range gathered {
			if e := &events[i]; gathered[j].index == e.Choice {
				gathered[j].add(e)
			}
		}
	}
	for i := range gathered {
		r.Choices = append(r.Choices, gathered[i].choice())
	}
	return r, nil
}

// gathering is a choice that is put together of events. Pieces of text are joined unless a signature holds them apart.
type gathering struct {
	index    int64
	parts    []codec.Part
	logprobs json.RawMessage
	finish   codec.Finish

	text, call int    // the last of its kind among the parts, -1 for none
	said       []byte // the text of the last part, while it grows
	grows      bool
}

func (g *gathering) add(e *codec.Event) {
	switch e.Kind {
	case codec.EventText, codec.EventReasoning:
		kind := codec.PartText
		if e.Kind == codec.EventReasoning {
			kind = codec.PartReasoning
		}
		if e.LogProbs != nil {
			g.logprobs = e.LogProbs
		}
		if last := len(g.parts) - 1; !g.grows || g.parts[last].Kind != kind || g.parts[last].Signature != e.Signature {
			g.begin(codec.Part{Kind: kind, Signature: e.Signature})
			g.grows = true
		}
		g.said = append(g.said, e.Text...)
		if kind == codec.PartText {
			g.text = len(g.parts) - 1
		}
	case codec.EventToolStart:
		g.begin(codec.Part{Kind: codec.PartToolCall, Signature: e.Signature, Call: &codec.ToolCall{ID: e.ID, Name: e.Name}})
		g.call = len(g.parts) - 1
	case codec.EventToolArguments:
		if g.call >= 0 {
			g.parts[g.call].Call.Arguments += string(e.Text) // all of them come at once
		}
	case codec.EventMedia:
		p := codec.Part{Kind: kindOf(e.Media.MIME), Media: e.Media}
		if p.Kind == codec.PartAudio {
			playable(e.Media)
		}
		g.begin(p)
	case codec.EventCitation:
		if g.text >= 0 {
			p := &g.parts[g.text]
			p.Citations = codec.Add(p.Citations, *e.Citation)
		}
	case codec.EventFinish:
		g.finish = e.Finish
	}
}

// begin adds a part, behind which the last one grows no more.
func (g *gathering) begin(p codec.Part) {
	g.end()
	g.parts = codec.Add(g.parts, p)
}

func (g *gathering) end() {
	if g.grows {
		g.parts[len(g.parts)-1].Text = string(g.said)
		g.said, g.grows = g.said[:0], false
	}
}

func (g *gathering) choice() codec.Choice {
	g.end()
	return codec.Choice{Index: g.index, Message: codec.Message{Role: codec.RoleAssistant, Parts: g.parts}, Finish: g.finish, LogProbs: g.logprobs}
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
	return append(rawjson.StrIf(dst, "responseId", answerID(a.ID)), '}')
}

func answerID(id string) string {
	if id == "" {
		return codec.NewID("")
	}
	return id
}

func citationsOf(m *codec.Message) []codec.Citation {
	var list []codec.Citation
	for _, p := range m.Parts {
		list = append(list, p.Citations...)
	}
	return list
}
