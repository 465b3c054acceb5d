package server

import (
	"cmp"
	"net/url"
	"slices"
	"sync"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
	"uniapi/codec/front"
	"uniapi/config"
	"uniapi/pool/provider"
)

// suited is what is known of a model of a provider where it is spoken to in one
// format.
type suited struct {
	upstream string // the format
	target   *capability.Target
	rules    front.Rules // what must be changed in requests
}

// suits are those of a provider's models, by the names that clients have for them. Each is found out when it is first
// asked for: a configuration may name thousands of models, of which few are used soon.
type suits map[string]func() []suited

// of is what is known of a model; none of one that the provider has not.
func (all suits) of(model string) []suited {
	if known := all[model]; known != nil {
		return known()
	}
	return nil
}

// cannotStream says whether the upstream can answer the request only at once, which
// is then replayed as a stream.
func (a *attempt) cannotStream() bool {
	t := a.known
	if t == nil || t.StreamWithTools == nil || *t.StreamWithTools {
		return false
	}
	if o := a.sending.Output; o != nil && o.Kind == codec.OutputSchema && t.AnswersByTool() {
		return true
	}
	isCall := func(p codec.Part) bool { return p.Kind == codec.PartToolCall } // a history with calls needs tools, too
	return len(a.sending.Tools) > 0 || slices.ContainsFunc(a.sending.Messages, func(m codec.Message) bool { return slices.ContainsFunc(m.Parts, isCall) })
}

// places are what rules call the hosts of engines, whatever the address is.
var places = map[provider.Engine]string{provider.EngineAzure: "azure", provider.EngineOpenRouter: "openrouter"}

// suit has what is known of each of a provider's models found, in each format that it is asked in.
func suit(cfg *config.Config, p *config.Provider, channel *provider.Channel, models []config.Model) suits {
	base, err := url.Parse(p.BaseURL)
	if err != nil || channel == nil {
		return nil
	}
	all := make(suits, len(models))
	host := base.Hostname()
	find := func(m config.Model) (list []suited) {
		for _, upstream := range formatsOf(channel, m.Upstream) {
			as := formats.Properties(upstream)
			place := cmp.Or(as.Place, places[channel.Engine])
			t := capability.Find(capability.Query{Host: host, Place: place, Format: as.Rules, Model: m.Upstream},
				cfg.Preferences.Capabilities, p.Preferences.Capabilities)
			list = append(list, suited{upstream, t, front.RulesOf(formats.All[upstream], t, m.Alias)})
		}
		return list
	}
	for _, m := range models {
		before := all[m.Alias] // of another model that clients have the same name for
		all[m.Alias] = sync.OnceValue(func() []suited {
			if before == nil {
				return find(m)
			}
			return slices.Concat(before(), find(m))
		})
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
