package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// everyJSONEndpoint is where requests in JSON are served. MORE is room for members of a test's.
var everyJSONEndpoint = []struct{ path, body string }{
	{"/v1/chat/completions", `{"model":"m"MORE,"messages":[{"role":"user","content":"hi"}]}`},
	{"/v1/chat/completions", `{"model":"m"MORE,"input":"hi"}`}, // as Cursor has it
	{"/v1/completions", `{"model":"m"MORE,"prompt":"hi"}`},
	{"/v1/responses", `{"model":"m"MORE,"input":"hi"}`},
	{"/v1/responses/compact", `{"model":"m"MORE,"input":"hi"}`},
	{"/v1/responses/input_tokens", `{"model":"m"MORE,"input":"hi"}`},
	{"/v1/messages", `{"model":"m"MORE,"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`},
	{"/v1/messages/count_tokens", `{"model":"m"MORE,"messages":[{"role":"user","content":"hi"}]}`},
	{"/v1beta/models/m:generateContent", `{"model":"m"MORE,"contents":[{"parts":[{"text":"hi"}]}]}`},
	{"/v1beta/models/m:streamGenerateContent?alt=sse", `{"model":"m"MORE,"contents":[{"parts":[{"text":"hi"}]}]}`},
	{"/v1beta/models/m:countTokens", `{"model":"m"MORE,"contents":[{"parts":[{"text":"hi"}]}]}`},
	{"/v1/embeddings", `{"model":"m"MORE,"input":"hi"}`},
	{"/v1/images/generations", `{"model":"m"MORE,"prompt":"hi"}`},
	{"/v1/images/edits", `{"model":"m"MORE,"prompt":"hi"}`},
	{"/v1/audio/speech", `{"model":"m"MORE,"input":"hi"}`},
	{"/v1/moderations", `{"model":"m"MORE,"input":"hi"}`},
	{"/v1/rerank", `{"model":"m"MORE,"query":"hi","documents":["a"]}`},
}

