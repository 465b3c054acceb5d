package config

import (
	"strings"
	"testing"
	"time"
)

func TestRateLimitsCountTokensMoneyAndWhatGoesOnAtOnce(t *testing.T) {
	const day = 24 * time.Hour
	one := func(q Quota) RateLimit { return RateLimit{Quotas: []Quota{q}} }
	checkReader(t, rateLimit, map[string]any{
		"200000 tokens/min":         one(Quota{Tokens, 200000, time.Minute, ""}),
		"1 token/s":                 one(Quota{Tokens, 1, time.Second, ""}),
		"5 usd/day":                 one(Quota{Money, 5e9, day, "UTC"}),
		"0.25 usd/hour":             one(Quota{Money, 250_000_000, time.Hour, ""}),
		"10 usd/month @ Asia/Tokyo": one(Quota{Money, 10e9, 30 * day, "Asia/Tokyo"}),
		"8 concurrent":              one(Quota{Concurrent, 8, 0, ""}),
		"1000/day @ Europe/Berlin":  one(Quota{Requests, 1000, day, "Europe/Berlin"}),
		"1000 requests/d@UTC":       one(Quota{Requests, 1000, day, "UTC"}),
		"7 requests/min":            RateLimit{Limits: []Limit{{7, time.Minute}}},
		"3000 tokens/year @ UTC":    one(Quota{Tokens, 3000, 365 * day, "UTC"}),
		"\"60/min, 1000 tokens/min, 5 usd/day, 8 concurrent, 4000/tpr\"": RateLimit{
			Limits: []Limit{{60, time.Minute}}, TokensPerRequest: 4000,
			Quotas: []Quota{{Tokens, 1000, time.Minute, ""}, {Money, 5e9, day, "UTC"}, {Concurrent, 8, 0, ""}},
		},
		"5 eur/day": nil, "5.5 tokens/min": nil, "tokens/min": nil, "8 concurrent/min": nil, "concurrent": nil, "-1 concurrent": nil, "5 usd": nil, "5 usd/": nil,
		"1000/day @ Europe/Nowhere": nil, "1000/day @": nil, "10/min @ UTC": nil, "8 concurrent @ UTC": nil, "1e3 tokens/min": nil, "5 USD/day": nil,
		"0.0000000001 usd/day": nil, "2000000000 usd/day": nil, "99999999999999999999 tokens/s": nil, "4000 tpr": nil, "1000/day @ ../../etc/passwd": nil,
	})
}

func TestQuotasAreWrittenAsTheyAreRead(t *testing.T) {
	for _, text := range []string{"15/minute,200000 tokens/minute,8 concurrent", "2.5 usd/day @ UTC", "1000/day @ Europe/Berlin,0.1 usd/hour"} {
		if limit, _ := read(t, rateLimit, text); limit.String() != text {
			t.Errorf("%q became %q", text, limit)
		}
	}
}

func TestWhatIsWrongWithAQuotaIsSaid(t *testing.T) {
	for text, word := range map[string]string{
		"1000/day @ Mars": "behind @ goes a time zone", "10/min @ UTC": "only hours, days, months and years follow a calendar",
		"3 concurrent @ UTC": "has no calendar", "5 eur/day": "<dollars> usd/<unit>",
	} {
		_, problems := read(t, rateLimit, text)
		if len(problems) != 1 || !strings.Contains(problems[0].String(), word) {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func TestModelsMayHaveALimitOfAllKeysTogether(t *testing.T) {
	c := parse(t, withPreferences("  rate_limit: {default: 1000/min, gpt-4o: \"10 usd/day, 60/min\"}\n"))
	limit, found := c.Preferences.ModelRateLimit.Find("gpt-4o")
	if c.Preferences.RateLimit.String() != "1000/minute" || !found || limit.String() != "60/minute,10 usd/day @ UTC" {
		t.Errorf("%v, %v", c.Preferences.RateLimit, limit)
	}
	if _, all := c.Preferences.ModelRateLimit.Default(); all {
		t.Error("what all requests may do together is told twice")
	}
}

func FuzzRateLimit(f *testing.F) {
	for _, text := range []string{"15/min,10/day", "200000 tokens/min, 5 usd/day, 8 concurrent", "1000/day @ Europe/Berlin", "4000/tpr", "@", "1 usd/@"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, problem, ok := quota(text)
		if !ok || problem != "" {
			return
		}
		again, problem, ok := quota(q.String())
		if !ok || problem != "" || again != q {
			t.Fatalf("%q is %v, which is read as %v %q", text, q, again, problem)
		}
	})
}
