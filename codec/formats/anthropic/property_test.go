package anthropic

import (
	"encoding/json"
	"reflect"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/random"
	"uniapi/codec/toolid"
)

// dump shows what differs.
func dump(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, providerName).Request()
		before := dump(want)
		body, err := Format{}.EncodeRequest(nil, want, "claude-opus-4-6")
		if err != nil {
			t.Fatal(seed, err)
		}
		got, err := Format{}.DecodeRequest(body)
		if err != nil {
			t.Fatal(seed, err)
		}
		if dump(want) != before {
			t.Fatal(seed, "the request was changed")
		}
		if got.Format, got.Model = "other", "m"; want.MaxTokens == nil {
			got.MaxTokens = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, dump(got), dump(want), body)
		}
	}
}

// signaturesOnlyInThinking takes them out of the ids of calls, where the decoders put them again.
func signaturesOnlyInThinking(a *codec.Response) *codec.Response {
	for _, p := range a.Choices[0].Message.Parts {
		if p.Kind == codec.PartToolCall {
			p.Call.ID, _ = toolid.Split(p.Call.ID)
		}
	}
	a.Format = ""
	return a
}

func TestAnswersAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, providerName).Response()
		body := Format{}.EncodeResponse(nil, want, &codec.Request{Model: "m"})
		got, err := Format{}.DecodeResponse(body)
		if err != nil {
			t.Fatal(seed, err)
		}
		if !reflect.DeepEqual(signaturesOnlyInThinking(got), want) {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, dump(got), dump(want), body)
		}
	}
}

func TestStreamsAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, providerName).Response()
		var all codec.Collector
		stream := encoded(want.Events(nil))
		d := Format{}.NewStreamDecoder()
		read := func(events []codec.Event, err error) {
			if err != nil {
				t.Fatal(seed, err)
			}
			for i := range events {
				all.Add(&events[i])
			}
		}
		read(d.Push(nil, stream))
		read(d.End(nil))
		if got := signaturesOnlyInThinking(all.Response()); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, dump(got), dump(want), stream)
		}
	}
}

func encoded(events []codec.Event) []byte {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	var stream []byte
	for i := range events {
		stream = e.Append(stream, &events[i])
	}
	return e.End(stream)
}
