package server

import (
	"fmt"
	"slices"
	"strings"

	"uniapi/balancer"
	"uniapi/codec/formats"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/fetch"
	"uniapi/pool/provider"
	"uniapi/server/telemetry"
)

// fromFile is the snapshot that a configuration alone makes, without a gateway that runs. Models that one would
// discover are not known to it. leftOut is told of providers that cannot be reached.
func fromFile(p *pool.Pool, cfg *config.Config, leftOut func(*config.Provider, error)) *snapshot {
	adapters, fetcher := provider.NewAdapters(p), fetch.New(cfg.Preferences.ImageFetch, p.TLS(), nil)
	snap := &snapshot{config: cfg, backends: make([]backend, len(cfg.Providers))}
	for i, provider := range cfg.Providers {
		channel, _, err := reach(adapters, fetcher, cfg, provider)
		if err != nil {
			leftOut(provider, err)
			continue
		}
		snap.backends[i].channel = channel
	}
	snap.route(balancer.NewState(balancer.Stores{}), func(*config.Provider) []config.Model { return nil })
	return snap
}

// Summary is what `uni-api check` prints of a configuration: what was understood, and what each provider would be asked
// as. Nothing is asked.
func Summary(cfg *config.Config) string {
	return telemetry.NewRedactor(cfg.Secrets()).Clean(cfg.Summary(preview(cfg)))
}

// PriceWarnings tells which models that would be served nothing but the default price fits.
func PriceWarnings(cfg *config.Config) []string {
	p := pool.New(pool.Options{})
	defer p.Close()
	snap := fromFile(p, cfg, func(*config.Provider, error) {})
	return cfg.PriceWarnings(func(i int) bool { return snap.backends[i].channel != nil })
}

// preview says of each provider, in the order of the file, what it would be asked as: lines of a name and a value.
func preview(cfg *config.Config) [][][2]string {
	p := pool.New(pool.Options{})
	defer p.Close()
	snap := fromFile(p, cfg, func(*config.Provider, error) {})
	lines := make([][][2]string, len(cfg.Providers))
	for i, of := range cfg.Providers {
		channel := snap.backends[i].channel
		if channel == nil {
			continue // it is left out
		}
		engine := string(channel.Engine)
		if of.Engine == "" {
			engine += ", by the address"
		}
		lines[i] = append(lines[i], [2]string{"engine", engine})
		if address := addressOf(channel, of); address != "" {
			lines[i] = append(lines[i], [2]string{"asked at", address})
		}
		lines[i] = append(lines[i], snap.backends[i].suits.lines(of.Models)...)
	}
	return lines
}

// addressOf is where a channel asks for a chat with its first model; "" where it has none.
func addressOf(channel *provider.Channel, of *config.Provider) string {
	model := "MODEL"
	if len(of.Models) > 0 {
		model = of.Models[0].Upstream
	}
	key := 0
	if len(of.Keys) == 0 {
		key = -1
	}
	endpoint := provider.Chat
	switch channel.Engine {
	case "dalle":
		endpoint = provider.Images
	case "whisper":
		endpoint = provider.Transcriptions
	case "tts":
		endpoint = provider.Speech
	case "embedding":
		endpoint = provider.Embeddings
	case "moderation":
		endpoint = provider.Moderations
	}
	return channel.Shown(provider.Ask{Endpoint: endpoint, Client: formats.Chat.Name(), Model: model, Key: key})
}

// lines tell what is known of models: once of those of which the same is.
func (all suits) lines(models []config.Model) (lines [][2]string) {
	var said []string
	names := map[string][]string{}
	for _, m := range models {
		known := all.of(m.Alias)
		i := slices.IndexFunc(known, func(s suited) bool { return s.target != nil && len(s.target.Findings) > 0 })
		if i < 0 {
			continue
		}
		target := known[i].target
		words := make([]string, len(target.Findings))
		for j, f := range target.Findings {
			words[j] = f.Key + " " + f.Value
		}
		text := fmt.Sprintf("%s; %s", target.Format, strings.Join(words, "; "))
		if names[text] == nil {
			said = append(said, text)
		}
		names[text] = append(names[text], m.Alias)
	}
	for _, text := range said {
		lines = append(lines, [2]string{"capabilities of " + strings.Join(names[text], ", "), text})
	}
	return lines
}
