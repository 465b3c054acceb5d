package gemini

import (
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// named is a member as the request spells it.
type named struct {
	rawjson.Value
	name string
}

// orCalled is how the member is spelled, or name if it is not there.
func (n *named) orCalled(name string) string {
	if n.name != "" {
		return n.name
	}
	return name
}

// wanted is what a generationConfig asks for that models may refuse.
type wanted struct {
	thinking, level, budget    named
	stops, presence, frequency named

	effort string // of the level; "" if it is none that is known
	tokens int64  // the budget
	counts bool   // it is a number
}

func wants(body []byte, config rawjson.Value) (q wanted) {
	for it := config.Members(body); it.Next(); {
		n := named{it.Value, it.Name()}
		switch camel(n.name) {
		case "thinkingConfig":
			q.thinking = n
		case "stopSequences":
			q.stops = n
		case "presencePenalty":
			q.presence = n
		case "frequencyPenalty":
			q.frequency = n
		}
	}
	for it := q.thinking.Members(body); it.Next(); {
		n := named{it.Value, it.Name()}
		switch camel(n.name) {
		case "thinkingLevel":
			q.level = n
		case "thinkingBudget":
			q.budget = n
		}
	}
	word, _ := rawjson.Text(body, q.level.Value)
	q.effort = levelEffort(word)
	if q.tokens, q.counts = rawjson.Int(body, q.budget.Value); !q.counts {
		if text, is := rawjson.Text(body, q.budget.Value); is { // Google's own JSON writes 64-bit numbers so
			n, err := strconv.ParseInt(text, 10, 64)
			q.tokens, q.counts = n, err == nil
		}
	}
	return q
}

// change is what must be changed in a generationConfig.
type change struct {
	unthinking bool // thinkingConfig goes
	level      string
	tokens     int64
	setsTokens bool
	noLevel    bool
	noBudget   bool
	stops      bool // there are too many
	penalties  bool // they go
}

func (t capabilities) changes(body []byte, q *wanted) (c change) {
	switch {
	case !q.thinking.Present():
	case !t.thinks():
		c.unthinking = true
	case t.has("image"): // how these are asked to think is not known
	case len(t.Levels) > 0:
		t.asLevel(&c, body, q)
	case len(t.Budget) == 2:
		t.asTokens(&c, q)
	}
	c.penalties = !t.has("penalties") && (q.presence.Present() || q.frequency.Present())
	if t.Stops != nil && q.stops.Kind == rawjson.Array {
		n := 0
		for list := q.stops.Elements(body); n <= *t.Stops && list.Next(); {
			n++
		}
		c.stops = n > *t.Stops
	}
	return c
}

// asLevel asks a model that has levels to think. It takes a budget as well, where the rules know of one, and never
// both.
func (t capabilities) asLevel(c *change, body []byte, q *wanted) {
	switch {
	case q.effort != "":
		c.noBudget = q.budget.Present()
		word, _ := rawjson.Text(body, q.level.Value)
		if to := level(&codec.Reasoning{Effort: q.effort}, t); !strings.EqualFold(to, word) {
			c.level = to
		}
	case q.counts && !t.takesTokens(q.tokens):
		want := wishOfTokens(&q.tokens)
		c.noBudget, c.level = true, level(&want, t)
	}
}

// asTokens asks a model that has no levels to think.
func (t capabilities) asTokens(c *change, q *wanted) {
	c.noLevel = q.level.Present()
	switch {
	case q.counts:
		if to := t.tokens(q.tokens); to != q.tokens {
			c.tokens, c.setsTokens = to, true
		}
	case q.effort != "" && !q.budget.Present():
		c.tokens, c.setsTokens = budget(&codec.Reasoning{Effort: q.effort}, t)
	}
}

// takesTokens says whether a model takes a budget as it is.
func (t capabilities) takesTokens(n int64) bool { return len(t.Budget) == 2 && t.tokens(n) == n }

// tokens is the budget that a model takes for another.
func (t capabilities) tokens(n int64) int64 {
	want := wishOfTokens(&n)
	taken, _ := budget(&want, t)
	return taken
}

// refusesOf says whether something in a generationConfig would be refused. It does not allocate for names as Google
// writes them.
func (t capabilities) refusesOf(body []byte, config rawjson.Value) bool {
	if config.Kind != rawjson.Object {
		return false
	}
	q := wants(body, config)
	return t.changes(body, &q) != change{}
}

// settle returns the request as the model takes it; one that it takes already is returned itself. The body is not
// changed.
func (t capabilities) settle(body []byte, config rawjson.Value) []byte {
	if config.Kind != rawjson.Object {
		return body
	}
	q := wants(body, config)
	c := t.changes(body, &q)
	if c == (change{}) {
		return body
	}
	var s rawjson.Splicer
	if c.unthinking {
		s.Remove(q.thinking.name)
	} else if thinking, changed := c.thinking(body, &q); changed {
		s.Set(q.thinking.name, thinking)
	}
	if c.penalties {
		s.Remove(q.presence.orCalled("presencePenalty"))
		s.Remove(q.frequency.orCalled("frequencyPenalty"))
	}
	if c.stops {
		s.Set(q.stops.name, firstOf(body, q.stops.Value, *t.Stops))
	}
	inner, err := s.Parts(nil, config.Raw(body))
	if err != nil {
		return body
	}
	return slices.Concat(body[:config.Start], slices.Concat(inner...), body[config.End:])
}

// thinking is the thinkingConfig with the words that the model takes; nil, which takes it out, if nothing is left of
// it.
func (c *change) thinking(body []byte, q *wanted) (edited []byte, changed bool) {
	var s rawjson.Splicer
	if c.noLevel {
		s.Remove(q.level.orCalled("thinkingLevel"))
	}
	if c.noBudget {
		s.Remove(q.budget.orCalled("thinkingBudget"))
	}
	if c.level != "" {
		s.Set(q.level.orCalled("thinkingLevel"), rawjson.AppendString(nil, c.level))
	}
	if c.setsTokens {
		s.Set(q.budget.orCalled("thinkingBudget"), strconv.AppendInt(nil, c.tokens, 10))
	}
	own := q.thinking.Raw(body)
	parts, err := s.Parts(nil, own)
	if err != nil {
		return nil, false
	}
	edited = slices.Concat(parts...)
	if it := rawjson.MembersOf(edited); !it.Next() {
		return nil, true
	}
	return edited, c.noLevel || c.noBudget || c.level != "" || c.setsTokens
}

// firstOf are the first n elements of a list; nil if that is none.
func firstOf(body []byte, list rawjson.Value, n int) []byte {
	end := list.Start
	for it := list.Elements(body); n > 0 && it.Next(); n-- {
		end = it.Value.End
	}
	if end == list.Start {
		return nil
	}
	return append(slices.Clone(body[list.Start:end]), ']')
}
