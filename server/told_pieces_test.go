package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"uniapi/server/telemetry"
)

// spokenIn are streams of each format that pass as they come, of which one event has NOTE, where the provider speaks
// itself, and LONG, which makes the event a large one.
var spokenIn = []struct{ name, engine, path, body, stream string }{
	{"chat", "/v1/chat/completions", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`,
		"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"before\"}}]}\n\n" +
			"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":null,\"images\":[\"LONG\"]}}],\"note\":\"NOTE\"}\n\n" +
			"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
	{"messages", "/v1/messages", "/v1/messages", `{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":3}}}\n\n" +
			"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"before\"}}\n\n" +
			"event: warning\ndata: {\"type\":\"warning\",\"long\":\"LONG\",\"note\":\"NOTE\"}\n\n" +
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
	{"gemini", "/v1beta\n    engine: gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hi"}]}]}`,
		"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"before\"}]}}]}\n\n" +
			"data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"data\":\"LONG\"}}]}}],\"note\":\"NOTE\"}\n\n" +
			"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"!\"}]},\"finishReason\":\"STOP\"}]}\n\n"},
	{"responses", "/v1/responses", "/v1/responses", `{"model":"m","stream":true,"input":"hi"}`,
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"before\"}\n\n" +
			"event: response.in_progress\ndata: {\"type\":\"response.in_progress\",\"response\":{\"instructions\":\"LONG\",\"note\":\"NOTE\"}}\n\n" +
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"before\"}]}]}}\n\n"},
	{"images", "/v1/images/generations", "/v1/images/generations", `{"model":"m","prompt":"hi","stream":true}`,
		"data: {\"type\":\"image_generation.partial_image\",\"note\":\"before\"}\n\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"LONG\",\"note\":\"NOTE\"}\n\n"},
}

const longText = 80 << 10

// TestLargeEventsTellNoSecretsOfTheProviderInPieces has each piece of a large event have less of the key than is looked
// for.
func TestLargeEventsTellNoSecretsOfTheProviderInPieces(t *testing.T) {
	for _, c := range spokenIn {
		t.Run(c.name, func(t *testing.T) {
			stream := strings.ReplaceAll(c.stream, "LONG", strings.Repeat("x", longText))
			up := act(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				flush := w.(http.Flusher).Flush
				before, behind, _ := strings.Cut(stream, "NOTE")
				io.WriteString(w, before)
				flush()
				for i := 0; i < len(upstreamKeyText); i += 8 {
					io.WriteString(w, upstreamKeyText[i:min(i+8, len(upstreamKeyText))])
					flush()
				}
				io.WriteString(w, behind)
			})
			g := start(t, up.section(c.engine, "m"))
			for range 20 { // what comes together is not ours to say
				a := g.do("POST", c.path, c.body, asClient...)
				if a.StatusCode != 200 || !strings.Contains(a.body, "before") || !strings.Contains(a.body, strings.Repeat("x", longText)) {
					t.Fatalf("%d %.300q", a.StatusCode, a.body)
				}
				if strings.Contains(a.body, upstreamKeyText) || strings.Contains(a.body, upstreamKeyText[10:30]) {
					t.Fatalf("the key is there: %.200q", a.body[strings.Index(a.body, upstreamKeyText[10:30])-40:])
				}
			}
		})
	}
}

// TestWhoSendsManyEscapesIsToldNothingOfTheProvidersInAnyFormOfAnEvent has events of several lines and large ones
// beside those of one line.
func TestWhoSendsManyEscapesIsToldNothingOfTheProvidersInAnyFormOfAnEvent(t *testing.T) {
	many := strings.Repeat(`\n`, telemetry.MostSigns+1)
	for _, c := range spokenIn {
		if c.name == "images" {
			continue // whose events are no conversation's
		}
		for form, shape := range map[string]func(string) string{
			"one line": func(s string) string { return strings.ReplaceAll(s, "LONG", "x") },
			"several lines": func(s string) string {
				return strings.ReplaceAll(strings.ReplaceAll(s, "LONG", "x"), `,"`, ",\ndata: \"")
			},
			"a large event": func(s string) string { return strings.ReplaceAll(s, "LONG", strings.Repeat("x", longText)) },
		} {
			t.Run(c.name+" "+form, func(t *testing.T) {
				for _, note := range []string{"the key " + upstreamKeyText, "the key sk-other-abcdefghijklmnopqrstuvwxyz"} {
					up := act(t, func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Type", "text/event-stream")
						before, behind, _ := strings.Cut(shape(c.stream), "NOTE")
						io.WriteString(w, before+note)
						w.(http.Flusher).Flush()
						io.WriteString(w, behind)
					})
					g := start(t, up.section(c.engine, "m"))
					a := g.do("POST", c.path, strings.Replace(c.body, "hi", many, 1), asClient...)
					if a.StatusCode != 200 || !strings.Contains(a.body, "before") {
						t.Fatalf("%d %.300q", a.StatusCode, a.body)
					}
					if strings.Contains(a.body, note[8:]) {
						t.Errorf("%q is there: %.300q", note, a.body[max(0, strings.Index(a.body, note[8:])-100):])
					}
				}
			})
		}
	}
}

// TestEventsThatAreMendedTellNoSecrets has a provider whose chunks lack an id, or have their thinking under one name,
// and stand in several lines.
func TestEventsThatAreMendedTellNoSecrets(t *testing.T) {
	for name, event := range map[string]string{
		"one line":                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"before\"}}],\"note\":\"" + upstreamKeyText + "\"}\n\n",
		"several lines":           "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"before\"}}],\ndata: \"note\":\"" + upstreamKeyText + "\"}\n\n",
		"thinking in several":     "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"before\",\"reasoning\":\"hm\"}}],\ndata: \"note\":\"" + upstreamKeyText + "\"}\n\n",
		"the name of the event":   "event: " + upstreamKeyText + "\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"before\"}}]}\n\n",
		"a comment before it all": ": " + upstreamKeyText + "\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"before\"}}]}\n\n",
	} {
		up := act(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, event+strings.ReplaceAll(event, "before", "behind")+"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		})
		g := start(t, up.section("/v1/chat/completions", "m"))
		a := g.do("POST", "/v1/chat/completions", streamRequest, asClient...)
		if a.StatusCode != 200 || strings.Contains(a.body, upstreamKeyText[3:]) || !strings.Contains(a.body, "behind") {
			t.Errorf("%s: %d %q", name, a.StatusCode, a.body)
		}
		for line := range strings.Lines(a.body) {
			if data, is := strings.CutPrefix(line, "data: {"); is && strings.HasPrefix(name, "one") && !json.Valid([]byte("{"+strings.TrimSpace(data))) {
				t.Errorf("%s: %q is no JSON any more", name, line)
			}
		}
	}
}
