package server

import (
	"bytes"
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
	"uniapi/config"
)

// serviceTier is the service tier that the provider was asked for. A client may ask for one that is taken out, set by
// the operator, or unknown to the format that the provider speaks. Where the model's price does not depend on it, it is
// told for prices that may be applied later, if the request says it plainly.
func (x *exchange) serviceTier(price config.Price) (tier string) {
	if !price.HasServices() && !x.namesTier() {
		return ""
	}
	parts := x.at.request.Body
	if len(parts) == 0 {
		tier = x.tierAsked()
	} else if x.mentions().May(codec.MentionsServiceTier) || x.at.retold() {
		properties := x.at.to.Properties()
		for _, path := range properties.ServiceTiers() {
			tier = codec.JoinTier(tier, path, codec.TierWord(path, textInPieces(parts, path)))
		}
	}
	return tier
}

// namesTier says whether a tier stands in the request as it came or as it was sent, without escapes.
func (x *exchange) namesTier() bool {
	return x.mentions().Plainly(codec.MentionsServiceTier) || x.at.retold() && slices.ContainsFunc(x.at.request.Body, func(piece []byte) bool {
		return slices.ContainsFunc(codec.ServiceTierNames, func(name string) bool { return bytes.Contains(piece, []byte(name)) })
	})
}

// retold says whether the operator sets members of requests to the attempt's provider.
func (a *attempt) retold() bool {
	return len(a.request.Body) > 0 && a.backend.overrides[a.model].rulesOf(a) != nil
}

// tierAsked is the service tier that the request asks for in its format.
func (in *inbound) tierAsked() (tier string) {
	if !in.mentions().May(codec.MentionsServiceTier) { // most requests
		return ""
	}
	properties := in.format.Properties()
	for _, path := range properties.ServiceTiers() {
		tier = codec.JoinTier(tier, path, in.tierAt(path))
	}
	return tier
}

// tiersAsked are the service tiers that the request may ask for at a channel of any format, the words of others among
// them.
func (in *inbound) tiersAsked() (tiers []string) {
	if !in.mentions().May(codec.MentionsServiceTier) {
		return nil
	}
	for _, path := range codec.ServiceTierNames {
		word := in.tierAt(path)
		if word == "" {
			continue
		}
		if path == codec.Place {
			for _, tier := range tiers { // which it may be beside
				tiers = append(tiers, codec.JoinTier(tier, path, word))
			}
		}
		tiers = append(tiers, word)
	}
	return tiers
}

func (in *inbound) tierAt(path string) string {
	said, _ := rawjson.Text(in.body, front.Member(in.body, path))
	return codec.TierWord(path, said)
}

// price is that of one of the models that the request names, where its last attempt was made.
func (x *exchange) price(model string) config.Price { return x.priced(model).Price }

// hasPrice says whether such a model has a price of its own there.
func (x *exchange) hasPrice(model string) bool { return x.priced(model).From.Named() }

// modelToldOf is the model of those that the request names by which the provider says
// that it answered; "" if it does not say so, or not in the client's format.
func (a *attempt) modelToldOf() string {
	if !a.untranslated {
		return ""
	}
	told := ""
	if a.answer.Open == nil {
		told = modelIn(a.answer.Body)
	} else {
		for line := range bytes.Lines(a.answer.First) {
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
