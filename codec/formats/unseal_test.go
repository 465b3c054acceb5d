package formats

import (
	"bytes"
	"encoding/json"
	"testing"

	"uniapi/codec"
)

const (
	foreignThinking = `{"type":"thinking","thinking":"t","signature":"~uniapi~google~c2ln"}`
	unsigned        = `{"type":"thinking","thinking":"t","signature":"~uniapi~~"}`
	claudes         = `{"type":"thinking","thinking":"t","signature":"c2ln"}`
	call            = `{"type":"tool_use","id":"t1","name":"f","input":{}}`
	result          = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"x"}]}`
	user            = `{"role":"user","content":"~uniapi~google~c2ln"}`
	foreignItem     = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"uniapi1.s.google.c2ln"}`
	openAIs         = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"c2ln"}`
	// foreignSignature is "uni-api/anthropic/c2ln" in base64.
	foreignSignature = `"thoughtSignature":"dW5pLWFwaS9hbnRocm9waWMvYzJsbg=="`
	skipped          = `"thoughtSignature":"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="`
)

func TestWhatOtherProvidersSealedStaysWithRequestsThatPass(t *testing.T) {
	message := func(blocks string) string { return `{"role":"assistant","content":[` + blocks + `]}` }
	for _, c := range []struct{ name, format, body, want string }{
		{"signed by another", "anthropic", `{"model":"m","messages":[` + user + `,` + message(foreignThinking+`, {"type":"text","text":"a"}`) + `]}`,
			`{"model":"m","messages":[` + user + `,` + message(`{"type":"text","text":"a"}`) + `]}`},
		{"signed by nobody", "anthropic", `{"messages":[` + message(`{"type":"text","text":"a"},`+unsigned) + `],"x":1}`, `{"messages":[` + message(`{"type":"text","text":"a"}`) + `],"x":1}`},
		{"nothing else", "anthropic", `{"messages":[` + user + `,` + message(unsigned) + `,` + user + `]}`, `{"messages":[` + user + `,` + user + `]}`},
		{"sealed by another", "anthropic", `{"messages":[` + message(`{"type":"redacted_thinking","data":"~uniapi~rs_1~openai-responses-v1~x"},{"type":"text","text":"a"}`) + `]}`, `{"messages":[` + message(`{"type":"text","text":"a"}`) + `]}`},
		{"a call of another's goes on", "anthropic", `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + user + `,` + message(foreignThinking+`,`+call) + `,` + result + `],"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}}`,
			`{"thinking":{"type":"disabled"},"messages":[` + user + `,` + message(call) + `,` + result + `]}`},
		{"with other edits", "anthropic", `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + message(foreignThinking+`,`+call) + `,` + result + `],"context_management":{"edits":[{"type":"clear_thinking_20251015"},{"type":"clear_tool_uses_20250919"}],"x":1}}`,
			`{"thinking":{"type":"disabled"},"messages":[` + message(call) + `,` + result + `],"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}],"x":1}}`},
		{"a call of another's before words of the user's", "anthropic", `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + message(foreignThinking+`,`+call) + `,` + result + `,` + message(`{"type":"text","text":"a"}`) + `,` + user + `]}`,
			`{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + message(call) + `,` + result + `,` + message(`{"type":"text","text":"a"}`) + `,` + user + `]}`},
		{"a turn that Claude began", "anthropic", `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + message(claudes+`,`+call) + `,` + result + `,` + message(foreignThinking+`,`+call) + `,` + result + `]}`,
			`{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + message(claudes+`,`+call) + `,` + result + `,` + message(call) + `,` + result + `]}`},
		{"results beside words", "anthropic", `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[` + message(foreignThinking+`,`+call) + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"},{"type":"text","text":"a"}]}]}`,
			`{"thinking":{"type":"disabled"},"messages":[` + message(call) + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"},{"type":"text","text":"a"}]}]}`},
		{"adaptive thinking goes on", "anthropic", `{"thinking":{"type":"adaptive"},"messages":[` + message(foreignThinking+`,`+call) + `,` + result + `]}`,
			`{"thinking":{"type":"adaptive"},"messages":[` + message(call) + `,` + result + `]}`},
		{"Claude's", "anthropic", `{"messages":[` + user + `, ` + message(claudes+`,7`) + `, 7,{"content":"~uniapi~"}]}`, ""},
		{"Bedrock's Claude", "bedrock-invoke", `{"messages":[` + message(foreignThinking+`,`+claudes) + `]}`, `{"messages":[` + message(claudes) + `]}`},
		{"an item of another's", "responses", `{"input":[` + user + `,` + foreignItem + `,` + openAIs + `]}`, `{"input":[` + user + `,` + openAIs + `]}`},
		{"a text that says so", "responses", `{"input":[{"role":"user","content":"uniapi1.s.google.c2ln"}]}`, ""},
		{"no list", "responses", `{"input":"\"uniapi1."}`, ""},
		{"a call that another signed", "gemini", `{"contents":[{"parts":[{"functionCall":{"name":"f"},` + foreignSignature + `}]}]}`, `{"contents":[{"parts":[{"functionCall":{"name":"f"},` + skipped + `}]}]}`},
		{"Google's", "gemini-vertex", `{"contents":[{"parts":[{"text":"\"dW5pLWFwaS9\"","thoughtSignature":"c2ln"}]}]}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := All[c.format].(codec.Sealer)
			if c.want == "" {
				c.want = c.body
			} else if !s.MaySeal([]byte(c.body)) {
				t.Error("nothing is suspected")
			}
			if got := string(s.Unsealed([]byte(c.body))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func FuzzUnsealed(f *testing.F) {
	f.Add(`{"messages":[` + user + `,{"role":"assistant","content":[` + foreignThinking + `,` + claudes + `]}]}`)
	f.Add(`{"thinking":{"type":"enabled"},"context_management":{"edits":[{"type":"clear_thinking_1"},{}]},"messages":[{"role":"assistant","content":[` + foreignThinking + `,` + call + `]},` + result + `]}`)
	f.Add(`{"input":[` + foreignItem + `,[],{"content":[]}],"contents":[{"parts":[{` + foreignSignature + `}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, name := range []string{"anthropic", "responses", "gemini"} {
			s := All[name].(codec.Sealer)
			out := s.Unsealed([]byte(body))
			if json.Valid([]byte(body)) && !json.Valid(out) {
				t.Errorf("%s: %q becomes %q", name, body, out)
			}
			if again := s.Unsealed(out); !bytes.Equal(again, out) {
				t.Errorf("%s: %q becomes %q, and then %q", name, body, out, again)
			}
		}
	})
}
