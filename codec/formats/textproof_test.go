package formats

import (
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/formats/gemini"
)

// clientsTurn is how the clients of a format keep an answer, and what they send with it in the next turn.
type clientsTurn struct {
	format string
	// whole and streamed are the answer as the client keeps it, of a body and of the data of the events.
	whole    func(t *testing.T, body map[string]any) any
	streamed func(t *testing.T, events []map[string]any) any
	next     func(kept any) any
}

// at is what stands under names and places in JSON.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

var clientsTurns = []clientsTurn{
	{"openai", func(_ *testing.T, body map[string]any) any { return at(body, "choices", 0, "message") },
		func(_ *testing.T, events []map[string]any) any {
			content, details := "", []any{}
			for _, e := range events {
				delta := at(e, "choices", 0, "delta")
				content += text(at(delta, "content"))
				more, _ := at(delta, "reasoning_details").([]any)
				details = append(details, more...)
			}
			return map[string]any{"role": "assistant", "content": content, "reasoning_details": details}
		},
		func(kept any) any {
			return map[string]any{"model": "m", "messages": []any{map[string]any{"role": "user", "content": "q"}, kept, map[string]any{"role": "user", "content": "more"}}}
		}},
	{"anthropic", func(_ *testing.T, body map[string]any) any { return body["content"] },
		func(_ *testing.T, events []map[string]any) any {
			var blocks []any
			for _, e := range events {
				switch last := len(blocks) - 1; e["type"] {
				case "content_block_start":
					blocks = append(blocks, e["content_block"])
				case "content_block_delta":
					for _, member := range []string{"text", "thinking", "signature"} {
						if piece := at(e, "delta", member); piece != nil {
							block := blocks[last].(map[string]any)
							block[member] = text(block[member]) + text(piece)
						}
					}
				}
			}
			return blocks
		},
		func(kept any) any {
			return map[string]any{"model": "m", "max_tokens": 9, "messages": []any{map[string]any{"role": "user", "content": "q"}, map[string]any{"role": "assistant", "content": kept},
				map[string]any{"role": "user", "content": "more"}}}
		}},
	{"responses", func(_ *testing.T, body map[string]any) any { return body["output"] },
		func(_ *testing.T, events []map[string]any) any {
			return at(events[len(events)-1], "response", "output")
		},
		func(kept any) any {
			output, _ := kept.([]any)
			return map[string]any{"model": "m", "store": false, "input": append(append([]any{map[string]any{"role": "user", "content": "q"}}, output...), map[string]any{"role": "user", "content": "more"})}
		}},
}

// toGemini is what Google gets of a client's request.
func toGemini(t *testing.T, client codec.Format, request any) string {
	t.Helper()
	body, _ := json.Marshal(request)
	q, err := client.DecodeRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	repaired, _, err := alternation.Repair(q, client, gemini.Format{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := gemini.Format{}.EncodeRequest(nil, repaired, "gemini-3-pro")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestSignaturesOfTextsComeBackFromClientsOfEachFormat(t *testing.T) {
	const end = `,"role":"model"},"finishReason":"STOP"}]}`
	for _, c := range []struct{ name, parts, want string }{
		{"a signed text", `{"text":"a","thoughtSignature":"c2ln"}`, `{"text":"a","thoughtSignature":"c2ln"}`},
		{"thoughts before it", `{"text":"hm","thought":true},{"text":"a","thoughtSignature":"c2ln"}`, `{"text":"a","thoughtSignature":"c2ln"}`},
		{"a signature at the end", `{"text":"a"},{"text":"","thoughtSignature":"c2ln"}`, `{"text":"a","thoughtSignature":"c2ln"}`},
		{"no signature", `{"text":"a"}`, `{"text":"a"}`},
	} {
		for _, client := range clientsTurns {
			format := All[client.format]
			whole, err := gemini.Format{}.DecodeResponse([]byte(`{"candidates":[{"content":{"parts":[` + c.parts + `]` + end))
			if err != nil {
				t.Fatal(err)
			}
			q := &codec.Request{Model: "m", IncludeUsage: true}
			var body map[string]any
			if err := json.Unmarshal(format.EncodeResponse(nil, whole, q), &body); err != nil {
				t.Fatal(err)
			}
			if got := toGemini(t, format, client.next(client.whole(t, body))); !strings.Contains(got, c.want) {
				t.Errorf("%s, %s: Google gets %s", client.format, c.name, got)
			}
			if got := toGemini(t, format, client.next(client.streamed(t, streamOf(t, format, c.parts, end)))); !strings.Contains(got, c.want) {
				t.Errorf("%s, %s, streamed: Google gets %s", client.format, c.name, got)
			}
		}
	}
}

// streamOf are the events that a client gets of Google's stream of parts, each in a frame of its own.
func streamOf(t *testing.T, client codec.Format, parts, end string) (data []map[string]any) {
	t.Helper()
	stream := ""
	pieces := strings.SplitAfter(parts, "},")
	for i, piece := range pieces {
		frame := `{"candidates":[{"content":{"parts":[` + strings.TrimSuffix(piece, ",") + `],"role":"model"}}]}`
		if i == len(pieces)-1 {
			frame = `{"candidates":[{"content":{"parts":[` + piece + `]` + end
		}
		stream += "data: " + frame + "\n\n"
	}
	return dataOf(t, gemini.Format{}, client, stream)
}

// dataOf are the data of the events that a client gets of an upstream's stream.
func dataOf(t *testing.T, from, client codec.Format, stream string) (data []map[string]any) {
	t.Helper()
	decoder, encoder := from.NewStreamDecoder(), client.NewStreamEncoder(&codec.Request{Model: "m"})
	var out []byte
	add := func(events []codec.Event, err error) {
		for i := range events {
			out = encoder.Append(out, &events[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(decoder.Push(nil, []byte(stream)))
	add(decoder.End(nil))
	for line := range strings.SplitSeq(string(encoder.End(out)), "\n") {
		if rest, is := strings.CutPrefix(line, "data: {"); is {
			var e map[string]any
			if err := json.Unmarshal([]byte("{"+rest), &e); err != nil {
				t.Fatal(err)
			}
			data = append(data, e)
		}
	}
	return data
}
