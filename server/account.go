package server

import (
	"cmp"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/front"
	"uniapi/codec/saturate"
	"uniapi/config"
	"uniapi/pool/provider"
	"uniapi/server/telemetry/metrics"
	"uniapi/usage"
)

// extent is how far an answer came, as its price goes.
type extent int

const (
	reachedNothing extent = iota // nothing was answered, or nothing that costs
	reachedSome                  // the answer was cut off, by whomever
	reachedAll
)

// tokens are what the request is charged for, and what they cost: what the provider
// counted, and where it did not say, or nothing that can be believed, an estimate.
// What attempts before have cost is in both. x.at.answer.Usage is what is told of them.
func (x *exchange) tokens(status int) (all usage.Tokens, cost int64) {
	var u codec.Usage
	end := reachedNothing
	switch {
	case x.at.chosen.Number == 0, x.endpoint == provider.CountTokens, x.at.charged:
	case status == fasthttp.StatusOK:
		end = reachedAll
	case x.live.written.Load() > 0, status == statusClientGone && x.at.answered:
		end = reachedSome
	}
	if end != reachedNothing {
		if u = x.at.ToldUsage(); !u.Complete() {
			x.at.fill(&u, end)
		}
		if all = usage.Booked(u); all != (usage.Tokens{}) {
			if x.endpoint != provider.Chat {
				x.count(&all, &u, end)
			}
			cost = x.cost(&all, cmp.Or(u.Tier, x.at.tier))
		}
	}
	if !x.spent.Zero() {
		u.Add(x.spent)
		all, cost = usage.Booked(u), min(saturate.Add(cost, x.paid), saturate.Most)
		all.Apart = true
	}
	x.at.answer.Usage = u
	return all, cost
}

// ToldUsage is what the provider has counted in the attempt so far.
func (a *attempt) ToldUsage() codec.Usage {
	u := a.answer.Usage
	if a.answer.Flow != nil {
		told, _ := a.answer.Flow.Usage()
		u.Update(told)
		if u.Completion == 0 && u.Prompt > 0 && a.answer.Flow.Said() > 0 && !countedAtEnd(a.answer.Flow) {
			u.Gaps |= codec.NoCompletion // a running total from before the answer
		}
	}
	if u.Completion > farAbove*leastOfMost && a.farBeyond(u.Completion) {
		u.Completion, u.Total, u.Gaps = 0, 0, u.Gaps|codec.NoCompletion|codec.Absurd|codec.Huge
	}
	if a.endpoint == provider.Chat && u.Prompt == 0 && u.Completion > 0 {
		u.Gaps, u.Total = u.Gaps|codec.NoPrompt, 0 // no conversation is empty
	}
	if a.endpoint != provider.Chat && a.inputOnly() {
		if u.Gaps&codec.NoPrompt != 0 && u.Total > 0 {
			u.Prompt, u.Gaps = u.Total, 0 // there is nothing else that it could be
		}
		if u.Gaps &^= codec.NoCompletion; u.Gaps&(codec.NoPrompt|codec.Nothing) == 0 {
			u.Gaps = 0 // whatever was wrong with what is not needed
		}
	}
	return u
}

// count adds what is no token and may have a price.
func (x *exchange) count(t *usage.Tokens, u *codec.Usage, end extent) {
	a := x.at
	switch images, raw := a.answer.Images(); x.endpoint {
	case provider.Images, provider.ImageEdits:
		if raw {
			t.Images = max(images, 1)
		} else {
			t.Images = a.imagesIn(a.answer.Body, end)
		}
		t.ImageSize, t.ImageQuality = a.imageKind(!raw && end == reachedAll)
	case provider.Speech:
		t.Characters = x.charactersToSpeak()
	case provider.Transcriptions, provider.Translations:
		if t.Seconds = a.seconds(u); t.Seconds == 0 {
			for _, field := range x.fields() {
				if field.File {
					t.Seconds += estimate.SoundSeconds(field.End - field.Start)
				}
			}
		}
	case provider.Rerank, provider.Search:
		t.Searches = max(t.Searches, 1)
	}
}

