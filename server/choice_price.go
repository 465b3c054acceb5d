package server

import (
	"bytes"
	"strings"

	"uniapi/codec/rawjson"
	"uniapi/usage"
)

// cost is what tokens of the request cost. One that names models beside its own costs
// what the one costs by which the provider says that it answered, else what the
// dearest of them does: which it is, is the client's choice and the provider's.
func (x *exchange) cost(tokens usage.Tokens) int64 {
	prices := x.snap.prices
	if x.answeredBy != "" && prices.Has(x.answeredBy) {
		return prices.Cost(x.answeredBy, tokens)
	}
	most := prices.Cost(x.model, tokens)
	for _, model := range x.beside {
		most = max(most, prices.Cost(model, tokens))
	}
	return most
}

// modelToldOf is the model of those that the request names by which the provider says
// that it answered; "" if it does not say so, or not in the client's format.
func (a *attempt) modelToldOf() string {
	if !a.untranslated() {
		return ""
	}
	told := ""
	if a.answer == nil {
		told = modelIn(a.ctx.Response.Body())
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
