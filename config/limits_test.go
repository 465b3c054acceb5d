package config

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// read gives the text of one value to a reader; the problems are those of the value.
func read[V any](t *testing.T, r reader[V], text string) (V, Problems) {
	t.Helper()
	d := &decoder{file: "value", getenv: noEnv, key: "k"}
	doc, ok := d.document([]byte(text))
	if !ok {
		t.Fatalf("%q: %v", text, d.errors)
	}
	v, ok := r(d, resolve(doc.Content[0]))
	if ok == (len(d.errors) > 0) {
		t.Errorf("%q: the reader says %v and notes %v", text, ok, d.errors)
	}
	return v, d.errors
}

// table of values in the file's spelling; nil as the wanted value means that it is refused.
func checkReader[V any](t *testing.T, r reader[V], want map[string]any) {
	t.Helper()
	for text, w := range want {
		got, problems := read(t, r, text)
		switch {
		case w == nil && len(problems) == 0:
			t.Errorf("%q was taken for %v", text, got)
		case w != nil && len(problems) > 0:
			t.Errorf("%q was refused: %v", text, problems)
		case w != nil && !reflect.DeepEqual(any(got), w):
			t.Errorf("%q: got %v, want %v", text, got, w)
		}
	}
}

func TestRateLimitsAreReadAsUniAPIWritesThem(t *testing.T) {
	day := 24 * time.Hour
	want := map[string]any{
		"15/min,10/day":                   RateLimit{Limits: []Limit{{15, time.Minute}, {10, day}}},
		" 15/min , 10/day ":               RateLimit{Limits: []Limit{{15, time.Minute}, {10, day}}},
		"3/mo":                            RateLimit{Limits: []Limit{{3, 30 * day}}},
		"999999/min":                      RateLimit{Limits: []Limit{{999999, time.Minute}}},
		"0/d":                             RateLimit{Limits: []Limit{{0, day}}},
		"4000/tpr":                        RateLimit{TokensPerRequest: 4000},
		"[15/min, '10/day,3 concurrent']": RateLimit{Limits: []Limit{{15, time.Minute}, {10, day}}, Quotas: []Quota{{Of: Concurrent, Count: 3}}},
		"2/s,4000/tpr":                    RateLimit{Limits: []Limit{{2, time.Second}}, TokensPerRequest: 4000},
		"5 /min":                          nil, "5/ min": nil, "5/MIN": nil, "5/fortnight": nil, "5": nil, "/min": nil, "-5/min": nil,
		"5.5/min": nil, "\"\"": nil, "5/min,": nil, "[]": nil, "[[5/min]]": nil, "{a: b}": nil, "0/tpr": nil, "99999999999999999999/s": nil,
	}
	for window, units := range map[time.Duration][]string{
		time.Second: {"s", "sec", "second"}, time.Minute: {"m", "min", "minute"}, time.Hour: {"h", "hr", "hour"},
		day: {"d", "day"}, 30 * day: {"mo", "month"}, 365 * day: {"y", "year"},
	} {
		for _, unit := range units {
			want["7/"+unit] = RateLimit{Limits: []Limit{{7, window}}}
		}
	}
	checkReader(t, rateLimit, want)
}

func TestRateLimitsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, text := range []string{"15/minute,10/day", "2/second", "1/hour,3/month,4/year,4000/tpr"} {
		if limit, _ := read(t, rateLimit, text); limit.String() != text {
			t.Errorf("%q became %q", text, limit)
		}
	}
}

func TestSizesAreReadInAllUnits(t *testing.T) {
	checkReader(t, byteSize, map[string]any{
		"20000000": int64(20_000_000), "20_000_000": int64(20_000_000), "20MB": int64(20_000_000), "20MiB": int64(20 << 20),
		"1.5 mib": int64(3 << 19), "3K": int64(3000), "3ki": int64(3072), "1g": int64(1_000_000_000), "2Ti": int64(2 << 40), "12b": int64(12),
		"0": nil, "-1": nil, "MB": nil, "20XB": nil, "1.2.3": nil, "99999999T": nil, "[1]": nil,
	})
}

func TestPricesAreExact(t *testing.T) {
	checkReader(t, readPrice, map[string]any{
		"1e3,2":                                  Price{Input: 1_000_000_000, Output: 2_000_000, Cached: 1_000_000_000, CacheWrite: 1_000_000_000},
		"0.3,1":                                  Price{Input: 300_000, Output: 1_000_000, Cached: 300_000, CacheWrite: 300_000},
		"1, 2":                                   Price{Input: 1_000_000, Output: 2_000_000, Cached: 1_000_000, CacheWrite: 1_000_000},
		"[2.50, 10]":                             Price{Input: 2_500_000, Output: 10_000_000, Cached: 2_500_000, CacheWrite: 2_500_000},
		"3,15,0.3,3.75":                          Price{Input: 3_000_000, Output: 15_000_000, Cached: 300_000, CacheWrite: 3_750_000},
		"0.000001,0":                             Price{Input: 1, Output: 0, Cached: 1, CacheWrite: 1},
		".5,5.":                                  Price{Input: 500_000, Output: 5_000_000, Cached: 500_000, CacheWrite: 500_000},
		"0.0000001,1":                            nil, // would be rounded
		"1":                                      nil,
		"1,2,3":                                  nil,
		"1,2,3,4,5,6":                            nil,
		"-1,2":                                   nil,
		"a,b":                                    nil,
		"\",\"":                                  nil,
		"10000000000000000,1":                    nil,
		"{input: 1, output: 2}":                  Price{Input: 1_000_000, Output: 2_000_000, Cached: 1_000_000, CacheWrite: 1_000_000},
		"{input: 1, cached: 0}":                  Price{Input: 1_000_000, CacheWrite: 1_000_000},
		"{inptu: 1}":                             nil,
		"{input: -1}":                            nil,
		"{above: 3}":                             nil,
		"{above: {x: {input: 1}}}":               nil,
		"{above: {5: {above: {6: {input: 1}}}}}": nil,
		"{service: {flex: 3}}":                   nil,
	})
}

