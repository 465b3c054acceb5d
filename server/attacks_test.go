package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// attack is a way of making the gateway hold memory. The provider of its model is its own.
type attack struct {
	by, way string
	path    string // "" is that of chat
	header  string // lines of the request's head
	body    func(model, images string) string
	left    int  // bytes of the body that are announced and never come
	keyless bool // it comes without a client key
	gemini  bool // the provider speaks Gemini's format
	more    string
	answer  func(model string) (begin, again string) // of the provider, who says the second part until nobody listens; nil is a good one

	each int64 // bytes that a request may make the gateway hold at the most
}

const (
	attackerKeyText = "sk-attacker-0123456789abcdefghij"
	chatPath        = "/v1/chat/completions"
)

// attacks are who could make the gateway hold something, by each way that they have.
func attacks() []*attack {
	list := append(keyAttacks(), providerAttacks()...)
	for _, a := range keyAttacks() { // whatever a key can try, a stranger can
		a.by, a.keyless, a.each = "stranger", true, 0
		list = append(list, a)
	}
	return list
}

func (a *attack) name() string { return a.by + "/" + a.way }

func chatOf(more string) func(model, _ string) string {
	return func(model, _ string) string {
		return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]%s}`, model, more)
	}
}

// saying is a request with so much text.
func saying(size int) func(model, _ string) string {
	return func(model, _ string) string {
		return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"%s"}]}`, model, strings.Repeat("x", size))
	}
}

// packed is what body makes, compressed.
func packed(body func(model, images string) string) func(model, images string) string {
	return func(model, images string) string { return pack(body(model, images)) }
}

