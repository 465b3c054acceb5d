package relay

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/schema"
)

// unwrap makes of a stream's answers what the client asked for: in JSON alone, without the words that a model says
// before it gives the answer to a tool, and out of the object that the provider was asked for, since it gives nothing
// else in JSON.
type unwrap struct {
	*codec.OutputFormat
	choices map[int64]*unwrapped
}

type unwrapped struct {
	schema.Unwrapper
	words words
	bare  bool // as long as the text is short enough to be a word
	text  []byte
	rest  codec.Event
}

// mostBare is how long a word may be that is wanted without quotes.
const mostBare = 4 << 10

// unwrapping is nil for an answer that comes as it is.
func unwrapping(o *codec.OutputFormat) *unwrap {
	if o == nil {
		return nil
	}
	return &unwrap{OutputFormat: o, choices: map[int64]*unwrapped{}}
}

func (u *unwrap) choice(index int64) *unwrapped {
	c := u.choices[index]
	if c == nil {
		c = &unwrapped{bare: u.Bare}
		u.choices[index] = c
	}
	return c
}

// held is how many bytes are held.
func (u *unwrap) held() (n int) {
	if u != nil {
		for _, c := range u.choices {
			n += cap(c.words.held) + cap(c.text)
		}
	}
	return n
}

// event takes the wrapping off what an event says. What is left when a choice ends, or goes on with a call, is said
// before that.
func (u *unwrap) event(e *codec.Event) (rest *codec.Event) {
	switch e.Kind {
	case codec.EventText:
		c := u.choice(e.Choice)
		if u.ByTool {
			e.Text = c.words.sort(e)
		}
		if u.Wrapped {
			e.Text, e.LogProbs = c.piece(e.Text), nil
		}
	case codec.EventToolStart, codec.EventFinish:
		c := u.choice(e.Choice)
		said := c.words.release()
		if u.Wrapped {
			said = c.piece(said)
			if e.Kind == codec.EventFinish {
				said = c.last()
			}
		}
		if len(said) > 0 {
			c.rest = codec.Event{Kind: codec.EventText, Choice: e.Choice, Text: said}
			return &c.rest
		}
	}
	return nil
}

// piece is what of a piece of the text is the answer.
func (c *unwrapped) piece(p []byte) []byte {
	if !c.bare {
		c.text = c.text[:0]
	}
	c.text = c.Push(c.text, p)
	if c.bare = c.bare && len(c.text) <= mostBare; c.bare { // whose quotes are known to be some at its end
		return nil
	}
	return c.text
}

// last is what is left of the answer at its end.
func (c *unwrapped) last() []byte {
	if c.text = c.End(c.text); c.bare {
		c.text = schema.Bare(c.text)
	}
	return c.text
}

// words keeps what a model says until it has given its answer to the tool, or is found to give none to it: then the
// words are the answer. The zero value is for when nothing was said.
type words struct {
	held     []byte
	answered bool // by the tool
	spoken   bool // the words are the answer
}

// MostAside is how much a model may say before it gives its answer to the tool.
const MostAside = 64 << 10

// sort is what of a text is certain to be of the answer.
func (w *words) sort(e *codec.Event) []byte {
	switch {
	case e.Answer:
		w.held, w.answered = nil, true
		return e.Text
	case w.answered:
		return nil
	case w.spoken:
		return e.Text
	}
	if w.held = append(w.held, e.Text...); len(w.held) > MostAside {
		return w.release()
	}
	return nil
}

// release lets go of the words.
func (w *words) release() []byte {
	held := w.held
	w.held, w.spoken = nil, w.spoken || len(held) > 0
	return held
}

// unwrapWhole is unwrap for a whole answer, whose texts become one.
func unwrapWhole(whole *codec.Response, o *codec.OutputFormat) {
	if o == nil {
		return
	}
	for i := range whole.Choices {
		c := &whole.Choices[i]
		if o.ByTool {
			c.Message.Parts = answerAlone(c.Message.Parts)
		}
		if o.Wrapped {
			unwrapChoice(c, o.Bare)
		}
	}
}

// answerAlone are the parts without the words beside an answer that was given to the tool.
func answerAlone(parts []codec.Part) []codec.Part {
	isAnswer := func(p codec.Part) bool { return p.Answer }
	if !slices.ContainsFunc(parts, isAnswer) {
		return parts
	}
	return slices.DeleteFunc(slices.Clone(parts), func(p codec.Part) bool { return p.Kind == codec.PartText && !p.Answer })
}

func unwrapChoice(c *codec.Choice, bare bool) {
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
		return
	}
	if text = u.End(text); bare {
		text = schema.Bare(text)
	}
	parts[first].Text, c.LogProbs, c.Message.Parts = string(text), nil, parts
}
