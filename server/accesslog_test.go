package server

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"uniapi/server/telemetry"
)

// fieldsOf are the names of a log line, without those that slog adds.
func fieldsOf(l logLine) []string {
	names := slices.Collect(maps.Keys(l))
	names = slices.DeleteFunc(names, func(n string) bool { return n == "time" || n == "level" || n == "msg" })
	slices.Sort(names)
	return names
}

func TestRequestLeavesOneLine(t *testing.T) {
	up := listen(t, both)
	broken := listen(t, says(reply(500, jsonKind, errorBody("broken"))))
	sections := []string{
		providerOf("p", up, "    model: [m, {upstream-n: n}]\n"),
		providerOf("b", broken, "    model: [b]\n"),
		"api_keys:\n  - api: " + clientKeyText + "\n    role: tester\n    preferences:\n      AUTO_RETRY: false\n",
	}
	ask := func(request, model string) string { return strings.Replace(request, `"m"`, `"`+model+`"`, 1) }
	served := []string{"attempts", "completion_tokens", "first_byte_ms", "id", "key", "model", "ms", "prompt_tokens", "provider", "status", "stream"}
	for _, c := range []struct {
		name, body string
		key        string
		level      string
		want       logLine // values
		fields     []string
	}{
		{"a plain answer", plainRequest, clientKeyText, "INFO",
			logLine{"status": 200.0, "model": "m", "stream": false, "attempts": 1.0, "key": "tester", "provider": "p", "prompt_tokens": 11.0, "completion_tokens": 7.0, "cached_tokens": 3.0},
			append([]string{"cached_tokens"}, served...)},
		{"a stream", streamRequest, clientKeyText, "INFO",
			logLine{"status": 200.0, "model": "m", "stream": true, "attempts": 1.0, "key": "tester", "provider": "p", "prompt_tokens": 11.0, "completion_tokens": 7.0},
			served},
		{"a renamed model", ask(streamRequest, "n"), clientKeyText, "INFO",
			logLine{"status": 200.0, "model": "n", "upstream_model": "upstream-n"},
			append([]string{"upstream_model"}, served...)},
		{"a failure", ask(plainRequest, "b"), clientKeyText, "WARN",
			logLine{"status": 500.0, "model": "b", "attempts": 1.0, "provider": "b", "error": "broken"},
			[]string{"attempts", "error", "id", "key", "model", "ms", "provider", "status", "stream"}},
		{"an unknown model", ask(plainRequest, "x"), clientKeyText, "INFO",
			logLine{"status": 404.0, "model": "x", "attempts": 0.0, "key": "tester"},
			[]string{"attempts", "error", "id", "key", "model", "ms", "status", "stream"}},
		{"a body that is no JSON", "{", clientKeyText, "INFO",
			logLine{"status": 400.0, "model": "", "key": "tester"},
			[]string{"attempts", "error", "id", "key", "model", "ms", "status", "stream"}},
		{"a wrong key", plainRequest, "sk-wrong", "INFO",
			logLine{"status": 401.0, "model": "", "attempts": 0.0, "client": "127.0.0.1"},
			[]string{"attempts", "client", "error", "id", "model", "ms", "status", "stream"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, sections...)
			a := g.do("POST", "/v1/chat/completions", c.body, "Authorization", "Bearer "+c.key, "X-Request-Id", "mine-1")
			line := g.log.Next(t, "request")
			slices.Sort(c.fields)
			if !slices.Equal(fieldsOf(line), c.fields) {
				t.Errorf("fields %v, want %v", fieldsOf(line), c.fields)
			}
			for name, value := range c.want {
				if line[name] != value {
					t.Errorf("%s is %v, want %v", name, line[name], value)
				}
			}
			if line["level"] != c.level || line["id"] != "mine-1" || a.Header.Get("X-Request-Id") != "mine-1" {
				t.Errorf("level %v, id %v", line["level"], line["id"])
			}
			if ms, ok := line["ms"].(float64); !ok || ms < 0 || ms > 60_000 {
				t.Errorf("ms is %v", line["ms"])
			}
			if first, there := line["first_byte_ms"].(float64); there && first > line["ms"].(float64) {
				t.Errorf("the first byte came after the end: %v", line)
			}
			if n := g.log.Count("request"); n != 1 {
				t.Errorf("%d lines", n)
			}
			noSecrets(t, g.log.String())
			if text := g.log.String(); strings.Contains(text, "hello") || strings.Contains(text, `"hi"`) {
				t.Errorf("the log holds what was said: %s", text)
			}
		})
	}
}

// A failure that a later channel made good is not the failure of the request.
func TestClientThatLeavesAServedStreamIsNotLoggedWithAnEarlierFailure(t *testing.T) {
	broken := listen(t, says(reply(500, jsonKind, errorBody("broken"))))
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		p.gone()
		return false
	})
	g := start(t, providerOf("p", broken), providerOf("q", up))
	c := g.dial()
	c.post(streamRequest)
	c.head()
	c.Close()
	if line := g.log.Next(t, "request"); line["status"] != 499.0 || line["provider"] != "q" || line["error"] == "broken" {
		t.Errorf("logged as %v", line)
	}
}

func TestLongTextsAreCutInTheLog(t *testing.T) {
	broken := listen(t, says(reply(500, "text/plain", strings.Repeat("é", 2000))))
	g := start(t, providerOf("p", broken), once)
	g.chat(plainRequest)
	line := g.log.Next(t, "request")
	if text, _ := line["error"].(string); len(text) > 600 || !strings.HasSuffix(text, "é…") {
		t.Errorf("%d bytes of error: %q", len(text), text)
	}
	g.chat(strings.Replace(plainRequest, `"m"`, `"`+strings.Repeat("m", 1<<20)+`"`, 1)).failure(t, 404, "model_not_found")
	line = g.log.Next(t, "request")
	if text, _ := line["model"].(string); len(text) > 600 {
		t.Errorf("%d bytes of model", len(text))
	}
	if text, _ := line["error"].(string); len(text) > 600 {
		t.Errorf("%d bytes of error", len(text))
	}
}

func TestLineCanBeText(t *testing.T) {
	var out bytes.Buffer
	log, flush := telemetry.NewLogger(&out, true, slog.LevelInfo)
	g := startWith(t, Options{Log: log}, providerOf("p", listen(t, both)))
	g.chat(strings.Replace(plainRequest, `"m"`, `"a b\nlevel=ERROR"`, 1))
	eventually(t, "no request in flight", func() bool { return g.inFlight.Load() == 0 })
	flush()
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, "level=INFO msg=request ") || !strings.Contains(line, "status=404") ||
		!strings.Contains(line, `model="a b\nlevel=ERROR"`) {
		t.Errorf("%q", line)
	}
}
