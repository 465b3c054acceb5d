package codec

import (
	"slices"
	"strings"
)

// Events appends to dst the stream that a whole answer could have been: for a client that asked for a stream of an
// upstream that answered at once.
func (a *Response) Events(dst []Event) []Event {
	room := 2
	for _, c := range a.Choices {
		room += 3*len(c.Message.Parts) + 1
		for i := range c.Message.Parts {
			room += len(c.Message.Parts[i].Citations)
		}
	}
	dst = slices.Grow(dst, room)
	dst = append(dst, Event{Kind: EventStart, ID: a.ID, Name: a.Model, Created: a.Created})
	for _, c := range a.Choices {
		calls := int64(0)
		for i := range c.Message.Parts {
			p := &c.Message.Parts[i]
			e := Event{Choice: c.Index, Signature: p.Signature, Reasoning: p.Reasoning}
			switch p.Kind {
			case PartText:
				e.Answer = p.Answer
				dst = append(dst, with(e, EventText, p.Text))
				for j := range p.Citations {
					dst = append(dst, Event{Kind: EventCitation, Choice: c.Index, Citation: &p.Citations[j]})
				}
			case PartRefusal:
				dst = append(dst, with(e, EventRefusal, p.Text))
			case PartReasoning:
				dst = append(dst, with(e, EventReasoning, p.Text), with(e, EventReasoningEnd, ""))
			case PartToolCall:
				e.Index, e.ID, e.Name, e.Custom = calls, p.Call.ID, p.Call.Name, p.Call.Custom
				calls++
				dst = append(dst, with(e, EventToolStart, ""), with(e, EventToolArguments, p.Call.Arguments), with(e, EventToolEnd, ""))
			case PartImage, PartAudio, PartVideo, PartFile:
				e.Media = p.Media
				dst = append(dst, with(e, EventMedia, ""))
			}
		}
		dst = append(dst, Event{Kind: EventFinish, Choice: c.Index, Finish: c.Finish})
	}
	if a.HasUsage || a.Usage.Tells() {
		dst = append(dst, Event{Kind: EventUsage, Usage: a.Usage})
	}
	return dst
}

func with(e Event, kind EventKind, text string) Event {
	e.Kind = kind
	if text != "" {
		e.Text = []byte(text)
	}
	return e
}

// Says tells whether an answer has anything in it for its reader: text, thinking, a refusal, a tool call, media.
func (a *Response) Says() bool {
	for _, c := range a.Choices {
		for _, p := range c.Message.Parts {
			if p.Kind != PartText && p.Kind != PartReasoning && p.Kind != PartRefusal || p.Text != "" {
				return true
			}
		}
	}
	return false
}

// Says tells whether an event is part of what an answer says.
func (e *Event) Says() bool {
	switch e.Kind {
	case EventText, EventRefusal, EventReasoning:
		return len(e.Text) > 0
	case EventReasoningEnd:
		return e.Reasoning != nil && e.Reasoning.Encrypted != ""
	case EventToolStart, EventToolArguments, EventMedia:
		return true
	}
	return false
}

// Collector puts a stream together into a whole answer: for a client that did not ask for a stream of an upstream that
// streams all the same. The zero value is ready.
type Collector struct {
	answer  Response
	choices []collected
}

// collected is a choice as far as it has come.
type collected struct {
	Choice
	open  int           // index of the part that grows, -1 if the next piece begins one
	calls map[int64]int // parts of the tool calls by Event.Index
	texts [][]byte      // what has come of the parts' texts and arguments
}

// Add takes the next event. It copies what it keeps.
func (c *Collector) Add(e *Event) {
	switch e.Kind {
	case EventStart:
		c.answer.ID, c.answer.Model, c.answer.Created = strings.Clone(e.ID), strings.Clone(e.Name), e.Created
		c.count(e.Usage)
		return
	case EventUsage:
		c.count(e.Usage)
		return
	case EventPing:
		return
	}
	c.choice(e.Choice).add(e)
}

