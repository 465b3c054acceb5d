package server

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"uniapi/codec/eventstream"
	"uniapi/server/servertest"
	"uniapi/server/telemetry/metrics"
)

// The texts of the tests of what answers cost: a request has a thousand tokens and a little, an answer a hundred.
var (
	askedText    = strings.Repeat("ask ", 1000)
	answeredText = strings.Repeat("say ", 100)
)

// tongue is how a provider answers in one format, with a usage as JSON, or none.
type tongue struct {
	name, at, engine string
	model            string // upstream
	own              string // a usage of 1234 and 567 in the format's words
	plain            func(usage string) string
	// stream is a first piece, which has the answer's text, and the rest.
	stream func(usage string) (first, rest string)
	events string // content type of streams
}

const (
	toldPrompt, toldCompletion = 1234, 567
	eventsKind                 = "text/event-stream"
)

// with puts a usage into an object as a member, if there is one.
func with(object, member, usage string) string {
	if usage == "" {
		return object
	}
	return object[:len(object)-1] + `,"` + member + `":` + usage + "}"
}

func sseEvent(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }

// frames are events of Bedrock's.
func frames(events ...string) string {
	var out []byte
	for i := 0; i+1 < len(events); i += 2 {
		out = eventstream.AppendEvent(out, events[i], []byte(events[i+1]))
	}
	return string(out)
}

func messagesPlain(usage string) string {
	return with(`{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"`+answeredText+`"}],"stop_reason":"end_turn"}`, "usage", usage)
}

