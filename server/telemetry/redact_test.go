package telemetry

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"uniapi/codec/rawjson"
	"uniapi/config"
)

// secretsOf are texts of which nothing is public.
func secretsOf(texts ...string) (secrets []config.Secret) {
	for _, text := range texts {
		secrets = append(secrets, config.Secret{Text: text})
	}
	return secrets
}

const oddSecret = "p@ss/w+ör d=\"<&>\\0123456789"

func TestSecretIsMaskedHoweverItIsWritten(t *testing.T) {
	r := NewRedactor(secretsOf(upstreamKeyText, oddSecret, "none", "", clientKeyText, clientKeyText+"-and-more"))
	escaped, _ := json.Marshal(oddSecret)
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "all is well", "all is well"},
		{"a short secret", "there is none", "there is none"},
		{"alone", upstreamKeyText, "sk-…wxyz"},
		{"in the middle", "key " + upstreamKeyText + " refused", "key sk-…wxyz refused"},
		{"twice", upstreamKeyText + upstreamKeyText + "!", "sk-…wxyzsk-…wxyz!"},
		{"the longer of two", clientKeyText + "-and-more!", "sk-…more!"},
		{"the shorter of two, and a bit of the longer", clientKeyText + "-and-less", "sk-…klmnless"},
		{"two that differ", clientKeyText + " " + oddSecret, "sk-…klmn …6789"},
		{"behind Bearer", "Authorization: Bearer " + upstreamKeyText, "Authorization: Bearer sk-…wxyz"},
		{"cut short", "begins with \"" + upstreamKeyText[:20] + "\"", "begins with \"sk-…wxyz\""},
		{"without its beginning", "ends with " + upstreamKeyText[5:], "ends with sk-…wxyz"},
		{"the middle of it", "has " + upstreamKeyText[9:25] + " in it", "has sk-…wxyz in it"},
		{"as much as is too much", upstreamKeyText[7:19], "sk-…wxyz"},
		{"cut shorter than that", upstreamKeyText[7:18], upstreamKeyText[7:18]},
		{"in pieces", upstreamKeyText[:13] + " " + upstreamKeyText[13:25], "sk-…wxyz sk-…wxyz"},
		{"in HTML", "<b>" + html.EscapeString(oddSecret) + "</b>", "<b>…6789</b>"},
		{"in JSON that leaves angles as they are", string(rawjson.AppendString(nil, oddSecret)), "\"…6789\""},
		{"in JSON", "{\"key\":" + string(escaped) + "}", "{\"key\":\"…6789\"}"},
		{"quoted by Go", fmt.Sprintf("%q", oddSecret), "\"…6789\""},
		{"in a query", "?key=" + url.QueryEscape(oddSecret), "?key=…6789"},
		{"in a query, in small letters", "?key=" + strings.ToLower(url.QueryEscape(oddSecret)), "?key=…6789"},
		{"in a path", "/" + url.PathEscape(oddSecret) + "/x", "/…6789/x"},
		{"a token that no configuration has", "Bearer ya29.a0AfH6SMBx-ZyXwVuTsRqPoNmLkJiHgFeDcBastuv, expired", "Bearer …stuv, expired"},
		{"what is no token", "send it as Authorization: Bearer KEY.", "send it as Authorization: Bearer KEY."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.Clean(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if r.Has(c.text) != (c.text != c.want) {
				t.Errorf("has: %v", r.Has(c.text))
			}
		})
	}
	for name, encoding := range map[string]*base64.Encoding{"standard": base64.StdEncoding, "for URLs": base64.RawURLEncoding} {
		for _, before := range []string{"", "u", "us", "use", "user:", "a longer name:"} {
			for _, after := range []string{"", "x", "xy", "xyz"} {
				plain := before + oddSecret + after
				got := r.Clean("Basic " + encoding.EncodeToString([]byte(plain)))
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

// each writes every character of a text by a format.
func each(format string) func(string) string {
	return func(text string) string {
		var out strings.Builder
		for _, c := range text {
			fmt.Fprintf(&out, format, c)
		}
		return out.String()
	}
}

// eachByte is each for bytes.
func eachByte(format string) func(string) string {
	return func(text string) string {
		var out strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&out, format, text[i])
		}
		return out.String()
	}
}

// inner is what stands between the quotes of a text.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

var percentCodes = regexp.MustCompile("%..")

// encodings are what a text may be written in, character by character: as libraries do it, and as far as it can be
// driven.
var encodings = []func(string) string{
	func(text string) string { return text },
	func(text string) string { escaped, _ := json.Marshal(text); return inner(string(escaped)) },
	func(text string) string { return inner(string(rawjson.AppendString(nil, text))) },
	func(text string) string { return inner(fmt.Sprintf("%q", text)) },
	func(text string) string { return inner(fmt.Sprintf("%+q", text)) },
	url.QueryEscape, url.PathEscape,
	func(text string) string {
		return percentCodes.ReplaceAllStringFunc(url.QueryEscape(text), strings.ToLower)
	},
	html.EscapeString,
	strings.NewReplacer("/", "&#x2F;", "=", "&#x3D;", "+", "&#43;", `"`, "&quot;", "<", "&lt;", ">", "&gt;", "&", "&amp;").Replace, // Mustache, ASP.NET
	strings.NewReplacer("+", `\u002B`, "/", `\/`, "=", `\u003d`, `"`, `\u0022`, `\`, `\\`).Replace,                                 // .NET, Gson, PHP
	each("&#%d;"), each("&#%d"), each("&#x%X;"), each("&#%08d;"), each("&#x%x;"), each(`\u{%x}`), each(`\U%08x`), eachByte(`%%%02x`), eachByte(`%%%02X`), eachByte(`\x%02x`), eachByte(`\%03o`),
	func(text string) string { // with pairs for what is beyond 16 bits
		var out strings.Builder
		for _, c := range utf16.Encode([]rune(text)) {
			fmt.Fprintf(&out, `\u%04x`, c)
		}
		return out.String()
	},
}

// TestSecretIsSeenThroughLayersOfEscapes writes secrets in every two encodings, one in the other, and in three and
// four of a kind.
func TestSecretIsSeenThroughLayersOfEscapes(t *testing.T) {
	secrets := []string{"sk-up/abc+DEF=ghi/JKL+mno=PQR/stu+VWX", upstreamKeyText, `od%41d\u0041&amp;se\\cr"et`, "with-a-\U0001F511-in-it"}
	r := NewRedactor(secretsOf(secrets...))
	check := func(t *testing.T, secret, text string) {
		got := r.Clean("key (" + text + ") refused")
		if left := len(got) - len("key () refused"); left > 40 || !r.Has(text) || r.Has(got) || !strings.HasPrefix(got, "key (") || !strings.HasSuffix(got, ") refused") {
			t.Errorf("%q as %q became %q", secret, text, got)
		}
	}
	for _, secret := range secrets {
		for _, inner := range encodings {
			for _, outer := range encodings {
				check(t, secret, outer(inner(secret)))
			}
			if len(inner(inner(inner(secret)))) < 20*len(secret) {
				check(t, secret, inner(inner(inner(secret))))
			}
		}
	}
}

// What escapes stand around stays as it is, and so does what only looks like one.
func TestEscapesWithoutSecretsStay(t *testing.T) {
	r := NewRedactor(secretsOf(upstreamKeyText, oddSecret))
	for _, text := range []string{`100% of "a\nb" & c, \u, \u00, %zz, %, &#;, &#x;, &nothing;, &#99999999999999999999999999999999999999999;`, strings.Repeat(`\`, 1001), strings.Repeat("%25", 1000), strings.Repeat("&amp;", 1000) + "#"} {
		if got := r.Clean(text); got != text {
			t.Errorf("%.100q became %.100q", text, got)
		}
		before, after := text+" and ", ": "+text
		if got := r.Clean(before + each("&#%d;")(upstreamKeyText) + after); got != before+"sk-…wxyz"+after && !strings.HasSuffix(text, `\`) {
			t.Errorf("around a secret: %.200q", got)
		}
	}
}

// FuzzLayers holds that escapes only get shorter and places grow, whatever the text, and that byte by byte the same
// comes of it.
func FuzzLayers(f *testing.F) {
	f.Add(`a\u0041%41&#65;&#x41;&lt;\/\x41\101\ud83d\udd11`)
	f.Add(`\#00000000000000000 &u{0000000000000000041}`)
	f.Add(`\u{000`)
	f.Fuzz(func(t *testing.T, text string) {
		u := unescaped{text: text}
		inner, any := u.undo(escapeSigns, true)
		bare, also := u.undo(escapeSigns, false)
		if any != also || inner.text != bare.text || any && len(inner.from) != len(inner.text)+1 {
			t.Fatalf("%q: %v %v, %q, %q, %d places", text, any, also, inner.text, bare.text, len(inner.from))
		}
		// Of the zeros that begin a number only two are kept byte by byte, also where no escape comes of it in the end.
		if got := resolved(text, 1); fewZeros(got) != fewZeros(inner.text) {
			t.Fatalf("%q became %q, and byte by byte %q", text, inner.text, got)
		}
		if !any {
			return
		}
		if len(inner.text) > len(text) || int(inner.from[len(inner.text)]) != len(text) || !slices.IsSorted(inner.from) {
			t.Fatalf("%q became %q at %v", text, inner.text, inner.from)
		}
	})
}

// fewZeros leaves two of the zeros of a row.
func fewZeros(text string) string {
	for strings.Contains(text, "000") {
		text = strings.ReplaceAll(text, "000", "00")
	}
	return text
}

func TestWithoutSecretsNothingIsMasked(t *testing.T) {
	for _, r := range []*Redactor{nil, NewRedactor(nil)} {
		if text := strings.Repeat("Nothing here is secret. ", 10); r.Clean(text) != text || r.Has(text) {
			t.Errorf("%q", r.Clean(text))
		}
	}
}

// pieceOf is a piece of a secret of secretRun bytes that is in a text, "" if there is
// none. It does not ask the redactor.
func pieceOf(text string, secrets ...string) string {
	for _, secret := range secrets {
		for i := 0; i+SecretRun <= len(secret); i++ {
			if piece := secret[i : i+SecretRun]; strings.Contains(text, piece) {
				return piece
			}
		}
	}
	return ""
}

// Every piece of every length from every place is taken out, in every encoding that
// keeps bytes apart, and one of base64 wherever it lies.
func TestNoPieceOfASecretIsLeft(t *testing.T) {
	long := strings.Repeat(clientKeyText[3:], 1) + upstreamKeyText[3:] + oddSecret + "0123456789"
	secrets := []string{upstreamKeyText, oddSecret, long}
	r := NewRedactor(secretsOf(secrets...))
	for _, secret := range secrets {
		for from := range len(secret) - SecretRun {
			for _, to := range []int{from + SecretRun, from + SecretRun + 1, from + 17, len(secret) - 1, len(secret)} {
				to = min(to, len(secret))
				for _, around := range [][2]string{{"", ""}, {"x", "y"}, {secret[:3], secret[len(secret)-3:]}, {"é", "…"}} {
					text := around[0] + secret[from:to] + around[1]
					if got := r.Clean(text); pieceOf(got, secrets...) != "" || r.Has(got) {
						t.Fatalf("%q became %q", text, got)
					}
				}
				for i, encode := range encodings {
					if !utf8.ValidString(secret[from:to]) { // which most encoders write as what it is not
						break
					}
					if text := encode(secret[from:to]); pieceOf(r.Clean(text), encode(secret)) != "" {
						t.Fatalf("encoding %d: %q became %q", i, text, r.Clean(text))
					}
				}
			}
		}
	}
}

// What keys of one provider have in common, names before passwords, and what many
// secrets share stays readable: there is no secret in it.
func TestWhatIsNoSecretStaysReadable(t *testing.T) {
	many := []config.Secret{
		{Text: "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz", Public: 13}, {Text: "a-service-account-of-ours:hunter2", Public: 26},
	}
	for i := range 200 {
		many = append(many, config.Secret{Text: teamKey(i)})
	}
	r := NewRedactor(many)
	for _, text := range []string{
		"keys begin with sk-ant-api03- there", "no sk-ant-api03-key", "a-service-account-of-ours may not do that", "a-service-account-of-ours@example.com", "a-service-account-of-ours: hunter",
		"sk-our-company-team-", "keys of sk-our-company-team-NNN", "https://sk-our-company-team.example.com/", "model gpt-4o-2024-08-06 is not there", "-----BEGIN PRIVATE KEY-----",
	} {
		if got := r.Clean(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, c := range many {
		for from := 0; from+SecretRun <= len(c.Text); from++ {
			piece := c.Text[from : from+SecretRun]
			secret := from+SecretRun > c.Public
			if strings.HasPrefix(c.Text, "sk-our") { // the last gram of it is of few, not of many
				secret = from+SecretRun >= len("sk-our-company-team-")+3
			}
			if got := r.Clean(piece); secret && got == piece {
				t.Errorf("%q of %q is left", piece, c.Text)
			}
		}
	}
}

// teamKey is one of many keys that begin alike.
func teamKey(i int) string {
	return fmt.Sprintf("sk-our-company-team-%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
}

// A gram that thousands of secrets share costs no more than one that they do not.
func TestManySecretsThatBeginAlikeAreFoundInFewSteps(t *testing.T) {
	var secrets []config.Secret
	for i := range 5000 {
		secrets = append(secrets, config.Secret{Text: teamKey(i)})
	}
	x := NewRedactor(secrets).grams
	longest := 0
	for _, head := range x.heads {
		n := 0
		for g := x.at(head); g != nil; g = x.next(g) {
			n++
		}
		longest = max(longest, n)
	}
	if longest > 2*sharedGram {
		t.Errorf("a bucket has %d grams", longest)
	}
}

func FuzzRedactor(f *testing.F) {
	secrets := []string{upstreamKeyText, oddSecret, clientKeyText}
	r := NewRedactor(secretsOf(secrets...))
	f.Add("x", "y", 3, 0, 99)
	f.Add(upstreamKeyText[:15], upstreamKeyText[3:], 0, 0, 20)
	f.Add("wxyz", clientKeyText[3:10], 2, 5, 17)
	f.Fuzz(func(t *testing.T, before, after string, which, from, to int) {
		secret := secrets[uint(which)%3]
		from = int(uint(from) % uint(len(secret)))
		to = from + int(uint(to)%uint(len(secret)-from+1))
		if got := r.Clean(before + secret[from:to] + after); pieceOf(got, secrets...) != "" || r.Has(got) {
			t.Errorf("%q is left in %q", pieceOf(got, secrets...), got)
		}
	})
}

func TestNoLineOfTheLogHoldsASecret(t *testing.T) {
	type inner struct{ Key string }
	for _, text := range []bool{false, true} {
		var out bytes.Buffer
		log, flush := NewLogger(&out, text, slog.LevelDebug)
		h, secrets := Redacted(log)
		if h != log {
			t.Fatal("wrapped twice")
		}
		secrets.Store(NewRedactor(secretsOf(upstreamKeyText, oddSecret)))
		log.Info("about " + upstreamKeyText)
		log.Debug("about a key", "text", "key "+upstreamKeyText, "error", fmt.Errorf("asking: %w", errors.New(oddSecret)), "bytes", []byte(upstreamKeyText),
			"struct", inner{upstreamKeyText}, "pointer", &inner{oddSecret}, "list", []string{oddSecret}, "map", map[string]string{oddSecret: upstreamKeyText},
			"url", &url.URL{Scheme: "http", Host: "h", User: url.UserPassword("u", oddSecret)}, "level", slog.LevelInfo,
			slog.Group("group", "a", upstreamKeyText, slog.Group("deeper", "b", oddSecret)), "valuer", valuer{})
		log.With("with", upstreamKeyText).WithGroup("g").Warn("more", "key", upstreamKeyText)
		var requests AccessLog
		requests.Use(log)
		var l Line
		requests.Begin(&l, time.Now(), slog.LevelInfo)
		l.Text("model", "a model "+upstreamKeyText)
		l.Text("error", oddSecret)
		requests.End(&l, slog.LevelInfo)
		flush()
		if got := out.String(); strings.Contains(got, "upstream-abc") || strings.Contains(got, "w+ör") || strings.Contains(got, "115 107") || strings.Count(got, "wxyz") < 8 {
			t.Errorf("%s", got)
		}
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue(upstreamKeyText) }

// manySecrets knows a hundred keys.
func manySecrets() *Redactor {
	var secrets []string
	for i := range 100 {
		secrets = append(secrets, fmt.Sprintf("sk-proj-%048d", i*7919))
	}
	return NewRedactor(secretsOf(secrets...))
}

// BenchmarkRedact is what a line costs in which there is no secret.
func BenchmarkRedact(b *testing.B) {
	r := manySecrets()
	b.Run("a request's line", func(b *testing.B) {
		texts := []string{"gpt-4o", "alias", "openai", "gpt-4o-2024-08-06"}
		b.ReportAllocs()
		for b.Loop() {
			for _, text := range texts {
				r.Clean(text)
			}
		}
	})
	b.Run("an error of 200 bytes", func(b *testing.B) {
		text := strings.Repeat("The upstream said no. ", 9)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			r.Clean(text)
		}
	})
}

// Most places of a text are not looked at; a piece must be seen wherever it begins.
func TestPieceIsSeenWhereverItBegins(t *testing.T) {
	const long, short = "sk-proj-Vb7nMq2LxT9wRz4KcJ8y", "Pw8xNq3z"
	for name, secrets := range map[string][]string{"long ones": {long}, "short ones, too": {long, short}} {
		r := NewRedactor(secretsOf(secrets...))
		for before := range 3 * SecretRun {
			for from := range len(long) - SecretRun + 1 {
				for to := from + SecretRun; to <= len(long); to++ {
					text := strings.Repeat(".", before) + long[from:to] + strings.Repeat("-", before%7)
					if start, end, _ := r.find(text, 0); start != before || end != before+to-from {
						t.Fatalf("%s: a piece of %q at %d to %d in %q is found at %d to %d", name, long, before, before+to-from, text, start, end)
					}
				}
			}
			if text := strings.Repeat("_", before) + short; len(secrets) > 1 && !r.Has(text) {
				t.Fatalf("%s: %q is not found in %q", name, short, text)
			}
		}
	}
}
