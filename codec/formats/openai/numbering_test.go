package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/flows"
	"uniapi/codec/passthrough"
)

// callsChunk is an event of a choice with pieces of calls.
func callsChunk(choice int, pieces ...string) string {
	return fmt.Sprintf(`data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":%d,"delta":{"tool_calls":[%s]},"finish_reason":null}]}`, choice, strings.Join(pieces, ",")) + "\n\n"
}

const callsEnd = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n"

// merged are the calls of a stream as OpenAI's SDKs put them together: by index alone.
func merged(t *testing.T, stream string) (all []string) {
	t.Helper()
	type key struct{ choice, index int }
	var order []key
	calls := map[key]string{}
	for line := range strings.SplitSeq(stream, "\n") {
		data, is := strings.CutPrefix(line, "data: {")
		if !is {
			continue
		}
		var chunk struct {
			Choices []struct {
				Index int
				Delta struct {
					ToolCalls []struct {
						Index    *int
						Function struct{ Name, Arguments string }
					} `json:"tool_calls"`
				}
			}
		}
		if err := json.Unmarshal([]byte("{"+data), &chunk); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, c := range chunk.Choices {
			for _, piece := range c.Delta.ToolCalls {
				if piece.Index == nil {
					t.Fatalf("a call without an index: %s", line)
				}
				k := key{c.Index, *piece.Index}
				if !slices.Contains(order, k) {
					order = append(order, k)
				}
				calls[k] += piece.Function.Name + piece.Function.Arguments
			}
		}
	}
	for _, k := range order {
		all = append(all, calls[k])
	}
	return all
}

// decoded are the calls of a stream as clients of other formats get them.
func decoded(t *testing.T, stream string) (all []string) {
	t.Helper()
	d := Format{}.NewStreamDecoder()
	events, err := d.Push(nil, []byte(stream))
	if err != nil {
		t.Fatal(err)
	}
	at := map[[2]int64]int{}
	for _, e := range events {
		k := [2]int64{e.Choice, e.Index}
		switch e.Kind {
		case codec.EventToolStart:
			at[k] = len(all)
			all = append(all, e.Name)
		case codec.EventToolArguments:
			all[at[k]] += string(e.Text)
		}
	}
	return all
}

