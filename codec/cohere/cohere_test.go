package cohere

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/golden"
	"uniapi/codec/internal/random"
	"uniapi/codec/openai"
)

func TestChatBecomesARequest(t *testing.T) {
	golden.Run(t, "testdata/encode.txt", func(t *testing.T, _ string, in []byte) []byte {
		q, err := openai.Format{}.DecodeRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Format{}.EncodeRequest(nil, q, "up")
		if err != nil {
			return []byte("error: " + err.Error())
		}
		return out
	})
}

func TestRequestsBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/decode.txt", func(t *testing.T, _ string, in []byte) []byte {
		q, err := Format{}.DecodeRequest(in)
		if err != nil {
			return []byte("error: " + err.Error())
		}
		out, err := openai.Format{}.EncodeRequest(nil, q, "up")
		if err != nil {
			return []byte("error: " + err.Error())
		}
		return out
	})
}

func TestAnswersBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := Format{}.DecodeResponse(bytes.TrimSpace(in))
		if err != nil {
			return []byte("error: " + err.Error())
		}
		return head.ReplaceAll(openai.Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"}), nil)
	})
}

// head is what every answer begins with, and what differs from run to run.
var head = regexp.MustCompile(`"id":"[^"]*","object":"chat.completion(?:.chunk)?","created":\d+,"model":"m",`)

// toChat is what a chat client gets of a stream.
func toChat(stream []byte, n int) []byte { return head.ReplaceAll(chunks(stream, n), nil) }

func chunks(stream []byte, n int) []byte {
	d := Format{}.NewStreamDecoder()
	e := openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m", IncludeUsage: true})
	var out []byte
	write := func(events []codec.Event) {
		for i := range events {
			out = e.Append(out, &events[i])
		}
	}
	for at := 0; at < len(stream); at += n {
		events, err := d.Push(nil, stream[at:min(at+n, len(stream))])
		write(events)
		if err != nil {
			return fmt.Appendf(out, "error: %v", err)
		}
	}
	events, err := d.End(nil)
	write(events)
	if err != nil {
		return fmt.Appendf(out, "error: %v", err)
	}
	return e.End(out)
}

// events makes a stream of lines, each the data of an event.
func events(lines []byte) (stream []byte) {
	for line := range bytes.Lines(lines) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			stream = fmt.Appendf(stream, "data: %s\n\n", line)
		}
	}
	return stream
}

func TestStreamsBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/stream.txt", func(t *testing.T, _ string, in []byte) []byte {
		stream := events(in)
		whole := toChat(stream, len(stream))
		for _, n := range []int{1, 7, 100} {
			if got := toChat(stream, n); !bytes.Equal(got, whole) {
				t.Errorf("in pieces of %d:\n%s\nwhole:\n%s", n, got, whole)
			}
		}
		return whole
	})
}

// common is what the format has a place for, of an answer. Thinking has no signatures here, and what comes in pieces comes back as one.
func common(a *codec.Response) string {
	var parts []codec.Part
	for _, p := range a.Choices[0].Message.Parts {
		p.Signature, p.Reasoning, p.Extra = codec.Signature{}, nil, nil
		last := len(parts) - 1
		switch {
		case (p.Kind == codec.PartText || p.Kind == codec.PartReasoning) && p.Text == "":
		case p.Kind != codec.PartToolCall && last >= 0 && parts[last].Kind == p.Kind:
			parts[last].Text += p.Text
		default:
			parts = append(parts, p)
		}
	}
	u := a.Usage
	out, _ := json.Marshal([]any{parts, a.Choices[0].Finish.Reason, u.Prompt, u.Completion, u.Cached})
	return string(out)
}

func TestAnswersAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, "").Response()
		body := Format{}.EncodeResponse(nil, want, nil)
		got, err := Format{}.DecodeResponse(body)
		if err != nil {
			t.Fatal(seed, err)
		}
		if got, want := common(got), common(want); got != want {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, got, want, body)
		}
	}
}

func TestStreamsAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, "").Response()
		e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
		var stream []byte
		for _, event := range want.Events(nil) {
			stream = e.Append(stream, &event)
		}
		d := Format{}.NewStreamDecoder()
		list, err := d.Push(nil, e.End(stream))
		if err != nil {
			t.Fatal(seed, err)
		}
		var all codec.Collector
		for i := range list {
			all.Add(&list[i])
		}
		if _, err := d.End(nil); err != nil {
			t.Fatal(seed, err)
		}
		if got, want := common(all.Response()), common(want); got != want {
			t.Fatalf("seed %d\n got %s\nwant %s", seed, got, want)
		}
	}
}

func TestRequestsKeepWhatBothSidesHave(t *testing.T) {
	kept := 0
	for seed := range uint64(2000) {
		body, err := Format{}.EncodeRequest(nil, random.New(seed, "").Request(), "m")
		if err != nil { // it has a file
			continue
		}
		kept++
		got, err := Format{}.DecodeRequest(body)
		if err != nil {
			t.Fatal(seed, err, string(body))
		}
		again, err := Format{}.EncodeRequest(nil, got, "m")
		if err != nil {
			t.Fatal(seed, err)
		}
		if !bytes.Equal(body, again) {
			t.Fatalf("seed %d\n got %s\nwant %s", seed, again, body)
		}
	}
	if kept < 500 {
		t.Errorf("only %d requests could be written", kept)
	}
}

func TestErrorsSayWhoseMistakeItWas(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		class  codec.Class
		told   int
	}{
		{400, `{"message":"invalid request: k must be between 0 and 500"}`, codec.ClientMistake, 400},
		{401, `{"message":"invalid api token"}`, codec.Auth, 401},
		{498, `{"message":"invalid token"}`, codec.Auth, 401},
		{499, `{"message":"request cancelled"}`, codec.Server, 502},
		{429, `{"message":"trial key limit"}`, codec.RateLimit, 429},
	} {
		e := Format{}.DecodeError(test.status, "application/json", []byte(test.body))
		if e.Class != test.class || e.Status != test.told || e.Message == "" {
			t.Errorf("%d %s: %v %d %q", test.status, test.body, e.Class, e.Status, e.Message)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"type":"message-start","id":"1"}`+"\n"+`{"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}`+"\n"+`{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}`), 3)
	f.Add([]byte(`{"type":"tool-call-start","delta":{"message":{"tool_calls":{"id":"c","function":{"name":"f","arguments":"null"}}}}}`+"\n"+`{"type":"tool-call-end"}`), 1)
	f.Fuzz(func(t *testing.T, lines []byte, n int) {
		if len(lines) > 10_000 {
			return
		}
		stream := events(lines)
		if whole, pieces := toChat(stream, len(stream)+1), toChat(stream, max(n%100, 1)); !bytes.Equal(whole, pieces) {
			t.Fatalf("whole\n%s\nin pieces\n%s", whole, pieces)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"id":"1","message":{"content":[{"type":"text","text":"a"}],"tool_calls":[{"id":"c","function":{"name":"f"}}]},"usage":{"tokens":{"input_tokens":1.0}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Format{}.DecodeResponse(body)
		if err != nil {
			if e, ok := err.(*codec.Error); !ok || e.Message == "" {
				t.Fatalf("%v is no error for a client", err)
			}
			return
		}
		if out := (Format{}).EncodeResponse(nil, a, nil); json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"tool","tool_call_id":"c","content":[{"type":"document","document":{"data":{}}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.DecodeRequest(body)
		if err != nil {
			return
		}
		if out, err := (Format{}).EncodeRequest(nil, q, "m"); err == nil && json.Valid(body) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func BenchmarkATextEventToChat(b *testing.B) {
	d := Format{}.NewStreamDecoder()
	e := openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	event := []byte("event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\" token\"}}}}\n\n")
	var list []codec.Event
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		list, _ = d.Push(list[:0], event)
		out = out[:0]
		for i := range list {
			out = e.Append(out, &list[i])
		}
	}
}
