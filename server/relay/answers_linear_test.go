//go:build !race

package relay

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/bench/linear"
	"uniapi/codec"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/cohere"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/server/servertest"
)

// writer is what an answer is written by.
type writer interface {
	Append(dst []byte, e *codec.Event) []byte
	End(dst []byte) []byte
}

// writers are all of them, and the collector.
var writers = func() map[string]func() writer {
	all := map[string]func() writer{"a whole answer": func() writer { return &collecting{} }}
	for name, format := range formats.All {
		all[name] = func() writer { return format.NewStreamEncoder(&codec.Request{Model: "m", Format: format.Name()}) }
	}
	return all
}()

// collecting is the collector of a whole answer as a writer.
type collecting struct{ codec.Collector }

func (c *collecting) Append(dst []byte, e *codec.Event) []byte {
	c.Add(e)
	return dst
}

func (c *collecting) End(dst []byte) []byte {
	c.Response()
	return dst
}

// longAnswers are answers of about so many bytes, as events.
var longAnswers = map[string]func(size int) []codec.Event{
	"words": func(size int) []codec.Event {
		return many(size/5, func(int) codec.Event { return codec.Event{Kind: codec.EventText, Text: []byte("word ")} })
	},
	"thoughts and words in turn": func(size int) []codec.Event {
		return many(size/40, func(i int) codec.Event {
			if i%2 == 0 {
				return codec.Event{Kind: codec.EventReasoning, Text: []byte("hm. ")}
			}
			return codec.Event{Kind: codec.EventText, Text: []byte("word ")}
		})
	},
	"sources": func(size int) []codec.Event {
		return many(size/50, func(i int) codec.Event {
			if i == 0 {
				return codec.Event{Kind: codec.EventText, Text: []byte("word ")}
			}
			return codec.Event{Kind: codec.EventCitation, Citation: &codec.Citation{URL: fmt.Sprintf("https://a.example/%d", i), Title: "a", Text: "a passage"}}
		})
	},
	"one call": func(size int) []codec.Event {
		return append([]codec.Event{{Kind: codec.EventToolStart, ID: "c", Name: "f"}},
			many(size/5, func(int) codec.Event { return codec.Event{Kind: codec.EventToolArguments, Text: []byte("[[[[[")} })...)
	},
	"calls one after the other": func(size int) []codec.Event {
		n := min(size/60, codec.MaxCalls)
		return many(3*n, func(i int) codec.Event { return callEvent(i/3, i%3) })
	},
	"calls at once, their arguments from the last to the first": func(size int) []codec.Event {
		n := min(size/60, codec.MaxCalls)
		return many(3*n, func(i int) codec.Event {
			if i < n {
				return callEvent(i, 0)
			}
			return callEvent((3*n-1-i)%n, i/n)
		})
	},
	"calls that wait for one": func(size int) []codec.Event {
		n := min(size/60, codec.MaxCalls)
		return append(many(n, func(i int) codec.Event { return callEvent(i, 0) }),
			many(size/10, func(i int) codec.Event { return callEvent(n-1, 1) })...)
	},
	"choices in turn": func(size int) []codec.Event {
		return many(size/5, func(i int) codec.Event {
			return codec.Event{Kind: codec.EventText, Choice: int64(i % codec.MaxChoices), Text: []byte("word ")}
		})
	},
}

// callEvent is what happens to a call: its begin, its arguments, its end.
func callEvent(index, part int) codec.Event {
	switch e := (codec.Event{Index: int64(index)}); part {
	case 0:
		e.Kind, e.ID, e.Name = codec.EventToolStart, fmt.Sprintf("call_%d", index), "f"
		return e
	case 1:
		e.Kind, e.Text = codec.EventToolArguments, []byte("{}")
		return e
	default:
		e.Kind = codec.EventToolEnd
		return e
	}
}

func many(n int, event func(i int) codec.Event) []codec.Event {
	events := make([]codec.Event, n)
	for i := range events {
		events[i] = event(i)
	}
	return events
}

func TestWritingLongAnswersCostLinearTime(t *testing.T) {
	for name, open := range writers {
		for kind, answer := range longAnswers {
			t.Run(name+", "+kind, func(t *testing.T) {
				var out []byte
				linear.Check(t, func(size int) func() {
					events := answer(size)
					return func() {
						w := open()
						out = w.Append(out[:0], &codec.Event{Kind: codec.EventStart, ID: "id"})
						for i := range events {
							out = w.Append(out[:0], &events[i])
						}
						out = w.Append(out[:0], &codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishStop}})
						out = w.End(out[:0])
					}
				})
			})
		}
	}
}

