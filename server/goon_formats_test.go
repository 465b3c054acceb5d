package server

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/server/servertest"
)

// speaker is a provider of one format, whose streams are played piece by piece.
type speaker struct {
	name, engine, path string
	model              string // its own name of m
	kind               string // Content-Type
	lead, over, fault  string // what comes before the text; the finish, with 11 tokens in and 7 out; an error in its place
	piece              func(text string) string
	prefilled          bool // it goes on with a text at the end of the conversation by itself
}

// named is an event with a name, which may be "".
func named(name, data string) string {
	if name == "" {
		return "data: " + data + "\n\n"
	}
	return "event: " + name + "\ndata: " + data + "\n\n"
}

func converseFrame(kind, data string) string {
	return string(eventstream.AppendEvent(nil, kind, []byte(data)))
}

var claudeEnd = []string{`{"type":"content_block_stop","index":0}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":11,"output_tokens":7}}`, `{"type":"message_stop"}`}

var claudeFault = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`

func claudeOver(write func(name, data string) string) string {
	return write("content_block_stop", claudeEnd[0]) + write("message_delta", claudeEnd[1]) + write("message_stop", claudeEnd[2])
}

const eventFrames = "application/vnd.amazon.eventstream"

// speakers are one for each format.
var speakers = []*speaker{
	{name: "chat", engine: "gpt", path: "/v1/chat/completions", over: stopEvent + usageEvent + doneEvent, fault: named("", errorBody("overloaded")), piece: func(text string) string { return named("", servertest.ChatEvent(text)) }},
	{name: "messages", engine: "claude", path: "/v1/messages", model: "claude-sonnet-4-5", lead: servertest.MessagesLead, over: claudeOver(named), fault: named("error", claudeFault),
		piece: func(text string) string { return named("content_block_delta", servertest.MessagesEvent(text)) }, prefilled: true},
	{name: "new-messages", engine: "claude", path: "/v1/messages", model: "claude-sonnet-4-6", lead: servertest.MessagesLead, over: claudeOver(named), fault: named("error", claudeFault),
		piece: func(text string) string { return named("content_block_delta", servertest.MessagesEvent(text)) }},
	{name: "gemini", engine: "gemini", path: "/v1beta", model: "gemini-2.5-pro", fault: named("", `{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`),
		over:  named("", `{"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":11,"candidatesTokenCount":7,"totalTokenCount":18}}`),
		piece: func(text string) string { return named("", servertest.GeminiEvent(text)) }, prefilled: true},
	{name: "responses", engine: "responses", path: "/v1/responses", lead: servertest.ResponsesLead, fault: named("error", `{"type":"error","code":"server_error","message":"overloaded","sequence_number":9}`),
		over:  named("response.completed", `{"type":"response.completed","sequence_number":9,"response":{"id":"resp","object":"response","status":"completed","model":"r","output":[],"usage":{"input_tokens":11,"output_tokens":7,"total_tokens":18}}}`),
		piece: func(text string) string { return named("response.output_text.delta", servertest.ResponsesEvent(text)) }},
	{name: "cohere", engine: "cohere", path: "/v2/chat", lead: servertest.CohereLead, fault: named("message-end", `{"type":"message-end","delta":{"finish_reason":"ERROR","error":"overloaded"}}`),
		over:  named("message-end", `{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":11,"output_tokens":7}}}}`),
		piece: func(text string) string { return named("content-delta", servertest.CohereEvent(text)) }},
	{name: "converse", engine: "aws", model: "amazon.nova-pro-v1:0", kind: eventFrames, lead: converseFrame("messageStart", `{"role":"assistant"}`),
		fault: string(eventstream.AppendException(nil, "serviceUnavailableException", []byte(`{"message":"overloaded"}`))),
		over: converseFrame("contentBlockStop", `{"contentBlockIndex":0}`) + converseFrame("messageStop", `{"stopReason":"end_turn"}`) +
			converseFrame("metadata", `{"usage":{"inputTokens":11,"outputTokens":7,"totalTokens":18}}`),
		piece: func(text string) string {
			return converseFrame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":`+text+`}}`)
		}},
	{name: "converse-claude", engine: "aws", model: "anthropic.claude-sonnet-4-5-20250929-v1:0", kind: eventFrames, lead: converseFrame("messageStart", `{"role":"assistant"}`),
		fault: string(eventstream.AppendException(nil, "serviceUnavailableException", []byte(`{"message":"overloaded"}`))),
		over: converseFrame("contentBlockStop", `{"contentBlockIndex":0}`) + converseFrame("messageStop", `{"stopReason":"end_turn"}`) +
			converseFrame("metadata", `{"usage":{"inputTokens":11,"outputTokens":7,"totalTokens":18}}`),
		piece: func(text string) string {
			return converseFrame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":`+text+`}}`)
		}, prefilled: true},
}

