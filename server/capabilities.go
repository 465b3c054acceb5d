package server

import (
	"net/url"
	"slices"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/openai"
	"uniapi/config"
	"uniapi/pool/provider"
)

// suited is what is known of a model of a provider where it is spoken to in one
// format.
type suited struct {
	upstream string // the format
	target   *capability.Target
	rules    *openai.Rules    // of chat and Responses; nil if there are none
	messages *anthropic.Rules // of Messages; the same
}

// suits are those of a provider's models, by the names that clients have for them.
type suits map[string][]suited

// suited is what is known of the attempt's upstream; nil if nothing is.
func (a *attempt) suited() *suited {
	list := a.backend().suits[a.model]
	for i := range list {
		if list[i].upstream == a.upstream {
			return &list[i]
		}
	}
	return nil
}

// known is what is known of the model.
func (s *suited) known() *capability.Target {
	if s == nil {
		return nil
	}
	return s.target
}

// cannotStream says whether the upstream can answer the request only at once, which
// is then replayed as a stream.
func (a *attempt) cannotStream() bool {
	t := a.suited().known()
	if t == nil || t.StreamWithTools == nil || *t.StreamWithTools {
		return false
	}
	isCall := func(p codec.Part) bool { return p.Kind == codec.PartToolCall } // a history with calls needs tools, too
	return len(a.sending.Tools) > 0 || slices.ContainsFunc(a.sending.Messages, func(m codec.Message) bool { return slices.ContainsFunc(m.Parts, isCall) })
}

// anew says whether a request is written anew though the upstream speaks as the client does, since it takes less than the format has.
func (a *attempt) anew() bool {
	s := a.suited()
	return s.edits() && a.endpoint == provider.Chat && s.rules.Anew(a.body)
}

// edits says whether a translated request may have to be changed.
func (s *suited) edits() bool { return s != nil && s.rules != nil }

// mayEdit says whether the client's own body may have to be changed.
func (s *suited) mayEdit(a *attempt) bool {
	return s.edits() || s != nil && s.messages != nil && a.converses() && s.messages.Changes(&a.messages, a.body)
}

// converses says whether a conversation is asked for, or counted.
func (a *attempt) converses() bool {
	return a.endpoint == provider.Chat || a.endpoint == provider.CountTokens
}

// refuses says whether the upstream takes no member of that name.
func (s *suited) refuses(name string) bool { return s != nil && s.rules.Refuses(name) }

// edit is a client's body as the upstream takes it, which speaks the same format.
func (s *suited) edit(a *attempt, body []byte) []byte {
	switch endpoint := a.endpoint; {
	case !s.edits():
	case endpoint == provider.Chat && s.upstream == "openai":
		return s.rules.Edit(body)
	case endpoint == provider.Chat && s.upstream == "responses":
		return s.rules.EditResponses(body)
	case endpoint == provider.Embeddings && s.upstream == "openai":
		return s.rules.Rename(body)
	}
	return body
}

// settle is edit for Messages. It comes behind the operator's own changes, since how much
// Claude may think depends on how much it may answer.
func (s *suited) settle(a *attempt, body []byte) []byte {
	if s == nil || s.messages == nil || !a.converses() {
		return body
	}
	head := a.messages
	if !sameBytes(body, a.body) {
		var err error
		if head, err = anthropic.ReadHead(body); err != nil {
			return body
		}
	}
	return s.messages.Edit(&head, body)
}

// editTranslated is a translated body as the upstream takes it.
func (s *suited) editTranslated(upstream string, body []byte) []byte {
	var rules *openai.Rules
	if s != nil {
		rules = s.rules
	}
	switch upstream {
	case "openai":
		return rules.EditTranslated(body)
	case "responses":
		return rules.EditResponses(body)
	}
	return body
}

// places are what rules call the hosts of engines, whatever the address is.
var places = map[provider.Engine]string{provider.EngineAzure: "azure", provider.EngineOpenRouter: "openrouter"}

// suit finds what is known of each of a provider's models, in each format that it
// is asked in.
func suit(cfg *config.Config, p *config.Provider, channel *provider.Channel, models []config.Model) suits {
	base, err := url.Parse(p.BaseURL)
	if err != nil || channel == nil {
		return nil
	}
	all := make(suits, len(models))
	for _, m := range models {
		for _, upstream := range formatsOf(channel, m.Upstream) {
			as := formats.Traits(upstream)
			if as.Place == "" {
				as.Place = places[channel.Engine]
			}
			t := capability.Find(capability.Query{Host: base.Hostname(), Place: as.Place, Format: as.Rules, Model: m.Upstream},
				cfg.Preferences.Capabilities, p.Preferences.Capabilities)
			s := suited{upstream: upstream, target: t}
			if as.Rules == capability.Chat || as.Rules == capability.Responses {
				s.rules = openai.NewRules(t, m.Alias)
			} else if as.Rules == capability.Messages {
				s.messages = anthropic.NewRules(t)
			}
			all[m.Alias] = append(all[m.Alias], s)
		}
	}
	return all
}

// formatsOf are the formats in which a channel takes conversations with a model, whoever
// asks.
func formatsOf(channel *provider.Channel, model string) (list []string) {
	for _, client := range formats.Clients {
		f := channel.Format(provider.Ask{Endpoint: provider.Chat, Client: client, Model: model})
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}
