package anthropic

import (
	"cmp"
	"slices"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
)

// plan is how much the model shall think, in the words of its generation, and how much it may answer.
type plan struct {
	kind      string // adaptive, enabled, disabled, or "" to say nothing
	budget    int64  // for enabled
	display   string
	effort    string // for output_config
	maxTokens int64
}

func (p *plan) thinks() bool { return p.kind == "adaptive" || p.kind == "enabled" }

func (p *plan) append(dst []byte) []byte {
	if p.kind == "" {
		return dst
	}
	dst = append(rawjson.Key(dst, "thinking"), '{')
	dst = rawjson.Str(dst, "type", p.kind)
	if p.kind == "enabled" {
		dst = rawjson.Num(dst, "budget_tokens", p.budget)
	}
	return append(rawjson.StrIf(dst, "display", p.display), '}')
}

// planThinking brings the wish of the request into what the model takes.
func (w *writer) planThinking(list []alternation.Turn) plan {
	p := plan{maxTokens: w.can.AnswerTokens}
	if w.q.MaxTokens != nil && *w.q.MaxTokens > 0 {
		p.maxTokens = *w.q.MaxTokens
	}
	r := w.q.Reasoning
	if r == nil {
		p.effort = w.can.effortWord(w.extraEffort())
		return p
	}
	off := r.Disabled || r.Effort == "none" || r.Budget != nil && *r.Budget <= 0
	if w.can.effort {
		p.effort = w.can.effortWord(cmp.Or(r.Effort, w.extraEffort()))
	}
	switch {
	case off:
		switch {
		case w.can.always && w.can.effort:
			p.effort = w.can.Effort("none") // the weakest that there is
		case w.can.disabled:
			p.kind = "disabled"
			if p.effort == "xhigh" || p.effort == "max" { // which are more than any model gives without thinking
				p.effort = "high"
			}
		}
	case w.own && r.Budget == nil && !r.Adaptive:
		// Effort alone does not turn thinking on for Anthropic's own clients.
	case w.can.adaptive && (r.Budget == nil || !w.can.budget):
		p.kind = "adaptive"
		if p.effort == "" && r.Budget != nil {
			p.effort = effortOf(*r.Budget)
		}
	case w.can.budget:
		w.planBudget(&p, r, list)
	}
	if p.thinks() {
		p.display = w.display(r)
	}
	return p
}

// planBudget finds the budget. One that was asked for by number may raise max_tokens; one that an effort was translated
// to may not cost more than the client allows.
func (w *writer) planBudget(p *plan, r *codec.Reasoning, list []alternation.Turn) {
	if unsignedCall(list) {
		return // the API would refuse the history
	}
	p.kind = "enabled"
	if r.Budget == nil {
		p.budget = plainBudget
		if r.Effort != "" {
			p.budget = cmp.Or(budgets[r.Effort], plainBudget)
		}
		if p.budget >= p.maxTokens-answerRoom/2 {
			p.budget = p.maxTokens * 4 / 5
		}
		if p.budget < leastBudget {
			p.kind, p.budget = "", 0
		}
		return
	}
	p.budget = max(*r.Budget, leastBudget)
	if p.maxTokens <= p.budget {
		p.maxTokens = p.budget + answerRoom
	}
	if most := w.can.AnswerTokens; p.maxTokens > most && !w.can.Takes("more_answer_tokens", true) {
		p.maxTokens = most
		p.budget = min(p.budget, p.maxTokens-answerRoom)
	}
}

// unsignedCall says whether the turn that goes on has a call that no thinking of ours came before: a client that keeps
// only OpenAI's fields drops it.
func unsignedCall(list []alternation.Turn) bool {
	for i := len(list) - 1; i >= 0; i-- {
		t := &list[i]
		if t.Role != codec.RoleAssistant {
			own := func(p codec.Part) bool { return p.Kind != codec.PartToolResult }
			if slices.ContainsFunc(t.Parts, own) {
				return false // with words of the user's own another turn begins
			}
			continue
		}
		if t.Parts[0].Kind != codec.PartReasoning {
			return i < len(list)-1 // words to go on with are no call
		}
		return false
	}
	return false
}

// display is whether thinking comes with its text. The newest models leave it out unless they are asked.
func (w *writer) display(r *codec.Reasoning) string {
	switch {
	case r.Summary == "omitted" || w.own:
		return r.Summary
	case w.can.omitsText:
		return "summarized"
	}
	return ""
}

// extraEffort is the effort in an output_config from a client of another format.
func (w *writer) extraEffort() string {
	raw := w.q.Extra.Get("output_config")
	v, err := rawjson.One(raw)
	if raw == nil || err != nil {
		return ""
	}
	effort, _ := rawjson.Text(raw, v.Get(raw, "effort"))
	return effort
}
