package config

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMaskShowsAtMostAQuarter(t *testing.T) {
	for secret, want := range map[string]string{
		"":                                  "",
		"sk-":                               "sk-…",
		"sk-a":                              "sk-…",
		"sk-test":                           "sk-…t",
		"sk-0123456789abcdefghijklmnopf3a9": "sk-…f3a9",
		"AIza0123456789":                    "…789",
		"密钥密钥密钥密钥":                          "…密钥",
	} {
		got := Mask(secret)
		if got != want {
			t.Errorf("%q: got %q, want %q", secret, got, want)
		}
		shown := utf8.RuneCountInString(strings.TrimPrefix(strings.TrimPrefix(got, "sk-"), "…"))
		if hidden := utf8.RuneCountInString(strings.TrimPrefix(secret, "sk-")); shown*4 > hidden {
			t.Errorf("%q shows %d of %d characters", got, shown, hidden)
		}
	}
}

func TestURLsAreShownWithoutSecrets(t *testing.T) {
	for raw, want := range map[string]string{
		"https://h.example/api.yaml":              "https://h.example/api.yaml",
		"https://user:pw@h.example/api.yaml":      "https://…@h.example/api.yaml",
		"https://h.example/api.yaml?token=pw#pw":  "https://h.example/api.yaml?…",
		"https://user:p/w@h.example/api.yaml":     "https://…@h.example/api.yaml",
		"https://user:p?w@h.example/api.yaml?a=b": "https://…@h.example/api.yaml?…",
		"https://user:p%zz@h.example/":            "https://…@h.example/",
		"https://h.example/models/@cf/m":          "https://h.example/models/@cf/m",
		"socks5://u:pw@[::1]:1080":                "socks5://…@[::1]:1080",
		"user:pw@h.example":                       "…@h.example",
		"":                                        "",
	} {
		if got := maskURL(raw); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}
