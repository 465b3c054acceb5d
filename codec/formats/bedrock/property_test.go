package bedrock

import (
	"encoding/json"
	"reflect"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/random"
	"uniapi/codec/toolid"
)

func dump(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, signer).Request()
		body, err := Format{}.EncodeRequest(nil, want, "anthropic.claude-x")
		if err != nil {
			t.Fatal(seed, err)
		}
		got, err := Format{}.DecodeRequest(body)
		if err != nil {
			t.Fatal(seed, err)
		}
		got.Format, got.Model = "other", "m"
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, dump(got), dump(want), body)
		}
	}
}

// common takes out what the format has no place for, and what decoders add.
func common(a *codec.Response) *codec.Response {
	for _, p := range a.Choices[0].Message.Parts {
		if p.Kind == codec.PartToolCall {
			p.Call.ID, _ = toolid.Split(p.Call.ID)
		}
	}
	a.Format, a.ID, a.Model, a.Extra, a.Usage.Total = "", "", "", nil, 0
	return a
}

func TestAnswersAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, signer).Response()
		body := Format{}.EncodeResponse(nil, want, nil)
		got, err := Format{}.DecodeResponse(body)
		if err != nil {
			t.Fatal(seed, err)
		}
		if got, want = common(got), common(want); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, dump(got), dump(want), body)
		}
	}
}

func TestStreamsAreReadAsTheyWereWritten(t *testing.T) {
	for _, f := range []codec.Format{Format{}, Invoke} {
		for seed := range uint64(2000) {
			want := random.New(seed, signer).Response()
			e := f.NewStreamEncoder(&codec.Request{Model: "m"})
			var stream []byte
			events := want.Events(nil)
			for i := range events {
				stream = e.Append(stream, &events[i])
			}
			stream = e.End(stream)
			var all codec.Collector
			d := f.NewStreamDecoder()
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
			if got, want := common(all.Response()), common(want); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d\n got %s\nwant %s", seed, dump(got), dump(want))
			}
		}
	}
}
