package usage

import (
	"math"
	"testing"

	"uniapi/config"
	"uniapi/config/price"
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

// TestCostOfUnitsAndParts prices requests by prices of more than tokens, in nano-dollars.
func TestCostOfUnitsAndParts(t *testing.T) {
	make := func(parts ...price.Part) config.Price {
		p, err := price.Make(parts)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	part := func(name string, amount int64) price.Part { return price.Part{Name: name, Amount: amount} }
	image, spoken, sound := make(part("per_image", 4e10)), make(part("per_character", 15e6)), make(part("per_second", 1e8))
	both := make(part("input", 5e6), part("image_output", 40e6), part("per_image", 4e10), part("per_search", 1e10))
	request, searched := make(part("per_request", 5e9)), make(part("per_search", 1e10))
	free := make(part("input", 0), part("output", 0), part("per_search", 1e10))
	free.SaidFree()
	files := make(part("input", 5e6), part("per_file_search", 25e8))
	code := make(part("input", 5e6), part("per_code_call", 5e9))
	claude := make(part("input", 3e6), part("output", 15e6), part("cached", 3e5), part("cache_write", 3_750_000))
	plain := make(part("input", 3e6), part("output", 15e6))
	for _, test := range []struct {
		what string
		p    config.Price
		t    Tokens
		want int64
	}{
		{"two images", image, Tokens{Prompt: 10, Completion: 3000, Images: 2, Estimated: true}, 80_000_000},
		{"an image, counted", image, Tokens{Prompt: 10, Completion: 3000, Images: 1}, 40_000_000},
		{"a chat of a model that makes images is not free", image, Tokens{Prompt: 1000, Completion: 1000}, 3_000_000},
		{"a million characters", spoken, Tokens{Prompt: 1, Characters: 1_000_000}, 15_000_000_000},
		{"a minute", sound, Tokens{Prompt: 1000, Seconds: 60, Estimated: true}, 6_000_000},
		{"tokens that were counted go before images", both, Tokens{Prompt: 10, Completion: 100, ImageOutput: 100, Images: 1}, 10*5_000 + 100*40_000},
		{"else the images count", both, Tokens{Prompt: 10, Completion: 100, ImageOutput: 100, Images: 1, Estimated: true}, 40_000_000},
		{"searches are beside tokens", both, Tokens{Prompt: 10, Searches: 3, Estimated: true}, 10*5_000 + 30_000_000},
		{"an answer of a model of which only searches have a price is not free", searched, Tokens{Prompt: 1000, Completion: 1000}, 3_000_000},
		{"nor is it by its searches", searched, Tokens{Prompt: 1000, Completion: 1000, Searches: 2}, 3_000_000 + 20_000_000},
		{"unless it is said that tokens are", free, Tokens{Prompt: 1000, Completion: 1000, Searches: 2}, 20_000_000},
		{"a ranking is paid by the question alone", searched, Tokens{Prompt: 1000, Searches: 1}, 10_000_000},
		{"programs are beside the tokens", code, Tokens{Prompt: 10, CodeCalls: 3, FileSearches: 1}, 10*5_000 + 3*5_000_000},
		{"searches of files are beside those of the web", files, Tokens{Prompt: 10, Searches: 1, FileSearches: 3}, 10*5_000 + 3*2_500_000},
		{"a request", request, Tokens{Prompt: 10_000}, 5_000_000},
		{"writes for an hour, of which the price says nothing", claude, Tokens{Prompt: 1000, CacheWrite: 1000, CacheWrite1h: 400}, 600*3_750 + 400*6_000},
		{"the same where writes cost what input does", plain, Tokens{Prompt: 1000, CacheWrite: 1000, CacheWrite1h: 400}, 1000 * 3_000},
		{"more for an hour than was written", claude, Tokens{Prompt: 10, CacheWrite: 5, CacheWrite1h: 400}, 5*3_000 + 5*6_000},
		{"too much of all", both, Tokens{Prompt: math.MaxInt64, Cached: math.MaxInt64 / 2, Completion: math.MaxInt64, ImageOutput: math.MaxInt64, Searches: math.MaxInt64}, mostCost},
	} {
		if got := Cost(test.p, test.t); got != test.want {
			t.Errorf("%s: %d, want %d", test.what, got, test.want)
		}
	}
}

// TestCostAtMostIsOfTheDearestTime holds what is reserved to what the request costs whenever it ends.
func TestCostAtMostIsOfTheDearestTime(t *testing.T) {
	night, err := price.ReadHours([]string{"16:30-00:30"}, "")
	noon, err2 := price.ReadHours([]string{"12:00-13:00"}, "")
	p, err3 := price.Make([]price.Part{{Name: "input", Amount: 4e6}, {Name: "output", Amount: 4e6}, {Hours: night, Name: "input", Amount: 1e6}, {Hours: noon, Name: "output", Amount: 9e6}, {Hours: noon, Above: 100, Name: "output", Amount: 12e6}})
	if err != nil || err2 != nil || err3 != nil {
		t.Fatal(err, err2, err3)
	}
	for _, test := range []struct {
		t    Tokens
		hour int64
		want int64
	}{
		{Tokens{Prompt: 10, Completion: 10}, 5, 80_000}, {Tokens{Prompt: 10, Completion: 10}, 17, 50_000}, {Tokens{Prompt: 10, Completion: 10}, 12, 130_000}, {Tokens{Prompt: 110, Completion: 10}, 12, 560_000},
	} {
		t2 := test.t
		t2.At = test.hour * 3600
		if got := Cost(p, t2); got != test.want {
			t.Errorf("%+v: %d, want %d", t2, got, test.want)
		}
		if most := CostAtMost(&p, test.t); most < test.want {
			t.Errorf("%+v: %d is held, and it may cost %d", test.t, most, test.want)
		}
	}
	if most := CostAtMost(&p, Tokens{Prompt: 10, Completion: 10}); most != 130_000 {
		t.Errorf("%d is held", most)
	}
}
