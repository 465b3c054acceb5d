package usage

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/config/price"
)

// priceOf puts a price together.
func priceOf(t testing.TB, parts ...price.Part) price.Price {
	t.Helper()
	p, err := price.Make(parts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const perMillion, perPiece = 1_000_000, 1_000_000_000_000 // pico-dollars of a dollar

// twoPrices are one of all parts, and another one of all parts.
func twoPrices(t testing.TB) (before, after price.Price) {
	of := func(by int64) price.Price {
		return priceOf(t,
			price.Part{Name: "input", Amount: 2 * by * perMillion}, price.Part{Name: "output", Amount: 8 * by * perMillion}, price.Part{Name: "cached", Amount: by * perMillion / 5},
			price.Part{Name: "cache_write", Amount: 3 * by * perMillion}, price.Part{Name: "cache_write_1h", Amount: 4 * by * perMillion}, price.Part{Name: "reasoning", Amount: 9 * by * perMillion},
			price.Part{Name: "audio_input", Amount: 40 * by * perMillion}, price.Part{Name: "audio_output", Amount: 80 * by * perMillion},
			price.Part{Name: "image_input", Amount: 10 * by * perMillion}, price.Part{Name: "image_output", Amount: 30 * by * perMillion},
			price.Part{Name: "per_search", Amount: by * perPiece / 100}, price.Part{Name: "per_file_search", Amount: by * perPiece / 400}, price.Part{Name: "per_code_call", Amount: by * perPiece / 250}, price.Part{Name: "per_request", Amount: by * perPiece / 200},
			price.Part{Name: "per_request", Of: "high", Amount: by * perPiece / 100}, price.Part{Name: "per_search", Of: "preview", Amount: by * perPiece / 40}, price.Part{Name: "per_search", Of: "default", Amount: by * perPiece / 100},
			price.Part{Above: 200_000, Name: "input", Amount: 4 * by * perMillion}, price.Part{Above: 272_000, Name: "output", Amount: 12 * by * perMillion},
			price.Part{Service: "flex", Name: "input", Amount: by * perMillion}, price.Part{Service: "priority", Above: 200_000, Name: "input", Amount: 11 * by * perMillion},
		)
	}
	return of(1), of(3)
}

// TestRepriceIsExactForAllThatPricesGoBy counts requests of all kinds, at random, and holds what reprice makes of them
// to what each would have cost.
func TestRepriceIsExactForAllThatPricesGoBy(t *testing.T) {
	before, after := twoPrices(t)
	images := func(by int64) price.Price {
		return priceOf(t, price.Part{Name: "per_image", Amount: by * perPiece / 25, Of: "1024x1024"}, price.Part{Name: "per_image", Amount: by * perPiece / 10, Of: "hd 1024x1792"}, price.Part{Name: "per_image", Amount: by * perPiece / 50})
	}
	sound := func(by int64) price.Price {
		return priceOf(t, price.Part{Name: "per_second", Amount: by * perPiece / 10_000})
	}
	speech := func(by int64) price.Price {
		return priceOf(t, price.Part{Name: "per_character", Amount: by * perPiece / 100_000})
	}
	random := rand.New(rand.NewPCG(1, 9))
	some := func(most int64) int64 {
		if random.IntN(3) > 0 {
			return 0
		}
		return random.Int64N(most)
	}
	chat := func() (r Tokens) {
		r.Prompt, r.Completion = 1+random.Int64N([]int64{50_000, 150_000, 250_000, 600_000}[random.IntN(4)]), random.Int64N(30_000)
		r.Cached = some(r.Prompt)
		r.CacheWrite = some(r.Prompt - r.Cached + 1)
		r.CacheWrite1h = some(r.CacheWrite + 1)
		rest := r.Prompt - r.Cached - r.CacheWrite
		r.AudioInput = some(rest + 1)
		r.Reasoning = some(r.Completion + 1)
		r.AudioOutput = some(r.Completion - r.Reasoning + 1)
		r.Searches, r.FileSearches, r.CodeCalls = some(5), some(5), some(5)
		r.Service = []string{"", "", "flex", "priority", "never-heard-of"}[random.IntN(5)]
		r.Search = []string{"", "", "high", "preview"}[random.IntN(4)]
		r.Estimated = random.IntN(9) == 0
		return r
	}
	for name, test := range map[string]struct {
		before, after price.Price
		endpoint      string
		next          func() Tokens
	}{
		"chat":        {before, after, "/v1/chat/completions", chat},
		"plain chat":  {before, after, "/v1/chat/completions", func() Tokens { return Tokens{Prompt: 1 + some(99_000), Completion: some(9000)} }},
		"and nothing": {before, after, "/v1/chat/completions", func() Tokens { return Tokens{Prompt: some(3), Completion: 0} }},
		"images": {images(1), images(3), "/v1/images/generations", func() Tokens {
			return Tokens{Images: 1 + some(4), ImageSize: []string{"", "1024x1024", "1024x1792"}[random.IntN(3)], ImageQuality: []string{"", "hd"}[random.IntN(2)], Prompt: 5, Completion: 1000, Estimated: random.IntN(2) > 0}
		}},
		"sound":  {sound(1), sound(3), "/v1/audio/transcriptions", func() Tokens { return Tokens{Seconds: 1 + some(400), Prompt: 100, Estimated: random.IntN(2) > 0} }},
		"speech": {speech(1), speech(3), "/v1/audio/speech", func() Tokens { return Tokens{Characters: 1 + some(4000), Prompt: 9, Completion: 90, Estimated: true} }},
		"search": {before, after, "/v1/search", func() Tokens { return Tokens{Searches: 1, Prompt: some(1000)} }},
	} {
		c, dir := newClock(), t.TempDir()
		options := Options{Dir: dir, Now: c.now, Log: quiet}
		b := open(t, options)
		configure(t, b, nil, nil)
		k, from := b.Key(secret), c.now()
		was, is := int64(0), int64(0)
		var recent Recent
		const hours, each = 50, 20
		for range hours {
			for range each {
				tokens := test.next()
				tokens.Over, tokens.UpTo = test.before.Bounds(tokens.Prompt)
				nano := int64(0)
				if !tokens.free() {
					nano = Cost(test.before, tokens)
					is += Cost(test.after, tokens)
				}
				was += nano
				recent.Series(k, "p", "m", test.endpoint).Record(Sample{Success: true, Tokens: tokens, Cost: nano})
				recent.Parts(k, "p", "m", test.endpoint, &tokens, nano)
			}
			flush(t, b)
			c.advance(time.Hour)
		}
		b.Close()
		at := func(p price.Price) *config.Config {
			return &config.Config{Preferences: config.Preferences{ModelPrice: []config.ModelPrice{{Prefix: "m", Price: p}}}}
		}
		r := RepriceOptions{From: from.Add(-36 * time.Hour).Truncate(24 * time.Hour), To: c.now().Add(24 * time.Hour).Truncate(24 * time.Hour)}
		for _, step := range []struct {
			price price.Price
			dry   bool
			was   int64
			is    int64
		}{{test.after, true, was, is}, {test.after, false, was, is}, {test.after, false, is, is}, {test.before, false, is, was}} {
			r.DryRun = step.dry
			list, err := Reprice(options, at(step.price), r)
			if err != nil || len(list) != 1 || list[0].LeftOut != "" || list[0].Base {
				t.Fatalf("%s: %+v, %v", name, list, err)
			}
			const rounded = hours * each // nano-dollars: each request was rounded by itself
			if off := max(list[0].Is-step.is, step.is-list[0].Is, list[0].Was-step.was, step.was-list[0].Was); off > rounded {
				t.Errorf("%s: was %d, is %d; want %d and %d", name, list[0].Was, list[0].Is, step.was, step.is)
			}
		}
	}
}

func TestRepriceLeavesOutWhatNoRowTellsApart(t *testing.T) {
	for name, test := range map[string]struct {
		tokens  Tokens
		price   []price.Part
		leftOut string
	}{
		"a new bound within those that are kept": {Tokens{Prompt: 40_000}, []price.Part{{Name: "input", Amount: 1}, {Above: 32_000, Name: "input", Amount: 2}}, notKept},
		"the bound that was in force":            {Tokens{Prompt: 40_000, Over: 32_000}, []price.Part{{Name: "input", Amount: 1}, {Above: 32_000, Name: "input", Amount: 2}}, ""},
		"below the bound that was in force":      {Tokens{Prompt: 4000, UpTo: 32_000}, []price.Part{{Name: "input", Amount: 1}, {Above: 32_000, Name: "input", Amount: 2}}, ""},
		"several attempts":                       {Tokens{Prompt: 40_000, Apart: true}, []price.Part{{Name: "input", Amount: 1}}, notOneOnly},
	} {
		c := newClock()
		options := Options{Dir: t.TempDir(), Now: c.now, Log: quiet}
		b := open(t, options)
		configure(t, b, nil, nil)
		var recent Recent
		k := b.Key(secret)
		recent.Series(k, "p", "m", "e").Record(Sample{Success: true, Tokens: test.tokens, Cost: 77_000})
		recent.Parts(k, "p", "m", "e", &test.tokens, 77_000)
		b.Close()
		p := priceOf(t, test.price...)
		list, err := Reprice(options, &config.Config{Preferences: config.Preferences{ModelPrice: []config.ModelPrice{{Prefix: "m", Price: p}}}},
			RepriceOptions{From: c.now().Add(-36 * time.Hour), To: c.now().Add(36 * time.Hour), DryRun: true})
		if err != nil || len(list) != 1 || list[0].LeftOut != test.leftOut || (list[0].Is == 77_000) != (test.leftOut != "") {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
}

// TestPartsAreToldApartWithinBounds is for clients that ask for ever other services and sizes.
func TestPartsAreToldApartWithinBounds(t *testing.T) {
	var names circumstanceNames
	seen := make(map[string]bool)
	for i := range 3 * mostCircumstances {
		service := "tier&" + strings.Repeat("é?", i%40) + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		c := circumstances{over: 5, upTo: 10, service: service, size: "1024x1024", quality: "hd", estimated: i%2 == 0, apart: i%3 == 0}
		text := names.name("key"+strconv.Itoa(i%9), "/v1/images/generations", c)
		seen[text] = true
		of, back, known := Name{Kind: ofParts, Who: "k", Provider: "p", Model: "m", Endpoint: text}.ofRequests()
		if of != (Name{ofRequests, "k", "p", "m", "/v1/images/generations"}) || known && back != c || len(text) > mostWord {
			t.Fatalf("%s: %+v, %+v", text, of, back)
		}
	}
	if len(seen) < 20 || len(seen) > mostCircumstances+1 {
		t.Errorf("%d are told apart", len(seen))
	}
}

// TestKeyThatAsksForEverOtherServicesTakesNoPlaceOfOthers has one client key ask for services, sizes and qualities
// that nobody has heard of, for many models, until the books tell no more of its apart.
func TestKeyThatAsksForEverOtherServicesTakesNoPlaceOfOthers(t *testing.T) {
	const series = 400
	b := open(t, Options{Memory: true, Series: series})
	configure(t, b, nil, nil)
	odd, other := &Key{books: b, hash: "odd"}, &Key{books: b, hash: "other"}
	var recent Recent
	count := func(k *Key, model string, tokens Tokens) {
		recent.Series(k, "p", model, "e").Record(Sample{Success: true, Tokens: tokens, Cost: 7})
		recent.Parts(k, "p", model, "e", &tokens, 7)
	}
	for i := range 3 * mostCircumstances {
		count(odd, fmt.Sprint("m", i%5), Tokens{Prompt: 1, Completion: 1, Service: fmt.Sprint("t", i)})
		count(odd, fmt.Sprint("m", i%5), Tokens{Images: 1, ImageSize: fmt.Sprint(i, "x", i), ImageQuality: fmt.Sprint("q", i)})
	}
	const models = 50
	for i := range models {
		count(other, fmt.Sprint("n", i), Tokens{Prompt: 1, Completion: 1, Service: "flex"})
	}
	apart, parts := 0, 0
	for at := range b.table.shards {
		for _, s := range *cmp.Or(b.table.shards[at].known.Load(), &map[uint64]*Series{}) {
			for ; s != nil; s = s.next {
				_, c, known := s.name.ofRequests()
				if s.name.Kind == ofParts {
					parts++
				}
				if s.name.Who == "other" && s.name.Kind == ofParts && known && c.service == "flex" && s.name.Model != otherModels {
					apart++
				}
			}
		}
	}
	if apart != models || parts > series {
		t.Errorf("of another key's %d models the flex requests of %d are told apart, in %d series of parts", models, apart, parts)
	}
	if got := modelsOf(b); got["n0"] != 1 || got[otherModels] != 0 || got["m0"] == 0 {
		t.Errorf("the books have %v", got)
	}
}

// TestColumnsOfOlderLedgersStayWhereTheyWere holds the columns to what ledgers have: a field that is added must not
// move histograms.
func TestColumnsOfOlderLedgersStayWhereTheyWere(t *testing.T) {
	old := []byte{batchVersion, 1, 1, 0x81, 0x40, 1, 7, 3, 1, 4, 9} // a row: 7 requests, and of the second histogram 9 in bucket 4
	read := rows{}
	if err := new(decoder).add(old, allColumns, read.at); err != nil {
		t.Fatal(err)
	}
	row := read[1]
	if row == nil || row.Row[requests] != 7 || row.Row[plainRequests] != 0 || row.histograms[duration] == nil || row.histograms[duration][4] != 9 {
		t.Fatalf("%+v", row)
	}
	row.Row[spokenCharacters], row.Row[plainRequests] = 5, 6
	again := rows{}
	if err := new(decoder).add(read.encode(), allColumns, again.at); err != nil || again[1].Row != row.Row || again[1].histograms[duration][4] != 9 {
		t.Errorf("%+v, %v", again[1], err)
	}
}

func TestPartsCostNoAllocationOnceTheyAreKnown(t *testing.T) {
	books := open(t, Options{Memory: true})
	key := configure(t, books, nil, nil)
	var recent Recent
	tokens := Tokens{Prompt: 150_000, Completion: 10, Service: "flex", Searches: 1}
	if n := testing.AllocsPerRun(100, func() {
		recent.Parts(key, "provider", "model", "/v1/chat/completions", &tokens, 10)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
