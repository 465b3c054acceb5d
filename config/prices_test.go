package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestPriceOfPrefersTheNameThatFitsBest asks for prices of models and looks whose entry was found, by its input price and line.
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
	_, got, _ := strings.Cut(c.Summary(nil), "prices, in dollars per million tokens:\n")
	const want = `  a/gpt-4o: 2.5,10,2.5,2.5 (model_price, gpt-4o, line 12)
  a/fast: 0.15,0.6,0.15,0.15 (model_price, gpt-4o-mini, line 13)
  a/m: 1,2,1,1 (default price: nothing says what it costs)
  b/gpt-4o: 7,8,7,7 (the provider's model_price, gpt-4, line 7)
  c: by the names that the provider lists
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if warnings := c.PriceWarnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "fits a/m, 1 and 2 dollars") {
		t.Errorf("warnings: %q", warnings)
	}
}