func pack(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// keyAttacks are what the smallest key can try.
func keyAttacks() []*attack {
	const gzipped = "Content-Encoding: gzip\r\n"
	return []*attack{
		{by: "key", way: "bodies", body: saying(1 << 20), each: 2 << 20},
		{by: "key", way: "bodies that do not end", body: saying(1 << 20), left: 50 << 20, each: 5 << 20},
		{by: "key", way: "bodies that are refused", body: saying(12 << 20), each: 10 << 20},
		{by: "key", way: "inflating", header: gzipped, body: packed(saying(1 << 20)), each: 5 << 18},
		{by: "key", way: "inflating to more than may be", header: gzipped, body: packed(saying(24 << 20)), each: 1 << 20},
		{by: "key", way: "inflating for another's model", header: gzipped, each: 1 << 20,
			body: packed(func(string, string) string { return saying(24<<20)("honest", "") })},
		{by: "key", way: "media", gemini: true, each: 12 << 20, body: func(model, images string) string {
			var parts strings.Builder
			for i := range 4 {
				fmt.Fprintf(&parts, `{"type":"image_url","image_url":{"url":"%s/%d"}},`, images, i)
			}
			return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":[%s{"type":"text","text":"x"}]}]}`, model, parts.String())
		}},
		{by: "key", way: "rewriting parts", gemini: true, each: 6 << 20, body: func(model, _ string) string {
			return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":[%s]}]}`, model, filled(`{"type":"text","text":"x"}`, 100<<10))
		}},
		{by: "key", way: "rewriting many parts", gemini: true, each: 1 << 20, body: func(model, _ string) string {
			return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":[%s]}]}`, model, filled(`{}`, 300<<10))
		}},
		{by: "key", way: "rewriting references", gemini: true, each: 12 << 20, body: chatOf(`,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{` +
			filled(`"p":{"$ref":"#/$defs/d"}`, 50<<10) + `},"$defs":{"d":{"type":"string","description":"` + strings.Repeat("x", 50<<10) + `"}}}}}]`)},
		{by: "key", way: "rewriting repeated members", each: 30 << 20, body: chatOf("," + filled(`"z":1`, 100<<10)),
			more: "    preferences: {post_body_parameter_overrides: {z: " + strings.Repeat("z", 1000) + "}}\n"},
		{by: "key", way: "errors that repeat it", body: saying(1 << 20), each: 2<<20 + 256<<10, answer: func(model string) (string, string) {
			return reply(400, jsonKind, errorBody(saying(1<<20)(model, ""))), ""
		}},
	}
}

// providerAttacks are what a provider can answer.
func providerAttacks() []*attack {
	const zipped = "HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
	hi, messages := chatOf(""), func(model, _ string) string {
		return fmt.Sprintf(`{"model":%q,"stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, model)
	}
	once := func(text string) func(string) (string, string) {
		return func(string) (string, string) { return text, "" }
	}
	endless := func(status int, kind, begin, more string) func(string) (string, string) {
		return func(string) (string, string) {
			head := fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", status, kind)
			return head + chunk(begin), chunk(strings.Repeat(more, 64<<10/len(more)))
		}
	}
	bomb := func(status int, kind, head string) func(string) (string, string) {
		text := pack(head + strings.Repeat(" ", 32<<20))
		return once(fmt.Sprintf(zipped, status, kind, len(text), text))
	}
	const events, failure = "text/event-stream", `{"error":{"type":"invalid_request_error","message":"`
	return []*attack{
		{by: "provider", way: "answers", body: hi, each: 8 << 20, answer: once(large(4 << 20))},
		{by: "provider", way: "answers without an end", body: hi, each: 10 << 20, answer: endless(200, jsonKind, `{`, " ")},
		{by: "provider", way: "answers that inflate", body: hi, each: 10 << 20, answer: bomb(200, jsonKind, "{")},
		{by: "provider", way: "answers to be translated", path: "/v1/messages", each: 10 << 20,
			body:   func(model, _ string) string { return strings.Replace(messages(model, ""), "true", "false", 1) },
			answer: once(reply(200, jsonKind, `{"choices":[`+filled(`{}`, 300<<10)+`]}`))},
		{by: "provider", way: "events without an end", path: "/v1/messages", body: messages, each: 10 << 20, answer: endless(200, events, "data: {", " ")},
		{by: "provider", way: "events that inflate", path: "/v1/messages", body: messages, each: 10 << 20, answer: bomb(200, events, "data: {")},
		{by: "provider", way: "many calls", path: "/v1/messages", body: messages, each: 10 << 20,
			answer: endless(200, events, event("x"), `data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"xxxxxxxx"}}]}}]}`+"\n\n")},
		{by: "provider", way: "errors", body: hi, each: 256 << 10, answer: once(reply(400, jsonKind, errorBody(strings.Repeat("x", 4<<20))))},
		{by: "provider", way: "errors without an end", body: hi, each: 256 << 10, answer: endless(500, jsonKind, failure, "x")},
		{by: "provider", way: "errors that inflate", body: hi, each: 320 << 10, answer: bomb(400, jsonKind, failure)},
		{by: "provider", way: "errors in answers", body: hi, each: 4 << 20, answer: once(reply(200, jsonKind, errorBody(strings.Repeat("x", 2<<20))))},
		{by: "provider", way: "errors in streams", path: "/v1/messages", body: messages, each: 10 << 20,
			answer: once(streamedAs(events, "data: "+errorBody(strings.Repeat("x", 1<<20))+"\n\n"))},
	}
}

// section is the attack's provider in api.yaml.
func (a *attack) section(name, addr string) string {
	base := "/v1/chat/completions"
	if a.gemini {
		base = "/v1beta\n    engine: gemini"
	}
	return fmt.Sprintf("  - provider: %s\n    base_url: http://%s%s\n    api: %s\n    model: [%s]\n%s", name, addr, base, upstreamKeyText, name, a.more)
}

// prey is the attack's provider. It keeps nothing of what it gets, and makes nothing that could be taken for the
// gateway's.
func (a *attack) prey(t testing.TB, model string) *upstream {
	begin, again := plainOK, ""
	switch {
	case a.answer != nil:
		begin, again = a.answer(model)
	case a.gemini:
		begin = reply(200, jsonKind, `{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}`)
	}
	first, then := []byte(begin), []byte(again)
	return listenRaw(t, func(p *peer) {
		for {
			r, err := http.ReadRequest(p.br)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			_, err = p.Write(first)
			for i := 0; i < mostPieces && len(then) > 0 && err == nil; i++ {
				_, err = p.Write(then)
			}
			if err != nil || len(then) > 0 {
				return
			}
		}
	})
}

// mostPieces is what is without an end for the tests.
const mostPieces = 250

// wire is the attack's request.
func (a *attack) wire(model, images string) []byte {
	path, key, body := a.path, "Authorization: Bearer "+attackerKeyText+"\r\n", a.body(model, images)
	if path == "" {
		path = chatPath
	}
	if a.keyless {
		key = ""
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: gateway\r\n%s%sContent-Length: %d\r\n\r\n%s", path, key, a.header, len(body)+a.left, body)
}

// try sends the request and takes what comes, and returns the status: 0 if there was no answer.
func try(addr string, wire []byte, patience time.Duration) int {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	go c.Write(wire) // the answer may come first
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 4<<10), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