// messagesEvents are the names and data of the events of Messages.
func messagesEvents(usage string) (first, rest []string) {
	return []string{"message_start", `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[]}}`,
			"content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			"content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + answeredText + `"}}`},
		[]string{"content_block_stop", `{"type":"content_block_stop","index":0}`,
			"message_delta", with(`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, "usage", usage), "message_stop", `{"type":"message_stop"}`}
}

func asSSE(events []string) (out string) {
	for i := 0; i+1 < len(events); i += 2 {
		out += sseEvent(events[i], events[i+1])
	}
	return out
}

func asInvokeFrames(events []string) (out string) {
	for i := 0; i+1 < len(events); i += 2 {
		out += string(servertest.InvokeFrame(events[i+1]))
	}
	return out
}

var tongues = []tongue{
	{name: "chat", at: "/v1/chat/completions", engine: "gpt", own: `{"prompt_tokens":1234,"completion_tokens":567,"total_tokens":1801}`, events: eventsKind,
		plain: func(usage string) string {
			return with(`{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"`+answeredText+`"},"finish_reason":"stop"}]}`, "usage", usage)
		},
		stream: func(usage string) (string, string) {
			end := "data: [DONE]\n\n"
			if usage != "" {
				end = "data: " + with(`{"id":"1","object":"chat.completion.chunk","choices":[]}`, "usage", usage) + "\n\n" + end
			}
			return "data: " + servertest.ChatEvent(`"`+answeredText+`"`) + "\n\n", stopEvent + end
		}},
	{name: "Messages", at: "/v1/messages", engine: "claude", own: `{"input_tokens":1234,"output_tokens":567}`, events: eventsKind, plain: messagesPlain,
		stream: func(usage string) (string, string) {
			first, rest := messagesEvents(usage)
			return asSSE(first), asSSE(rest)
		}},
	{name: "Gemini", at: "/v1beta", engine: "gemini", own: `{"promptTokenCount":1234,"candidatesTokenCount":500,"thoughtsTokenCount":67,"totalTokenCount":1801}`, events: eventsKind,
		plain: func(usage string) string {
			return with(`{"candidates":[{"content":{"role":"model","parts":[{"text":"`+answeredText+`"}]},"finishReason":"STOP","index":0}]}`, "usageMetadata", usage)
		},
		stream: func(usage string) (string, string) {
			return "data: " + `{"candidates":[{"content":{"role":"model","parts":[{"text":"` + answeredText + `"}]},"index":0}]}` + "\r\n\r\n",
				"data: " + with(`{"candidates":[{"content":{"role":"model","parts":[{"text":"."}]},"finishReason":"STOP","index":0}]}`, "usageMetadata", usage) + "\r\n\r\n"
		}},
	{name: "Responses", at: "/v1/responses", own: `{"input_tokens":1234,"output_tokens":567,"output_tokens_details":{"reasoning_tokens":7},"total_tokens":1801}`, events: eventsKind,
		plain: responsesPlain,
		stream: func(usage string) (string, string) {
			return sseEvent("response.created", `{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}`) +
					sseEvent("response.output_text.delta", `{"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"`+answeredText+`"}`),
				sseEvent("response.completed", `{"type":"response.completed","sequence_number":2,"response":`+responsesPlain(usage)+`}`)
		}},
	{name: "Cohere", at: "/v2/chat", engine: "cohere", own: `{"billed_units":{"input_tokens":1234,"output_tokens":567.0}}`, events: eventsKind,
		plain: func(usage string) string {
			return with(`{"id":"1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"`+answeredText+`"}]}}`, "usage", usage)
		},
		stream: func(usage string) (string, string) {
			return sseEvent("message-start", `{"type":"message-start","id":"1","delta":{"message":{"role":"assistant"}}}`) + sseEvent("content-delta", servertest.CohereEvent(`"`+answeredText+`"`)),
				sseEvent("message-end", `{"type":"message-end","delta":`+with(`{"finish_reason":"COMPLETE"}`, "usage", usage)+`}`)
		}},
	{name: "Converse", engine: "aws", model: "amazon.nova", own: `{"inputTokens":1234,"outputTokens":567,"totalTokens":1801}`, events: "application/vnd.amazon.eventstream",
		plain: func(usage string) string {
			return with(`{"output":{"message":{"role":"assistant","content":[{"text":"`+answeredText+`"}]}},"stopReason":"end_turn"}`, "usage", usage)
		},
		stream: func(usage string) (string, string) {
			return frames("messageStart", `{"role":"assistant"}`, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"`+answeredText+`"}}`),
				frames("contentBlockStop", `{"contentBlockIndex":0}`, "messageStop", `{"stopReason":"end_turn"}`, "metadata", with(`{"metrics":{"latencyMs":1}}`, "usage", usage))
		}},
	{name: "InvokeModel", engine: "aws", model: "anthropic.claude", own: `{"input_tokens":1234,"output_tokens":567}`, events: "application/vnd.amazon.eventstream", plain: messagesPlain,
		stream: func(usage string) (string, string) {
			first, rest := messagesEvents(usage)
			return asInvokeFrames(first), asInvokeFrames(rest)
		}},
}

func responsesPlain(usage string) string {
	return with(`{"id":"resp_1","object":"response","status":"completed","model":"r","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"`+
		answeredText+`","annotations":[]}]}]}`, "usage", usage)
}

// asker is a client of one format.
type asker struct {
	name  string
	plain func(stream bool) (path, body string)
}

var askers = []asker{
	{"chat", func(stream bool) (string, string) {
		return "/v1/chat/completions", fmt.Sprintf(`{"model":"m","stream":%v,"messages":[{"role":"user","content":"%s"}]}`, stream, askedText)
	}},
	{"Messages", func(stream bool) (string, string) {
		return "/v1/messages", fmt.Sprintf(`{"model":"m","stream":%v,"max_tokens":99,"messages":[{"role":"user","content":"%s"}]}`, stream, askedText)
	}},
	{"Gemini", func(stream bool) (string, string) {
		verb := "generateContent"
		if stream {
			verb = "streamGenerateContent?alt=sse"
		}
		return "/v1beta/models/m:" + verb, fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":"%s"}]}]}`, askedText)
	}},
	{"Responses", func(stream bool) (string, string) {
		return "/v1/responses", fmt.Sprintf(`{"model":"m","stream":%v,"input":"%s"}`, stream, askedText)
	}},
}

// play is what the provider does with the next request.
type play struct {
	kind   string // content type
	length int    // of the body as it is announced; 0 is as long as it is, -1 is chunks
	first  string
	rest   string
	end    playEnd
	said   chan struct{} // told when first is out
}

// playEnd is what the provider does behind the first piece.
type playEnd int

const (
	andOn      playEnd = iota // and says the rest
	breaksOff                 // and closes the connection
	keepsStill                // for the gateway to leave
)

// stage is a provider that does what the next play says, and a gateway in front of it.
type stage struct {
	*gateway
	next atomic.Pointer[play]
}

// staged starts them; section makes the provider's section of an address.
func staged(t *testing.T, section func(addr string) string) *stage {
	t.Helper()
	s := &stage{}
	up := listen(t, func(p *peer, _ seen) bool {
		play := s.next.Load()
		head := "HTTP/1.1 200 OK\r\nContent-Type: " + play.kind + "\r\n"
		first, rest := play.first, play.rest
		switch {
		case play.length < 0:
			head += "Transfer-Encoding: chunked\r\n\r\n"
			if first != "" {
				first = chunk(first)
			}
			rest = chunk(rest) + "0\r\n\r\n"
		case play.length > 0:
			head += "Content-Length: " + strconv.Itoa(play.length) + "\r\n\r\n"
		default:
			head += "Content-Length: " + strconv.Itoa(len(first)+len(rest)) + "\r\n\r\n"
		}
		p.say(head + first)
		select {
		case play.said <- struct{}{}:
		default:
		}
		switch play.end {
		case andOn:
			p.say(rest)
			return true
		case keepsStill:
			p.gone()
		}
		return false
	})
	s.gateway = start(t, section(up.addr), "preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n",
		"api_keys: [{api: "+clientKeyText+", role: tester-admin, model: [all], preferences: {AUTO_RETRY: false}}]\n")
	return s
}

// charged is what one request cost.
type charged struct {
	prompt, completion int64
	estimated          bool
	nano               int64
	status             int
}

// charge does something that is one request, and returns what it cost.
func (s *stage) charge(ask func()) (c charged) {
	s.t.Helper()
	before, _ := s.books.State(clientKeyText)
	ask()
	line := s.log.Next(s.t, "request")
	number := func(name string) int64 {
		n, _ := line[name].(float64)
		return int64(n)
	}
	c.estimated, _ = line["estimated"].(bool)
	after, _ := s.books.State(clientKeyText)
	return charged{number("prompt_tokens"), number("completion_tokens"), c.estimated, after.Spent - before.Spent, int(number("status"))}
}

// lacked is how often a usage was found lacking for a reason.
func (s *stage) lacked(why metrics.Lack) (n int64) {
	s.counters.Lacks.All(func(_ string, reason metrics.Lack, counted int64) {
		if reason == why {
			n += counted
		}
	})
	return n
}

// costs checks that a charge is money, and that the price is that of its tokens.
func (c charged) costs(t *testing.T, what string) {
	t.Helper()
	if want := c.prompt*1_000_000 + c.completion*2_000_000; c.nano != want || c.nano <= 0 {
		t.Errorf("%s: %+v, which should cost %d", what, c, want)
	}
}

// isFor checks that a charge is an estimate for the texts of the tests.
func (c charged) isFor(t *testing.T, what string, prompt, completion int64) {
	t.Helper()
	c.costs(t, what)
	if !c.estimated || c.prompt < prompt || c.prompt > prompt+60 || c.completion < completion || c.completion > completion+20 {
		t.Errorf("%s: %+v, want about %d and %d tokens, estimated", what, c, prompt, completion)
	}
}

// leave sends a request, keepsStill for the provider to have said its first piece, and for the first bytes of the
// answer if there are to be some, and hangs up.
func (s *stage) leave(p *play, path, body string, header ...string) {
	s.t.Helper()
	p.said = make(chan struct{}, 1)
	s.next.Store(p)
	c := s.dial()
	defer c.Close()
	head := "POST " + path + " HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + clientKeyText + "\r\n"
	for i := 0; i+1 < len(header); i += 2 {
		head += header[i] + ": " + header[i+1] + "\r\n"
	}
	c.send(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body))
	receive(s.t, p.said, "the provider's first piece")
	if p.first != "" && p.length < 0 {
		if _, err := c.head().Body.Read(make([]byte, 1)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) post(path, body string, header ...string) (status int, text string) {
	s.t.Helper()
	resp, err := s.http.Do(s.request(http.MethodPost, path, body, append(header, "Authorization", "Bearer "+clientKeyText)...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(resp.Body) // it may break
	return resp.StatusCode, out.String()
}
