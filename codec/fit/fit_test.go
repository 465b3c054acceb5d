package fit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/codec/toolid"
)

func decoded(t testing.TB, f codec.Format, body string) *codec.Request {
	t.Helper()
	q, err := f.DecodeRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// chatOf is a request as a chat upstream gets it.
func chatOf(t *testing.T, q *codec.Request, target *capability.Target) string {
	t.Helper()
	fit, _ := Request(q, target)
	out, err := openai.Format{}.EncodeRequest(nil, fit, "up")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func at(host, format, model string) *capability.Target {
	return capability.Find(capability.Query{Host: host, Format: format, Model: model})
}

const withMarks = `{"model":"m","max_tokens":9,"cache_control":{"type":"ephemeral"},"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"top_k":4,
"tools":[{"name":"f","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}],"messages":[
{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},
{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"tool_use","id":"t","name":"f","input":{},"cache_control":{"type":"ephemeral"}}]},
{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"r","cache_control":{"type":"ephemeral"}}]}]}]}`

func TestExtensionsGoOnlyToThoseWhoTakeThem(t *testing.T) {
	q := decoded(t, anthropic.Format{}, withMarks)
	before, _ := json.Marshal(q)
	for host, takes := range map[string]string{"relay.example": "", "api.openai.com": "", "api.fireworks.ai": "reasoning_content top_k", "api.deepseek.com": "reasoning_content",
		"openrouter.ai": "cache_control reasoning_content top_k"} {
		got := chatOf(t, q, at(host, capability.Chat, "m"))
		for _, member := range []string{"cache_control", "reasoning_content", "thinking_blocks", "top_k"} {
			if want := strings.Contains(takes, member); strings.Contains(got, `"`+member+`"`) != want {
				t.Errorf("%s: %s is there: %v, in %s", host, member, !want, got)
			}
		}
	}
	if after, _ := json.Marshal(q); string(after) != string(before) {
		t.Errorf("the client's request was changed:\n%s\n%s", before, after)
	}
}

func TestNamesThatAreRefusedHaveOthersWhichAreTheSameInEachTurn(t *testing.T) {
	long := "mcp__" + strings.Repeat("very_", 20) + "long"
	body := fmt.Sprintf(`{"model":"m","max_tokens":9,"tools":[{"name":%q,"input_schema":{}},{"name":"short","input_schema":{}}],"tool_choice":{"type":"tool","name":%q},"messages":[{"role":"user","content":"a"},
{"role":"assistant","content":[{"type":"tool_use","id":"t","name":%q,"input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}]}`, long, long, long)
	for _, target := range []*capability.Target{at("api.openai.com", capability.Chat, "gpt-4.1"), at("x", capability.Responses, "m"), at("x", capability.Gemini, "m"), at("x", capability.Converse, "m")} {
		fit, names := Request(decoded(t, anthropic.Format{}, body), target)
		to := fit.Tools[0].Name
		if len(to) > 64 || fit.ToolChoice.Name != to || fit.Messages[1].Parts[0].Call.Name != to || fit.Tools[1].Name != "short" || names[to] != long {
			t.Errorf("%s: %q, %+v, %v", target.Format, to, fit.ToolChoice, names)
		}
		if again, _ := Request(decoded(t, anthropic.Format{}, body), target); again.Tools[0].Name != to {
			t.Errorf("%s: another name in the next turn: %s", target.Format, again.Tools[0].Name)
		}
		e := codec.Event{Kind: codec.EventToolStart, Name: to}
		names.Event(&e)
		a := codec.Response{Choices: []codec.Choice{{Message: codec.Message{Parts: []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{Name: to}}}}}}}
		names.Response(&a)
		if e.Name != long || a.Choices[0].Message.Parts[0].Call.Name != long {
			t.Errorf("%s: the client is called by %q and %q", target.Format, e.Name, a.Choices[0].Message.Parts[0].Call.Name)
		}
	}
	if q := decoded(t, anthropic.Format{}, body); true {
		if fit, names := Request(q, at("x", capability.Messages, "claude-opus-4-5")); fit != q || names != nil {
			t.Errorf("Anthropic takes 128 characters: %v", names)
		}
	}
}