// crowded are streams of an upstream that says as much as it can of what has to
// be told apart. Some are refused in their middle.
var crowded = map[string]struct {
	format codec.Format
	stream func(size int) string
}{
	"chat, choices": {openai.Format{}, func(size int) string {
		return repeated(size/60, func(i int) string {
			return fmt.Sprintf("data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":\"a\"}}]}\n\n", i)
		})
	}},
	"chat, choices of an event": {openai.Format{}, func(size int) string {
		return "data: {\"choices\":[" + repeated(size/40, func(i int) string { return fmt.Sprintf(`{"index":%d,"delta":{"content":"a"}},`, i) }) + "{}]}\n\n"
	}},
	"chat, calls": {openai.Format{}, func(size int) string {
		return repeated(size/100, func(i int) string {
			return fmt.Sprintf("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n", i)
		})
	}},
	"chat, calls without an index": {openai.Format{}, func(size int) string {
		return "data: {\"choices\":[{\"delta\":{\"tool_calls\":[" + repeated(size/20, func(i int) string { return fmt.Sprintf(`{"id":"x%d"},`, i) }) + "{}]}}]}\n\n"
	}},
	"Messages, blocks that stay open": {anthropic.Format{}, func(size int) string {
		return servertest.MessagesLead + repeated(size/100, func(i int) string {
			return fmt.Sprintf("data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n", i)
		})
	}},
	"Messages, calls": {anthropic.Format{}, func(size int) string {
		return servertest.MessagesLead + repeated(size/200, func(i int) string {
			return fmt.Sprintf("data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"tool_use\",\"id\":\"%d\",\"name\":\"f\"}}\n\n"+
				"data: {\"type\":\"content_block_stop\",\"index\":%d}\n\n", i, i, i)
		})
	}},
	"Gemini, choices": {gemini.Format{}, func(size int) string {
		return repeated(size/80, func(i int) string {
			return fmt.Sprintf("data: {\"candidates\":[{\"index\":%d,\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n", i)
		})
	}},
	"Gemini, calls by one id": {gemini.Format{}, func(size int) string {
		part := func(id string) string { return `{"functionCall":{"id":"` + id + `","name":"f"}},` }
		return "data: {\"candidates\":[{\"content\":{\"parts\":[" + repeated(size/80, func(i int) string { return part(fmt.Sprintf("x_%d", size/80+i)) }) +
			repeated(size/80, func(int) string { return part("x") }) + "{}]}}]}\n\n"
	}},
	"Gemini, members of a call": {gemini.Format{}, func(size int) string {
		return "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"willContinue\":true,\"partialArgs\":[" +
			repeated(size/40, func(i int) string { return fmt.Sprintf(`{"jsonPath":"$.a%d","numberValue":1},`, i) }) + "{}]}}]}}]}\n\n"
	}},
	"Gemini, elements of a call": {gemini.Format{}, func(size int) string {
		return "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"willContinue\":true,\"partialArgs\":[" +
			repeated(size/60, func(i int) string { return fmt.Sprintf(`{"jsonPath":"$.a%d[9999][9999]","numberValue":1},`, i) }) + "{}]}}]}}]}\n\n"
	}},
	"Gemini, sources of a passage": {gemini.Format{}, func(size int) string {
		return "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\",\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"https://a.example\"}}]," +
			"\"groundingSupports\":[{\"segment\":{\"text\":\"" + strings.Repeat("word ", size/10) + "\"},\"groundingChunkIndices\":[" + strings.Repeat("0,", size/4) + "0]}]}}]}\n\n"
	}},
	"Responses, items": {responses.Format{}, func(size int) string {
		return servertest.ResponsesLead + repeated(size/100, func(i int) string {
			return fmt.Sprintf("data: {\"type\":\"response.output_text.delta\",\"output_index\":%d,\"delta\":\"a\"}\n\n", i)
		})
	}},
	"Responses, items of the last event": {responses.Format{}, func(size int) string {
		return servertest.ResponsesLead + "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[" + repeated(size/80, func(i int) string {
			return `{"type":"message","content":[{"type":"output_text","text":"a"}]},`
		}) + "{}]}}\n\n"
	}},
	"Responses, calls": {responses.Format{}, func(size int) string {
		return servertest.ResponsesLead + repeated(size/120, func(i int) string {
			return fmt.Sprintf("data: {\"type\":\"response.output_item.added\",\"output_index\":%d,\"item\":{\"type\":\"function_call\",\"call_id\":\"%d\",\"name\":\"f\"}}\n\n", i, i)
		})
	}},
	"Cohere, calls": {cohere.Format{}, func(size int) string {
		return servertest.CohereLead + repeated(size/150, func(i int) string {
			return fmt.Sprintf("data: {\"type\":\"tool-call-start\",\"index\":%d,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"%d\",\"function\":{\"name\":\"f\"}}}}}\n\n", i, i)
		})
	}},
	"Converse, blocks that stay open": {bedrock.Format{}, func(size int) string {
		return repeated(size/200, func(i int) string {
			return string(eventstream.AppendEvent(nil, "contentBlockDelta", fmt.Appendf(nil, `{"contentBlockIndex":%d,"delta":{"text":"a"}}`, i)))
		})
	}},
}

func repeated(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(text(i))
	}
	return b.String()
}

func TestCrowdedStreamsCostLinearTime(t *testing.T) {
	for name, c := range crowded {
		for to, client := range map[string]codec.Format{"as chat": openai.Format{}, "as Messages": anthropic.Format{}, "as Gemini's": gemini.Format{}, "as Responses": responses.Format{}} {
			if linear.Small < 64<<10 && to != "as chat" && to != "as Responses" {
				continue // with small inputs, two tell enough
			}
			t.Run(name+", "+to, func(t *testing.T) {
				linear.Check(t, func(size int) func() {
					stream := []byte(c.stream(size))
					return func() {
						f := new(translation)
						f.reset(c.format.NewStreamDecoder(), client.NewStreamEncoder(&codec.Request{Model: "m"}), nil)
						if _, err := f.Push(stream); err == nil {
							f.End()
						}
					}
				})
			})
		}
	}
}
