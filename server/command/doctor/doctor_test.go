package doctor

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestGatewayAddressIsThatBelowWhichAllAPIsStand(t *testing.T) {
	for given, want := range map[string]string{
		"http://127.0.0.1:8000":           "http://127.0.0.1:8000",
		"http://127.0.0.1:8000/":          "http://127.0.0.1:8000",
		"https://gateway.example/v1":      "https://gateway.example",
		"https://gateway.example/v1beta/": "https://gateway.example",
		"https://example.com/llm/v1":      "https://example.com/llm",
		"gateway.example":                 "",
		"ftp://gateway.example":           "",
		"https://u:p@gateway.example":     "",
		"https://gateway.example/?key=k":  "",
		"":                                "",
	} {
		got, err := GatewayAddress(given)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v, want %q", given, got, err, want)
		}
	}
}

func TestMomentsAreThoseAtWhichSomethingCame(t *testing.T) {
	at := func(times ...int) (events []event) {
		for _, ms := range times {
			events = append(events, event{at: time.Duration(ms) * time.Millisecond})
		}
		return events
	}
	for name, c := range map[string]struct {
		events  []event
		want    int
		longest time.Duration
	}{
		"one by one":  {at(100, 200, 300, 400), 4, 100 * time.Millisecond},
		"all at once": {at(900, 900, 901, 902), 1, 900 * time.Millisecond},
		"two lumps":   {at(500, 501, 900, 903), 2, 500 * time.Millisecond},
		"quickly":     {at(3, 6, 9, 12), 2, 3 * time.Millisecond},
		"none":        {nil, 0, 0},
	} {
		if got, most := moments(c.events), longest(c.events); got != c.want || most != c.longest {
			t.Errorf("%s: %d moments, silent for %s, want %d and %s", name, got, most, c.want, c.longest)
		}
	}
}

func TestAdviceIsForWhatStandsBetween(t *testing.T) {
	for header, want := range map[string]string{
		"Server: nginx/1.22.1":           "proxy_buffering off",
		"Via: 1.1 Caddy":                 "flush_interval -1",
		"Server: cloudflare":             "Cloudflare",
		"Cf-Ray: 1":                      "Cloudflare",
		"X-Amz-Cf-Id: 1":                 "CloudFront",
		"Server: Apache":                 "flushpackets=on",
		"Content-Type: text/plain":       "asked directly",
		"Server: something\x1b[2Jelse/1": "turn response buffering",
	} {
		var b between
		name, value, _ := strings.Cut(header, ": ")
		b.see(map[string][]string{name: {value}})
		b.see(map[string][]string{name: {value}}) // twice is told once
		if got := b.unbuffer(); !strings.Contains(got, want) || strings.Contains(b.name(), "\x1b") || strings.Contains(b.name(), " and ") {
			t.Errorf("%s: %q by %q, want %q", header, got, b.name(), want)
		}
	}
}

func TestChosenModelIsOneForChatsAndCanBeCopied(t *testing.T) {
	for want, names := range map[string][]string{
		"gpt-4o":        {"text-embedding-3-small", "whisper-1", "gpt-4o", "o3"},
		"openai/gpt-4o": {"$(reboot)", "a\nb", "openai/gpt-4o"},
		"":              {"tts-1", "$(reboot)"},
	} {
		if got := choose(names); got != want {
			t.Errorf("of %q: %q, want %q", names, got, want)
		}
	}
}

func TestStreamsAreHeardInEachFormat(t *testing.T) {
	for name, c := range map[string]struct {
		dialect
		stream  string
		text    string
		call    call
		whole   bool
		failure string
		marks   int
	}{
		"messages": {messages(), "event: ping\ndata: {\"type\":\"ping\"}\n\n" +
			"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n" +
			"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":{}}}\n\n" +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":1}\"}}\n\n" +
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", "a", call{"i", "n", `{"x":1}`}, true, "", 1},
		"messages with an error": {messages(), "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n", "", call{}, false, "Overloaded", 0},
		"responses": {responses(), ": still here\r\n\r\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\r\n\r\n" +
			"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"call_id\":\"i\",\"name\":\"n\",\"arguments\":\"{}\"}}\r\n\r\n" +
			"data: {\"type\":\"response.completed\",\"response\":{}}\r\n\r\n", "a", call{"i", "n", "{}"}, true, "", 1},
		"responses that failed": {responses(), "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"no\"}}}\n\n", "", call{}, false, "no", 0},
		"gemini": {gemini(), "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"t\",\"thought\":true},{\"text\":\"a\"},{\"functionCall\":{\"name\":\"n\",\"args\":{}}}]},\"finishReason\":\"STOP\"}]}\n\n",
			"a", call{"", "n", "{}"}, true, "", 0},
		"chat": {chat(""), "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" +
			"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"i\",\"function\":{\"name\":\"n\",\"arguments\":\"{\"}}]}}]}\n\n" +
			"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}}]}\n\ndata: [DONE]\n\n", "a", call{"i", "n", "{}"}, true, "", 0},
		"chat without its end": {chat(""), "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", "a", call{}, false, "", 0},
		"a page":               {chat(""), "data: <html>\n\n", "", call{}, false, "an event is no JSON: <html>", 0},
	} {
		events, err := readEvents(strings.NewReader(c.stream), func() time.Duration { return 0 })
		h := c.hear(events)
		var first call
		if len(h.calls) > 0 {
			first = h.calls[0]
		}
		if err != nil || h.text != c.text || first != c.call || h.whole != c.whole || h.failure != c.failure || h.marks != c.marks {
			t.Errorf("%s: %v, %+v", name, err, h)
		}
	}
}

func FuzzStreamsOfAnyBytesAreHeard(f *testing.F) {
	f.Add([]byte("event: a\r\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1}]}}]}\n\n: x\n\n"))
	f.Add([]byte("data: {\"type\":\"content_block_delta\",\"index\":-1,\"delta\":{\"text\":\"a\"}}\n\n"))
	f.Add([]byte("data: {\"candidates\":[{\"content\":{\"parts\":[null]}}]}\n\n"))
	f.Add([]byte("data: {\"type\":\"response.output_item.done\",\"item\":null}\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		events, err := readEvents(bytes.NewReader(stream), func() time.Duration { return 0 })
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range clients() {
			if h := c.dialect.hear(events); len(h.calls) > 0 && h.parts == 0 {
				t.Errorf("%s: calls without an event: %+v", c.name, h)
			}
			c.dialect.listed(stream)
			c.dialect.envelope(stream)
		}
		(&answer{body: stream}).message()
	})
}
