package server

import (
	"bytes"
	"strings"

	"uniapi/codec/rawjson"
	"uniapi/config"
	"uniapi/usage"
)

// cost is what tokens of the request cost. One that names models beside its own costs
// what the one costs by which the provider says that it answered, else what the
// dearest of them does: which it is, is the client's choice and the provider's.
func (x *exchange) cost(tokens usage.Tokens) int64 {
	price := x.price(x.model)
	tokens.Service = x.serviceTier(price)
	if x.answeredBy != "" && x.hasPrice(x.answeredBy) {
		return usage.Cost(x.price(x.answeredBy), tokens)
	}
	most := usage.Cost(price, tokens)
	for _, model := range x.beside {
		most = max(most, usage.Cost(x.price(model), tokens))
	}
	return most
}

// serviceTier is the service tier that the request asks for, if the model's price depends on it.
func (x *exchange) serviceTier(price config.Price) string {
	// Most requests name none, which their bytes tell sooner than their members. The name may be written with escapes.
	if !price.HasServices() || !bytes.Contains(x.body, serviceTierName) && !bytes.Contains(x.body, unicodeEscape) {
		return ""
	}
	tier, _ := rawjson.Text(x.body, member(x.body, string(serviceTierName)))
	return tier
}

var serviceTierName, unicodeEscape = []byte("service_tier"), []byte(`\u`)

// price is that of one of the models that the request names, where its last attempt was made.
func (x *exchange) price(model string) config.Price { return x.priced(model).Price }

// hasPrice says whether such a model has a price of its own there.
func (x *exchange) hasPrice(model string) bool { return x.priced(model).From.Named() }

func (x *exchange) priced(model string) *config.Priced {
	if x.at.chosen.Number == 0 {
		return x.snap.prices.Of(nil, model, "")
	}
	return x.snap.prices.Of(x.at.chosen.Provider.Config, model, x.upstreamOf(model))
}

// upstreamOf is what the attempt's provider calls such a model; "" before there is one.
func (x *exchange) upstreamOf(model string) string {
	switch {
	case x.at.chosen.Number == 0:
		return ""
	case model == x.model:
		return x.at.chosen.Upstream
	}
	upstream, _, _ := x.calledAt(model, x.at.chosen.Provider)
	return upstream
}

// modelToldOf is the model of those that the request names by which the provider says
// that it answered; "" if it does not say so, or not in the client's format.
func (a *attempt) modelToldOf() string {
	if !a.untranslated() {
		return ""
	}
	told := ""
	if a.answer == nil {
		told = modelIn(a.whole)
	} else {
		for line := range bytes.Lines(a.first) {
			if data, is := bytes.CutPrefix(line, []byte("data:")); is && told == "" {
				told = modelIn(bytes.TrimSpace(data))
			}
		}
	}
	if told == a.chosen.Upstream {
		return a.model
	}
	for _, model := range a.beside {
		if upstream, _, ok := a.calledAt(model, a.chosen.Provider); ok && told == strings.TrimPrefix(upstream, googlesModels) {
			return model
		}
	}
	return ""
}

// modelIn is the model that an answer or its first event names, of any format.
func modelIn(answer []byte) string {
	top, err := rawjson.One(answer)
	if err != nil {
		return ""
	}
	for _, inside := range []string{"", "message", "response"} {
		in := top
		if inside != "" {
			in = top.Get(answer, inside)
		}
		for _, name := range []string{"model", "modelVersion"} {
			if text, is := rawjson.Text(answer, in.Get(answer, name)); is {
				return strings.Clone(text)
			}
		}
	}
	return ""
}
