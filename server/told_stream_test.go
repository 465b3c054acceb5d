package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"uniapi/server/telemetry"
)

// TestStreamsTellNoSecretsOfTheProvider has a provider that says its key in its own voice at every place of a stream
// that has begun, and in the model's.
func TestStreamsTellNoSecretsOfTheProvider(t *testing.T) {
	events := ""
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, events)
	})
	const (
		chatPiece  = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"WORDS\"},\"finish_reason\":null}]}\n\n"
		chatEnd    = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
		piece      = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"WORDS\"}   }\n\n"
		geminiSays = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"WORDS\"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":1}}\r\n\r\n"
		geminiEnd  = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"!\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]}\r\n\r\n"
		respPiece  = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"WORDS\"}\n\n"
		respEnd    = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"WORDS\"}]}]}}\n\n"
	)
	messagesBegin, messagesEnd, _ := strings.Cut(messagesStream, "event: content_block_delta")
	_, messagesEnd, _ = strings.Cut(messagesEnd, "\n\n")
	for _, client := range []struct{ name, engine, path, body, before, piece, after string }{
		{"chat", "/v1/chat/completions", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`, "", chatPiece, chatEnd},
		{"messages", "/v1/messages", "/v1/messages", `{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, messagesBegin, piece, messagesEnd},
		{"gemini", "/v1beta\n    engine: gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "", geminiSays, geminiEnd},
		{"gemini in an array", "/v1beta\n    engine: gemini", "/v1beta/models/m:streamGenerateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "", geminiSays, geminiEnd},
		{"responses", "/v1/responses", "/v1/responses", `{"model":"m","stream":true,"input":"hi"}`, "", respPiece, respEnd},
	} {
		g := start(t, up.section(client.engine, "m"))
		say := func(text string) string { return strings.ReplaceAll(client.piece, "WORDS", text) }
		for _, own := range []string{
			": the key is SECRET\n\n", "event: SECRET\n" + strings.TrimPrefix(say("x"), "event: "), "id: SECRET\n" + say("x"), ": SECRET\n" + say("x"),
			"data: {\"detail\":\"the key SECRET is bad\"}\n\n", "data: {\"object\":\"error\",\"message\":\"no SECRET\"}\n\n",
			"data: {\"promptFeedback\":{\"blockReasonMessage\":\"SECRET\"}}\n\n", "data: {\"type\":\"warning\",\"text\":\"SECRET\"}\n\n",
			"data: {\"a\":1,\ndata: \"text\":\"SECRET\"}\n\n", "data: {\"detail\":\"" + strings.Repeat("x", 70_000) + "SECRET\"}\n\n",
			strings.Replace(say("x"), "{", "{\"note\":\"SECRET\",", 1), strings.Replace(say("x"), "\"index\":0", "\"index\":0,\"finishMessage\":\"SECRET\"", 1),
			say("x") + say("x") + strings.Replace(say("x"), "}\n\n", ",\"note\":\"SECRET\"}\n\n", 1), strings.Replace(say("x"), "}\r\n\r\n", ",\"note\":\"SECRET\"}\r\n\r\n", 1),
			strings.Replace(say("x"), "{", "{\"note\":\"SECRET\",", 1) + strings.Replace(say("y"), "{", "{\"note\":\"SECRET\",", 1),
		} {
			for _, form := range []string{upstreamKeyText, upstreamKeyText[3:], escapedJSON(upstreamKeyText)} {
				events = client.before + say("before") + strings.ReplaceAll(own, "SECRET", form) + say("behind") + client.after
				a := g.do("POST", client.path, client.body, asClient...)
				if strings.Contains(a.body, form) || a.StatusCode == 200 != strings.Contains(a.body, "before") {
					t.Errorf("%s, %.200q: %d %.400q", client.name, own, a.StatusCode, a.body[max(0, len(a.body)-1000):])
				}
				for line := range strings.Lines(a.body) {
					if data, is := strings.CutPrefix(line, "data: {"); is && !strings.Contains(own, "\ndata: \"") && !json.Valid([]byte("{"+strings.TrimSpace(data))) {
						t.Errorf("%s, %.200q: %.300q is no JSON any more", client.name, own, line)
					}
				}
			}
		}
		events = client.before + say("it is "+upstreamKeyText) + say("b") + say("or "+upstreamKeyText) + client.after
		if a := g.do("POST", client.path, client.body, asClient...); strings.Count(a.body, upstreamKeyText) < 2 {
			t.Errorf("%s: what the model says does not pass as it comes: %q", client.name, a.body)
		}
		// What the client has said itself is no secret to it.
		events = client.before + say("before") + ": " + upstreamKeyText + "\n\n" + say("behind") + client.after
		if a := g.do("POST", client.path, strings.Replace(client.body, "hi", upstreamKeyText, 1), asClient...); !strings.Contains(a.body, upstreamKeyText) && client.name != "gemini in an array" {
			t.Errorf("%s: what the client said itself is taken out: %q", client.name, a.body)
		}
	}
}

// TestTranslatedStreamsTellNoSecretsOfTheProvider has Anthropic explain a refusal to a chat client.
func TestTranslatedStreamsTellNoSecretsOfTheProvider(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":3}}}\n\n"+
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\",\"stop_details\":{\"explanation\":\"policy of "+upstreamKeyText+"\"}}}\n\n"+
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	})
	g := start(t, up.section("/v1/messages", "m"))
	a := g.do("POST", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`, asClient...)
	if !strings.Contains(a.body, "policy of") || strings.Contains(a.body, upstreamKeyText[3:]) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestStreamsTellWhoSendsTooManyEscapesNeitherSecretsNorWhichGuessIsRight has a request in which not all can be looked
// through for what the client has said itself, and a provider that repeats what may be from it, or may be its own key.
func TestStreamsTellWhoSendsTooManyEscapesNeitherSecretsNorWhichGuessIsRight(t *testing.T) {
	text := ""
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, event("before")+": 1\n\n"+strings.ReplaceAll(`data: {"id":"chatcmpl-123456789","detail":"you said TEXT","list":["a",{"b" : "\"TEXT\""}],"tools":[{"name":"TEXT"}],"choices":[{"delta":{"content":"words of a model"}}]}`,
			"TEXT", text)+"\n\n"+stopEvent)
	})
	g := start(t, up.section("/v1", "m"))
	answers := map[string]bool{}
	for _, text = range []string{upstreamKeyText, strings.Repeat("x", len(upstreamKeyText))} {
		for _, said := range []string{text, ""} {
			a := g.do("POST", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"`+said+strings.Repeat(`\n`, telemetry.MostSigns+1)+`"}]}`, asClient...)
			if strings.Contains(a.body, text) || !strings.Contains(a.body, "chatcmpl-123456789") || !strings.Contains(a.body, "words of a model") || !strings.Contains(a.body, `"b" : "**`) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			answers[a.body] = true
		}
	}
	if len(answers) != 1 {
		t.Errorf("there are %d answers", len(answers))
	}
}
