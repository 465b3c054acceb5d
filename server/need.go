package server

import (
	"math"
	"strconv"
	"strings"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
	"uniapi/codec/search"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/usage"
)

// Tokens of an answer whose request does not say how many it may have.
const (
	// mostAnswer is what no model of the families below goes beyond that the list prices do not know.
	mostAnswer = 128 << 10
	// usualAnswer is what is held of limits on tokens, since most answers are far from what they may be, and of credits
	// and limits on money where nobody knows how much the model may answer.
	usualAnswer = 512
	// mostContext is what the models with the longest context read at once, and so what a provider may add to a prompt
	// of its own accord: earlier turns, files, what it finds in the web.
	mostContext = 1 << 20
	// Of a search the results, if the client does not say how many, and the tokens of one.
	usualResults, resultTokens = 10, 16 << 10
)

// boundedFamilies begin the names of models that are known to answer with mostAnswer at most.
var boundedFamilies = [...]string{"gpt-", "chatgpt-", "o1", "o3", "o4", "claude-", "gemini-"}

// mostAnswerOf is what a model of some names answers at most, where the list prices do not say.
func mostAnswerOf(names ...string) int64 {
	for _, model := range names {
		for _, family := range boundedFamilies {
			if strings.HasPrefix(model[strings.LastIndexByte(model, '/')+1:], family) {
				return mostAnswer
			}
		}
	}
	return usualAnswer
}

// mostAnswer is what the channels that may serve the request answer at most.
func (x *exchange) mostAnswer() (longest int64) {
	x.route.Each(func(c *balancer.Candidate) {
		most := x.snap.prices.Of(c.Provider.Config, x.model, c.Upstream).Most
		if most == 0 {
			most = mostAnswerOf(x.model, c.Upstream)
		}
		longest = max(longest, most)
	})
	if longest == 0 {
		return mostAnswerOf(x.model)
	}
	return longest
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
	if x.endpoint == provider.CountTokens {
		return
	}
	prompt, atMost := x.prompts()
	most := usage.Tokens{Prompt: atMost}
	x.need.Tokens = prompt
	switch {
	case x.endpoint == provider.Rerank:
		most.Searches = front.RankingsAtMost(x.body, prompt)
	case x.endpoint == provider.Search:
		most.Searches, most.Prompt = 1, max(most.Prompt, x.resultsWanted()*resultTokens)
	case x.endpoint == provider.Chat && !x.head.IsForm:
		bounds := x.format.Properties().Bounds
		if x.mentions().May(codec.MentionsSearch) {
			tools := front.ToolsAtMost(x.body, bounds)
			most.Searches, most.FileSearches, most.CodeCalls, most.Maps = tools.Web, tools.Files, tools.Code, tools.Maps
		}
		if x.mentions().May(codec.MentionsSearchKind) {
			most.Search = front.SearchKind(x.body, bounds)
		}
	}
	if !x.inputOnly() {
		said, answers, beyond := x.answerAtMost()
		if beyond || !x.head.IsForm && x.format.Properties().Bounds.MayReadMore(x.mentions()) {
			most.Prompt = max(most.Prompt, mostContext)
			most.DocumentSearches = front.UsualSearches
		}
		most.Completion = saturate.Mul(max(said, 0), answers)
		x.need.Tokens = saturate.Add(prompt, most.Completion)
		if said < 0 {
			most.Completion = saturate.Mul(x.mostAnswer(), answers)
			x.need.Tokens = saturate.Add(prompt, saturate.Mul(usualAnswer, answers))
		}
	}
	x.need.Money = x.costAtMost(most)
}

// costAtMost is what tokens, and what else the request asks for, cost at the dearest of the channels that may serve it,
// in the dearest way: read from no cache, said aloud, in the service tier that it asks for or without.
func (x *exchange) costAtMost(tokens usage.Tokens) (most int64) {
	x.countAsked(&tokens)
	if x.mentions().May(codec.MentionsHourOfCache) {
		tokens.CacheWrite1h = tokens.Prompt
	}
	tiers := x.tiersAsked()
	costs := func(at *config.Provider, tokens usage.Tokens, model, upstream string) {
		price := &x.recent.Priced(x.snap.prices, at, model, upstream).Price
		if most = max(most, usage.CostAtMost(price, tokens)); price.HasServices() {
			for _, tier := range tiers {
				served := tokens
				served.Service = tier
				most = max(most, usage.CostAtMost(price, served))
			}
		}
	}
	for _, model := range x.beside {
		costs(nil, tokens, model, "")
	}
	if len(x.beside) > 0 {
		costs(nil, tokens, x.model, "")
	}
	x.route.Each(func(c *balancer.Candidate) {
		if fee, is := x.fee(x.recent.Priced(x.snap.prices, c.Provider.Config, x.model, c.Upstream)); is {
			most = max(most, fee)
		} else {
			asked := tokens
			if x.snap.backends[c.Provider.Index].overrides[x.model] != nil {
				asked.ImageSize, asked.ImageQuality = "", "" // the operator may say otherwise
			}
			costs(c.Provider.Config, asked, x.model, c.Upstream)
		}
		for _, model := range x.beside {
			if upstream, _, is := x.calledAt(model, c.Provider); is {
				costs(c.Provider.Config, tokens, model, upstream)
			}
		}
	})
	return most
}

