package config

import (
	"fmt"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

// TestPriceOfPrefersTheNameThatFitsBest asks for prices of models and looks whose entry was found, by its input price
// and line.
func TestPriceOfPrefersTheNameThatFitsBest(t *testing.T) {
	const file = `providers:
  - {provider: plain, base_url: 'http://h.example/v1', model: [gpt-4o]}
  - provider: own
    base_url: http://h.example/v1
    model: [gpt-4o]
    preferences:
      model_price:
        gpt-4o: "21,1"
        real-mini: "22,1"
        default: "23,1"
api_keys: [{api: sk-0123456789abcdef}]
preferences:
  model_price:
    gpt-4o: "1,1"
    gpt-4o-mini: "2,1"
    gpt-: "3,1"
    default: "4,1"
    gpt-4o-mini-audio: "5,1"
`
	c, err := Parse("api.yaml", []byte(file), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		provider, model, upstream string
		want                      string
	}{
		{"", "gpt-4o", "", "1 gpt-4o 14"},
		{"", "gpt-4o-mini", "", "2 gpt-4o-mini 15"}, // though gpt-4o stands above it
		{"", "gpt-4o-mini-2024", "", "2 gpt-4o-mini 15"},
		{"", "gpt-4o-mini-audio-2", "", "5 gpt-4o-mini-audio 18"}, // though the default stands above it
		{"", "gpt-5", "", "3 gpt- 16"},
		{"", "GPT-4o", "", "4 default 17"}, // names keep their case
		{"", "default", "", "4 default 17"},
		{"plain", "fast", "gpt-4o-mini", "2 gpt-4o-mini 15"},        // the provider's own name for it
		{"plain", "gpt-4o-fast", "gpt-4o-mini", "2 gpt-4o-mini 15"}, // an exact name goes before a beginning
		{"plain", "gpt-4o", "gpt-4o-mini", "1 gpt-4o 14"},           // the client's name goes before the provider's
		{"own", "gpt-4o-mini", "", "21 gpt-4o 8"},
		{"own", "gpt-4o-mini", "real-mini", "22 real-mini 9"},
		{"own", "o3", "", "23 default 10"},
	} {
		var p *Provider
		for _, each := range c.Providers {
			if each.Name == test.provider {
				p = each
			}
		}
		found := c.PriceOf(p, test.model, test.upstream)
		if got := fmt.Sprint(found.Price.Input/1_000_000, " ", found.Entry, " ", found.Line); got != test.want {
			t.Errorf("%s %s %s: %s, want %s", test.provider, test.model, test.upstream, got, test.want)
		}
	}
	bare, err := Parse("api.yaml", []byte(strings.Split(file, "preferences:\n  model_price:\n    gpt-4o")[0]), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := bare.PriceOf(nil, "nobody-has-heard-of-it", ""); got != (Priced{Price: DefaultPrice}) {
		t.Errorf("without any: %+v", got)
	}
}

func TestSummaryTellsPricesAndWhoSaysSo(t *testing.T) {
	const file = `providers:
  - {provider: a, base_url: 'http://h.example/v1', model: [gpt-4o, {gpt-4o-mini: fast}, m]}
  - provider: b
    base_url: http://h.example/v1
    model: [gpt-4o]
    preferences:
      model_price: {gpt-4: "7,8"}
  - {provider: c, base_url: 'http://h.example/v1'}
api_keys: [{api: sk-0123456789abcdef}]
preferences:
  model_price:
    gpt-4o: "2.5,10"
    gpt-4o-mini: "0.15,0.6"
`
	c, err := Parse("api.yaml", []byte(file), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(c.Summary(nil), "prices, in dollars per million tokens: input, output, read from a cache, written to it\n")
	const want = `  a/gpt-4o: 2.5,10,2.5,2.5 (model_price, gpt-4o, line 12)
  a/fast: 0.15,0.6,0.15,0.15 (model_price, gpt-4o-mini, line 13)
  a/m: 1,2,1,1 (default price: no other fits)
  b/gpt-4o: 7,8,7,7 (the provider's model_price, gpt-4, line 7)
  c: by the names that the provider lists
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if warnings := c.PriceWarnings(func(int) bool { return true }); len(warnings) != 1 || !strings.Contains(warnings[0], "fits a/m, 1 and 2 dollars") {
		t.Errorf("warnings: %q", warnings)
	}
}

// TestPricesHaveMembersAndTiers reads prices and writes them as `check` does.
func TestPricesHaveMembersAndTiers(t *testing.T) {
	for text, want := range map[string]string{
		"{per_character: 1.5e-05, input: 1.25E-1, output: 1e1}": "0.125,10,0.125,0.125 per_character 0.000015",
		"1,2,3,4,5": "1,2,3,4 cache_write_1h 5",
		"{input: 3, output: 15, cached: 0.3, cache_write: 3.75, cache_write_1h: 6}":                                  "3,15,0.3,3.75 cache_write_1h 6",
		"{per_image: {1024x1024: 0.04, HD  1024x1792: 0.12}}":                                                        "per_image 0.12 (1024x1024 0.04, hd 1024x1792 0.12)",
		"{per_image: {default: 0.05, hd: 0.08}, above: {9: {per_image: {hd: 0.01}}}}":                                "per_image 0.05 (hd 0.08); above 9 tokens per_image 0.05 (hd 0.01)",
		"{input: 1, output: 2, per_request: {default: 0.005, high: 0.012}, per_search: {preview: 0.025, low: 0.01}}": "1,2,1,1 per_request 0.005 (high 0.012) per_search 0.025 (preview 0.025, low 0.01)",
		"{per_search: 0.005}":                                                  "per_search 0.005",
		"{input: 0, output: 0, per_search: 0.005}":                             "0,0,0,0 per_search 0.005",
		"{per_image: 0.04, per_second: 0.0001, per_character: 0.000015}":       "per_image 0.04 per_second 0.0001 per_character 0.000015",
		"{input: 1.25, output: 10, above: {200000: {input: 2.5, output: 15}}}": "1.25,10,1.25,1.25; above 200000 tokens 2.5,15,2.5,2.5",
		"{input: 2, output: 8, service: {flex: {input: 1, output: 4, above: {100: {input: 1.5}}}}, above: {100: {output: 9}}}":                                  "2,8,2,2; above 100 tokens 2,9,2,2; flex 1,4,1,1; flex above 100 tokens 1.5,4,1.5,1.5",
		"{input: 2, output: 8, off_peak: {hours: ['mon-fri 16:30-00:30', 'sat,sun'], zone: Europe/Berlin, input: 1}}":                                           "2,8,2,2; off-peak (mon-fri 16:30-00:30, sat-sun 00:00-24:00 Europe/Berlin) 1,8,1,1",
		"{input: 2, output: 8, off_peak: [{hours: 1:00-2:00, input: 1}, {hours: 3:00-4:00, output: 4, above: {9: {output: 5}}, service: {flex: {output: 3}}}]}": "2,8,2,2; off-peak (01:00-02:00 UTC) 1,8,1,1; off-peak (03:00-04:00 UTC) 2,4,2,2; off-peak (03:00-04:00 UTC) above 9 tokens 2,5,2,2; flex off-peak (03:00-04:00 UTC) 2,3,2,2",
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		d := &decoder{cfg: &Config{}, key: "model_price.m"}
		if p, ok := readPrice(d, n.Content[0]); !ok || p.String() != want {
			t.Errorf("%s: %s, want %s (%v)", text, p, want, d.errors)
		}
	}
}

// TestListPricesHoldWhereNobodySaysOtherwise asks for models at providers that the list knows, at one that it does not,
// and with entries of one's own.
func TestListPricesHoldWhereNobodySaysOtherwise(t *testing.T) {
	parsed := func(more string) *Config {
		const file = `providers:
  - {provider: openai, base_url: 'https://api.openai.com/v1', api: k, model: [gpt-4o]}
  - {provider: reseller, base_url: 'https://api.reseller.example/v1', api: k, model: [gpt-4o]}
  - {provider: claude, base_url: 'https://api.anthropic.com/v1', api: k, model: [gpt-4o]}
api_keys: [{api: sk-0123456789abcdef}]
`
		c, err := Parse("api.yaml", []byte(file+more), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	bare, own := parsed(""), parsed("preferences: {model_price: {gpt-4: \"7,8\"}}\n")
	defaulted := parsed("preferences: {model_price: {default: \"5,6\"}}\n")
	for _, test := range []struct {
		c               *Config
		provider        int
		model, upstream string
		entry           string
		from            PriceFrom
	}{
		{bare, 0, "gpt-4o-mini", "gpt-4o-mini", "openai/gpt-4o-mini", FromList},
		{bare, 0, "small", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-2024-07-18", FromList},
		{bare, 0, "gpt-4o-2031-01-01", "", "openai/gpt-4o", FromList}, // a state of it that the list has not seen
		{bare, 0, "gpt-4o-of-tomorrow", "", "", FromDefault},          // another model
		{bare, 1, "openai/gpt-4o", "", "openai/gpt-4o", FromList},     // what its maker asks
		{bare, 2, "claude-sonnet-4-5-20250929", "", "anthropic/claude-sonnet-4-5-20250929", FromList},
		{bare, 2, "gpt-4o", "", "", FromDefault}, // Anthropic has none such
		{own, 0, "gpt-4o", "", "gpt-4", FromGlobal},
		{own, 0, "o3", "", "openai/o3", FromList},
		{defaulted, 0, "o3", "", "default", FromGlobalDefault},
	} {
		got := test.c.PriceOf(test.c.Providers[test.provider], test.model, test.upstream)
		if got.Entry != test.entry || got.From != test.from || got.From == FromList && got.Price.Output == 0 {
			t.Errorf("%s at %s: %+v", test.model, test.c.Providers[test.provider].Name, got)
		}
	}
}

// TestPricesOfHoursAreToldWhatIsWrongWithThem looks at the word that an error is about.
func TestPricesOfHoursAreToldWhatIsWrongWithThem(t *testing.T) {
	for text, want := range map[string]string{
		"{hours: ['1:00-2:00', '25:00-1:00'], input: 1}": `"25:00-1:00" are no hours`,
		"{input: 1}": "there are no hours",
		"{hours: '1:00-2:00', zone: Mars, input: 1}":     `"Mars" is no time zone`,
		"{hours: '1:00-2:00'}":                           "no prices beside its hours",
		"{hours: '1:00-2:00', zoen: UTC, input: 1}":      `did you mean "zone"`,
		"{hours: '1:00-2:00', service: {f: {hours: x}}}": `"hours" is no part of a price`,
		"{hours: '1:00-2:00', input: free}":              "input must be an amount",
		"7":                                              "off_peak must be a mapping such as",
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte("{input: 2, off_peak: "+text+"}"), &n); err != nil {
			t.Fatal(err)
		}
		d := &decoder{cfg: &Config{}, key: "model_price.m"}
		if p, ok := readPrice(d, n.Content[0]); ok || len(d.errors) != 1 || !strings.Contains(fmt.Sprint(d.errors), want) {
			t.Errorf("%s: %s, %v; want %s", text, p, d.errors, want)
		}
	}
}
