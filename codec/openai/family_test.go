package openai

import (
	"encoding/json"
	"testing"
)

func TestUpstreamsGetWhatTheyTake(t *testing.T) {
	for _, test := range []struct {
		name                    string
		host, request, upstream string
		body, want              string
	}{
		{"a model that thinks", "api.openai.com", "m", "o3", `{"model":"m","max_tokens":5,"temperature":0.2,"messages":[]}`,
			`{"model":"m","messages":[],"max_completion_tokens":5}`},
		{"never both limits", "api.openai.com", "m", "gpt-5", `{"max_tokens":5,"max_completion_tokens":9}`, `{"max_completion_tokens":9}`},
		{"a reseller of one", "proxy.example", "m", "openai/gpt-5-mini", `{"max_tokens":5,"top_p":1}`, `{"max_completion_tokens":5}`},
		{"one that thinks when it is asked to", "api.openai.com", "m", "gpt-5.1", `{"temperature":0.2,"reasoning_effort":"low"}`, `{"reasoning_effort":"low"}`},
		{"and not when it is not", "api.openai.com", "m", "gpt-5.1", `{"temperature":0.2,"reasoning_effort":"none"}`, `{"temperature":0.2,"reasoning_effort":"none"}`},
		{"one that thinks unless it is told not to", "api.openai.com", "m", "gpt-5.6", `{"temperature":0.2}`, `{}`},
		{"an effort that is too weak", "api.openai.com", "m", "o4-mini", `{"reasoning_effort":"minimal"}`, `{"reasoning_effort":"low"}`},
		{"none for one that always thinks", "api.openai.com", "m", "gpt-5", `{"reasoning_effort":"none"}`, `{"reasoning_effort":"minimal"}`},
		{"minimal where there is no such word", "api.openai.com", "m", "gpt-5.6", `{"reasoning_effort":"minimal"}`, `{"reasoning_effort":"low"}`},
		{"a wish in the name", "api.openai.com", "o3-mini-high", "o3-mini", `{"model":"m"}`, `{"model":"m","reasoning_effort":"high"}`},
		{"which the client overrules", "api.openai.com", "o3-mini-high", "o3-mini", `{"reasoning_effort":"low"}`, `{"reasoning_effort":"low"}`},
		{"o1-mini knows no system", "api.openai.com", "m", "o1-mini", `{"messages":[{"role":"system","content":"a"}]}`, `{"messages":[{"role":"user","content":"a"}]}`},
		{"empty tools", "api.openai.com", "m", "gpt-4o", `{"tools":[ ],"tool_choice":"auto","parallel_tool_calls":true,"x":1}`, `{"x":1}`},
		{"stream options without a stream", "api.openai.com", "m", "gpt-4o", `{"stream":false,"stream_options":{}}`, `{"stream":false}`},
		{"nothing to do", "api.openai.com", "m", "gpt-4o", `{"max_tokens": 5, "temperature":1.0}`, `{"max_tokens": 5, "temperature":1.0}`},
		{"Mistral", "api.mistral.ai", "m", "mistral-large", `{"max_completion_tokens":5,"seed":7,"tools":[{}],"tool_choice":"required","stream":true,"stream_options":{},"messages":[{"role":"developer","content":"a"},{"role":"assistant","tool_calls":[{"id":"call_1","function":{}}]},{"role":"tool","tool_call_id":"call_1"}]}`,
			`{"tools":[{}],"tool_choice":"any","stream":true,"messages":[{"role":"system","content":"a"},{"role":"assistant","tool_calls":[{"id":"dBlv5y5M3","function":{}}]},{"role":"tool","tool_call_id":"dBlv5y5M3"}],"random_seed":7,"max_tokens":5}`},
		{"Groq", "api.groq.com", "m", "qwen", `{"logprobs":true,"messages":[{"role":"assistant","content":"a","reasoning_content":"hm"}]}`,
			`{"messages":[{"role":"assistant","content":"a","reasoning":"hm"}]}`},
		{"xAI", "api.x.ai", "grok-3-mini-low", "grok-3-mini", `{"stream":true,"stream_options":{},"presence_penalty":1}`, `{"stream":true,"reasoning_effort":"low"}`},
		{"DeepSeek", "api.deepseek.com", "m", "deepseek-chat", `{"tools":[{}],"tool_choice":"required"}`, `{"tools":[{}],"tool_choice":"auto"}`},
		{"DeepSeek's advice", "proxy.example", "m", "deepseek-r1", `{}`, `{"temperature":0.6}`},
		{"Perplexity", "api.perplexity.ai", "m", "sonar", `{"tools":[{}],"tool_choice":"auto"}`, `{}`},
		{"a long id", "api.openai.com", "m", "gpt-4o", `{"messages":[{"role":"tool","tool_call_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}`,
			`{"messages":[{"role":"tool","tool_call_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_0e058e3f"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := RulesFor(test.host, test.request, test.upstream)
			if r == nil {
				t.Fatal("no rules")
			}
			if got := string(r.Edit([]byte(test.body))); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestNothingIsKnownOfPeoplesOwnServers(t *testing.T) {
	for _, upstream := range []string{"llama-4", "gpt-4o", "o10-custom", "claude-x", "gpt-50"} {
		if r := RulesFor("llm.intern.example", "m", upstream); r != nil {
			t.Errorf("%s has rules: %+v", upstream, r)
		}
	}
	var none *Rules
	if got := string(none.EditTranslated([]byte(`{"max_completion_tokens":5}`))); got != `{"max_tokens":5}` {
		t.Errorf("translated: %s", got)
	}
}

func FuzzRules(f *testing.F) {
	f.Add([]byte(`{"max_tokens":5,"tools":[],"messages":[{"role":"developer","tool_calls":[{"id":"x"}]}]}`))
	all := []*Rules{RulesFor("api.openai.com", "o3-high", "o3"), RulesFor("api.mistral.ai", "m", "m"), RulesFor("api.groq.com", "m", "m")}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, r := range all {
			if out := r.Edit(body); json.Valid(body) && !json.Valid(out) {
				t.Fatalf("%s became %s", body, out)
			}
		}
	})
}
