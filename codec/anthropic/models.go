package anthropic

import (
	"strconv"
	"strings"
)

// abilities is what a generation of Claude takes. What it does not take it answers with 400.
type abilities struct {
	maxTokens int64 // the most it can answer, which is also what is asked for if the client does not say

	adaptive  bool // thinking of type adaptive
	budget    bool // thinking of type enabled, with budget_tokens
	always    bool // thinking cannot be disabled, nor a tool be forced
	effort    bool // output_config.effort
	xhigh     bool // effort xhigh; without it what asks for it gets max
	topEffort bool // effort max; without it what asks for more gets high

	sampling    bool // temperature, top_p and top_k
	oneSampling bool // not temperature and top_p at once
	schema      bool // output_config.format and strict tools
	prefill     bool // the last message may be the assistant's
	signsText   bool // the signature is of the text, which must come with it
	midSystem   bool // system messages among the others
	omitsText   bool // thinking comes without its text unless it is asked for
}

// unknownModel is for names that tell no version: a name that the operator made up, or a model newer than this table, which then is
// more like the newest.
var unknownModel = abilities{maxTokens: 8192, adaptive: true, budget: true, effort: true, topEffort: true, sampling: true, schema: true, prefill: true}

// abilitiesOf reads the generation from a model's name in any of its spellings: claude-3-7-sonnet-20250219, claude-sonnet-4.5,
// us.anthropic.claude-opus-4-1-20250805-v1:0, claude-opus-4-5@20251101.
func abilitiesOf(name string) abilities {
	family, version := generation(name)
	opus := family == "opus"
	switch {
	case version == 0:
		return unknownModel
	case version < 35:
		return abilities{maxTokens: 4096, sampling: true, prefill: true}
	case version < 37:
		return abilities{maxTokens: 8192, sampling: true, prefill: true}
	}
	// The oldest that thinks is 3.7; what follows came with the version it is behind.
	a := abilities{maxTokens: 64_000, budget: true, sampling: true, prefill: true}
	if opus && version < 45 {
		a.maxTokens = 32_000
	}
	a.oneSampling = version >= 45 || opus && version == 41
	a.schema = a.oneSampling
	a.effort = opus && version == 45
	a.signsText = version == 37
	if version >= 46 {
		a.adaptive, a.effort, a.topEffort, a.prefill = true, true, true, false
	}
	if version >= 47 {
		a.budget, a.sampling, a.xhigh, a.omitsText = false, false, true, true
		a.maxTokens = 128_000
	}
	a.midSystem = version >= 48
	a.always = family == "fable" || family == "mythos"
	return a
}

var families = map[string]bool{"opus": true, "sonnet": true, "haiku": true, "fable": true, "mythos": true, "instant": true}

// generation returns the family and ten times the version, 0 if the name does not say.
func generation(name string) (family string, version int64) {
	_, rest, ok := strings.Cut(strings.ToLower(name), "claude")
	if !ok {
		return "", 0
	}
	var numbers []int64
words:
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("-.@:/_ ", r) }) {
		n, err := strconv.ParseInt(word, 10, 64)
		switch {
		case families[word]:
			family = word
		case err == nil && n < 100 && len(numbers) < 2:
			numbers = append(numbers, n)
		case len(numbers) > 0:
			break words // a date, or a revision as in v1:0
		}
	}
	switch len(numbers) {
	case 0:
		if family == "fable" || family == "mythos" { // mythos-preview
			return family, 50
		}
		return family, 0
	case 1:
		return family, numbers[0] * 10
	}
	return family, numbers[0]*10 + min(numbers[1], 9)
}

// effortWord is the effort as the model takes it, "" for none.
func (a *abilities) effortWord(effort string) string {
	switch effort {
	case "minimal":
		return "low"
	case "xhigh", "max":
		switch {
		case effort == "xhigh" && a.xhigh:
			return effort
		case a.topEffort:
			return "max"
		}
		return "high"
	case "low", "medium", "high":
		return effort
	}
	return ""
}

// budgets are the tokens that an effort is worth at models that count them.
var budgets = map[string]int64{"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768, "max": 32_768}

const (
	// leastBudget is the smallest budget that the API takes.
	leastBudget = 1024
	// plainBudget is for thinking that is asked for without a number.
	plainBudget = 4096
	// answerRoom is what is left for the answer behind a budget that would take all.
	answerRoom = 1024
)

// effortOf says a budget as an effort, for models that know only that.
func effortOf(budget int64) string {
	switch {
	case budget <= 2048:
		return "low"
	case budget <= 12_000:
		return "medium"
	}
	return "high"
}
