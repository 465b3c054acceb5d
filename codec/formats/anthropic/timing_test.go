package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

const textEvent = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" some words of an answer\\n\"}        }\n\n"

// running returns a stream between an Anthropic upstream and a chat client that is in the middle of a text.
func running(tb testing.TB) (codec.StreamDecoder, codec.StreamEncoder) {
	d := Format{}.NewStreamDecoder()
	e := openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	events, err := d.Push(nil, []byte("data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":3}}}\n\n"+
		"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"))
	if err != nil {
		tb.Fatal(err)
	}
	for i := range events {
		e.Append(nil, &events[i])
	}
	return d, e
}

func BenchmarkTextEventToChat(b *testing.B) {
	d, e := running(b)
	piece := []byte(textEvent)
	events, out := make([]codec.Event, 0, 8), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		events, _ = d.Push(events[:0], piece)
		out = out[:0]
		for i := range events {
			out = e.Append(out, &events[i])
		}
	}
	if !strings.Contains(string(out), `"content":" some words of an answer\n"`) {
		b.Fatalf("%s", out)
	}
}

func TestTextEventToChatDoesNotAllocate(t *testing.T) {
	d, e := running(t)
	piece := []byte(textEvent)
	events, out := make([]codec.Event, 0, 8), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() {
		events, _ = d.Push(events[:0], piece)
		out = out[:0]
		for i := range events {
			out = e.Append(out, &events[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

// longRequest is a chat request of about 100 KB: tools, and a talk with calls, results and prose.
func longRequest() []byte {
	var b strings.Builder
	b.WriteString(`{"model":"m","max_tokens":1000,"tools":[`)
	for i := range 20 {
		fmt.Fprintf(&b, `{"type":"function","function":{"name":"tool%d","description":"does %s","parameters":{"type":"object","properties":{"a":{"type":"string","description":"x"},"b":{"type":["integer","null"]}},"required":["a"]}}},`,
			i, strings.Repeat("this and that ", 20))
	}
	b.WriteString(`{"type":"function","function":{"name":"last"}}],"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Go."}`)
	prose, _ := json.Marshal(strings.Repeat("A line of prose with \"quotes\" in it, and some code: if a < b { return }\n", 12))
	for i := range 45 {
		fmt.Fprintf(&b, `,{"role":"assistant","content":"I look.","tool_calls":[{"id":"call_%d","type":"function","function":{"name":"tool1","arguments":"{\"a\":\"path/to/file\"}"}}]},{"role":"tool","tool_call_id":"call_%d","content":%s},{"role":"user","content":%s}`,
			i, i, prose, prose)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkLongChatRequest(b *testing.B) {
	body := longRequest()
	target := Format{}.target(new(codec.Request), "claude-opus-4-6") // found once, when a channel is made
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		q, err := openai.Format{}.DecodeRequest(body)
		if err != nil {
			b.Fatal(err)
		}
		q.Target = target
		if out, err = (Format{}).EncodeRequest(out[:0], q, "claude-opus-4-6"); err != nil {
			b.Fatal(err)
		}
	}
	if len(out) < 90_000 {
		b.Fatalf("only %d bytes", len(out))
	}
}
