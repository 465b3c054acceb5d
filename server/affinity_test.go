package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"uniapi/codec/formats"
	"uniapi/pool/provider"
)

// turn is a request of a conversation.
type turn struct {
	path   string
	body   string
	header []string
}

const (
	turnChat      = "/v1/chat/completions"
	turnMessages  = "/v1/messages"
	turnResponses = "/v1/responses"
	turnGoogle    = "/v1beta/models/m:generateContent"
)

// conversationOf is by what the gateway knows the conversation of a request.
func conversationOf(t *testing.T, g *gateway, r turn) uint64 {
	t.Helper()
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI(r.path)
	for i := 0; i+1 < len(r.header); i += 2 {
		ctx.Request.Header.Set(r.header[i], r.header[i+1])
	}
	route, is := routeAt(r.path)
	if !is {
		t.Fatalf("no endpoint at %s", r.path)
	}
	in := &inbound{origin: origin{server: g.Server, ctx: &ctx}, wish: at(route), body: []byte(r.body)}
	in.model = "m"
	if err := in.readHead(); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return in.conversation()
}

func TestTurnsOfAConversationAreKnownByTheSame(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	tools := `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
	for _, c := range []struct {
		name  string
		turns []turn
		other turn // of another conversation
	}{
		{"chat", []turn{
			{path: turnChat, body: `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"one"}]` + tools + `}`},
			{path: turnChat, body: `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"one"},{"role":"assistant","content":"1"},{"role":"user","content":"two"}]` + tools + `,"model":"m","temperature":1}`},
		}, turn{path: turnChat, body: `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"other"}]` + tools + `}`}},
		{"other tools", []turn{
			{path: turnChat, body: `{"model":"m","messages":[{"role":"user","content":"one"}]}`},
		}, turn{path: turnChat, body: `{"model":"m","messages":[{"role":"user","content":"one"}]` + tools + `}`}},
		{"Messages, whose cache begins behind the last turn", []turn{
			{path: turnMessages, body: `{"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"one","cache_control":{"type":"ephemeral"}}]}]}`},
			{path: turnMessages, body: `{"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"one"}]},{"role":"assistant","content":"1"},{"role":"user","content":[{"type":"text","text":"two","cache_control":{"type":"ephemeral"}}]}]}`},
		}, turn{path: turnMessages, body: `{"model":"m","max_tokens":9,"system":"Be long.","messages":[{"role":"user","content":"one"}]}`}},
		{"Messages of a user", []turn{
			{path: turnMessages, body: `{"model":"m","max_tokens":9,"metadata":{"user_id":"u1"},"messages":[{"role":"user","content":"one"}]}`},
			{path: turnMessages, body: `{"model":"m","max_tokens":9,"metadata":{"user_id":"u1"},"messages":[{"role":"user","content":"a side question"}]}`},
		}, turn{path: turnMessages, body: `{"model":"m","max_tokens":9,"metadata":{"user_id":"u2"},"messages":[{"role":"user","content":"one"}]}`}},
		{"Responses, a text and then items", []turn{
			{path: turnResponses, body: `{"model":"m","instructions":"Be brief.","input":[{"role":"user","content":"one"}]}`},
			{path: turnResponses, body: `{"model":"m","instructions":"Be brief.","input":[{"role":"user","content":"one"},{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"1"}]},{"role":"user","content":"two"}]}`},
		}, turn{path: turnResponses, body: `{"model":"m","instructions":"Be brief.","input":"other"}`}},
		{"what prompts are cached by goes before all else", []turn{
			{path: turnResponses, body: `{"model":"m","prompt_cache_key":"k1","input":"one"}`},
			{path: turnChat, body: `{"model":"m","prompt_cache_key":"k1","messages":[{"role":"user","content":"two"}]}`, header: []string{"Session-Id", "s"}},
		}, turn{path: turnResponses, body: `{"model":"m","prompt_cache_key":"k2","input":"one"}`}},
		{"Gemini", []turn{
			{path: turnGoogle, body: `{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"one"}]}]}`},
			{path: turnGoogle, body: `{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"one"}]},{"role":"model","parts":[{"text":"1"}]},{"role":"user","parts":[{"text":"two"}]}]}`},
		}, turn{path: turnGoogle, body: `{"contents":[{"role":"user","parts":[{"text":"one"}]}]}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := conversationOf(t, g, c.turns[0])
			if known == 0 {
				t.Error("it is not known")
			}
			for i, r := range c.turns[1:] {
				if n := conversationOf(t, g, r); n != known {
					t.Errorf("turn %d is another conversation", i+2)
				}
			}
			if n := conversationOf(t, g, c.other); n == known || n == 0 {
				t.Error("another conversation is the same")
			}
		})
	}
	for _, name := range sessionHeaders {
		one := turn{turnChat, `{"model":"m","messages":[{"role":"user","content":"one"}]}`, []string{name, "session-1"}}
		two := turn{turnMessages, `{"model":"m","max_tokens":1,"metadata":{"user_id":"u"},"messages":[{"role":"user","content":"two"}]}`, []string{strings.ToLower(name), "session-1"}}
		if a, b := conversationOf(t, g, one), conversationOf(t, g, two); a != b {
			t.Errorf("%s does not tell the session", name)
		}
	}
	if n := conversationOf(t, g, turn{path: "/v1/embeddings", body: `{"model":"m","input":"x"}`}); n != 0 {
		t.Error("an embedding is a conversation")
	}
}

// A conversation's requests all bring the key that has its prompt in the cache.
func TestConversationKeepsItsKey(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up, "    api: [sk-up-1, sk-up-2, sk-up-3, sk-up-4]\n"), "preferences: {affinity: true}\n")
	with := func(conversation int) map[string]bool {
		keys := map[string]bool{}
		before := len(up.requests())
		for turn := range 5 {
			said := fmt.Sprintf(`{"role":"user","content":"conversation %d"}`, conversation) + strings.Repeat(`,{"role":"user","content":"on"}`, turn)
			if a := g.chat(`{"model":"m","messages":[` + said + `]}`); a.StatusCode != 200 {
				t.Fatal(a.StatusCode, a.body)
			}
		}
		for _, r := range up.requests()[before:] {
			keys[r.Header.Get("Authorization")] = true
		}
		return keys
	}
	used := map[string]bool{}
	for conversation := range 20 {
		keys := with(conversation)
		if len(keys) != 1 {
			t.Errorf("conversation %d was sent with %v", conversation, keys)
		}
		for key := range keys {
			used[key] = true
		}
	}
	if len(used) < 3 {
		t.Errorf("20 conversations use %v", used)
	}
}

// What a conversation begins with is looked at to a bound, whatever it holds.
func FuzzConversation(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"one"}]}],"tools":[{}]}`)
	f.Add(`{"model":"m","prompt_cache_key":7,"metadata":[],"messages":"x"}`)
	f.Fuzz(func(t *testing.T, body string) {
		var ctx fasthttp.RequestCtx
		for i := range formats.Routes {
			if formats.Routes[i].Endpoint != provider.Chat {
				continue
			}
			in := &inbound{origin: origin{ctx: &ctx}, wish: at(&formats.Routes[i]), body: []byte(body)}
			if in.model = "m"; in.readHead() != nil {
				continue
			}
			if first, again := in.conversation(), in.conversation(); first != again {
				t.Error("it is another one when it is looked at again")
			}
		}
	})
}
