package anthropic

import (
	"encoding/json"
	"testing"

	"uniapi/codec/capability"
)

func rulesFor(model string) *Rules { return rulesAt("api.anthropic.com", model) }

func rulesAt(host, model string) *Rules {
	return NewRules(capability.Find(capability.Query{Host: host, Format: capability.Messages, Model: model}))
}

func TestClientsOwnRequestsAreWhatTheModelTakes(t *testing.T) {
	for _, test := range []struct{ name, model, body, want string }{
		{"no sampling", "claude-opus-4-8", `{"model":"m","temperature":1,"top_p":1,"top_k":4,"max_tokens":9}`, `{"model":"m","max_tokens":9}`},
		{"one of two", "claude-sonnet-4-5", `{"model":"m","temperature":1,"top_p":1}`, `{"model":"m","temperature":1}`},
		{"a budget where there is none", "claude-opus-4-8", `{"model":"m","thinking":{"type":"enabled","budget_tokens":20000}}`, `{"model":"m","thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`},
		{"the client's effort stays", "claude-opus-4-8", `{"model":"m","thinking":{"type":"enabled","budget_tokens":20000},"output_config":{"effort":"low"}}`,
			`{"model":"m","thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}`},
		{"adaptive where it is not known", "claude-sonnet-4-5", `{"model":"m","max_tokens":9000,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}`,
			`{"model":"m","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2048}}`},
		{"too little room for it", "claude-sonnet-4-5", `{"model":"m","max_tokens":900,"thinking":{"type":"adaptive"}}`, `{"model":"m","max_tokens":900}`},
		{"no thinking at all", "claude-3-haiku-20240307", `{"model":"m","thinking":{"type":"enabled","budget_tokens":2000}}`, `{"model":"m"}`},
		{"an effort that is not known", "claude-opus-4-6", `{"model":"m","output_config":{"effort":"xhigh","x":1}}`, `{"model":"m","output_config":{"effort":"max","x":1}}`},
		{"always thinks", "claude-opus-5-5", `{"model":"m","thinking":{"type":"disabled"},"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}}`,
			`{"model":"m","tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`},
		{"a forced tool elsewhere", "claude-opus-4-8", `{"model":"m","tool_choice":{"type":"any"}}`, `{"model":"m","tool_choice":{"type":"any"}}`},
		{"nothing to do", "claude-opus-4-8", `{"model": "m", "thinking":{"type":"disabled"} }`, `{"model": "m", "thinking":{"type":"disabled"} }`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rulesFor(test.model)
			edit := func(body string) string {
				h, err := ReadHead([]byte(body))
				if err != nil {
					t.Fatal(err)
				}
				out := string(r.Edit(&h, []byte(body)))
				if changes := r.Changes(&h, []byte(body)); changes != (out != body) {
					t.Errorf("it is said to change: %v", changes)
				}
				return out
			}
			got := edit(test.body)
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if again := edit(got); again != got {
				t.Errorf("edited twice it becomes\n%s", again)
			}
		})
	}
	if r := rulesFor("my-model"); r != nil {
		t.Errorf("there are rules for a name that tells nothing: %+v", r)
	}
	if r := rulesAt("relay.example", "claude-opus-5-5"); r != nil {
		t.Errorf("there are rules for a host that nobody knows: %+v", r)
	}
}

func TestLookingWhetherARequestMustChangeAllocatesNothing(t *testing.T) {
	r := rulesFor("claude-opus-4-8")
	body := []byte(`{"model":"m","max_tokens":9,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"},"tool_choice":{"type":"auto"},"messages":[]}`)
	h, err := ReadHead(body)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if r.Changes(&h, body) {
			t.Error("it changes")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRules(f *testing.F) {
	f.Add([]byte(`{"model":"m","temperature":1,"top_p":1,"thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"effort":"max"},"tool_choice":{"type":"any"}}`))
	var all []*Rules
	for _, model := range []string{"claude-3-haiku", "claude-sonnet-4-5", "claude-opus-4-8", "claude-opus-5-5"} {
		all = append(all, rulesFor(model))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ReadHead(body)
		if err != nil || !json.Valid(body) { // a byte in a text that JSON forbids goes along as it came
			return
		}
		for _, r := range all {
			if out := r.Edit(&h, body); !json.Valid(out) {
				t.Fatalf("%s became %s", body, out)
			}
		}
	})
}
