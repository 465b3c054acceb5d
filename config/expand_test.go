package config

import (
	"strings"
	"testing"
)

func TestReferencesAreReplacedInStringValues(t *testing.T) {
	getenv := env("KEY", "secret-key", "HOST", "h.example", "EMPTY", "", "NUM", "30", "YAML", "a: [b")
	for written, want := range map[string]string{
		"${KEY}":                    "secret-key",
		"'${KEY}'":                  "secret-key",
		"a-${KEY}-${HOST}-z":        "a-secret-key-h.example-z",
		"${NOT_THERE:-fallback}":    "fallback",
		"${EMPTY:-fallback}":        "fallback",
		"${KEY:-fallback}":          "secret-key",
		"${NOT_THERE:-https://x/y}": "https://x/y",
		"${YAML}":                   "a: [b",
		"\"${}\"":                   "${}",
		"${KEY":                     "${KEY",
		"${1KEY}":                   "${1KEY}",
		"$${KEY}":                   "$secret-key",
	} {
		text := strings.Replace(withProvider(""), "upstream-key", written, 1)
		c, err := Parse("api.yaml", []byte(text), getenv)
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		if len(c.Warnings) > 0 {
			t.Errorf("%s: %v", written, c.Warnings)
		}
		if got := c.Providers[0].Keys; len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", written, got, want)
		}
	}
}

func TestReferencesAreLeftAloneInKeysAndComments(t *testing.T) {
	c := parse(t, withProvider("    preferences:\n      headers:\n        X: y # ${COMMENT}\n      post_body_parameter_overrides:\n        ${NAME}: v\n"))
	if got := c.Providers[0].Preferences.Overrides[0].Key; got != "${NAME}" {
		t.Errorf("got %q", got)
	}
}

func TestUnsetVariablesAreWarnedOf(t *testing.T) {
	got, refused := problemsOf(t, strings.Replace(withProvider(""), "upstream-key", "${NOT_THERE}", 1), noEnv)
	want := "api.yaml:4:10: warning: environment variable NOT_THERE is not set; set it, or write ${NOT_THERE:-default}"
	if refused || len(got) != 1 || got[0].String() != want {
		t.Errorf("refused: %v, got:\n%v", refused, got)
	}
}

func TestExpandedValuesAreValidated(t *testing.T) {
	text := withPreferences("  model_timeout: ${NUM}\n")
	c, err := Parse("api.yaml", []byte(text), env("NUM", "30"))
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := c.Preferences.ModelTimeout.Default(); d.Seconds() != 30 {
		t.Errorf("got %v", d)
	}
	if _, err := Parse("api.yaml", []byte(text), env("NUM", "soon")); err == nil {
		t.Error("accepted")
	}
}
