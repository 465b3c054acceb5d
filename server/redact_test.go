package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"
)

const oddSecret = "p@ss/w+ör d=\"<&>\\0123456789"

func TestASecretIsMaskedHoweverItIsWritten(t *testing.T) {
	r := newRedactor([]string{upstreamKeyText, oddSecret, "none", "", clientKeyText, clientKeyText + "-and-more"})
	escaped, _ := json.Marshal(oddSecret)
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "all is well", "all is well"},
		{"a short secret", "there is none", "there is none"},
		{"alone", upstreamKeyText, "sk-…wxyz"},
		{"in the middle", "key " + upstreamKeyText + " refused", "key sk-…wxyz refused"},
		{"twice", upstreamKeyText + upstreamKeyText + "!", "sk-…wxyzsk-…wxyz!"},
		{"the longer of two", clientKeyText + "-and-more!", "sk-…more!"},
		{"the shorter of two", clientKeyText + "-and-less", "sk-…klmn-and-less"},
		{"two that differ", clientKeyText + " " + oddSecret, "sk-…klmn …6789"},
		{"behind Bearer", "Authorization: Bearer " + upstreamKeyText, "Authorization: Bearer sk-…wxyz"},
		{"cut short", "begins with \"" + upstreamKeyText[:20] + "\"", "begins with \"sk-…wxyz\""},
		{"cut shorter than what gives it away", upstreamKeyText[:12], upstreamKeyText[:12]},
		{"in JSON", "{\"key\":" + string(escaped) + "}", "{\"key\":\"…6789\"}"},
		{"quoted by Go", fmt.Sprintf("%q", oddSecret), "\"…6789\""},
		{"in a query", "?key=" + url.QueryEscape(oddSecret), "?key=…6789"},
		{"in a query, in small letters", "?key=" + strings.ToLower(url.QueryEscape(oddSecret)), "?key=…6789"},
		{"in a path", "/" + url.PathEscape(oddSecret) + "/x", "/…6789/x"},
		{"a token that no configuration has", "Bearer ya29.a0AfH6SMBx-0123456789abcdefghijklmnopqrstuv, expired", "Bearer …stuv, expired"},
		{"what is no token", "send it as Authorization: Bearer KEY.", "send it as Authorization: Bearer KEY."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.clean(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if r.has(c.text) != (c.text != c.want) {
				t.Errorf("has: %v", r.has(c.text))
			}
		})
	}
	for name, encoding := range map[string]*base64.Encoding{"standard": base64.StdEncoding, "for URLs": base64.RawURLEncoding} {
		for _, before := range []string{"", "u", "us", "use", "user:", "a longer name:"} {
			for _, after := range []string{"", "x", "xy", "xyz"} {
				plain := before + oddSecret + after
				got := r.clean("Basic " + encoding.EncodeToString([]byte(plain)))
				for at := range len(oddSecret) - 6 { // six bytes in a row would be too much
					for shift := range 3 {
						inner := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + oddSecret[at:at+6]))
						if inner = inner[4 : len(inner)-4]; len(inner) > 3 && strings.Contains(got, inner) {
							t.Fatalf("base64 %s behind %q: %q has %q", name, before, got, inner)
						}
					}
				}
				if !strings.Contains(got, "…6789") {
					t.Errorf("base64 %s behind %q: %q", name, before, got)
				}
			}
		}
	}
}

func TestWithoutSecretsNothingIsMasked(t *testing.T) {
	for _, r := range []*redactor{nil, newRedactor(nil)} {
		if text := strings.Repeat("Nothing here is secret. ", 10); r.clean(text) != text || r.has(text) {
			t.Errorf("%q", r.clean(text))
		}
	}
}

func FuzzRedactor(f *testing.F) {
	r := newRedactor([]string{upstreamKeyText, oddSecret, clientKeyText})
	f.Add("x", "y", 3)
	f.Add(upstreamKeyText[:15], upstreamKeyText[3:], 0)
	f.Fuzz(func(t *testing.T, before, after string, which int) {
		secret := []string{upstreamKeyText, oddSecret, clientKeyText}[uint(which)%3]
		if got := r.clean(before + secret + after); strings.Contains(got, secret) || r.has(got) {
			t.Errorf("%q", got)
		}
	})
}

func TestNoLineOfTheLogHoldsASecret(t *testing.T) {
	type inner struct{ Key string }
	for _, text := range []bool{false, true} {
		var out bytes.Buffer
		log, flush := NewLogger(&out, text, slog.LevelDebug)
		h, secrets := redacted(log)
		if h != log {
			t.Fatal("wrapped twice")
		}
		secrets.Store(newRedactor([]string{upstreamKeyText, oddSecret}))
		log.Info("about " + upstreamKeyText)
		log.Debug("about a key", "text", "key "+upstreamKeyText, "error", fmt.Errorf("asking: %w", errors.New(oddSecret)), "bytes", []byte(upstreamKeyText),
			"struct", inner{upstreamKeyText}, "pointer", &inner{oddSecret}, "list", []string{oddSecret}, "map", map[string]string{oddSecret: upstreamKeyText},
			"url", &url.URL{Scheme: "http", Host: "h", User: url.UserPassword("u", oddSecret)}, "level", slog.LevelInfo,
			slog.Group("group", "a", upstreamKeyText, slog.Group("deeper", "b", oddSecret)), "valuer", valuer{})
		log.With("with", upstreamKeyText).WithGroup("g").Warn("more", "key", upstreamKeyText)
		var requests accessLog
		requests.use(log)
		var l line
		requests.begin(&l, time.Now(), slog.LevelInfo)
		l.text("model", "a model "+upstreamKeyText)
		l.text("error", oddSecret)
		requests.end(&l, slog.LevelInfo)
		flush()
		if got := out.String(); strings.Contains(got, "upstream-abc") || strings.Contains(got, "w+ör") || strings.Contains(got, "115 107") || strings.Count(got, "wxyz") < 8 {
			t.Errorf("%s", got)
		}
	}
}

// Requests that began under the configuration before may still tell of its keys.
func TestTheSecretsOfTheConfigurationBeforeAreStillKnown(t *testing.T) {
	up := listen(t, both)
	g := start(t, provider("p", up))
	g.Apply(parseConfig(t, provider("p", up, "    api: sk-another-0123456789abcdefghijklmnop\n")))
	g.Server.log.Info("told", "old", upstreamKeyText, "new", "sk-another-0123456789abcdefghijklmnop")
	if line := g.log.next(t, "told"); line["old"] != "sk-…wxyz" || line["new"] != "sk-…mnop" {
		t.Errorf("%v", line)
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue(upstreamKeyText) }

// manySecrets knows a hundred keys.
func manySecrets() *redactor {
	var secrets []string
	for i := range 100 {
		secrets = append(secrets, fmt.Sprintf("sk-proj-%048d", i*7919))
	}
	return newRedactor(secrets)
}

// BenchmarkRedact is what a line costs in which there is no secret.
func BenchmarkRedact(b *testing.B) {
	r := manySecrets()
	b.Run("a request's line", func(b *testing.B) {
		texts := []string{"gpt-4o", "alias", "openai", "gpt-4o-2024-08-06"}
		b.ReportAllocs()
		for b.Loop() {
			for _, text := range texts {
				r.clean(text)
			}
		}
	})
	b.Run("an error of 200 bytes", func(b *testing.B) {
		text := strings.Repeat("The upstream said no. ", 9)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			r.clean(text)
		}
	})
}