func TestEveryEndpointRefusesWhatReadersUnderstandInTwoWays(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up), "preferences: {cooldown_period: 0}\n")
	for _, e := range everyJSONEndpoint {
		for more, says := range map[string]string{
			`,"model":"m"`:                     "'model'",
			`,"x":1,"\u006dodel":"m"`:          "'model'",
			`,"Model":"m"`:                     "'Model'",
			`,"MODEL":"m"`:                     "'MODEL'",
			`,"tools":[],"tools":[]`:           "'tools'",
			`,"models":[],"Models":[]`:         "'Models'",
			`,"model\u0000":"m"`:               "did you mean 'model'",
			`,"model` + "\xff" + `":"m"`:       "not valid JSON",
			`,"plugins":[],"plugin\u017f":[]`:  "did you mean 'plugins'",
			`,"x":{"model":"a","model":"b"}`:   "",
			`,"x":1,"x":2,"y.model":1,"mo":""`: "",
		} {
			before := len(up.requests())
			a := g.do("POST", e.path, strings.Replace(e.body, "MORE", more, 1), asClient...)
			asked := len(up.requests()) > before
			switch {
			case says == "" && a.StatusCode != 200 && a.StatusCode != 404: // no provider here compacts
				t.Errorf("%s with %s: %d %s", e.path, more, a.StatusCode, a.body)
			case says != "" && (a.StatusCode != 400 || asked || !strings.Contains(a.body, says)):
				t.Errorf("%s with %s: %d %s; the provider was asked: %v", e.path, more, a.StatusCode, a.body, asked)
			}
		}
	}
	// An endpoint that has a model of its own takes no other spelling of the member for none.
	for _, path := range []string{"/v1/images/generations", "/v1/images/edits", "/v1/moderations"} {
		if a := g.do("POST", path, `{"Model":"m","prompt":"x","input":"x"}`, asClient...); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestNestedMembersThatAreReadMayComeOnce(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, c := range []struct{ path, more, says string }{
		{"/v1/chat/completions", `,"reasoning":{"effort":"low","effort":"high"}`, "'reasoning.effort'"},
		{"/v1/chat/completions", `,"stream_options":{"include_usage":true,"include_usage":false}`, "'stream_options.include_usage'"},
		{"/v1/responses", `,"reasoning":{"effort":"low","\u0065ffort":"high"}`, "'reasoning.effort'"},
		{"/v1/messages", `,"thinking":{"type":"disabled","type":"enabled"}`, "'thinking.type'"},
		{"/v1/messages", `,"output_config":{"effort":"low","Effort":"max"}`, "'output_config.Effort'"},
		{"/v1beta/models/m:generateContent", `,"generationConfig":{"topP":1,"top_p":0.5}`, "'generationConfig.topP'"},
		{"/v1beta/models/m:generateContent", `,"generationConfig":{},"generation_config":{}`, "'generationConfig'"},
		{"/v1beta/models/m:generateContent", `,"generationConfig":{"thinkingConfig":{"thinkingBudget":0,"thinking_budget":9}}`, "'generationConfig.thinkingConfig.thinkingBudget'"},
	} {
		for _, e := range everyJSONEndpoint {
			if e.path != c.path {
				continue
			}
			if a := g.do("POST", e.path, strings.Replace(e.body, "MORE", c.more, 1), asClient...); a.StatusCode != 400 || !strings.Contains(a.body, c.says) {
				t.Errorf("%s with %s: %d %s", e.path, c.more, a.StatusCode, a.body)
			}
		}
	}
}

// choosers are keys that may use different models of two providers.
const choosers = `api_keys:
  - {api: ` + clientKeyText + `, role: admin, model: [all]}
  - {api: sk-some-of-the-models-only, model: [good, both]}
  - {api: sk-by-way-of-another-key-here, model: [sk-some-of-the-models-only/*]}
`

func TestRequestNamesNoModelThatItsKeyMayNotUse(t *testing.T) {
	all := []string{"Authorization", "Bearer " + clientKeyText, "Content-Type", "application/json"}
	some := []string{"Authorization", "Bearer sk-some-of-the-models-only", "Content-Type", "application/json"}
	inner := []string{"Authorization", "Bearer sk-by-way-of-another-key-here", "Content-Type", "application/json"}
	chat := `{"model":"good","messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct {
		name string
		key  []string
		path string // of the endpoint, and so of what the provider speaks
		body string
		says string // "" passes
		sent string // what must be in the body then
	}{
		{"a list", some, "/v1/chat/completions", chat + `,"models":["good","forbidden"]}`, "may not use the model forbidden, which the request names in 'models'", ""},
		{"a list for whom it is no secret", all, "/v1/chat/completions", chat + `,"models":["good","forbidden"]}`, "", `"models":["real/good","real/forbidden"]`},
		{"a list by the provider's names", some, "/v1/chat/completions", chat + `,"models":["real/good","real/both"]}`, "", `"models":["real/good","real/both"]`},
		{"a list by the provider's other names", some, "/v1/chat/completions", chat + `,"models":["real/forbidden"]}`, "real/forbidden", ""},
		{"a key behind a key", inner, "/v1/chat/completions", chat + `,"models":["both"]}`, "", `"models":["real/both"]`},
		{"a key behind a key, too far", inner, "/v1/chat/completions", chat + `,"models":["forbidden"]}`, "forbidden", ""},
		{"a name in escapes", some, "/v1/chat/completions", chat + `,"models":["\u0066orbidden"]}`, "forbidden", ""},
		{"a name that nobody has", some, "/v1/chat/completions", chat + `,"models":["openai/o9"]}`, "openai/o9", ""},
		{"a text in the place of a list", some, "/v1/chat/completions", chat + `,"models":"forbidden"}`, "forbidden", ""},
		{"a tool in the input", some, "/v1/responses", `{"model":"good","input":[{"type":"additional_tools","role":"developer","tools":[{"type":"image_generation","model":"forbidden"}]}]}`, "may not use the model forbidden, which the request names in 'input'", ""},
		{"a tool that was searched for", some, "/v1/responses", `{"model":"good","input":[{"type":"tool_search_output","tools":[{"type":"namespace","tools":[{"type":"image_generation","model":"forbidden"}]}]}]}`, "forbidden", ""},
		{"a tool in the input that may be", some, "/v1/responses", `{"model":"good","input":[{"type":"additional_tools","tools":[{"type":"image_generation","model":"both"}]}]}`, "", `"model":"real/both"}]}`},
		{"a tool that the conversation adds", some, "/v1/messages", `{"model":"good","max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"advisor_20260301","name":"advisor","model":"forbidden"}}}]}]}`, "may not use the model forbidden, which the request names in 'messages'", ""},
		{"a tool that the conversation adds, in escapes", some, "/v1/messages", `{"model":"good","max_tokens":5,"messages":[{"role":"user","content":"a_b"},{"role":"system","content":[{"type":"x","tool_changes":[{"tool":{"type":"tool\u005fdefinition","definition":{"type":"advisor_20260301","model":"forbidden"}}}]}]}]}`, "'messages'", ""},
		{"a tool that is only spoken of", some, "/v1/messages", `{"model":"good","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"tool_definition"},{"type":"tool_use","id":"a","name":"f","input":{"tool":{"definition":{"type":"x","model":"forbidden"}}}}]}]}`, "", `"model":"forbidden"`},
		{"a tool that the conversation adds that may be", some, "/v1/messages", `{"model":"good","max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"advisor_20260301","name":"advisor","model":"both"}}}]}]}`, "", `"model":"real/both"}}}]}]}`},
		{"a tool that is chosen", some, "/v1/responses", `{"model":"good","input":"hi","tool_choice":{"type":"image_generation","model":"forbidden"}}`, "'tool_choice'", ""},
		{"tools that are allowed", some, "/v1/chat/completions", chat + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"tools":[{"type":"image_generation","model":"forbidden"}]}}}`, "'tool_choice'", ""},
		{"fallbacks", some, "/v1/chat/completions", chat + `,"fallbacks":["forbidden"]}`, "'fallbacks'", ""},
		{"fallbacks with settings", some, "/v1/chat/completions", chat + `,"fallbacks":[{"model":"both","temperature":1,"stop":["x"]},{"model":"forbidden"}]}`, "forbidden", ""},
		{"good fallbacks with settings", some, "/v1/chat/completions", chat + `,"fallbacks":[{"model":"both","temperature":1,"stop":["x"]}]}`, "", `"fallbacks":[{"model":"real/both","temperature":1,"stop":["x"]}]`},
		{"a map of fallbacks", some, "/v1/chat/completions", chat + `,"fallbacks":[{"good":["forbidden"]}]}`, "forbidden", ""},
		{"a route", some, "/v1/chat/completions", chat + `,"route":"fallback"}`, "'route'", ""},
		{"a route through a list", some, "/v1/chat/completions", chat + `,"route":"fallback","models":["both"]}`, "", `"route":"fallback","models":["real/both"]`},
		{"a preset", some, "/v1/chat/completions", chat + `,"preset":"email"}`, "@preset/email", ""},
		{"a plugin", some, "/v1/chat/completions", chat + `,"plugins":[{"id":"fusion","analysis_models":["both","forbidden"]}]}`, "'plugins'", ""},
		{"a plugin that narrows down", some, "/v1/chat/completions", chat + `,"plugins":[{"id":"auto-router","allowed_models":["x/*"]},{"id":"web"}]}`, "", `"allowed_models":["x/*"]`},
		{"Vercel's options", some, "/v1/chat/completions", chat + `,"providerOptions":{"gateway":{"models":["forbidden"]}}}`, "'providerOptions'", ""},
		{"Groq's systems", some, "/v1/chat/completions", chat + `,"compound_custom":{"models":{"answering_model":"forbidden"}}}`, "'compound_custom'", ""},
		{"a judge", some, "/v1/chat/completions", chat + `,"safety_model":"forbidden"}`, "'safety_model'", ""},
		{"a body in the body", some, "/v1/chat/completions", chat + `,"extra_body":{"model":"forbidden"}}`, "'extra_body'", ""},
		{"nothing", some, "/v1/chat/completions", chat + `,"models":null,"fallbacks":[],"route":null}`, "", `"models":null,"fallbacks":[]`},
		{"other members of the kind", some, "/v1/chat/completions", chat + `,"metadata":{"model":"forbidden"},"x":{"models":["forbidden"]}}`, "", `"metadata"`},
		{"a tool of the client's with an argument model", some, "/v1/chat/completions", chat + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"model":{"enum":["forbidden"]}}}}}]}`, "", `"enum":["forbidden"]`},
		{"a provider's tool", some, "/v1/chat/completions", chat + `,"tools":[{"type":"openrouter:advisor","parameters":{"model":"forbidden"}}]}`, "'tools'", ""},
		{"a provider's tool that says twice what it is", some, "/v1/chat/completions", chat + `,"tools":[{"type":"openrouter:advisor","model":"forbidden","type":"function"}]}`, "'tools'", ""},
		{"completions", some, "/v1/completions", `{"model":"good","prompt":"x","models":["forbidden"]}`, "forbidden", ""},
		{"embeddings", some, "/v1/embeddings", `{"model":"good","input":"x","fallbacks":["forbidden"]}`, "forbidden", ""},
		{"Responses", some, "/v1/responses", `{"model":"good","input":"hi","models":["forbidden"]}`, "forbidden", ""},
		{"images in Responses", some, "/v1/responses", `{"model":"good","input":"hi","tools":[{"type":"image_generation","model":"forbidden"}]}`, "'tools'", ""},
		{"images in Responses that may be", some, "/v1/responses", `{"model":"good","input":"hi","tools":[{"type":"web_search"},{"type":"image_generation","model":"both"}]}`, "", `{"type":"image_generation","model":"real/both"}`},
		{"images in a namespace", some, "/v1/responses", `{"model":"good","input":"hi","tools":[{"type":"namespace","name":"n","tools":[{"type":"image_generation","model":"forbidden"}]}]}`, "'tools'", ""},
		{"Responses at the address of chat", some, "/v1/chat/completions", `{"model":"good","input":"hi","models":["forbidden"]}`, "forbidden", ""},
		{"Groq's models", some, "/v1/chat/completions", chat + `,"compound_custom":{"models":{"reasoning_model":"good","answering_model":"forbidden"}}}`, "'compound_custom'", ""},
		{"Together's judge", some, "/v1/chat/completions", chat + `,"safety_model":"forbidden"}`, "'safety_model'", ""},
		{"Mistral's judge", some, "/v1/chat/completions", chat + `,"guardrails":[{"moderation_llm_v1":{"model_name":"forbidden"}}]}`, "'guardrails'", ""},
		{"OpenAI's judge", some, "/v1/chat/completions", chat + `,"moderation":{"model":"forbidden"}}`, "'moderation'", ""},
		{"OpenAI's judge that may be", some, "/v1/responses", `{"model":"good","input":"hi","moderation":{"model":"both"}}`, "", `"moderation":{"model":"real/both"}`},
		{"LM Studio's draft", some, "/v1/chat/completions", chat + `,"draft_model":"forbidden"}`, "'draft_model'", ""},
		{"LiteLLM's router", some, "/v1/chat/completions", chat + `,"router_settings_override":{"context_window_fallbacks":[{"good":["forbidden"]}]}}`, "'router_settings_override'", ""},
		{"LiteLLM's list", some, "/v1/messages", `{"model":"good","max_tokens":9,"messages":[],"user_config":{"model_list":[{"model_name":"good","litellm_params":{"model":"forbidden"}}]}}`, "'user_config'", ""},
		{"Messages", some, "/v1/messages", `{"model":"good","max_tokens":9,"messages":[],"fallbacks":[{"model":"forbidden"}]}`, "'fallbacks'", ""},
		{"Messages that may", some, "/v1/messages", `{"model":"good","max_tokens":9,"messages":[],"fallbacks":[{"model":"both"}]}`, "", `"fallbacks":[{"model":"real/both"}]`},
		{"an advisor in Messages", some, "/v1/messages", `{"model":"good","max_tokens":9,"messages":[],"tools":[{"type":"advisor_20260301","name":"advisor","model":"forbidden"}]}`, "'tools'", ""},
		{"a tool in Messages", some, "/v1/messages", `{"model":"good","max_tokens":9,"messages":[],"tools":[{"name":"f","input_schema":{"model":"forbidden"}}]}`, "", `"model":"forbidden"`},
		{"Gemini's model", some, "/v1beta/models/good:generateContent", `{"model":"models/forbidden","contents":[]}`, "models/forbidden", ""},
		{"Gemini's own model", some, "/v1beta/models/good:generateContent", `{"model":"models/good","contents":[]}`, "", `"model":"models/real/good"`},
		{"what Gemini is to count", some, "/v1beta/models/good:countTokens", `{"generateContentRequest":{"model":"models/forbidden","contents":[]}}`, "models/forbidden", ""},
		{"Vertex' routing", some, "/v1beta/models/good:generateContent", `{"contents":[],"generation_config":{"routing_config":{"manual_mode":{"model_name":"forbidden"}}}}`, "'generationConfig'", ""},
		{"Vertex' own routing", some, "/v1beta/models/good:generateContent", `{"contents":[],"generationConfig":{"routingConfig":{"autoMode":{"modelRoutingPreference":"PRIORITIZE_COST"}}}}`, "routingConfig", ""},
		{"Gemini's functions", some, "/v1beta/models/good:generateContent", `{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"model":"forbidden"}}]},{"googleSearch":{}}]}`, "", `"model":"forbidden"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "completions") || strings.HasSuffix(r.URL.Path, "embeddings") {
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
					return
				}
				playNative(w, r)
			})
			at := strings.TrimSuffix(c.path, "/completions")
			if strings.HasPrefix(c.path, "/v1beta") {
				at = "/v1beta"
			}
			g := start(t, up.section(at, "real/good: good, real/both: both, real/forbidden: forbidden"), choosers)
			a := g.do("POST", c.path, c.body, c.key...)
			if c.says != "" {
				if a.StatusCode != 403 && a.StatusCode != 400 || !strings.Contains(a.body, c.says) || len(up.asked) > 0 {
					t.Errorf("%d %s, asked %d times", a.StatusCode, a.body, len(up.asked))
				}
				return
			}
			if a.StatusCode != 200 || !strings.Contains(up.last(t).body, c.sent) {
				t.Errorf("%d %s\nsent %s\nwant %s", a.StatusCode, a.body, up.last(t).body, c.sent)
			}
		})
	}
}

func TestModelsThatARequestNamesFindTheChannelThatHasThem(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
	}
	lacks, has := act(t, answer), act(t, answer)
	g := start(t, lacks.section("/v1", "good"), has.section("/v1", "good, vendor/other: other, no"), "preferences: {SCHEDULING_ALGORITHM: fixed_priority}\n",
		"api_keys: [{api: "+clientKeyText+", model: [all]}, {api: sk-for-the-first-provider, model: [good]}]\n")
	if a := g.do("POST", "/v1/chat/completions", `{"model":"good","models":["other"],"messages":[{"role":"user","content":"hi"}]}`, asClient...); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if len(lacks.asked) > 0 || !strings.Contains(has.last(t).body, `"models":["vendor/other"]`) {
		t.Errorf("the one without it was asked %d times, the other: %s", len(lacks.asked), has.last(t).body)
	}
}

func TestOverrideMayNameAnyModel(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
	})
	g := start(t, fmt.Sprintf("  - provider: p\n    base_url: %s/v1\n    api: %s\n    model: [good]\n    preferences: {post_body_parameter_overrides: {models: [the/operators]}}\n", up.URL, upstreamKeyText), choosers)
	if a := g.do("POST", "/v1/chat/completions", `{"model":"good","messages":[{"role":"user","content":"hi"}]}`, asClient...); a.StatusCode != 200 || !strings.Contains(up.last(t).body, "the/operators") {
		t.Errorf("%d %s, sent %s", a.StatusCode, a.body, up.last(t).body)
	}
}