// section is a provider in api.yaml.
func (s *speaker) section(name string, u *upstream, more ...string) string {
	model := "m"
	if s.model != "" {
		model = "'" + s.model + "': m"
	}
	keys := "    api: " + upstreamKeyText + "\n"
	if s.engine == "aws" {
		keys = "    aws_access_key: AKIAEXAMPLE\n    aws_secret_key: a-secret\n"
	}
	return fmt.Sprintf("  - provider: %s\n    base_url: http://%s%s\n    engine: %s\n%s    model: [%s]\n%s", name, u.addr, s.path, s.engine, keys, model, strings.Join(more, ""))
}

// begins is a stream up to its last text.
func (s *speaker) begins(texts ...string) string {
	kind := s.kind
	if kind == "" {
		kind = "text/event-stream"
	}
	all := "HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	if s.lead != "" {
		all += chunk(s.lead)
	}
	for _, text := range texts {
		quoted := `"` + text + `"` // as it is, if it is no text
		if whole, err := json.Marshal(text); err == nil && utf8.ValidString(text) {
			quoted = string(whole)
		}
		all += chunk(s.piece(quoted))
	}
	return all
}

// whole is a stream that comes to its end.
func (s *speaker) whole(texts ...string) string {
	return s.begins(texts...) + chunk(s.over) + chunk("")
}

// breakage is a way in which a stream breaks off.
type breakage struct {
	name string
	play func(p *peer, s *speaker)
}

var breakages = []breakage{
	{"the connection is closed", func(*peer, *speaker) {}},
	{"the connection is reset", func(p *peer, _ *speaker) { p.reset() }},
	{"it ends without its end", func(p *peer, _ *speaker) { p.say(chunk("")) }},
	{"an error", func(p *peer, s *speaker) { p.say(chunk(s.fault) + chunk("")) }},
	{"it stands still", func(p *peer, _ *speaker) { p.gone() }},
}

// breaksOff is a stream that does, when its client has the texts.
func (s *speaker) breaksOff(b breakage, when <-chan bool, texts ...string) script {
	return func(p *peer, _ seen) bool {
		p.say(s.begins(texts...))
		<-when
		b.play(p, s)
		return false
	}
}

// listener is a client of one format.
type listener struct {
	name, path, body string
	format           codec.Format
	once             []string // what is to be in an answer once
	error            string   // what is in one that ends with an error
}

