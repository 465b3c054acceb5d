package responses

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
	"uniapi/codec/internal/random"
	"uniapi/codec/toolid"
)

func init() { clock = func() int64 { return 1700000000 } }

func TestRequestsBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/decode.txt", func(t *testing.T, _ string, in []byte) []byte {
		q, err := Format{}.DecodeRequest(in)
		if err != nil {
			return []byte("error: " + err.Error())
		}
		repaired, _, err := alternation.Repair(q, Format{}, openai.Format{}, nil)
		if err != nil {
			return []byte("error: " + err.Error())
		}
		out, err := openai.Format{}.EncodeRequest(nil, repaired.WithoutCustom(), "up")
		if err != nil {
			return []byte("error: " + err.Error())
		}
		return out
	})
}

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

// head is what every chunk begins with, and what differs from run to run.
var head = regexp.MustCompile(`"id":"[^"]*","object":"chat.completion.chunk","created":\d+,"model":"m",`)

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

func TestChatStreamsBecomeEvents(t *testing.T) {
	golden.Run(t, "testdata/encode_stream.txt", func(t *testing.T, tools string, in []byte) []byte {
		d := openai.Format{}.NewStreamDecoder()
		q := &codec.Request{Format: formatName, Model: "m"}
		if tools != "" {
			q.Tools = []codec.Tool{{Kind: codec.ToolCustom, Name: tools}}
		}
		e := Format{}.NewStreamEncoder(q)
		list, err := d.Push(nil, events(in))
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		for i := range list {
			out = e.Append(out, &list[i])
		}
		if list, err = d.End(nil); err != nil {
			return e.Fail(out, err.(*codec.Error))
		}
		for i := range list {
			out = e.Append(out, &list[i])
		}
		return e.End(out)
	})
}

func TestEventsAreNumberedAndEachItemEndsOnce(t *testing.T) {
	for seed := range uint64(500) {
		a := random.New(seed, "anthropic").Response()
		stream := string(encoded(a))
		n, open := int64(0), map[string]bool{}
		for line := range strings.Lines(stream) {
			data, is := strings.CutPrefix(line, "data: ")
			if !is {
				continue
			}
			var e struct {
				Type     string
				Sequence int64 `json:"sequence_number"`
				Item     struct{ ID string }
				ItemID   string `json:"item_id"`
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err, data)
			}
			if e.Sequence != n {
				t.Fatalf("event %d has number %d: %s", n, e.Sequence, data)
			}
			n++
			switch {
			case e.Type == "response.output_item.added":
				open[e.Item.ID] = true
			case e.Type == "response.output_item.done":
				if !open[e.Item.ID] {
					t.Fatalf("%s ends without a beginning", e.Item.ID)
				}
				delete(open, e.Item.ID)
			case e.ItemID != "" && !open[e.ItemID]:
				t.Fatalf("%s for an item that is not open: %s", e.Type, data)
			}
		}
		if len(open) > 0 {
			t.Fatalf("seed %d: never ended: %v", seed, open)
		}
	}
}

func encoded(a *codec.Response) (stream []byte) {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	for _, event := range a.Events(nil) {
		stream = e.Append(stream, &event)
	}
	return e.End(stream)
}

// common takes out what the format has no place for, and what decoders add.
func common(a *codec.Response) string {
	m := &a.Choices[0].Message
	var parts []codec.Part
	for _, p := range m.Parts {
		if p.Kind == codec.PartToolCall {
			p.Call.ID, _ = toolid.Split(p.Call.ID)
		}
		last := len(parts) - 1
		switch {
		case p.Kind == codec.PartText && p.Text == "":
		case p.Kind == codec.PartText && last >= 0 && parts[last].Kind == codec.PartText:
			parts[last].Text += p.Text
		default:
			parts = append(parts, p)
		}
	}
	a.Choices[0].Finish.Native, a.Choices[0].Finish.StopSequence = "", ""
	u := a.Usage
	u.Total, u.CacheWrite = 0, 0
	b, _ := json.Marshal([]any{parts, a.Choices[0].Finish, u})
	return string(b)
}

func TestAnswersAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, "anthropic").Response()
		body := Format{}.EncodeResponse(nil, want, &codec.Request{Model: "m"})
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
		want := random.New(seed, "anthropic").Response()
		d := Format{}.NewStreamDecoder()
		var all codec.Collector
		list, err := d.Push(nil, encoded(want))
		if err != nil {
			t.Fatal(seed, err)
		}
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

// TestRequestsKeepWhatBothSidesHave compares what chat makes of a request with what it makes of it after a way through
// this format.
func TestRequestsKeepWhatBothSidesHave(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, "").Request()
		want.TopK, want.Seed, want.Stop, want.FrequencyPenalty, want.PresencePenalty = nil, "", nil, "", ""
		body, err := Format{}.EncodeRequest(nil, want, "m")
		if err != nil {
			t.Fatal(seed, err)
		}
		got, err := Format{}.DecodeRequest(body)
		if err != nil {
			t.Fatal(seed, err, string(body))
		}
		again, err := Format{}.EncodeRequest(nil, got, "m")
		if err != nil {
			t.Fatal(seed, err)
		}
		if a, b := plain(t, body), plain(t, again); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d\n got %s\nwant %s", seed, again, body)
		}
	}
}

func plain(t *testing.T, body []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return m
}
