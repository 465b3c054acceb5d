package server

import (
	"uniapi/codec"
	"uniapi/codec/schema"
)

// unwrap takes a stream's answers out of the object that the provider was asked for, since it gives nothing else in JSON.
type unwrap struct {
	bare    bool
	choices map[int64]*unwrapped
}

type unwrapped struct {
	schema.Unwrapper
	bare bool // as long as the text is short enough to be a word
	text []byte
	rest codec.Event
}

// mostBare is how long a word may be that is wanted without quotes.
const mostBare = 4 << 10

// unwrapping is nil for an answer that comes as it is.
func unwrapping(o *codec.OutputFormat) *unwrap {
	if o == nil {
		return nil
	}
	return &unwrap{bare: o.Bare, choices: map[int64]*unwrapped{}}
}

func (u *unwrap) choice(index int64) *unwrapped {
	c := u.choices[index]
	if c == nil {
		c = &unwrapped{bare: u.bare}
		u.choices[index] = c
	}
	return c
}

// event takes the wrapping off what an event says. What is left when a choice ends is said before that.
func (u *unwrap) event(e *codec.Event) (rest *codec.Event) {
	switch e.Kind {
	case codec.EventText:
		c := u.choice(e.Choice)
		if !c.bare {
			c.text = c.text[:0]
		}
		c.text = c.Push(c.text, e.Text)
		c.bare = c.bare && len(c.text) <= mostBare
		if e.Text, e.LogProbs = c.text, nil; c.bare { // whose quotes are known to be some at its end
			e.Text = nil
		}
	case codec.EventFinish:
		c := u.choice(e.Choice)
		if !c.bare {
			c.text = c.text[:0]
		}
		if c.text = c.End(c.text); c.bare {
			c.text = schema.Bare(c.text)
		}
		if len(c.text) > 0 {
			c.rest = codec.Event{Kind: codec.EventText, Choice: e.Choice, Text: c.text}
			return &c.rest
		}
	}
	return nil
}

// unwrapWhole is unwrap for a whole answer, whose texts become one.
func unwrapWhole(whole *codec.Response, o *codec.OutputFormat) {
	if o == nil {
		return
	}
	for i := range whole.Choices {
		c := &whole.Choices[i]
		var u schema.Unwrapper
		var text []byte
		first := -1
		parts := c.Message.Parts[:0:0]
		for _, p := range c.Message.Parts {
			if p.Kind == codec.PartText {
				text = u.Push(text, []byte(p.Text))
				if first >= 0 {
					continue
				}
				first = len(parts)
			}
			parts = append(parts, p)
		}
		if first < 0 {
			continue
		}
		if text = u.End(text); o.Bare {
			text = schema.Bare(text)
		}
		parts[first].Text, c.LogProbs, c.Message.Parts = string(text), nil, parts
	}
}
