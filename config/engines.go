package config

import (
	"fmt"
	"net/url"
	"strings"
)

// Engine is a wire format that `engine` can force.
type Engine struct {
	Name     string
	Unserved string // why this program does not speak what uni-api does; "" for one that is served
}

// Engines are all that there are. Package pool has what speaks each that is served.
var Engines = []Engine{
	{"gpt", ""}, {"claude", ""}, {"gemini", ""}, {"vertex", ""}, {"vertex-gemini", ""}, {"vertex-claude", ""}, {"aws", ""},
	{"azure", ""}, {"azure-databricks", ""}, {"cohere", ""}, {"cloudflare", ""}, {"openrouter", ""}, {"responses", ""},
	{"dalle", ""}, {"whisper", ""}, {"tts", ""}, {"embedding", ""}, {"moderation", ""}, {"search", ""},
	{"codex", "subscriptions of ChatGPT are not used here; with an API key of OpenAI's write engine: gpt, or engine: responses"},
	{"doubao-translation", "translations are not asked for here"},
	{"content-generation", "videos are not made here"},
	{"lingjing", "videos are not made here"},
}

// EngineError says of an engine that is not served what to write in its place; nil for one that is. Its words are those
// of `uni-api check` as well as of the log.
func EngineError(name string) error {
	var served []string
	for _, e := range Engines {
		switch {
		case e.Name == name && e.Unserved == "":
			return nil
		case e.Name == name:
			return fmt.Errorf("engine %s is not served: %s", shown(name), e.Unserved)
		case e.Unserved == "":
			served = append(served, e.Name)
		}
	}
	if hint := didYouMean(name, served); hint != "" {
		return fmt.Errorf("engine %s is not known%s", shown(name), hint)
	}
	return fmt.Errorf("engine %s is not known; it is one of %s", shown(name), strings.Join(served, ", "))
}

// Searches says whether an address is that of a search of the web, Jina's or Tavily's.
func Searches(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return host == "s.jina.ai" || strings.HasSuffix(host, ".s.jina.ai") || host == "api.tavily.com" || strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/search")
}

// checkSearches tells of search_defaults where nothing is searched.
func (d *decoder) checkSearches() {
	for _, p := range d.cfg.Providers {
		u, err := url.Parse(p.BaseURL)
		if p.Preferences.SearchDefaults == nil || err != nil || p.Engine == "search" || p.Engine == "" && Searches(u) {
			continue
		}
		at := d.valueOf(d.valueOf(d.providers[p], "preferences"), "search_defaults")
		d.warn(at, "search_defaults", "search_defaults changes nothing: provider %s does not search; it would with engine: search", p.Name)
	}
}