// countAsked adds what the request asks for that is no token, as far as that is known before it is answered.
func (in *inbound) countAsked(t *usage.Tokens) {
	switch in.endpoint {
	case provider.Images, provider.ImageEdits:
		t.Images = in.imagesWanted()
		t.ImageSize, t.ImageQuality = in.imageAsked()
	case provider.Speech:
		t.Characters = in.charactersToSpeak()
	case provider.Transcriptions, provider.Translations:
		for _, field := range in.fields() {
			if field.File {
				t.Seconds = saturate.Add(t.Seconds, estimate.SoundSecondsAtMost(in.body[field.Start:field.End]))
			}
		}
		t.Prompt = max(t.Prompt, estimate.Seconds(t.Seconds))
	}
}

// answerAtMost is how many tokens the request lets an answer have, -1 if it does not say,
// and how many answers it asks for; and whether a member says that the provider is to read
// more than the request. Only what its own format reads says so: whatever else
// a client writes reaches no provider.
func (in *inbound) answerAtMost() (tokens, answers int64, beyond bool) {
	bounds := in.format.Properties().Bounds
	if in.head.IsForm || bounds == nil {
		return -1, 1, false
	}
	var said [codec.BoundCount]int64
	prompts := int64(1)
	it := rawjson.MembersOf(in.body)
	for it.Step() {
		it.Known(in.head.Messages)                                            // which are most of the body
		if !bounds.MayName(it.Name()) || it.Whole().Kind == rawjson.Missing { // most members
			continue
		}
		for _, path := range bounds.Paths(it.Name()) {
			if !strings.EqualFold(path.Name, it.Name()) { // a name in any letters: some servers read any
				continue
			}
			below := int64(0)
			if path.Of == codec.BoundAnswer || path.Of == codec.BoundOthers {
				below = endless
			}
			said[path.Of] = max(said[path.Of], mostAt(in.body, it.Value, path.Inside, below))
		}
		if in.endpoint == provider.Completions && it.Name() == bounds.Each {
			prompts = promptsIn(in.body, it.Value)
		}
		beyond = beyond || bounds.Beyond.Says(in.body, &it)
	}
	if it.Err() != nil {
		return -1, 1, false
	}
	tokens, others := said[codec.BoundAnswer], said[codec.BoundOthers]
	if tokens == 0 || max(tokens, others) == endless { // says nothing: providers are told of none
		tokens = -1
	} else {
		tokens = saturate.Add(max(tokens, others), said[codec.BoundThinking])
	}
	return tokens, saturate.Mul(min(max(said[codec.BoundAnswers], 1), 128), prompts), beyond
}

// mostAt is the most that the members say that a path leads to: of two of one name nobody knows which is read. below is
// what a number below 0 says.
func mostAt(body []byte, v rawjson.Value, path string, below int64) (n int64) {
	if path == "" {
		if n = countIn(body, v); n < 0 {
			return below
		}
		return n
	}
	name, inside, _ := strings.Cut(path, ".")
	for it := v.Members(body); it.Next(); {
		if it.Name() == name {
			n = max(n, mostAt(body, it.Value, inside, below))
		}
	}
	return n
}

// endless is what a number of tokens below 0 says: servers take it for no bound.
const endless = math.MaxInt64

// countIn is a number, also one in a text, which some servers take for it; 0 if it is none, -1 if it is below 0.
func countIn(body []byte, v rawjson.Value) int64 {
	text, is := rawjson.Text(body, v)
	if n, whole := rawjson.Int(body, v); whole && n >= 0 {
		return n
	} else if v.Kind == rawjson.Number {
		text, is = string(v.Raw(body)), true
	}
	if !is || len(text) > longestNumber {
		return 0
	}
	switch n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); {
	case n < 0:
		return -1
	case err == nil && n >= 1, n > 1: // one that is too large for any
		return int64(min(n, 1<<40))
	}
	return 0
}

// longestNumber bounds how a number is written.
const longestNumber = 400

// promptsIn is how many prompts a member has: of a list each element that is a text, or a list of tokens.
func promptsIn(body []byte, v rawjson.Value) (n int64) {
	for list := v.Elements(body); list.Next(); {
		if list.Value.Kind == rawjson.String || list.Value.Kind == rawjson.Array {
			n++
		}
	}
	return max(n, 1)
}

// resultsWanted is how many results a search is to have.
func (in *inbound) resultsWanted() int64 {
	if n, is := rawjson.Int(in.body, front.Member(in.body, "max_results")); is && n > 0 {
		return min(n, search.MostResults)
	}
	return usualResults
}
