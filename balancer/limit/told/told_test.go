package told

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// now is when all of these answers come.
var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// read is what headers tell, one a line.
func read(lines string) (t Told) {
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(line, ":")
		t.Read([]byte(strings.TrimSpace(name)), []byte(strings.TrimSpace(value)), now)
	}
	return t
}

func (t *Told) String() string {
	var list []string
	for i := range t.list[:t.n] {
		l := &t.list[i]
		text := fmt.Sprintf("%d %d/%d", l.Of, l.Remaining, l.Limit)
		if l.Reset >= 0 {
			text += " in " + l.Reset.String()
		}
		if l.Gradual {
			text += " gradually"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func TestEachProvidersHeadersAreRead(t *testing.T) {
	for provider, test := range map[string]struct{ headers, want string }{
		"OpenAI": {"x-ratelimit-limit-requests: 60\nx-ratelimit-limit-tokens: 150000\nx-ratelimit-remaining-requests: 59\nx-ratelimit-remaining-tokens: 149984\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s",
			"0 59/60 in 1s gradually, 1 149984/150000 in 6m0s gradually"},
		"OpenAI's projects": {"x-ratelimit-remaining-project-tokens: 0\nx-ratelimit-reset-project-tokens: 12ms", "1 0/0 in 12ms gradually"},
		"Groq": {"retry-after: 2\nx-ratelimit-limit-requests: 14400\nx-ratelimit-limit-tokens: 18000\nx-ratelimit-remaining-requests: 14370\nx-ratelimit-remaining-tokens: 17997\nx-ratelimit-reset-requests: 2m59.56s\nx-ratelimit-reset-tokens: 7.66s",
			"0 14370/14400 in 2m59.56s gradually, 1 17997/18000 in 7.66s gradually"},
		"Azure": {"X-Ratelimit-Remaining-Requests: 19\nX-Ratelimit-Remaining-Tokens: 19913\nx-ratelimit-renewalperiod-tokens: 60", "0 19/0, 1 19913/0"},
		"Anthropic": {"anthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 0\nanthropic-ratelimit-requests-reset: 2026-01-02T03:04:35Z\nanthropic-ratelimit-input-tokens-limit: 30000\nanthropic-ratelimit-input-tokens-remaining: 29000\nanthropic-ratelimit-input-tokens-reset: 2026-01-02T03:04:07.5+00:00\nanthropic-ratelimit-output-tokens-remaining: 0\nanthropic-ratelimit-output-tokens-reset: 2026-01-02T03:05:05Z\nanthropic-ratelimit-unified-5h-utilization: 0.42",
			"0 0/50 in 30s gradually, 1 29000/30000 in 2.5s gradually, 2 0/0 in 1m0s gradually"},
		"Cerebras": {"x-ratelimit-limit-requests-day: 1000\nx-ratelimit-limit-tokens-minute: 64000\nx-ratelimit-remaining-requests-day: 997\nx-ratelimit-remaining-tokens-minute: 0\nx-ratelimit-reset-requests-day: 33011.5\nx-ratelimit-reset-tokens-minute: 11.25",
			"0 997/1000 in 9h10m11.5s, 1 0/64000 in 11.25s"},
		"Mistral":        {"x-ratelimit-limit-req-minute: 60\nx-ratelimit-remaining-req-minute: 0\nx-ratelimit-remaining-tokens-minute: 9000\nx-ratelimit-tokens-query-cost: 7", "0 0/60, 1 9000/0"},
		"Mistral of old": {"ratelimitbysize-limit: 500000\nratelimitbysize-remaining: 0\nratelimitbysize-reset: 28\nratelimitbysize-query-cost: 32011", "1 0/500000 in 28s"},
		"SambaNova":      {"x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1767323060\nx-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 4h17m", "0 0/60 in 15s, 0 0/0 in 4h17m0s"},
		"DigitalOcean":   {"x-ratelimit-remaining-tokens-per-minute: 5\nx-ratelimit-reset-tokens-per-minute: 1767323055", "1 5/0 in 10s"},
		"OpenRouter":     {"X-RateLimit-Limit: 20\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1767323060500", "0 0/20 in 15.5s"},
		"Together":       {"x-ratelimit-limit: 10\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1\nx-tokenlimit-remaining: 7", "0 0/10 in 1s, 1 7/0"},
		"Fireworks":      {"x-ratelimit-over-limit: no\nx-ratelimit-remaining-tokens-generated: 0", "2 0/0"},
		"a draft":        {"RateLimit-Limit: 20, 20;w=60\nRateLimit-Remaining: 3\nRateLimit-Reset: 32\nratelimit-policy: 20;w=60", "0 3/20 in 32s"},
		"Gemini":         {"content-type: application/json\nserver: scaffolding on HTTPServer2", ""},
	} {
		told := read(test.headers)
		if got := told.String(); got != test.want {
			t.Errorf("%s: %s\nwant: %s", provider, got, test.want)
		}
	}
}

func TestNonsenseChangesNothing(t *testing.T) {
	for _, headers := range []string{
		"x-ratelimit-remaining-requests: -1", "x-ratelimit-remaining-requests: many", "x-ratelimit-remaining-requests:", "x-ratelimit-remaining-requests: 1e9",
		"x-ratelimit-remaining-requests: 99999999999999999999", "x-ratelimit-remaining-rupees: 0", "x-ratelimit-: 0", "x-ratelimit-remaining-requests-: 0", "x-ratelimit-requests-remaining: 0",
		"anthropic-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: soon", "x-ratelimit-reset-requests: -5", "x-ratelimit-reset-requests: 5 parsecs", "x-ratelimit-reset-requests: 5sm",
		"x-ratelimit-reset-requests: NaN", "x-ratelimit-reset-requests: Inf", "x-ratelimit-reset-requests: 9999999", "x-ratelimit-reset-requests: 99999h", "x-ratelimit-reset-requests: 1h.", "x-ratelimit-reset-requests: .",
		"x-ratelimit-reset-requests: 99999999999999999999", "anthropic-ratelimit-requests-reset: 2026-13-02T03:04:35Z", "anthropic-ratelimit-requests-reset: 2126-01-02T03:04:35Z", "anthropic-ratelimit-requests-reset: 2026-01-02",
	} {
		told := read(headers)
		if told.Any() {
			t.Errorf("%s is read as %s", headers, told.String())
		}
	}
	many := ""
	for _, s := range subjects {
		many += "x-ratelimit-remaining-" + s.name + ": 1\n"
	}
	if told := read(many); told.n != mostLimits {
		t.Errorf("%d limits of one answer are kept", told.n)
	}
}

func TestWaitIsThatOfWhatIsUsedUp(t *testing.T) {
	for headers, want := range map[string]time.Duration{
		"x-ratelimit-remaining-requests: 0\nx-ratelimit-limit-requests: 60\nx-ratelimit-reset-requests: 1m": time.Second,
		"x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1m":                                 time.Minute,
		"x-ratelimit-remaining-tokens: 0\nx-ratelimit-limit-tokens: 60\nx-ratelimit-reset-tokens: 1m":       time.Minute,
		"x-ratelimit-remaining-requests: 1\nx-ratelimit-reset-requests: 1m":                                 0,
		"x-ratelimit-remaining-requests: 0":                                                                 0,
		"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1767323060500":                                        15500 * time.Millisecond,
	} {
		if told := read(headers); told.Wait() != want {
			t.Errorf("%q: %v, want %v", headers, told.Wait(), want)
		}
	}
}

func TestBudgetSaysWhenThereIsRoomAgain(t *testing.T) {
	const s = int64(time.Second)
	for name, test := range map[string]struct {
		headers string
		tokens  int64
		want    int64 // from 100 s on the clock
	}{
		"nothing is told":                 {"", 10, 0},
		"something is left":               {"x-ratelimit-remaining-requests: 1\nx-ratelimit-reset-requests: 60", 10, 0},
		"no request is left":              {"x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 60", 10, 160 * s},
		"one comes each second":           {"x-ratelimit-remaining-requests: 0\nx-ratelimit-limit-requests: 60\nx-ratelimit-reset-requests: 60s", 10, 101 * s},
		"the last of several":             {"x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 60\nx-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 90", 10, 190 * s},
		"fewer tokens than it takes":      {"x-ratelimit-remaining-tokens: 9\nx-ratelimit-reset-tokens: 60", 10, 160 * s},
		"enough tokens":                   {"x-ratelimit-remaining-tokens: 10\nx-ratelimit-reset-tokens: 60", 10, 0},
		"tokens that come gradually":      {"x-ratelimit-remaining-tokens: 400\nx-ratelimit-limit-tokens: 1000\nx-ratelimit-reset-tokens: 60s", 600, 120 * s},
		"more than there can be":          {"x-ratelimit-remaining-tokens: 1000\nx-ratelimit-limit-tokens: 1000\nx-ratelimit-reset-tokens: 60s", 5000, 0},
		"an answer's tokens":              {"anthropic-ratelimit-output-tokens-remaining: 0\nanthropic-ratelimit-output-tokens-reset: 2026-01-02T03:05:05Z", 10, 160 * s},
		"some of an answer's tokens":      {"anthropic-ratelimit-output-tokens-remaining: 1\nanthropic-ratelimit-output-tokens-reset: 2026-01-02T03:05:05Z", 10, 0},
		"a minute without a reset":        {"x-ratelimit-remaining-req-minute: 0", 10, 160 * s},
		"a day without a reset":           {"x-ratelimit-remaining-requests-day: 0", 10, 0},
		"no window and no reset":          {"x-ratelimit-remaining-requests: 0", 10, 0},
		"it is reset already":             {"x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1700000000", 10, 0},
		"longer than anybody is believed": {"x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 86400", 10, 700 * s},
		"a reset without what is left":    {"x-ratelimit-reset-requests: 60\nx-ratelimit-limit-requests: 0", 10, 0},
	} {
		var b Budget
		told := read(test.headers)
		b.Note(&told, 99*s, 100*s, 10*time.Minute)
		if got := b.Back(test.tokens, 100*s); got != test.want {
			t.Errorf("%s: %v, want %v", name, time.Duration(got), time.Duration(test.want))
		}
		if test.want > 0 && (b.Back(test.tokens, test.want-1) == 0 || b.Back(test.tokens, test.want) != 0) {
			t.Errorf("%s: it is passed over until another moment than %v", name, time.Duration(test.want))
		}
	}
}

func TestBudgetBelievesTheLastAttempt(t *testing.T) {
	const s = int64(time.Second)
	spent, whole := read("x-ratelimit-remaining: 0\nx-ratelimit-reset: 60"), read("x-ratelimit-remaining: 5\nx-ratelimit-reset: 60")
	var b Budget
	b.Note(&spent, 10*s, 11*s, time.Hour)
	b.Note(&whole, 9*s, 12*s, time.Hour) // it was asked before
	if b.Back(1, 12*s) == 0 {
		t.Error("what an older attempt was told counts")
	}
	b.Note(&whole, 11*s, 13*s, time.Hour)
	if b.Back(1, 13*s) != 0 {
		t.Error("what is left again does not count")
	}
	b.Note(&spent, 14*s, 14*s, time.Hour)
	if !b.Forget() || b.Forget() || b.Back(1, 14*s) != 0 {
		t.Error("it is not forgotten")
	}
	var none *Budget
	if none.Back(1, 14*s) != 0 || none.Forget() {
		t.Error("no budget knows something")
	}
}

// FuzzTold holds whatever providers send to what a key may be passed over for.
func FuzzTold(f *testing.F) {
	for _, line := range []string{"x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1h2m3.5s", "anthropic-ratelimit-tokens-reset: 2026-01-02T03:04:35Z", "ratelimit-limit: 20, 20;w=60", "x-ratelimit-reset: 1767323060500"} {
		name, value, _ := strings.Cut(line, ": ")
		f.Add(name, value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		told := read("x-ratelimit-remaining-requests: 0\nx-ratelimit-limit-requests: 5")
		told.Read([]byte(name), []byte(value), now)
		for i := range told.list[:told.n] {
			if l := &told.list[i]; l.Remaining < -1 || l.Limit < 0 || l.Reset < -1 || l.Reset > longestReset {
				t.Fatalf("%q: %q is read as %s", name, value, told.String())
			}
		}
		var b Budget
		b.Note(&told, 1, 2, time.Minute)
		if back := b.Back(1000, 2); back < 0 || back > 2+int64(time.Minute) || told.Wait() < 0 {
			t.Fatalf("%q: %q keeps a key away until %d", name, value, back)
		}
	})
}

var answers = map[string][][2]string{
	"absent": {{"Content-Type", "application/json"}, {"Content-Length", "512"}, {"Server", "nginx"}, {"Date", "Mon, 05 Jan 2026 10:00:00 GMT"}, {"Connection", "keep-alive"}, {"X-Request-Id", "req_0123456789"}, {"Cf-Ray", "0123"}, {"Vary", "Accept-Encoding"}},
	"OpenAI": {{"Content-Type", "application/json"}, {"Date", "Mon, 05 Jan 2026 10:00:00 GMT"}, {"X-Request-Id", "req_0123456789"}, {"X-Ratelimit-Limit-Requests", "60"}, {"X-Ratelimit-Limit-Tokens", "150000"},
		{"X-Ratelimit-Remaining-Requests", "59"}, {"X-Ratelimit-Remaining-Tokens", "149984"}, {"X-Ratelimit-Reset-Requests", "1s"}, {"X-Ratelimit-Reset-Tokens", "6m0s"}},
	"Anthropic": {{"Content-Type", "application/json"}, {"Anthropic-Ratelimit-Requests-Limit", "50"}, {"Anthropic-Ratelimit-Requests-Remaining", "49"}, {"Anthropic-Ratelimit-Requests-Reset", "2026-01-02T03:04:35Z"},
		{"Anthropic-Ratelimit-Tokens-Limit", "50000"}, {"Anthropic-Ratelimit-Tokens-Remaining", "49000"}, {"Anthropic-Ratelimit-Tokens-Reset", "2026-01-02T03:04:35Z"}},
}

// BenchmarkTold is what the head of an answer costs.
func BenchmarkTold(b *testing.B) {
	for _, name := range []string{"absent", "OpenAI", "Anthropic"} {
		var lines [][2][]byte
		for _, l := range answers[name] {
			lines = append(lines, [2][]byte{[]byte(l[0]), []byte(l[1])})
		}
		b.Run(name, func(b *testing.B) {
			var budget Budget
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				var t Told
				for _, l := range lines {
					t.Read(l[0], l[1], now)
				}
				if t.Any() {
					budget.Note(&t, i, i, time.Hour)
				}
				budget.Back(100, i)
			}
		})
	}
}