func TestMoneyIsExact(t *testing.T) {
	checkReader(t, money, map[string]any{
		"0": int64(0), "12": int64(12_000_000_000), "2.50": int64(2_500_000_000), "0.000000001": int64(1), "1_000": int64(1_000_000_000_000),
		"-1": nil, "0.0000000001": nil, "much": nil, "[1]": nil, "99999999999999": nil, ".": nil,
	})
}

func TestSecondsMayHaveFractions(t *testing.T) {
	checkReader(t, seconds, map[string]any{
		"30": 30 * time.Second, "0.5": 500 * time.Millisecond, "\"30\"": 30 * time.Second, "0": time.Duration(0), "99999": 99999 * time.Second,
		"-1": nil, "30s": nil, "1e12": nil, ".nan": nil, ".inf": nil, "true": nil, "[3]": nil, "soon": nil,
	})
}

func TestRetriesAreAFlagOrANumber(t *testing.T) {
	checkReader(t, autoRetry, map[string]any{
		"true": RetryAll, "false": 0, "0": 0, "1": 1, "5": 5, "\"true\"": RetryAll, "off": 0, "-1": nil, "1.5": nil, "maybe": nil, "[1]": nil, "99999999": nil,
	})
}

func TestDatesAreReadAsYAMLWritesThem(t *testing.T) {
	local := time.Date(2024, 7, 1, 0, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"2024-07-01T00:00:00+08:00":  time.Date(2024, 6, 30, 16, 0, 0, 0, time.UTC),
		"2024-07-01T00:00:00Z":       time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC),
		"\"2024-07-01T00:00:00.5Z\"": time.Date(2024, 7, 1, 0, 0, 0, 5e8, time.UTC),
		"2024-07-01 00:00:00 +08:00": time.Date(2024, 6, 30, 16, 0, 0, 0, time.UTC),
		"2024-07-01 00:00:00":        local,
		"2024-07-01T00:00:00":        local,
		"2024-07-01":                 local,
		"2024-7-1":                   local,
	} {
		if got, problems := read(t, timestamp, text); len(problems) > 0 || !got.Equal(want) {
			t.Errorf("%s: got %v %v, want %v", text, got, problems, want)
		}
	}
	checkReader(t, timestamp, map[string]any{"yesterday": nil, "1720000000": nil, "[2024-07-01]": nil})
}

func TestDollarsAreWrittenWithoutTrailingZeros(t *testing.T) {
	for want, amount := range map[string]int64{"0": 0, "0.000000001": 1, "2.5": 2_500_000_000, "12": 12_000_000_000} {
		if got := dollars(amount, nanoDollarPlaces); got != want {
			t.Errorf("%d: got %s, want %s", amount, got, want)
		}
	}
	if got := fmt.Sprint(Price{Input: 300_000, Output: 1_000_000, Cached: 300_000, CacheWrite: 0}); got != "0.3,1,0.3,0" {
		t.Errorf("got %s", got)
	}
}

func TestRuleWithAFieldThatDoesNotExistKeepsIt(t *testing.T) {
	cfg, err := Parse("api.yaml", []byte(`
providers:
  - provider: p
    base_url: http://127.0.0.1:1/v1/chat/completions
    model: [m]
    exclude_request_rules: {match: {request_modell: m, endpoint: /v1/chat/completions}}
api_keys:
  - api: sk-0123456789abcdefghijklmn
`), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if match := cfg.Providers[0].ExcludeRules[0].Match; len(match) != 2 || match[1].Field != "request_modell" || match[1].Values != nil {
		t.Errorf("%+v: without the misspelt field the rule would hold for every request", match)
	}
	if len(cfg.Warnings) == 0 {
		t.Error("no warning")
	}
}

func TestAmountsThatNoLedgerCanHoldAreRefused(t *testing.T) {
	for amount, good := range map[string]bool{
		"0": true, "1000000000": true, "999999999.999999999": true,
		"1000000000.000000001": false, "9223372036": false, "1e30": false, "-1": false, ".nan": false, ".inf": false, "0x10": false, "1e-3": true, "1.5e-05": true, "1e-10": false, "1e19": false, "e3": false, "1e": false, "-1e3": false, "1e+3": true,
	} {
		if _, refused := problemsOf(t, withKey("    preferences:\n      credits: "+amount+"\n"), noEnv); refused == good {
			t.Errorf("credits: %s is refused: %v", amount, refused)
		}
	}
	for price, good := range map[string]bool{
		"0,0": true, "999999.999999,999999.999999": true,
		"1000000,1": false, "1,1e30": false, "-1,1": false, "1,-1": false, "NaN,1": false, "1,Inf": false, "99999999999999999999,1": false,
	} {
		if _, refused := problemsOf(t, withPreferences("  model_price: {m: \""+price+"\"}\n"), noEnv); refused == good {
			t.Errorf("the price %s is refused: %v", price, refused)
		}
	}
}