var listeners = []*listener{
	{name: "chat", path: "/v1/chat/completions", format: openai.Format{}, body: `{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":1000,"messages":[{"role":"user","content":"hi"}]}`,
		once: []string{`"role":"assistant"`, `"finish_reason":"stop"`, `"usage":{`, "[DONE]"}, error: `"error":{`},
	{name: "Messages", path: "/v1/messages", format: anthropic.Format{}, body: `{"model":"m","stream":true,"max_tokens":1000,"messages":[{"role":"user","content":"hi"}]}`,
		once: []string{"event: message_start", "event: content_block_start", "event: content_block_stop", `"stop_reason":"end_turn"`, "event: message_stop"}, error: "event: error"},
	{name: "Gemini", path: "/v1beta/models/m:streamGenerateContent?alt=sse", format: gemini.Format{}, body: `{"generationConfig":{"maxOutputTokens":1000},"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
		once: []string{`"finishReason":"STOP"`}, error: `"error":{`},
	{name: "Responses", path: "/v1/responses", format: responses.Format{}, body: `{"model":"m","stream":true,"max_output_tokens":1000,"input":"hi"}`,
		once: []string{"event: response.created", "event: response.output_item.added", "event: response.output_text.done", "event: response.completed"}, error: "event: error"},
}

var idIn = regexp.MustCompile(`"id":"(chatcmpl[^"]*|c1|1)"`)

// reception is an answer as a client's library has it.
type reception struct {
	text   string
	finish codec.FinishReason
	usage  codec.Usage
	err    error
}

func (l *listener) hear(stream string) (h reception) {
	stream = strings.ReplaceAll(stream, string(codec.Comment), "")
	d := l.format.NewStreamDecoder()
	events, err := d.Push(nil, []byte(stream))
	take := func() {
		for i := range events {
			switch e := &events[i]; e.Kind {
			case codec.EventText:
				h.text += string(e.Text)
			case codec.EventFinish:
				h.finish = e.Finish.Reason
			}
			h.usage.Update(events[i].Usage)
		}
	}
	if take(); err == nil {
		events, err = d.End(nil)
		take()
	}
	h.err = err
	return h
}

// ask sends a request and reads what comes of it. It tells when each of the texts has come.
func (l *listener) ask(g *gateway, came chan<- bool, texts ...string) string {
	g.t.Helper()
	client := g.dial()
	defer client.Close()
	client.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", l.path, clientKeyText, len(l.body), l.body))
	resp := client.head()
	if resp.StatusCode != 200 {
		g.t.Errorf("%d", resp.StatusCode)
	}
	all := ""
	for buffer := make([]byte, 4<<10); ; {
		n, err := resp.Body.Read(buffer)
		for all += string(buffer[:n]); len(texts) > 0 && strings.Contains(all, texts[0]); texts = texts[1:] {
			came <- true
		}
		if err != nil {
			return all
		}
	}
}

// is looks whether an answer is one, that says the text and has cost so much.
func (l *listener) is(t *testing.T, stream, text string, prompt, completion int64) {
	t.Helper()
	h := l.hear(stream)
	if h.err != nil || h.text != text || h.finish != codec.FinishStop {
		t.Errorf("%q, %v, %v: %s", h.text, h.finish, h.err, stream)
	}
	if h.usage.Prompt != prompt || h.usage.Completion != completion {
		t.Errorf("usage %d and %d, not %d and %d: %s", h.usage.Prompt, h.usage.Completion, prompt, completion, stream)
	}
	for _, once := range l.once {
		if n := strings.Count(stream, once); n != 1 {
			t.Errorf("%s is there %d times: %s", once, n, stream)
		}
	}
	if strings.Contains(stream, l.error) {
		t.Errorf("an error: %s", stream)
	}
	first := ""
	for _, id := range idIn.FindAllString(stream, -1) {
		if first == "" {
			first = id
		}
		if id != first {
			t.Errorf("%s follows %s", id, first)
		}
	}
	l.inOrder(t, stream)
}

var sequenceIn = regexp.MustCompile(`"sequence_number":(\d+)`)

// inOrder looks whether the events of a Responses stream are numbered as they come.
func (l *listener) inOrder(t *testing.T, stream string) {
	t.Helper()
	for i, found := range sequenceIn.FindAllStringSubmatch(stream, -1) {
		if l.name == "Responses" && found[1] != fmt.Sprint(i) {
			t.Errorf("event %d has the number %s: %s", i, found[1], stream)
			return
		}
	}
}

// fails looks whether an answer ends with an error, behind a text.
func (l *listener) fails(t *testing.T, stream, text string) {
	t.Helper()
	if h := l.hear(stream); h.err == nil || h.finish != codec.FinishNone || !strings.HasPrefix(h.text, text) || !strings.Contains(stream, l.error) {
		t.Errorf("%q, %v, %v: %s", h.text, h.finish, h.err, stream)
	}
}
