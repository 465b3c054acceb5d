package cohere

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/random"
)

func dump(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// sayable is a random request without what Cohere has no place for, and with more of what it has.
func sayable(m *random.Maker) *codec.Request {
	q := m.Request()
	for i := range q.Messages {
		msg := &q.Messages[i]
		calls := slices.ContainsFunc(msg.Parts, isCall)
		msg.Parts = slices.DeleteFunc(msg.Parts, func(p codec.Part) bool {
			return p.Kind == codec.PartFile || p.Kind == codec.PartReasoning && (p.Text == "" || p.Reasoning != nil)
		})
		for j := range msg.Parts {
			p := &msg.Parts[j]
			p.Signature, p.Cache = codec.Signature{}, nil
			if p.Kind == codec.PartToolResult {
				p.Result.Error = false
				p.Result.Parts = slices.DeleteFunc(p.Result.Parts, func(p codec.Part) bool { return p.Media != nil })
			}
		}
		if calls && len(msg.Parts) > 0 && m.IntN(2) == 0 { // a plan is not needed
			msg.Parts = slices.DeleteFunc(msg.Parts, isText)
		}
	}
	if q.ToolChoice.Mode == codec.ToolNamed || q.ToolChoice.Mode == codec.ToolAuto {
		q.ToolChoice = codec.ToolChoice{Mode: codec.ToolRequired}
	}
	q.Stop = q.Stop[:min(len(q.Stop), maxStops)]
	if n := int64(m.IntN(maxTopK)); m.IntN(2) == 0 {
		q.TopK, q.TopP, q.Seed = &n, "0.75", json.Number(dump(1<<40+m.IntN(9)))
		q.FrequencyPenalty, q.PresencePenalty = "0.1", "1"
	}
	if budget := int64(m.IntN(1000)); m.IntN(2) == 0 {
		q.Reasoning, q.MaxTokens = &codec.Reasoning{Budget: &budget}, nil
	} else if m.IntN(2) == 0 {
		q.Reasoning = &codec.Reasoning{Disabled: true}
	}
	if len(q.Tools) == 0 && m.IntN(2) == 0 {
		q.Output = &codec.OutputFormat{Kind: codec.OutputSchema, Schema: json.RawMessage(`{"type":"object"}`)}
	}
	q.Extra = codec.Fields{{Name: "safety_mode", Raw: []byte(`"NONE"`)}}
	return q
}

// joined puts the results of a turn, which are messages of their own here, together again.
func joined(list []codec.Message) (out []codec.Message) {
	for _, m := range list {
		if n := len(out); n > 0 && m.Role == codec.RoleTool && out[n-1].Role == codec.RoleTool {
			out[n-1].Parts = append(out[n-1].Parts, m.Parts...)
		} else {
			out = append(out, m)
		}
	}
	return out
}

func TestRequestsAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := sayable(random.New(seed, "other"))
		before := dump(want)
		body, err := Format{}.EncodeRequest(nil, want, "m")
		if err != nil {
			t.Fatal(seed, err)
		}
		if dump(want) != before {
			t.Fatal(seed, "the request was changed")
		}
		got, err := Format{}.DecodeRequest(body)
		if err != nil {
			t.Fatal(seed, err)
		}
		got.Format, got.Messages = "other", joined(got.Messages)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, dump(got), dump(want), body)
		}
	}
}

// common is what the format has a place for, of an answer: thinking without signatures, its blocks in one.
func common(a *codec.Response) string {
	var parts []codec.Part
	for _, p := range a.Choices[0].Message.Parts {
		p.Signature, p.Reasoning = codec.Signature{}, nil
		last := len(parts) - 1
		switch {
		case p.Kind == codec.PartReasoning && p.Text == "":
		case last >= 0 && !isCall(p) && parts[last].Kind == p.Kind:
			parts[last].Text += p.Text
		default:
			parts = append(parts, p)
		}
	}
	u := a.Usage
	return dump([]any{parts, a.Choices[0].Finish.Reason, u.Prompt, u.Completion, u.Cached})
}

func TestAnswersAreReadAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(2000) {
		want := random.New(seed, "other").Response()
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
		want := random.New(seed, "other").Response()
		e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
		var stream []byte
		events := want.Events(nil)
		for i := range events {
			stream = e.Append(stream, &events[i])
		}
		stream = e.End(stream)
		var all codec.Collector
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
		if got, want := common(all.Response()), common(want); got != want {
			t.Fatalf("seed %d\n got %s\nwant %s\n via %s", seed, got, want, stream)
		}
	}
}
