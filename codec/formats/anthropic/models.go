package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/capability"
)

// capabilities is what a model takes. What it does not take it answers with 400.
type capabilities struct {
	*capability.Target

	adaptive bool // thinking of type adaptive
	budget   bool // thinking of type enabled, with budget_tokens
	disabled bool // thinking of type disabled
	always   bool // thinking cannot be disabled
	effort   bool // output_config.effort

	sampling    bool // temperature, top_p and top_k
	oneSampling bool // not temperature and top_p at once
	schema      bool // output_config.format and strict tools
	prefill     bool // the last message may be the assistant's
	signsText   bool // the signature is of the text, which must come with it
	midSystem   bool // system messages among the others
	omitsText   bool // thinking comes without its text unless it is asked for
}

func capabilitiesOf(t *capability.Target) capabilities {
	takes := func(word string) bool { return t.Takes(word, true) }
	return capabilities{
		Target:   t,
		adaptive: takes("adaptive_thinking"), budget: takes("thinking_budgets"), disabled: takes("thinking_disabled"), always: t.Thinks == capability.Always,
		effort: len(t.Efforts) > 0, sampling: takes("sampling"), oneSampling: !takes("sampling_together"), schema: takes("answer_schema"), prefill: takes("prefill"),
		signsText: takes("text_signed"), midSystem: takes("system_in_messages"), omitsText: takes("thinking_silent"),
	}
}

// target is what is known of a model here.
func (f Format) target(q *codec.Request, model string) *capability.Target {
	place := ""
	switch {
	case f.OmitStream:
		place = "bedrock"
	case f.hosted():
		place = "vertex"
	}
	return q.For(capability.Messages, place, model)
}

// effortWord is the effort as the model takes it, "" for none.
func (a *capabilities) effortWord(effort string) string {
	if effort == "none" || !capability.IsEffort(effort) {
		return ""
	}
	return a.Effort(effort)
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
