//go:build !race

package config

import (
	"fmt"
	"strings"
	"testing"
)

// lists is a file in which each list holds ten times the one before, with that text at the bottom.
func lists(n int, text string) string {
	file := "x0: &x0 " + text + "\n"
	for i := range n {
		file += fmt.Sprintf("x%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i), 10), ","))
	}
	return file + minimal
}

const minimal = "api_keys: [{api: sk-client-0123456789abcdefghij}]\nproviders: []\n"

func TestFileIsBoundedOnceItsAliasesAreFollowed(t *testing.T) {
	override := func(n int) string {
		provider := "  - {provider: p%d, base_url: 'http://127.0.0.1:1/v1/chat/completions', api: k, model: [m], preferences: {post_body_parameter_overrides: *o}}\n"
		file := "o: &o {m: {a: " + strings.Repeat("x", 1<<19) + "}}\napi_keys: [{api: sk-client-0123456789abcdefghij}]\nproviders:\n"
		for i := range n {
			file += fmt.Sprintf(provider, i)
		}
		return file
	}
	for _, c := range []struct{ name, file, says string }{
		{"a million laughs", lists(6, "lol"), "too large once its aliases"},
		{"billions of them", lists(20, "lol"), "too large once its aliases"},
		{"a thousand", lists(3, "lol"), ""},
		{"a text of a megabyte, a hundred times", lists(2, strings.Repeat("x", 1<<20)), "too large once its aliases"},
		{"the same ten times", lists(1, strings.Repeat("x", 1<<20)), ""},
		{"in keys", "x: &x {" + strings.Repeat("k", 1<<20) + ": 1}\ny: [" + strings.Repeat("*x, ", 100) + "1]\n" + minimal, "too large once its aliases"},
		{"one override for all", override(200), "too large once its aliases"},
		{"one override for some", override(20), ""},
		{"a list of itself", "x: &x [1, *x]\n" + minimal, "has an alias to itself"},
		{"a list of a list of itself", "x: &x {a: &y [*x]}\n" + minimal, "has an alias to itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := Parse("api.yaml", []byte(c.file), env())
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("got %.200v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%.300v", err)
			}
			if _, err := cfg.JSON(false); err != nil {
				t.Errorf("as JSON: %.300v", err)
			}
		})
	}
}
