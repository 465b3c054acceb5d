//go:build !race

package fit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"uniapi/bench/linear"
	"uniapi/codec"
	"uniapi/codec/capability"
)

func TestFittingCostsLinearTime(t *testing.T) {
	target := at("api.openai.com", capability.Chat, "gpt-4.1")
	for name, body := range map[string]func(size int) *codec.Request{
		"long names": func(size int) *codec.Request {
			q := &codec.Request{Format: "gemini"}
			for i := range size / 100 {
				q.Tools = append(q.Tools, codec.Tool{Name: fmt.Sprintf("%s%d", strings.Repeat("x", 90), i)})
				q.Messages = append(q.Messages, codec.Message{Parts: []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{Name: q.Tools[i].Name}}}})
			}
			return q
		},
		"names that a long one would get": func(size int) *codec.Request {
			own := strings.Repeat("x", size/2)
			q := &codec.Request{Format: "gemini", Tools: []codec.Tool{{Name: own}}}
			for range size / 2 / 100 { // each is the one that it gets beside those before
				made, _ := Request(q, target)
				q.Tools = append([]codec.Tool{{Name: made.Tools[len(made.Tools)-1].Name}}, q.Tools...)
			}
			return q
		},
		"tools that are allowed": func(size int) *codec.Request {
			q := &codec.Request{Format: "gemini", Tools: []codec.Tool{{Kind: codec.ToolHosted, Name: "googleSearch"}}, ToolChoice: codec.ToolChoice{Mode: codec.ToolAuto}}
			for i := range size / 40 {
				q.Tools = append(q.Tools, codec.Tool{Name: "f" + strconv.Itoa(i)})
				q.ToolChoice.Allowed = append(q.ToolChoice.Allowed, q.Tools[len(q.Tools)-1].Name)
			}
			return q
		},
		"marks and thinking": func(size int) *codec.Request {
			q := &codec.Request{Format: "anthropic"}
			for range size / 100 {
				q.Messages = append(q.Messages, codec.Message{Role: codec.RoleAssistant, Parts: []codec.Part{{Kind: codec.PartReasoning, Text: "hm"}, {Text: "a", Cache: &codec.Cache{}}}})
			}
			return q
		},
		"half a word": func(size int) *codec.Request {
			return &codec.Request{Output: &codec.OutputFormat{Kind: codec.OutputJSON}, Messages: []codec.Message{{Parts: []codec.Part{{Text: strings.Repeat("jso", size/3)}}}}}
		},
		"schemas": func(size int) *codec.Request {
			return &codec.Request{Format: "anthropic", Tools: []codec.Tool{{Name: "f", Schema: json.RawMessage(`{"type":"object","properties":{` + strings.Repeat(`"a":{"type":"array"},`, min(size/20, 2000)) + `"b":{}}}`)}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			linear.Check(t, func(size int) func() {
				q := body(size)
				return func() { Request(q, target) }
			})
		})
	}
}