func (c *Collector) count(u Usage) {
	c.answer.Usage.Update(u)
	c.answer.HasUsage = !c.answer.Usage.Zero()
}

func (c *Collector) choice(index int64) *collected {
	for i := range c.choices {
		if c.choices[i].Index == index {
			return &c.choices[i]
		}
	}
	c.choices = append(c.choices, collected{
		Choice: Choice{Index: index, Message: Message{Role: RoleAssistant}}, open: -1, calls: make(map[int64]int),
	})
	return &c.choices[len(c.choices)-1]
}

func (c *collected) add(e *Event) {
	switch e.Kind {
	case EventText:
		c.grow(PartText, e)
		if e.Signature.Value != "" {
			SignText(c.Message.Parts, Signature{Provider: e.Signature.Provider, Value: strings.Clone(e.Signature.Value)})
			c.open = -1
		}
	case EventRefusal:
		c.grow(PartRefusal, e)
	case EventReasoning:
		c.grow(PartReasoning, e)
	case EventReasoningEnd:
		if p := c.last(PartReasoning); p == nil || c.open < 0 {
			c.begin(Part{Kind: PartReasoning})
		}
		p := c.last(PartReasoning)
		p.Signature = Signature{Provider: e.Signature.Provider, Value: strings.Clone(e.Signature.Value)}
		if e.Reasoning != nil {
			info := *e.Reasoning
			p.Reasoning = &info
		}
		c.open = -1
	case EventToolStart:
		call := ToolCall{ID: strings.Clone(e.ID), Name: strings.Clone(e.Name), Custom: e.Custom}
		c.calls[e.Index] = len(c.Message.Parts)
		c.begin(Part{Kind: PartToolCall, Call: &call, Signature: e.Signature})
		c.open = -1
	case EventToolArguments:
		if at, found := c.calls[e.Index]; found {
			c.texts[at] = append(c.texts[at], e.Text...)
		}
	case EventMedia:
		media := *e.Media
		c.begin(Part{Kind: mediaKind(media.MIME), Media: &media})
		c.open = -1
	case EventCitation:
		if p := c.last(PartText); p != nil {
			p.Citations = append(p.Citations, *e.Citation)
		}
	case EventFinish:
		c.Finish = e.Finish
	}
}

func mediaKind(mime string) PartKind {
	kind, _, _ := strings.Cut(mime, "/")
	switch kind {
	case "audio":
		return PartAudio
	case "video":
		return PartVideo
	case "image", "":
		return PartImage
	}
	return PartFile
}

// grow adds text to the part that is open if it is of this kind.
func (c *collected) grow(kind PartKind, e *Event) {
	if c.open < 0 || c.Message.Parts[c.open].Kind != kind || c.Message.Parts[c.open].Answer != e.Answer {
		c.begin(Part{Kind: kind, Answer: e.Answer})
	}
	c.texts[c.open] = append(c.texts[c.open], e.Text...)
}

func (c *collected) begin(p Part) {
	c.open = len(c.Message.Parts)
	c.Message.Parts = append(c.Message.Parts, p)
	c.texts = append(c.texts, nil)
}

// last is the last part if it is of this kind.
func (c *collected) last(kind PartKind) *Part {
	if n := len(c.Message.Parts); n > 0 && c.Message.Parts[n-1].Kind == kind {
		return &c.Message.Parts[n-1]
	}
	return nil
}

// Response is the answer that the events made.
func (c *Collector) Response() *Response {
	for _, choice := range c.choices {
		for i, text := range choice.texts {
			if p := &choice.Message.Parts[i]; p.Kind == PartToolCall {
				p.Call.Arguments = string(text)
			} else {
				p.Text = string(text)
			}
		}
		c.answer.Choices = append(c.answer.Choices, choice.Choice)
	}
	c.choices = nil
	return &c.answer
}
