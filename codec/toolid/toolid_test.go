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
	made := Clean("functions.get:0", 64)
	for _, id := range []string{"", "functions.get:0", "functions_get:0", "functions.get_0", "ü", strings.Repeat("x", 65), strings.Repeat("x", 66),
		made, Clean(made, 64), strings.Repeat("x", 30) + made[len(made)-34:]} {
		got := Clean(id, 64)
		if other, ok := seen[got]; ok || len(got) > 64 || got == "" || strings.IndexFunc(got, func(c rune) bool { return c > 127 || !allowed(byte(c)) }) >= 0 {
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

func FuzzClean(f *testing.F) {
	f.Add("functions.get:0", Clean("functions.get:0", 64), 64)
	f.Add(strings.Repeat("x", 65), strings.Repeat("x", 66), 64)
	f.Add("call_1__sig_gbYWJj", "call_1", 0)
	f.Fuzz(func(t *testing.T, a, b string, limit int) {
		if limit = limit & 63; limit > 0 {
			limit += hashSize
		}
		plainA, _ := Split(a)
		plainB, _ := Split(b)
		cleanA, cleanB := Clean(a, limit), Clean(b, limit)
		if (plainA == plainB) != (cleanA == cleanB) {
			t.Fatalf("%q and %q became %q and %q", a, b, cleanA, cleanB)
		}
		if limit > 0 && len(cleanA) > limit || cleanA == "" || strings.Trim(cleanA, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Fatalf("%q became %q", a, cleanA)
		}
	})
}
