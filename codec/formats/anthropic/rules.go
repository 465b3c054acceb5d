package anthropic

import (
	"slices"
	"strconv"

	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
)

// Rules are what must be changed in a client's own request for one model, which would refuse it. They are immutable;
// nil changes nothing.
type Rules struct{ can capabilities }

// NewRules returns the rules for a model, nil if there are none: then nothing need be looked at. For hosts that nobody
// knows there are none: what clients of this format write goes to them as it is.
func NewRules(t *capability.Target) *Rules {
	can := capabilitiesOf(t)
	if !t.Known || can.sampling && !can.oneSampling && can.adaptive && can.budget && can.disabled && can.effort && t.Choices == nil {
		return nil
	}
	return &Rules{can}
}

// wanted is what a request asks for that models may refuse.
type wanted struct {
	maxTokens                        int64
	temperature, topP, topK          rawjson.Value
	choice, thinking, output         rawjson.Value
	choiceType, thinkingType, effort string
	budget                           int64
}

func wants(h *Head, body []byte) (q wanted) {
	w := &h.Watched
	q.temperature, q.topP, q.topK, q.choice, q.thinking, q.output = w[1], w[2], w[3], w[4], w[5], w[6]
	q.maxTokens, _ = rawjson.Int(body, w[0])
	q.choiceType, _ = rawjson.Text(body, q.choice.Get(body, "type"))
	q.thinkingType, _ = rawjson.Text(body, q.thinking.Get(body, "type"))
	q.budget, _ = rawjson.Int(body, q.thinking.Get(body, "budget_tokens"))
	q.effort, _ = rawjson.Text(body, q.output.Get(body, "effort"))
	return q
}

// change is what must be changed in a request.
type change struct {
	drop     []string
	thinking []byte // nil leaves it
	effort   string // to be put in the place of the one that is there; "-" takes it out
	auto     bool   // no tool can be forced
}

func (c *change) none() bool { return c.drop == nil && c.thinking == nil && c.effort == "" && !c.auto }

// Changes says whether a request must be changed.
func (r *Rules) Changes(h *Head, body []byte) bool {
	if r == nil {
		return false
	}
	q := wants(h, body)
	c := r.changes(&q)
	return !c.none()
}

// Edit returns the request as the model takes it; one that it takes already is returned itself. The body is not
// changed.
func (r *Rules) Edit(h *Head, body []byte) []byte {
	if r == nil {
		return body
	}
	q := wants(h, body)
	c := r.changes(&q)
	if c.none() {
		return body
	}
	var s rawjson.Splicer
	for _, name := range c.drop {
		s.Remove(name)
	}
	if c.thinking != nil {
		s.Set("thinking", c.thinking)
	}
	if c.auto {
		s.Set("tool_choice", withMember(q.choice.Raw(body), "type", []byte(`"auto"`), "name"))
	}
	switch {
	case c.effort == "-":
		s.Set("output_config", withMember(q.output.Raw(body), "effort", nil))
	case c.effort != "" && q.output.Kind == rawjson.Object:
		s.Set("output_config", withMember(q.output.Raw(body), "effort", rawjson.AppendString(nil, c.effort)))
	case c.effort != "":
		s.Set("output_config", append(rawjson.Str([]byte{'{'}, "effort", c.effort), '}'))
	}
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}

// withMember is an object with another value of a member, and without others; nil, which takes it out, if nothing is
// left of it.
func withMember(object []byte, name string, value []byte, without ...string) []byte {
	var s rawjson.Splicer
	s.Set(name, value)
	for _, other := range without {
		s.Remove(other)
	}
	parts, err := s.Parts(nil, object)
	if err != nil {
		return object
	}
	out := slices.Concat(parts...)
	if v, err := rawjson.One(out); err == nil {
		if it := v.Members(out); !it.Next() {
			return nil
		}
	}
	return out
}

func (r *Rules) changes(q *wanted) (c change) {
	r.sampling(&c, q)
	r.thinking(&c, q)
	if q.effort != "" && c.effort == "" {
		switch to := r.can.Effort(q.effort); {
		case !r.can.effort:
			c.effort = "-"
		case to != q.effort:
			c.effort = to
		}
	}
	forced := q.choiceType == "any" || q.choiceType == "tool"
	c.auto = forced && r.can.Choice("required", false) != "required"
	return c
}

func (r *Rules) sampling(c *change, q *wanted) {
	if !r.can.sampling {
		for i, v := range []rawjson.Value{q.temperature, q.topP, q.topK} {
			if v.Present() {
				c.drop = append(c.drop, []string{"temperature", "top_p", "top_k"}[i])
			}
		}
	} else if r.can.oneSampling && q.temperature.Present() && q.topP.Present() {
		c.drop = append(c.drop, "top_p")
	}
}

// thinking asks for it in the way that the model knows.
func (r *Rules) thinking(c *change, q *wanted) {
	switch kind := q.thinkingType; {
	case kind == "enabled" && !r.can.budget && r.can.adaptive:
		c.thinking = []byte(`{"type":"adaptive"}`)
		if q.effort == "" && r.can.effort && q.budget > 0 {
			c.effort = r.can.Effort(effortOf(q.budget))
		}
	case kind == "adaptive" && !r.can.adaptive && r.can.budget:
		budget := int64(plainBudget)
		if n := budgets[q.effort]; n > 0 {
			budget = n
		}
		if budget >= q.maxTokens {
			budget = q.maxTokens * 4 / 5
		}
		if budget < leastBudget {
			c.drop = append(c.drop, "thinking")
			return
		}
		c.thinking = append(strconv.AppendInt([]byte(`{"type":"enabled","budget_tokens":`), budget, 10), '}')
	case kind == "enabled" && !r.can.budget, kind == "adaptive" && !r.can.adaptive, kind == "disabled" && r.can.always:
		c.drop = append(c.drop, "thinking")
	}
}