// cost is what tokens of the request cost. One that names models beside its own costs
// what the one costs by which the provider says that it answered, else what the
// dearest of them does: which it is, is the client's choice and the provider's. It
// puts down beside the tokens what the price goes by. served is the service tier that
// the provider says it was: one that is asked for is not always had.
func (x *exchange) cost(tokens *usage.Tokens, served string) int64 {
	priced := x.priced(x.model)
	if x.endpoint != provider.Chat {
		if fee, is := x.fee(priced); is {
			tokens.Apart = true
			return fee
		}
	}
	if (x.endpoint == provider.Images || x.endpoint == provider.ImageEdits) && tokens.ImageOutput == 0 {
		tokens.ImageOutput = tokens.Completion // OpenAI says of tokens of the prompt what they are, and not of those of the answer
	}
	price, says := priced.Price, x.mentioned.By(x.format.Properties().Bounds, x.body)
	if served != "" {
		if served != codec.UsualTier {
			tokens.Service = served
		}
	} else if price.HasServices() || says.Plainly(codec.MentionsServiceTier) || x.at.backend.overrides != nil {
		tokens.Service = x.serviceTier(price)
	}
	if price.HasSearchKinds() || x.at.backend.overrides != nil || says.Plainly(codec.MentionsSearchKind) {
		tokens.Search = x.searchKind(price)
	}
	tokens.Over, tokens.UpTo = price.Bounds(tokens.Prompt)
	tokens.Apart = len(x.beside) > 0
	if price.HasHours() || len(x.beside) > 0 { // else it is no matter when
		tokens.At = time.Now().Unix()
	}
	if x.answeredBy != "" && x.hasPrice(x.answeredBy) {
		return usage.Cost(x.price(x.answeredBy), *tokens)
	}
	most := usage.Cost(price, *tokens)
	for _, model := range x.beside {
		most = max(most, usage.Cost(x.price(model), *tokens))
	}
	return most
}

// priced is the price of one of the models that the request names, where its last attempt was made.
func (x *exchange) priced(model string) *config.Priced {
	chosen := &x.at.chosen
	switch {
	case chosen.Number == 0:
		return x.recent.Priced(x.snap.prices, nil, model, "")
	case model == x.model:
		return x.recent.Priced(x.snap.prices, chosen.Provider.Config, model, chosen.Upstream)
	}
	upstream, _, _ := x.calledAt(model, chosen.Provider)
	return x.recent.Priced(x.snap.prices, chosen.Provider.Config, model, upstream)
}

// cameOfThis is what the attempt in hand came to, of what all did.
func (x *exchange) cameOfThis(all limit.Need) limit.Need {
	before := x.came()
	return limit.Need{Tokens: max(all.Tokens-before.Tokens, 0), Money: max(all.Money-before.Money, 0)}
}

// account writes a finished request into the books.
func (x *exchange) account(r *record) {
	if r.key == nil {
		return
	}
	if x.hasReserved {
		r.key.book.Settle(x.reserved, r.cost)
	} else if r.cost > 0 {
		r.key.book.Spend(r.cost)
	}
	if r.attempts > 0 {
		if x.at.chosen.Affinity != 0 {
			x.countAffinity(r.tokens)
		}
		if r.cost > 0 && x.priced(x.model).From == config.FromDefault {
			x.server.counters.Unpriced.Add(r.provider, 1)
		}
		x.recent.Series(r.key.book, r.provider, r.model, r.endpoint).Record(usage.Sample{
			Success: r.served, Tokens: r.tokens, Cost: r.cost, TTFT: r.ttft, Duration: r.took,
		})
		x.recent.Parts(r.key.book, r.provider, r.model, r.endpoint, &r.tokens, r.cost)
		if x.place.Sampled() && r.served {
			x.server.counters.Exemplars.Keep(r.provider, r.model, r.ttft, r.took, r.end, x.place.ID)
		}
	}
}

// attempted counts an attempt. One that has failed with an error took so long for nothing.
func (x *exchange) attempted(failed *codec.Error, took time.Duration) {
	p, masked := x.at.chosen.Provider.Config, ""
	if x.at.chosen.Key >= 0 && x.at.chosen.Key < len(p.Keys) {
		masked = x.at.backend.maskedKeys[x.at.chosen.Key]
	}
	x.recent.Attempt(x.server.books, p.Name, x.model, masked, failed == nil)
	if failed != nil {
		x.server.counters.Failures.Count(metrics.Failure{Provider: p.Name, Model: x.model, Reason: reasonOf(failed)}, took)
	}
}

// searchKind is what the request that was sent says of searches, if the model's price depends on it, or it says so
// plainly.
func (x *exchange) searchKind(price config.Price) string {
	if x.endpoint != provider.Chat {
		return ""
	}
	bounds, body, says := x.format.Properties().Bounds, x.body, x.mentions()
	if x.at.backend.overrides != nil && x.at.retold() {
		body = slices.Concat(x.at.request.Body...)
		says = bounds.Mentions(body)
	}
	if says.Plainly(codec.MentionsSearchKind) || price.HasSearchKinds() && says.May(codec.MentionsSearchKind) {
		return front.SearchKind(body, bounds)
	}
	return ""
}