func TestCallsOfAStreamThatPassesAreToldApartByTheirIndex(t *testing.T) {
	head := func(index, id, name, arguments string) string {
		piece := `{"type":"function","function":{"name":"` + name + `","arguments":` + arguments + `}`
		if id != "" {
			piece += `,"id":"` + id + `"`
		}
		return piece + index + "}"
	}
	more := func(index, id, arguments string) string {
		piece := `{"function":{"arguments":` + arguments + `}`
		if id != "" {
			piece += `,"id":"` + id + `"`
		}
		return piece + index + "}"
	}
	const i0, i1, i7, none = `,"index":0`, `,"index":1`, `,"index":7`, ""
	for _, c := range []struct {
		name   string
		events []string
		want   []string
		same   bool // it passes as it is
	}{
		{"as it should be", []string{callsChunk(0, head(i0, "a", "f", `""`)), callsChunk(0, more(i0, "", `"{}"`)), callsChunk(0, head(i1, "b", "g", `""`)), callsChunk(0, more(i1, "", `"[]"`))},
			[]string{"f{}", "g[]"}, true},
		{"numbered from another number on", []string{callsChunk(0, head(i1, "a", "f", `"{}"`)), callsChunk(0, head(i7, "b", "g", `"[]"`))}, []string{"f{}", "g[]"}, true},
		{"all are 0, one an event", []string{callsChunk(0, head(i0, "a", "f", `"{}"`)), callsChunk(0, head(i0, "b", "g", `"[]"`))}, []string{"f{}", "g[]"}, false},
		{"all are 0, in one event", []string{callsChunk(0, head(i0, "a", "f", `"{}"`), head(i0, "b", "g", `"[]"`))}, []string{"f{}", "g[]"}, false},
		{"all are 0, in many pieces", []string{callsChunk(0, head(i0, "a", "f", `""`)), callsChunk(0, more(i0, "", `"{"`)), callsChunk(0, more(i0, "", `"}"`)),
			callsChunk(0, head(i0, "b", "g", `""`)), callsChunk(0, more(i0, "", `"["`)), callsChunk(0, more(i0, "", `"]"`)), callsChunk(0, head(i0, "c", "h", `"1"`)), callsChunk(0, more(i0, "", `"2"`))},
			[]string{"f{}", "g[]", "h12"}, false},
		{"all are 0, one goes on by its id", []string{callsChunk(0, head(i0, "a", "f", `""`)), callsChunk(0, head(i0, "b", "g", `""`)), callsChunk(0, more(i0, "a", `"{}"`)), callsChunk(0, more(i0, "b", `"[]"`))},
			[]string{"f{}", "g[]"}, false},
		{"one of them has a number that was given away", []string{callsChunk(0, head(i0, "a", "f", `"1"`)), callsChunk(0, head(i0, "b", "g", `"2"`)), callsChunk(0, head(i1, "c", "h", `"3"`))},
			[]string{"f1", "g2", "h3"}, false},
		{"an id for every piece", []string{callsChunk(0, head(i0, "a", "f", `""`)), callsChunk(0, more(i0, "b", `"{"`)), callsChunk(0, more(i0, "c", `"}"`))}, []string{"f{}"}, true},
		{"no ids, other names", []string{callsChunk(0, head(i0, "", "f", `"{}"`)), callsChunk(0, head(i0, "", "g", `"[]"`))}, []string{"f{}", "g[]"}, false},
		{"no numbers", []string{callsChunk(0, head(none, "a", "f", `""`)), callsChunk(0, more(none, "", `"{}"`)), callsChunk(0, head(none, "b", "g", `"[]"`))}, []string{"f{}", "g[]"}, false},
		{"two choices", []string{callsChunk(0, head(i0, "a", "f", `"1"`)), callsChunk(1, head(i0, "b", "g", `"2"`)), callsChunk(1, head(i0, "c", "h", `"3"`)), callsChunk(0, more(i0, "", `"4"`))},
			[]string{"f14", "g2", "h3"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := strings.Join(c.events, "") + callsEnd
			if got := decoded(t, stream); !slices.Equal(got, c.want) {
				t.Errorf("other formats get %q, want %q", got, c.want)
			}
			for n := 1; n <= len(stream); n++ {
				s := new(passthrough.Stream)
				s.Reset(new(Inspector))
				out, err := flows.Run(s, stream, n)
				if got := merged(t, out); err != nil || !slices.Equal(got, c.want) {
					t.Fatalf("by %d bytes: %v, %q, want %q\n%s", n, err, got, c.want, out)
				}
				if (out == stream) != c.same {
					t.Fatalf("by %d bytes it became\n%s", n, out)
				}
			}
		})
	}
}

func TestCallsBeyondTheBoundAreNotKept(t *testing.T) {
	var n numbering
	for i := range 2 * codec.MaxCalls {
		n.read([]callPiece{{numbered: true, id: uint64(i + 1), name: 1, arguments: true}})
	}
	if len(n.calls.list) != codec.MaxCalls {
		t.Errorf("%d are kept", len(n.calls.list))
	}
}

func TestCallsThatPassAllocateNothing(t *testing.T) {
	var stream strings.Builder
	for i := range 20 {
		stream.WriteString(callsChunk(0, fmt.Sprintf(`{"index":%d,"id":"call_%d","type":"function","function":{"name":"f","arguments":""}}`, i, i)))
		stream.WriteString(callsChunk(0, fmt.Sprintf(`{"index":%d,"function":{"arguments":"{}"}}`, i)))
	}
	s, in := new(passthrough.Stream), new(Inspector)
	s.Reset(in)
	events := []byte(stream.String())
	flows.AllocateNothing(t, s, events)
}

func FuzzNumbering(f *testing.F) {
	f.Add(callsChunk(0, `{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`, `{"index":0,"id":"b","function":{"name":"g"}}`)+callsEnd, uint16(9))
	f.Add(callsChunk(0, `{"id":"a","function":{"name":"f","arguments":"{}"}}`, `7`, `{"index":null,"id":"b"}`)+callsEnd, uint16(30))
	f.Fuzz(func(t *testing.T, stream string, n uint16) {
		flows.SameInPieces(t, func() flows.Flow {
			s := new(passthrough.Stream)
			in := new(Inspector)
			s.Reset(in)
			in.mend.id, in.mend.decided = "own", true
			return s
		}, stream, 1, int(n)+1)
	})
}

func BenchmarkPassthroughCalls(b *testing.B) {
	s, in := new(passthrough.Stream), new(Inspector)
	s.Reset(in)
	piece := []byte(callsChunk(0, `{"index":0,"id":"call_0","type":"function","function":{"name":"f","arguments":""}}`) + strings.Repeat(callsChunk(0, `{"index":0,"function":{"arguments":"some of it"}}`), 20))
	flows.Benchmark(b, s, piece, 21)
}
