package gemini

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// How a wish for thinking is said depends on the model's generation: 2.5 takes a budget in tokens, 3 and later a
// level. Never both.

// maxBudgetFlash is the most tokens of those whose budgets are put into four steps.
const maxBudgetFlash = 24576

// effortBudgets are the tokens that an effort stands for; xhigh and max are all that the model has.
var effortBudgets = map[string]int64{"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576}

// appendThinking writes thinkingConfig, or nothing to leave it to the provider.
func (f Format) appendThinking(dst []byte, q *codec.Request, t capabilities) []byte {
	if raw := knob(q, "thinkingConfig"); raw != nil {
		return rawjson.Field(rawjson.Comma(dst), "thinkingConfig", raw)
	}
	if !t.thinks() {
		return dst
	}
	want := q.Reasoning
	if want == nil {
		if t.has("shows_thinking") {
			dst = append(rawjson.Key(dst, "thinkingConfig"), `{"includeThoughts":true}`...)
		}
		return dst
	}
	before := len(dst)
	dst = append(rawjson.Key(dst, "thinkingConfig"), '{')
	empty := len(dst)
	silent := false
	switch {
	case t.has("image"):
	case len(t.Levels) > 0:
		dst = rawjson.StrIf(dst, "thinkingLevel", level(want, t))
	default:
		if n, ok := budget(want, t); ok {
			dst = rawjson.Num(dst, "thinkingBudget", n)
			silent = n == 0
		}
	}
	switch {
	case want.Summary == "omitted":
		dst = append(rawjson.Key(dst, "includeThoughts"), "false"...)
	case want.Summary == "" && (q.Format == formatName || want.Disabled) || silent:
	default:
		dst = append(rawjson.Key(dst, "includeThoughts"), "true"...)
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, '}')
}

// budget is the thinkingBudget; -1 lets the model decide. False if the wish says nothing about the amount.
func budget(want *codec.Reasoning, t capabilities) (int64, bool) {
	least, most := t.bounds()
	var n int64
	switch {
	case want.Disabled:
	case want.Budget != nil && *want.Budget < 0:
		return -1, true
	case want.Budget != nil:
		n = *want.Budget
	case want.Effort != "":
		var known bool
		if n, known = effortBudgets[want.Effort]; !known {
			n = most
		}
	case want.Adaptive:
		return -1, true
	default:
		return 0, false
	}
	if n = min(n, most); n > 0 || !t.has("thinking_off") {
		n = max(n, least)
	}
	return n, true
}

// level is the thinkingLevel, "" to leave it to the model.
func level(want *codec.Reasoning, t capabilities) string {
	effort := want.Effort
	switch {
	case want.Disabled:
		effort = "none"
	case want.Budget != nil && *want.Budget >= 0:
		effort = effortOfBudget(*want.Budget, t)
	}
	switch effort {
	case "":
		return ""
	case "none", "minimal":
		return t.level("MINIMAL")
	case "low", "medium":
		return t.level(strings.ToUpper(effort))
	}
	return t.level("HIGH")
}

// effortOfBudget puts tokens into the steps that uni-api has.
func effortOfBudget(n int64, t capabilities) string {
	if _, most := t.bounds(); most != maxBudgetFlash {
		if n*100 <= most*40 {
			return "low"
		}
		return "high"
	}
	switch percent := n * 100 / maxBudgetFlash; {
	case percent <= 10:
		return "minimal"
	case percent <= 30:
		return "low"
	case percent <= 60:
		return "medium"
	}
	return "high"
}

// thinkingWish reads a client's thinkingConfig.
func (r *reader) thinkingWish(v rawjson.Value, path string) *codec.Reasoning {
	if !r.Want(v, rawjson.Object, path) {
		return nil
	}
	want := &codec.Reasoning{}
	for it := v.Members(r.Data); it.Next(); {
		switch camel(it.Name()) {
		case "thinkingLevel":
			want.Effort = levelEffort(r.Text(it.Value, path+".thinkingLevel"))
		case "thinkingBudget":
			if n := r.integer(it.Value, path+".thinkingBudget"); n != nil {
				w := wishOfTokens(n)
				want.Disabled, want.Adaptive, want.Budget = w.Disabled, w.Adaptive, w.Budget
			}
		case "includeThoughts":
			if shown := r.Boolean(it.Value, path+".includeThoughts"); shown != nil && *shown {
				want.Summary = "auto"
			} else if shown != nil {
				want.Summary = "omitted"
			}
		}
	}
	if *want == (codec.Reasoning{}) {
		return nil
	}
	return want
}

// wishOfTokens is what a client's thinkingBudget asks for.
func wishOfTokens(n *int64) codec.Reasoning {
	switch {
	case *n == 0:
		return codec.Reasoning{Disabled: true}
	case *n < 0:
		return codec.Reasoning{Adaptive: true}
	}
	return codec.Reasoning{Budget: n}
}

func levelEffort(level string) string {
	switch level {
	case "MINIMAL", "minimal":
		return "minimal"
	case "LOW", "low":
		return "low"
	case "MEDIUM", "medium":
		return "medium"
	case "HIGH", "high":
		return "high"
	}
	return ""
}