func TestNoTwoNamesBecomeOne(t *testing.T) {
	target := at("x", capability.Chat, "m")
	own := []string{"a.b", "a_b", "a/b", "21st", strings.Repeat("x", 65), strings.Repeat("x", 66)}
	q := &codec.Request{Format: "gemini"}
	for _, name := range own {
		q.Tools = append(q.Tools, codec.Tool{Name: name})
	}
	q.Tools = append(q.Tools, codec.Tool{Name: "a_b_" + capability.Hashed("a.b", 8)}) // what the first would become
	fit, names := Request(q, target)
	seen := map[string]bool{}
	for i, tool := range fit.Tools {
		if seen[tool.Name] {
			t.Errorf("%s is there twice", tool.Name)
		}
		seen[tool.Name] = true
		if back := names[tool.Name]; back != "" && back != q.Tools[i].Name {
			t.Errorf("%s came back as %s", q.Tools[i].Name, back)
		}
	}
	if fit, _ := Request(&codec.Request{Tools: []codec.Tool{{Name: "21st"}}}, at("x", capability.Gemini, "m")); fit.Tools[0].Name[0] != '_' {
		t.Errorf("Gemini got %s", fit.Tools[0].Name)
	}
}

func TestLimitsOfMembersAreKept(t *testing.T) {
	long := strings.Repeat("u", 65)
	for _, test := range []struct{ body, has, not string }{
		{`"metadata":{"user_id":"` + long + `"}`, `"user":"` + capability.Hashed(long, 64) + `"`, long},
		{`"metadata":{"user_id":"u"}`, `"user":"u"`, "zzz"},
		{`"service_tier":"standard_only"`, `"service_tier":"default"`, "standard"},
		{`"stop_sequences":["a","b","c","d","e"]`, `"stop":["a","b","c","d"]`, `"e"`},
	} {
		q := decoded(t, anthropic.Format{}, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"}],`+test.body+`}`)
		if got := chatOf(t, q, at("api.openai.com", capability.Chat, "gpt-4.1")); !strings.Contains(got, test.has) || strings.Contains(got, test.not) {
			t.Errorf("%s became %s", test.body, got)
		}
	}
}

func TestNamesOfUsersAndSessionsAreKeptToTheLimit(t *testing.T) {
	long := strings.Repeat("u", 65)
	q := decoded(t, openai.Format{}, `{"model":"m","messages":[{"role":"user","content":"q"}],"user":"`+long+`","safety_identifier":"`+long+`","prompt_cache_key":"`+long+`"}`)
	fit, _ := Request(q, at("api.openai.com", capability.Responses, "gpt-4.1"))
	want := `"` + capability.Hashed(long, 64) + `"`
	if got := `"` + fit.User + `"`; got != want {
		t.Errorf("user is %s", got)
	}
	for _, name := range []string{"safety_identifier", "prompt_cache_key"} {
		if got := string(fit.Extra.Get(name)); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

func TestToolsThatMayNotBeCalledGoWhereTheChoiceOfSomeCannotBeSaid(t *testing.T) {
	tools := []codec.Tool{{Name: "f"}, {Name: "g"}}
	some := codec.ToolChoice{Mode: codec.ToolRequired, Allowed: []string{"g"}}
	for _, test := range []struct {
		name, host, format string
		choice             codec.ToolChoice
		tools              string
		want               codec.ToolMode
		said               bool
	}{
		{"OpenAI has words for it", "api.openai.com", capability.Chat, some, "f g", codec.ToolRequired, true},
		{"so may a server of which nothing is known", "relay.example", capability.Chat, some, "f g", codec.ToolRequired, true},
		{"Groq has not", "api.groq.com", capability.Chat, some, "g", codec.ToolRequired, false},
		{"nor Mistral", "api.mistral.ai", capability.Chat, codec.ToolChoice{Mode: codec.ToolAuto, Allowed: []string{"g", "f"}}, "f g", codec.ToolAuto, false},
		{"nor Anthropic", "api.anthropic.com", capability.Messages, some, "g", codec.ToolRequired, false},
		{"none is left", "api.cerebras.ai", capability.Chat, codec.ToolChoice{Mode: codec.ToolRequired, Allowed: []string{}}, "", codec.ToolDefault, false},
	} {
		fit, _ := Request(&codec.Request{Format: "openai", Tools: tools, ToolChoice: test.choice}, at(test.host, test.format, "m"))
		var names []string
		for _, tool := range fit.Tools {
			names = append(names, tool.Name)
		}
		if got := strings.Join(names, " "); got != test.tools || fit.ToolChoice.Mode != test.want || (fit.ToolChoice.Allowed != nil) != test.said {
			t.Errorf("%s: tools %q, choice %+v", test.name, got, fit.ToolChoice)
		}
	}
	if len(tools) != 2 || tools[0].Name != "f" {
		t.Errorf("the client's tools were changed: %+v", tools)
	}
}

func TestWordJSONIsInTheMessages(t *testing.T) {
	for said, want := range map[string]int{"three colours": 2, "three colours, as JSON": 1, "jsOn": 1, "j": 2} {
		q := &codec.Request{Output: &codec.OutputFormat{Kind: codec.OutputJSON}, Messages: []codec.Message{{Parts: []codec.Part{{Text: said}}}}}
		for _, format := range []string{capability.Chat, capability.Responses} {
			if fit, _ := Request(q, at("api.openai.com", format, "gpt-4.1")); len(fit.Messages) != want {
				t.Errorf("%s: %q is sent as %d messages", format, said, len(fit.Messages))
			}
		}
	}
	q := &codec.Request{Output: &codec.OutputFormat{Kind: codec.OutputJSON}, Messages: []codec.Message{{Role: codec.RoleSystem, Parts: []codec.Part{{Text: "json"}}}, {Parts: []codec.Part{{Text: "q"}}}}}
	if fit, _ := Request(q, at("api.openai.com", capability.Responses, "gpt-4.1")); len(fit.Messages) != 3 {
		t.Errorf("instructions do not count for Responses: %d messages", len(fit.Messages))
	}
}

func TestChoiceNamesOnlyWhatIsOffered(t *testing.T) {
	search := codec.Tool{Kind: codec.ToolHosted, Name: "web_search_20250305"}
	f := codec.Tool{Name: "f"}
	forced := codec.ToolChoice{Mode: codec.ToolNamed, Name: "web_search"}
	for _, test := range []struct {
		name   string
		format string
		choice codec.ToolChoice
		want   codec.ToolChoice
	}{
		{"in Responses' words", capability.Responses, forced, codec.ToolChoice{Mode: codec.ToolNamed, Name: "web_search", Hosted: true}},
		{"where there is no search", capability.Chat, forced, codec.ToolChoice{}},
		{"Gemini's cannot be forced", capability.Gemini, forced, codec.ToolChoice{}},
		{"one of the client's", capability.Gemini, codec.ToolChoice{Mode: codec.ToolNamed, Name: "f"}, codec.ToolChoice{Mode: codec.ToolNamed, Name: "f"}},
		{"some of several", capability.Gemini, codec.ToolChoice{Mode: codec.ToolRequired, Allowed: []string{"f", "web_search"}}, codec.ToolChoice{Mode: codec.ToolRequired, Allowed: []string{"f"}}},
		{"none that is there", capability.Chat, codec.ToolChoice{Mode: codec.ToolAuto, Allowed: []string{"web_search"}}, codec.ToolChoice{Mode: codec.ToolNone}},
	} {
		fit, _ := Request(&codec.Request{Format: "anthropic", Tools: []codec.Tool{search, f}, ToolChoice: test.choice}, at("x", test.format, "m"))
		if got := fit.ToolChoice; got.Mode != test.want.Mode || got.Name != test.want.Name || got.Hosted != test.want.Hosted || strings.Join(got.Allowed, " ") != strings.Join(test.want.Allowed, " ") {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	// A client may name tools that it does not offer, without one that a provider runs itself.
	q := &codec.Request{Format: "openai", Tools: []codec.Tool{f}, ToolChoice: codec.ToolChoice{Mode: codec.ToolRequired, Allowed: []string{"f", "gone"}}}
	if fit, _ := Request(q, at("x", capability.Gemini, "m")); strings.Join(fit.ToolChoice.Allowed, " ") != "f" {
		t.Errorf("a tool that is not there: %+v", fit.ToolChoice)
	}
}

func TestSchemasOfToolsAreThoseThatOpenAITakes(t *testing.T) {
	for own, want := range map[string]string{
		`{"type":"object"}`: `{"type":"object","properties":{}}`,
		`{"type":"object","properties":{"a":{"type":["array","null"]}}}`:              `{"type":"object","properties":{"a":{"type":["array","null"],"items":{}}}}`,
		`{"anyOf":[{"type":"object","properties":{"a":{}},"required":["a"]}]}`:        `{"type":"object","properties":{"a":{}}}`,
		`{"type":"object","properties":{"a":{"type":"array","items":{}}},"x":[1,2 ]}`: `{"type":"object","properties":{"a":{"type":"array","items":{}}},"x":[1,2 ]}`,
	} {
		fit, _ := Request(&codec.Request{Format: "anthropic", Tools: []codec.Tool{{Name: "f", Schema: json.RawMessage(own)}}}, at("x", capability.Chat, "m"))
		if got := string(fit.Tools[0].Schema); got != want {
			t.Errorf("%s became %s", own, got)
		}
	}
}

func TestArgumentsThatAreNoObjectBecomeOneWhereTheyAreParsed(t *testing.T) {
	q := decoded(t, responses.Format{}, `{"model":"m","input":[{"role":"user","content":"q"},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a"},{"type":"function_call_output","call_id":"c","output":"bad"},
{"type":"custom_tool_call","call_id":"d","name":"g","input":"{\"b"},{"type":"custom_tool_call_output","call_id":"d","output":"r"}]}`)
	for _, c := range []struct {
		host, format string
		whole        bool
	}{{"api.openai.com", capability.Chat, false}, {"x.openai.azure.com", capability.Responses, false}, {"api.mistral.ai", capability.Chat, true}, {"relay.example", capability.Chat, true},
		{"relay.example", capability.Responses, true}, {"api.cohere.com", capability.Cohere, true}} {
		fit, _ := Request(q, at(c.host, c.format, "m"))
		var given []string
		for _, m := range fit.Messages {
			for _, p := range m.Parts {
				if p.Call != nil {
					given = append(given, p.Call.Arguments)
				}
			}
		}
		want := []string{`{"a`, `{"b`}
		if c.whole {
			want[0] = `{"INVALID_JSON":"{\"a"}`
		}
		if told := slices.Contains(LeftOut(q, at(c.host, c.format, "m")), "the form of arguments that are no JSON object"); !slices.Equal(given, want) || told != (c.whole && c.format != capability.Responses) {
			t.Errorf("%s, %s: %q, told: %v", c.host, c.format, given, told)
		}
	}
}

func TestIDsOfCallsAreNotLongerThanIsTaken(t *testing.T) {
	long := strings.Repeat("c", 70)
	q := decoded(t, anthropic.Format{}, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"`+long+`","name":"f","input":{}},{"type":"tool_use","id":"short","name":"f","input":{}}]},
{"role":"user","content":[{"type":"tool_result","tool_use_id":"`+long+`","content":"r"},{"type":"tool_result","tool_use_id":"short","content":"r"}]}]}`)
	for _, host := range []string{"relay.example", "api.openai.com"} {
		got := chatOf(t, q, at(host, capability.Chat, "m"))
		id := toolid.Clean(long, 64)
		if strings.Contains(got, long) || strings.Count(got, `"`+id+`"`) != 2 || strings.Count(got, `"short"`) != 2 {
			t.Errorf("%s: %s", host, got)
		}
	}
}
