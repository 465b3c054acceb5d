package replay

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"uniapi/config"
	"uniapi/server/capture"
)

// clientKey is that of a configuration made of a capture.
const clientKey = "sk-replayed-client-of-this-machine"

// mostKeys is how many keys a provider gets at most.
const mostKeys = 1000

// engines are what speaks the formats of attempts, and where a base_url ends that leads to a captured address.
var engines = map[string]struct {
	name string
	base func(address string) string
}{
	"openai": {"gpt", chatOf},
	"responses": {"responses", func(address string) string {
		return strings.TrimSuffix(strings.TrimSuffix(address, "/compact"), "/input_tokens")
	}},
	"anthropic":        {"claude", func(address string) string { return strings.TrimSuffix(address, "/count_tokens") }},
	"gemini":           {"gemini", before("/models/")},
	"cohere":           {"cohere", whole},
	"bedrock-invoke":   {"aws", before("/model/")},
	"bedrock-converse": {"aws", before("/model/")},
}

func whole(address string) string { return address }

func before(part string) func(string) string {
	return func(address string) string {
		at, _, _ := strings.Cut(address, part)
		return at
	}
}

// chatOf is where chats are asked for beside what was asked.
func chatOf(address string) string {
	for _, end := range []string{"/embeddings", "/completions", "/images/generations", "/images/edits", "/audio/speech", "/moderations", "/rerank"} {
		if at, is := strings.CutSuffix(address, end); is {
			return strings.TrimSuffix(at, "/chat") + "/chat/completions"
		}
	}
	return address
}

// configOf is a configuration under which the gateway asks what it asked in a capture: its providers, in their order,
// with what can be told of them.
func configOf(f *capture.File) (*config.Config, error) {
	model := modelOf(f.Client.Request)
	type object = map[string]any
	var providers []object
	byName := map[string]object{}
	for i := range f.Attempts {
		a := &f.Attempts[i]
		engine, known := engines[a.Format]
		if !known {
			return nil, fmt.Errorf("%s was asked in the format %q, of which no configuration can be made: name one by --config", a.Provider, a.Format)
		}
		p := byName[a.Provider]
		if p == nil {
			address, _, _ := strings.Cut(a.Request.URL, "?")
			p = object{"provider": a.Provider, "engine": engine.name, "base_url": engine.base(address), "api": []string{}, "model": []any{map[string]string{a.Upstream: model}}}
			byName[a.Provider] = p
			providers = append(providers, p)
		}
		for keys := p["api"].([]string); len(keys) < min(max(a.Key, 1), mostKeys); p["api"] = keys {
			keys = append(keys, fmt.Sprintf("replayed-%s-%d", a.Provider, len(keys)+1))
		}
	}
	if providers == nil { // it was refused before
		providers = []object{{"provider": "provider-1", "base_url": "https://upstream.example/v1/chat/completions", "api": "replayed", "model": []string{"a-model-that-is-not-asked-for"}}}
	}
	text, err := json.Marshal(object{ // JSON is YAML
		"providers": providers, "api_keys": []object{{"api": clientKey, "role": "replay", "model": []string{"all"}}},
		"preferences": object{"cooldown_period": 0},
	})
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse("what the capture tells", text, func(string) string { return "" })
	if err != nil {
		return nil, fmt.Errorf("no configuration can be made of the capture; name one by --config: %w", err)
	}
	return cfg, nil
}

// modelOf is the model that a client asked for: in its body, or in the address.
func modelOf(m *capture.Message) string {
	var head struct{ Model string }
	if body, err := m.Body(); err == nil && json.Unmarshal(body, &head) == nil && head.Model != "" {
		return head.Model
	}
	path, _, _ := strings.Cut(m.URL, "?")
	if _, name, is := strings.Cut(path, "/models/"); is {
		name, _, _ = strings.Cut(name, ":")
		if plain, err := url.PathUnescape(name); err == nil {
			return plain
		}
	}
	return "no-model"
}

// variable is one of the environment in a configuration, without a value of its own.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// getenv is the environment for a file whose providers are played: what it has of variables that are not set is made
// up.
func getenv(path string) func(string) string {
	needed := map[string]bool{}
	if text, err := os.ReadFile(path); err == nil {
		for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
			needed[m[1]] = true
		}
	}
	return func(name string) string {
		value := os.Getenv(name)
		if value == "" && needed[name] {
			return "replayed-" + name
		}
		return value
	}
}
