package config

import (
	"testing"
	"time"
)

func timeoutTable(pairs ...any) (t ModelTable[time.Duration]) {
	for i := 0; i+1 < len(pairs); i += 2 {
		t.Set(pairs[i].(string), time.Duration(pairs[i+1].(int))*time.Second)
	}
	return t
}

// The table of uni-api, with what differs because the upstream model is asked before the default.
func TestModelTimeoutPrefersProviderThenRequestModel(t *testing.T) {
	c := &Config{Preferences: Preferences{ModelTimeout: timeoutTable("gpt-4o", 11, "gpt-4", 12, "default", 13)}}
	p := &Provider{Preferences: ProviderPreferences{ModelTimeout: timeoutTable("gemini-2.5-pro", 500, "default", 10)}}
	q := &Provider{Preferences: ProviderPreferences{ModelTimeout: timeoutTable("up-model", 77)}}
	r := &Provider{}
	for _, test := range []struct {
		name              string
		provider          *Provider
		upstream, request string
		seconds           int
	}{
		{"part of the request model", p, "x", "gemini-2.5-pro-preview", 500},
		{"the upstream model before the default", p, "gemini-2.5-pro", "alias", 500},
		{"the provider's default", p, "x", "gpt-4o", 10},
		{"the upstream model", q, "up-model", "alias", 77},
		{"the global default", q, "zzz", "alias", 13},
		{"globally by upstream model", q, "gpt-4o-2024", "alias", 11},
		{"globally by request model", r, "x", "gpt-4o-mini", 11},
		{"globally by upstream model without a provider's table", r, "gpt-4o", "alias", 11},
		{"in any case of letters", r, "x", "GPT-4-turbo", 12},
		{"a model called default is not the default entry", r, "x", "default", 13},
	} {
		if got := c.ModelTimeout(test.provider, test.request, test.upstream); got != time.Duration(test.seconds)*time.Second {
			t.Errorf("%s: got %v, want %d s", test.name, got, test.seconds)
		}
	}
	if got := (&Config{}).ModelTimeout(r, "a", "b"); got != DefaultTimeout {
		t.Errorf("without any table: %v", got)
	}
}

func TestTimeoutComesFromTheEnvironment(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 100 * time.Second, "7": 7 * time.Second, "1.5": 1500 * time.Millisecond, "x": 100 * time.Second, "-1": 100 * time.Second, "NaN": 100 * time.Second} {
		c, err := Parse("api.yaml", []byte(withProvider("")), env("TIMEOUT", value))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ModelTimeout(c.Providers[0], "m", "m"); got != want {
			t.Errorf("TIMEOUT=%q: got %v, want %v", value, got, want)
		}
		if wrong := value == "x" || value == "-1" || value == "NaN"; wrong != (len(c.Warnings) == 1) {
			t.Errorf("TIMEOUT=%q: warnings %v", value, c.Warnings)
		}
	}
}

func TestOneTimeoutIsTheDefaultOfAllModels(t *testing.T) {
	c := parse(t, withProvider("    preferences: {model_timeout: 30}\n")+"preferences: {model_timeout: 50, keepalive_interval: 20}\n")
	if got := c.ModelTimeout(c.Providers[0], "m", "m"); got != 30*time.Second {
		t.Errorf("at the provider: %v", got)
	}
	if got := c.ModelTimeout(&Provider{}, "m", "m"); got != 50*time.Second {
		t.Errorf("globally: %v", got)
	}
	if d, ok := c.Preferences.KeepaliveInterval.Default(); d != 20*time.Second || !ok {
		t.Errorf("keepalive: %v %v", d, ok)
	}
}

func TestModelTableFindsExactNamesBeforeParts(t *testing.T) {
	c := parse(t, withProvider("    preferences: {api_key_rate_limit: {gemini-1.5-pro: 1000/min, gemini-1.5-pro-002: 500/min}}\n"))
	table := c.Providers[0].Preferences.KeyRateLimit
	for model, want := range map[string]string{"gemini-1.5-pro-002": "500/minute", "gemini-1.5-pro-latest": "1000/minute", "GEMINI-1.5-PRO": "1000/minute"} {
		if got, ok := table.Find(model); !ok || got.String() != want {
			t.Errorf("%s: got %v, want %s", model, got, want)
		}
	}
	if got, ok := table.Find("other"); ok {
		t.Errorf("another model got %v", got)
	}
	if _, ok := table.Default(); ok {
		t.Error("a default appeared")
	}
}

func BenchmarkModelTimeout(b *testing.B) {
	c := &Config{Preferences: Preferences{ModelTimeout: timeoutTable("gpt-4o", 11, "gpt-4", 12, "default", 13)}}
	p := &Provider{Preferences: ProviderPreferences{ModelTimeout: timeoutTable("gemini-2.5-pro", 500, "claude", 10)}}
	b.ReportAllocs()
	for b.Loop() {
		c.ModelTimeout(p, "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
	}
}
