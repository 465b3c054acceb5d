package server

import (
	"strings"

	"uniapi/balancer"
	"uniapi/balancer/limit"
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/usage"
)

// Tokens of an answer whose request does not say how many it may have.
const (
	// mostAnswer is what no model of the families below goes beyond: what an answer may cost at most.
	mostAnswer = 128 << 10
	// usualAnswer is what is held of limits on tokens, since most answers are far from what they may be, and of credits and limits on money
	// where nobody knows how much the model may answer.
	usualAnswer = 512
)

// boundedFamilies begin the names of models that are known to answer with mostAnswer at most.
var boundedFamilies = [...]string{"gpt-", "chatgpt-", "o1", "o3", "o4", "claude-", "gemini-"}

// mostAnswerOf is what a model answers at most.
func mostAnswerOf(model string) int64 {
	for _, family := range boundedFamilies {
		if strings.HasPrefix(model[strings.LastIndexByte(model, '/')+1:], family) {
			return mostAnswer
		}
	}
	return usualAnswer
}

// countsNeed says whether some limit of a configuration counts tokens or money.
func countsNeed(cfg *config.Config) bool {
	counts := func(table config.ModelTable[config.RateLimit]) bool {
		for _, l := range table.All() {
			if len(l.Quotas) > 0 {
				return true
			}
		}
		return false
	}
	some := len(cfg.Preferences.RateLimit.Quotas) > 0 || counts(cfg.Preferences.ModelRateLimit)
	for _, k := range cfg.APIKeys {
		some = some || counts(k.Preferences.RateLimit)
	}
	for _, p := range cfg.Providers {
		some = some || counts(p.Preferences.KeyRateLimit)
	}
	return some
}

// reckon finds out what the request may take of limits and credits, where there are
// any that ask for it.
func (x *exchange) reckon() {
	if !x.snap.countsNeed && !x.key.book.Limited() || x.endpoint == provider.CountTokens {
		return
	}
	prompt := x.promptTokens()
	most := usage.Tokens{Prompt: prompt}
	x.need.Tokens = prompt
	if !x.inputOnly() {
		said, answers := x.answerAtMost()
		most.Completion = saturate.Mul(max(said, 0), answers)
		x.need.Tokens = saturate.Add(prompt, most.Completion)
		if said < 0 {
			longest := mostAnswerOf(x.model)
			x.route.Each(func(c *balancer.Candidate) { longest = max(longest, mostAnswerOf(c.Upstream)) })
			most.Completion = saturate.Mul(longest, answers)
			x.need.Tokens = saturate.Add(prompt, saturate.Mul(usualAnswer, answers))
		}
	}
	x.need.Money = x.costAtMost(most)
}

// costAtMost is what tokens cost at the dearest of the channels that may serve the request.
func (x *exchange) costAtMost(tokens usage.Tokens) int64 {
	most := int64(0)
	if len(x.beside) > 0 {
		most = x.cost(tokens)
	}
	x.route.Each(func(c *balancer.Candidate) {
		most = max(most, usage.Cost(x.snap.prices.Of(c.Provider.Config, x.model, c.Upstream).Price, tokens))
	})
	return most
}

// answerAtMost is how many tokens the request lets an answer have, -1 if it does not say,
// and how many answers it asks for.
func (in *inbound) answerAtMost() (tokens, answers int64) {
	tokens, answers = -1, 1
	if in.isForm() {
		return tokens, answers
	}
	top, err := rawjson.One(in.body)
	if err != nil {
		return tokens, answers
	}
	read := func(v rawjson.Value, into *int64) {
		if n, is := rawjson.Int(in.body, v); is && n >= 0 {
			*into = max(*into, n)
		}
	}
	for _, name := range [...]string{"max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample"} {
		read(top.Get(in.body, name), &tokens)
	}
	for _, name := range [...]string{"n", "best_of"} {
		read(top.Get(in.body, name), &answers)
	}
	for _, name := range [...]string{"generationConfig", "generation_config"} {
		if settings := top.Get(in.body, name); settings.Kind == rawjson.Object {
			read(settings.Get(in.body, "maxOutputTokens"), &tokens)
			read(settings.Get(in.body, "max_output_tokens"), &tokens)
			read(settings.Get(in.body, "candidateCount"), &answers)
			read(settings.Get(in.body, "candidate_count"), &answers)
		}
	}
	return tokens, min(answers, 128)
}

// came is what quotas count of tokens and their cost.
func came(t usage.Tokens, cost int64) limit.Need {
	return limit.Need{Tokens: saturate.Add(t.Prompt, t.Completion), Money: cost}
}

// cameOfThis is what the attempt in hand came to, of what the record has of all.
func (x *exchange) cameOfThis(r *record) limit.Need {
	all, before := came(r.tokens, r.cost), came(booked(x.spent), x.paid)
	return limit.Need{Tokens: max(all.Tokens-before.Tokens, 0), Money: max(all.Money-before.Money, 0)}
}
