package config

import (
	"errors"
	"os"
	"testing"
)

// FuzzParse holds that no file makes Parse panic, that every problem has a place, and that what is accepted can be
// used.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, seed := range []string{
		"", "\n", "[", "a: *b", "a: &x {<<: *x}", "a: &x [*x]", "? [a]\n: b", "<<: [{a: 1}, {a: 2}]", "providers: [~, [], {}, 1]\napi_keys: [~, {}, 1, [a]]\n",
		withProvider("    preferences: {post_body_parameter_overrides: &o {a: *o}}\n"), withProvider("    model: [{a: b, ? {} : c}, [d], ~]\n"),
		withKey("    model: [sk-client/*, a/b: 3, <x>, /, '']\n"), withPreferences("  model_price: {a: [1, ~]}\n"), "a: 1\n---\nb: 2\n", "a: !!binary x\n",
		withProvider("    base_url: ${X}\n    api: ${Y:-z}\n"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseLenient("api.yaml", data, env("X", "https://x.example")); err == nil {
			_, _ = c.Summary(nil), c.Secrets()
			checkPlaces(t, c.LeftOut)
		}
		c, err := Parse("api.yaml", data, env("X", "https://x.example"))
		if err == nil {
			_ = c.Summary(nil)
			for _, p := range c.Providers {
				c.ModelTimeout(p, "request", "upstream")
			}
			for _, k := range c.APIKeys {
				if k.Key == "" || k.Alias == "" {
					t.Errorf("a client key without text or alias: %+v", k)
				}
			}
			checkPlaces(t, c.Warnings)
			return
		}
		problems, ok := errors.AsType[Problems](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("not Problems: %v", err)
		}
		checkPlaces(t, problems)
	})
}

func checkPlaces(t *testing.T, problems []Problem) {
	for _, p := range problems {
		if p.File != "api.yaml" || p.Line < 1 || p.Column < 1 || p.Message == "" {
			t.Errorf("a problem without a place: %+v", p)
		}
	}
}
