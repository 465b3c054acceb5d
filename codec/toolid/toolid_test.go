package toolid

import (
	"strings"
	"testing"

	"uniapi/codec"
)

func TestSignaturesTravelInIDs(t *testing.T) {
	for _, s := range []codec.Signature{
		{Provider: "anthropic", Value: "EqQBCkgIARAB+/8="}, {Provider: "google", Value: "c2lnbmF0dXJlLTE="},
		{Provider: "google", Value: "-_url-safe_-"}, {Provider: "openai", Value: "not base64 at all ~ ü"}, {Provider: "anthropic", Value: "YQ"},
	} {
		id := Join("call_1", s)
		if plain, got := Split(id); plain != "call_1" || got != s {
			t.Errorf("%+v came back as %q %+v of %q", s, plain, got, id)
		}
		if strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Errorf("%q is no id", id)
		}
		if Clean(id, 64) != "call_1" {
			t.Errorf("%q is cleaned to %q", id, Clean(id, 64))
		}
	}
	for _, id := range []string{"call_1", "", "a__sig_", "a__sig_ab", "a__sig_zbYWJj", "a__sig_axYWJj", "a__sig_ab!!"} {
		if plain, s := Split(id); plain != id || s.Value != "" {
			t.Errorf("%q was split into %q %+v", id, plain, s)
		}
	}
	if id := Join("c", codec.Signature{Provider: "google", Value: strings.Repeat("A", MaxSignature+1)}); id != "c" {
		t.Errorf("a signature of %d bytes travelled", len(id))
	}
}

func TestCleanKeepsGoodIDsAndOthersApart(t *testing.T) {
	for _, id := range []string{"call_1", "toolu_01AbC-9", strings.Repeat("x", 64)} {
		if got := Clean(id, 64); got != id {
			t.Errorf("%q became %q", id, got)
		}
	}
	seen := map[string]string{}
	for _, id := range []string{"", "functions.get:0", "functions_get:0", "functions.get_0", "ü", strings.Repeat("x", 65), strings.Repeat("x", 66)} {
		got := Clean(id, 64)
		if other, ok := seen[got]; ok || len(got) > 64 || got == "" || Clean(got, 64) != got {
			t.Errorf("%q became %q, as %q did", id, got, other)
		}
		seen[got] = id
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("call_1__sig_gbYWJj")
	f.Fuzz(func(t *testing.T, id string) {
		plain, s := Split(id)
		if s.Value != "" && len(s.Value) <= MaxSignature {
			if again, got := Split(Join(plain, s)); again != plain || got != s {
				t.Fatalf("%q: %q %+v, then %q %+v", id, plain, s, again, got)
			}
		}
	})
}
