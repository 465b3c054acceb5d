package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAtDebugLevelEachAttemptHasALine(t *testing.T) {
	bad := listen(t, says(reply(500, jsonKind, `{"error":{"message":"down"}}`)))
	good := listen(t, both)
	g := start(t, providerOf("bad", bad), providerOf("good", good, "    model: [{up: m}]\n"))
	number := func(line logLine, name string) float64 {
		n, _ := line[name].(float64)
		return n
	}
	for _, c := range []struct {
		body string
		want int // bytes of the answer, as the provider sends it
	}{
		{plainRequest, len(plainBodyOf("hello"))},
		{streamRequest, len(event("one") + event(" two") + stopEvent + usageEvent + doneEvent)},
	} {
		if a := g.chat(c.body); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		line := g.log.Next(t, "attempt")
		if line["provider"] == "bad" {
			if number(line, "status") != 500 || number(line, "upstream_status") != 500 || number(line, "attempt") != 1 || number(line, "received_bytes") == 0 || line["level"] != "DEBUG" {
				t.Errorf("the one that failed: %v", line)
			}
			line = g.log.Next(t, "attempt")
		}
		request := g.log.Next(t, "request")
		if line["provider"] != "good" || line["upstream_model"] != "up" || line["provider_key"] != "sk-…wxyz" || line["endpoint"] != "chat/completions" || line["format"] != "openai" ||
			line["id"] != request["id"] || number(line, "status") != 200 || number(line, "upstream_status") != 200 || line["sent"] != true {
			t.Errorf("%v", line)
		}
		if got := int(number(line, "received_bytes")); got != c.want && got != c.want-len(doneEvent) {
			t.Errorf("%d bytes received, not %d", got, c.want)
		}
		if sent := number(line, "sent_bytes"); sent < float64(len(c.body)) || sent > float64(len(c.body)+500) {
			t.Errorf("%v bytes sent", sent)
		}
		if head, first, whole := number(line, "head_ms"), number(line, "first_byte_ms"), number(line, "ms"); head <= 0 || first < head || whole < first {
			t.Errorf("times %v, %v, %v", head, first, whole)
		}
		if line["request"] != nil || line["answer"] != nil {
			t.Errorf("bodies: %v", line)
		}
	}
	g.chat(plainRequest)
	if line := g.log.Next(t, "attempt"); line["reused"] != true {
		t.Errorf("another connection: %v", line)
	}
}

func TestAttemptsThatReachNobodyHaveALineToo(t *testing.T) {
	g := start(t, "  - {provider: p, base_url: 'http://127.0.0.1:1/v1/chat/completions', api: "+upstreamKeyText+", model: [m]}\n")
	g.chat(plainRequest).failure(t, 503, "")
	line := g.log.Next(t, "attempt")
	if line["status"] != 503.0 || line["upstream_status"] != 0.0 || line["received_bytes"] != 0.0 || line["reused"] != false {
		t.Errorf("%v", line)
	}
}

func TestAboveDebugLevelNothingIsTraced(t *testing.T) {
	lines := newLogLines()
	g := startWith(t, Options{LogBodies: true, Log: slog.New(slog.NewJSONHandler(lines, nil))}, providerOf("p", listen(t, both)))
	if g.debug {
		t.Error("it is at debug level")
	}
	g.chat(streamRequest)
	lines.Next(t, "request")
	if text := lines.String(); strings.Contains(text, `"attempt"`) || strings.Contains(text, "hi") && strings.Contains(text, "messages") {
		t.Errorf("%s", text)
	}
}

func TestBodiesAreLoggedOnlyIfTheyAreAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		g := startWith(t, Options{LogBodies: on}, providerOf("p", listen(t, both), "    model: [{up: m}]\n"))
		image := strings.Repeat("iVBORw0KGgo/", 1000)
		body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"my question ` + upstreamKeyText + `"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + image + `"}}]}]}`
		if a := g.chat(body); a.body != streamSeen {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		g.log.Next(t, "request")
		text := g.log.String()
		if !on {
			if strings.Contains(text, "my question") || strings.Contains(text, `" two`) || strings.Contains(text, "request body") {
				t.Errorf("%s", text)
			}
			continue
		}
		for _, want := range []string{`"msg":"request body"`, "my question sk-…wxyz", `\"model\":\"m\"`, `\"model\":\"up\"`, `\"content\":\" two\"`, "base64,iVBORw0K…(base64)"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in\n%s", want, text)
			}
		}
		if strings.Contains(text, upstreamKeyText) || strings.Contains(text, image[:300]) {
			t.Errorf("%s", text)
		}
	}
}

func TestBodyIsShortened(t *testing.T) {
	long := strings.Repeat("word ", 2000)
	run := strings.Repeat("QUJD", 100)
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"nothing", nil, ""},
		{"a short one", []string{`{"a":"b"}`}, `{"a":"b"}`},
		{"one in parts", []string{`{"a":`, `"b"`, "}"}, `{"a":"b"}`},
		{"a long one", []string{long}, long[:mostShown] + "…"},
		{"a long one in parts", []string{long[:3000], long[3000:]}, long[:mostShown] + "…"},
		{"an image", []string{`{"url":"data:image/png;base64,` + run + `","x":1}`}, `{"url":"data:image/png;base64,QUJDQUJD…(base64)","x":1}`},
		{"an image at the end", []string{`x ` + run}, `x QUJDQUJD…(base64)`},
		{"a word", []string{strings.Repeat("a", mostEncoded)}, strings.Repeat("a", mostEncoded)},
		{"other letters", []string{"größer ∀ 日本"}, "größer ∀ 日本"},
		{"what is no text", []string{"head\x00\x01tail"}, "head…(binary)"},
		{"what is no text either", []string{"head \xff\xfe\xfd\xfc\xfb tail"}, "head …(binary)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var parts [][]byte
			for _, p := range c.parts {
				parts = append(parts, []byte(p))
			}
			if got := shorten(parts...); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzShorten(f *testing.F) {
	f.Add([]byte("größer\x00"), []byte(strings.Repeat("QUJD", 2000)))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if got := shorten(a, b); len(got) > mostShown+mostEncoded+20 || utf8.Valid(bytes.Join([][]byte{a, b}, nil)) && !utf8.ValidString(got) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	})
}
