package usage

import (
	"math"
	"testing"

	"uniapi/config"
)

func TestPricesGoByTheNameThatFitsBest(t *testing.T) {
	cfg := &config.Config{}
	cfg.Preferences.ModelPrice = []config.ModelPrice{
		{Prefix: "gpt-4o", Price: config.Price{Input: 3_000_000, Output: 1_000_000, Cached: 300_000, CacheWrite: 6_000_000}},
		{Prefix: "default", Price: config.Price{Input: 5_000_000, Output: 1_000_000, Cached: 5_000_000, CacheWrite: 5_000_000}},
	}
	prices, bare := NewPrices(cfg), NewPrices(&config.Config{})
	for _, test := range []struct {
		prices *Prices
		model  string
		tokens Tokens
		want   int64
	}{
		{prices, "gpt-4o-mini", Tokens{Prompt: 1_000_000}, 3_000_000_000},
		{prices, "zzz", Tokens{Prompt: 1_000_000}, 5_000_000_000},
		{prices, "gpt-4o", Tokens{Prompt: 1000, Cached: 600, CacheWrite: 100, Completion: 10}, (300*3_000_000 + 600*300_000 + 100*6_000_000 + 10*1_000_000) / 1000},
		{prices, "gpt-4o", Tokens{Prompt: 1, Cached: 5}, 300}, // an upstream that counts badly
		{bare, "any", Tokens{Prompt: 1_000_000, Completion: 1_000_000}, 3_000_000_000},
		{prices, "zzz", Tokens{Prompt: math.MaxInt64, Completion: math.MaxInt64}, mostCost},
	} {
		if got := Cost(test.prices.Of(nil, test.model, "").Price, test.tokens); got != test.want {
			t.Errorf("%s %+v: %d, want %d", test.model, test.tokens, got, test.want)
		}
	}
}
