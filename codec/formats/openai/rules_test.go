package openai

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uniapi/codec/capability"
	"uniapi/codec/toolid"
)

// rulesFor are the rules of chat.
func rulesFor(host, request, upstream string) *Rules {
	return NewRules(capability.Find(capability.Query{Host: host, Format: capability.Chat, Model: upstream}), request)
}

// longName is one that OpenAI refuses.
var longName = strings.Repeat("u", 65)

// brokenCalls have arguments that models write.
const brokenCalls = `{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"a","name":"f"},"id":"a","type":"function"},` +
	`{"id":"b","type":"function","function":{"name":"f","arguments":"7"}},{"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},` +
	`{"id":"d","type":"function","function":{"name":"f","arguments":""}},{"id":"e","type":"function","function":{"name":"f","arguments":{"y":2}}}]}]}`

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
		{"a model of tomorrow", "api.openai.com", "m", "o5-mini", `{"reasoning_effort":"none","temperature":0.2,"max_tokens":5,"stop":"a"}`, `{"reasoning_effort":"low","max_completion_tokens":5}`},
		{"an answer at once of one that thinks by itself", "dashscope.aliyuncs.com", "m", "qwen3-8b", `{"messages":[]}`, `{"messages":[],"stream":true,"stream_options":{"include_usage":true}}`},
		{"or is told to", "dashscope-intl.aliyuncs.com", "m", "qwen3-max", `{"reasoning_effort":"high"}`, `{"enable_thinking":true,"stream":true,"stream_options":{"include_usage":true}}`},
		{"or cannot be told not to", "api-inference.modelscope.cn", "m", "Qwen/Qwen3-235B-A22B-Thinking-2507", `{"enable_thinking":false}`, `{"stream":true,"stream_options":{"include_usage":true}}`},
		{"one that is told not to", "dashscope.aliyuncs.com", "m", "qwen3-8b", `{"model":"m","reasoning_effort":"none"}`, `{"model":"m","enable_thinking":false}`},
		{"a stream of one that thinks", "dashscope.aliyuncs.com", "m", "qwen3-8b", `{"stream":true,"reasoning_effort":"high"}`, `{"stream":true,"enable_thinking":true}`},
		{"an effort that is too weak", "api.openai.com", "m", "o4-mini", `{"reasoning_effort":"minimal"}`, `{"reasoning_effort":"low"}`},
		{"none for one that always thinks", "api.openai.com", "m", "gpt-5", `{"reasoning_effort":"none"}`, `{"reasoning_effort":"minimal"}`},
		{"minimal where there is no such word", "api.openai.com", "m", "gpt-5.6", `{"reasoning_effort":"minimal"}`, `{"reasoning_effort":"low"}`},
		{"a wish in the name", "api.openai.com", "o3-mini-high", "o3-mini", `{"model":"m"}`, `{"model":"m","reasoning_effort":"high"}`},
		{"which the client overrules", "api.openai.com", "o3-mini-high", "o3-mini", `{"reasoning_effort":"low"}`, `{"reasoning_effort":"low"}`},
		{"o1-mini knows no system", "api.openai.com", "m", "o1-mini", `{"messages":[{"role":"system","content":"a"}]}`, `{"messages":[{"role":"user","content":"a"}]}`},
		{"arguments that are no object, where they are parsed", "api.groq.com", "m", "llama-3.3-70b-versatile", brokenCalls,
			`{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"INVALID_JSON\":\"{\\\"a\"}","name":"f"},"id":"a","type":"function"},` +
				`{"id":"b","type":"function","function":{"name":"f","arguments":"{\"value\":7}"}},{"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},` +
				`{"id":"d","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"e","type":"function","function":{"name":"f","arguments":{"y":2}}}]}]}`},
		{"and where they are not", "api.openai.com", "m", "gpt-4o", brokenCalls, brokenCalls},
		{"how much is said", "api.openai.com", "m", "gpt-5-chat-latest", `{"verbosity":"low"}`, `{}`},
		{"where that is known", "api.openai.com", "m", "gpt-5.1-chat-latest", `{"verbosity":"low"}`, `{"verbosity":"low"}`},
		{"empty tools", "api.openai.com", "m", "gpt-4o", `{"tools":[ ],"tool_choice":"auto","parallel_tool_calls":true,"x":1}`, `{"x":1}`},
		{"stream options without a stream", "api.openai.com", "m", "gpt-4o", `{"stream":false,"stream_options":{}}`, `{"stream":false}`},
		{"codex thinks whatever it is told", "api.openai.com", "m", "gpt-5.1-codex", `{"temperature":0.2,"reasoning_effort":"none"}`, `{"reasoning_effort":"low"}`},
		{"an effort that is too strong", "api.openai.com", "m", "o3", `{"reasoning_effort":"max"}`, `{"reasoning_effort":"high"}`},
		{"the strongest where there is none above", "api.openai.com", "m", "gpt-5.2", `{"reasoning_effort":"max"}`, `{"reasoning_effort":"xhigh"}`},
		{"a model newer than this table is like the newest", "api.openai.com", "m", "gpt-5.9", `{"temperature":0.2,"max_tokens":5}`, `{"max_completion_tokens":5}`},
		{"tools keep it from thinking", "api.openai.com", "m", "gpt-5.5", `{"tools":[{}],"temperature":0.2}`, `{"tools":[{}],"temperature":0.2,"reasoning_effort":"none"}`},
		{"which is not known of resellers", "proxy.example", "m", "gpt-5.5", `{"tools":[{}]}`, `{"tools":[{}]}`},
		{"o1 calls one tool at a time", "e.openai.azure.com", "m", "o1", `{"tools":[{}],"parallel_tool_calls":false}`, `{"tools":[{}]}`},
		{"o3-mini is told to format", "api.openai.com", "m", "o3-mini", `{"messages":[{"role":"developer","content":"a"},{"role":"system","content":"b"}]}`,
			`{"messages":[{"role":"developer","content":"Formatting re-enabled. a"},{"role":"system","content":"b"}]}`},
		{"chatgpt takes no tools", "api.openai.com", "m", "chatgpt-4o-latest", `{"max_tokens":5,"tools":[{}],"tool_choice":"auto"}`, `{"max_tokens":5}`},
		{"an effort for one that does not think", "api.openai.com", "m", "gpt-4.1-mini", `{"reasoning_effort":"low","top_k":5,"temperature":1}`, `{"temperature":1}`},
		{"an effort for a model of tomorrow", "api.openai.com", "m", "gpt-7", `{"reasoning_effort":"none","max_tokens":5,"temperature":1}`, `{"reasoning_effort":"low","max_completion_tokens":5}`},
		{"tools keep the small one of GPT-6 from thinking", "api.openai.com", "m", "gpt-6-luna", `{"tools":[{}],"reasoning_effort":"high"}`, `{"tools":[{}],"reasoning_effort":"none"}`},
		{"a tool's schema without properties", "api.openai.com", "m", "gpt-4.1", `{"tools":[{"type":"function","function":{"name":"f", "parameters":{"type":"object"}}},{"type":"function","function":{"name":"g"}}]}`,
			`{"tools":[{"type":"function","function":{"name":"f", "parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"g"}}]}`},
		{"an array that does not say of what", "e.openai.azure.com", "m", "gpt-4.1", `{"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{"a":{"type":"array"}}}}}]}`,
			`{"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{"a":{"type":"array","items":{}}}}}}]}`},
		{"a choice at the top of a schema", "api.openai.com", "m", "gpt-4.1", `{"tools":[{"type":"function","function":{"parameters":{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}]}}}]}`,
			`{"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}]}`},
		{"a strict schema is the client's", "api.openai.com", "m", "gpt-4.1", `{"tools":[{"type":"function","function":{"strict":true,"parameters":{"type":"object"}}}]}`,
			`{"tools":[{"type":"function","function":{"strict":true,"parameters":{"type":"object"}}}]}`},
		{"schemas at a host that may take them", "proxy.example", "m", "openai/gpt-5", `{"tools":[{"type":"function","function":{"parameters":{"type":"object"}}}]}`,
			`{"tools":[{"type":"function","function":{"parameters":{"type":"object"}}}]}`},
		{"JSON without the word", "api.openai.com", "m", "gpt-4.1", `{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_object"}}`,
			`{"messages":[{"role":"system","content":"Answer with a JSON object."},{"role":"user","content":"a"}],"response_format":{"type":"json_object"}}`},
		{"JSON with it", "api.openai.com", "m", "gpt-4.1", `{"messages":[{"role":"user","content":"as Json"}],"response_format":{"type":"json_object"}}`,
			`{"messages":[{"role":"user","content":"as Json"}],"response_format":{"type":"json_object"}}`},
		{"JSON without the word where it is not asked for", "api.groq.com", "m", "qwen/qwen3", `{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_object"}}`,
			`{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_object"}}`},
		{"a function must have parameters", "api.mistral.ai", "m", "m", `{"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{ }}]}`,
			`{"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{}},"name":"f"}},{"type":"function","function":{"parameters":{"type":"object","properties":{}} }}]}`},
		{"Mistral's forms of media", "api.mistral.ai", "m", "m", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}}, {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QUJD"}},{"type":"file","file":{"file_id":"f1"}}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":"QUJD"}, {"type":"document_url","document_url":"data:application/pdf;base64,QUJD","document_name":"a.pdf"},{"type":"file","file_id":"f1"}]}]}`},
		{"which a client may know", "api.mistral.ai", "m", "m", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":"QUJD"},{"type":"file","file_id":"f1"}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":"QUJD"},{"type":"file","file_id":"f1"}]}]}`},
		{"members of parts", "api.cerebras.ai", "m", "m", `{"messages":[{"role":"user","content":[{"type":"text","text":"a","prompt_cache_breakpoint":{}},{"type":"image_url","image_url":{"url":"u","detail":"original"}},{"type":"image_url","image_url":{"url":"u","detail":"low"}}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}},{"type":"image_url","image_url":{"url":"u","detail":"low"}}]}]}`},
		{"a tier of others", "api.groq.com", "m", "m", `{"service_tier":"priority","verbosity":"low"}`, `{}`},
		{"a tier of its own", "api.groq.com", "m", "m", `{"service_tier":"on_demand"}`, `{"service_tier":"on_demand"}`},
		{"a tier of tomorrow", "api.openai.com", "m", "gpt-4.1", `{"service_tier":"tomorrow"}`, `{"service_tier":"tomorrow"}`},
		{"an effort for Llama", "api.groq.com", "m", "llama-3.3-70b-versatile", `{"reasoning_effort":"low"}`, `{}`},
		{"an effort beyond the host's", "api.groq.com", "m", "qwen/qwen3-32b", `{"reasoning_effort":"xhigh"}`, `{"reasoning_effort":"high"}`},
		{"Z.ai is told by its own member not to think", "api.z.ai", "m", "glm-4.6", `{"reasoning_effort":"none"}`, `{"thinking":{"type":"disabled"}}`},
		{"and has none of an effort", "api.z.ai", "m", "glm-4.6", `{"reasoning_effort":"high"}`, `{}`},
		{"a client's own word stays", "api.moonshot.ai", "m", "kimi-k2.6", `{"thinking":{"type":"enabled"},"reasoning_effort":"none"}`, `{"thinking":{"type":"enabled"}}`},
		{"Kimi that always thinks", "api.moonshot.ai", "m", "kimi-k3", `{"reasoning_effort":"none","temperature":0.5}`, `{"reasoning_effort":"low"}`},
		{"DeepSeek that thinks when it is asked to", "api.deepseek.com", "m", "deepseek-chat", `{"reasoning_effort":"medium"}`, `{"reasoning_effort":"high","thinking":{"type":"enabled"}}`},
		{"DeepSeek wants all of a turn with calls", "api.deepseek.com", "m", "deepseek-v4", `{"messages":[{"role":"assistant","tool_calls":[{"id":"a"}]},{"role":"tool"},{"role":"assistant","content":"x"},{"role":"user"},{"role":"assistant","content":"y"}]}`,
			`{"messages":[{"role":"assistant","tool_calls":[{"id":"a"}],"reasoning_content":""},{"role":"tool"},{"role":"assistant","content":"x","reasoning_content":""},{"role":"user"},{"role":"assistant","content":"y"}]}`},
		{"Qwen's switch", "dashscope.aliyuncs.com", "m", "qwen3", `{"reasoning_effort":"none"}`, `{"enable_thinking":false}`},
		{"Z.ai cannot be forbidden to call", "api.z.ai", "m", "glm-4.6", `{"tools":[{}],"tool_choice":"none"}`, `{}`},
		{"gpt-5 takes no stop words", "api.openai.com", "m", "gpt-5.2", `{"stop":["a"]}`, `{}`},
		{"what keeps the temperature is said", "api.openai.com", "m", "gpt-5.1", `{"temperature":0.2}`, `{"temperature":0.2,"reasoning_effort":"none"}`},
		{"too many stop words", "api.openai.com", "m", "gpt-4.1", `{"stop":["a","b","c", "d","e"]}`, `{"stop":["a","b","c","d"]}`},
		{"thinking of others", "api.openai.com", "m", "gpt-4.1", `{"messages":[{"role":"assistant","content":"a","reasoning_content":"b"},{"role":"user"}]}`,
			`{"messages":[{"role":"assistant","content":"a"},{"role":"user"}]}`},
		{"a long user", "api.openai.com", "m", "gpt-4.1", `{"user":"` + strings.Repeat("u", 65) + `"}`, `{"user":"` + capability.Hashed(strings.Repeat("u", 65), 64) + `"}`},
		{"nothing to do", "api.openai.com", "m", "gpt-4o", `{"max_tokens": 5, "temperature":1.0}`, `{"max_tokens": 5, "temperature":1.0}`},
		{"Mistral", "api.mistral.ai", "m", "mistral-large", `{"max_completion_tokens":5,"seed":7,"tools":[{}],"tool_choice":"required","stream":true,"stream_options":{},"messages":[{"role":"developer","content":"a"},{"role":"assistant","tool_calls":[{"id":"call_1","function":{}}]},{"role":"tool","tool_call_id":"call_1"}]}`,
			`{"tools":[{}],"tool_choice":"any","stream":true,"messages":[{"role":"system","content":"a"},{"role":"assistant","tool_calls":[{"id":"dBlv5y5M3","function":{}}]},{"role":"tool","tool_call_id":"dBlv5y5M3"}],"random_seed":7,"max_tokens":5}`},
		{"Mistral takes no more than it knows", "api.mistral.ai", "m", "ministral-8b-latest", `{"verbosity":"low","messages":[{"role":"assistant","refusal":null,"content":"a","reasoning_content":"hm","thinking_blocks":[]},{"role":"user","content":"u"}]}`,
			`{"messages":[{"role":"assistant","content":"a"},{"role":"user","content":"u"}]}`},
		{"Mistral gets its thinking back as a part", "api.mistral.ai", "m", "magistral-small-2509", `{"messages":[{"role":"assistant","content":"a","reasoning_content":"h\nm"},{"role":"assistant","content":null,"reasoning":"so","reasoning_content":null,"tool_calls":[{"id":"abcdefghi"}]},{"role":"assistant","content":"b","reasoning":""},{"role":"user","content":"u"}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h\nm"}],"closed":true},{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"so"}],"closed":true}],"tool_calls":[{"id":"abcdefghi"}]},{"role":"assistant","content":"b"},{"role":"user","content":"u"}]}`},
		{"and once", "api.mistral.ai", "m", "mistral-small-latest", `{"messages":[{"role":"assistant","content":[{"type":"text","text":"a"}],"reasoning_content":"hm"},{"role":"assistant","content":[{"type":"thinking","thinking":[]}],"reasoning_content":"hm"},{"role":"user","content":"u"}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],"closed":true},{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"thinking","thinking":[]}]},{"role":"user","content":"u"}]}`},
		{"with its signature", "api.mistral.ai", "m", "mistral-small-latest", `{"messages":[{"role":"assistant","content":"a","reasoning_content":"h","reasoning_details":[{"type":"reasoning.text","text":"h\n","signature":"s","format":"mistral-chat-v1"},{"type":"reasoning.text","text":"x","format":"unknown"},{"format":"mistral-chat-v1","signature":"t"}]},{"role":"user","content":"u"}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h\n"}],"signature":"s","closed":true},{"type":"thinking","thinking":[],"signature":"t","closed":true},{"type":"text","text":"a"}]},{"role":"user","content":"u"}]}`},
		{"which no other gets", "openrouter.ai", "m", "m", `{"messages":[{"role":"assistant","content":"a","reasoning_details":[{"text":"h","signature":"s","format":"mistral-chat-v1"},{"text":"x","format":"unknown"}]},{"role":"assistant","content":"a","reasoning_details":[{"text":"h","signature":"s","format":"mistral-chat-v1"}]}]}`,
			`{"messages":[{"role":"assistant","content":"a","reasoning_details":[{"text":"x","format":"unknown"}]},{"role":"assistant","content":"a"}]}`},
		{"what is refused does not come back shortened", "api.mistral.ai", "m", "mistral-large", `{"user":"` + longName + `","safety_identifier":"` + longName + `","n":1}`, `{"n":1}`},
		{"names of users and sessions", "api.openai.com", "m", "gpt-4.1", `{"user":"` + longName + `","prompt_cache_key":"` + longName + `"}`,
			`{"user":"` + capability.Hashed(longName, 64) + `","prompt_cache_key":"` + capability.Hashed(longName, 64) + `"}`},
		{"gpt-5-chat", "api.openai.com", "m", "gpt-5-chat-latest", `{"max_tokens":5,"temperature":1}`, `{"temperature":1,"max_completion_tokens":5}`},
		{"Groq", "api.groq.com", "m", "qwen", `{"logprobs":true,"n":2,"messages":[{"role":"user","name":"x"},{"role":"assistant","content":"a","reasoning_content":"hm","annotations":[]}]}`,
			`{"messages":[{"role":"user"},{"role":"assistant","content":"a","reasoning":"hm"}]}`},
		{"one answer is not too many", "api.groq.com", "m", "llama", `{"n":1}`, `{"n":1}`},
		{"gpt-oss at Groq", "api.groq.com", "gpt-oss-none", "openai/gpt-oss-120b", `{"temperature":1}`, `{"temperature":1,"reasoning_effort":"low"}`},
		{"gpt-oss elsewhere", "proxy.example", "gpt-oss-high", "gpt-oss-20b", `{"temperature":1}`, `{"temperature":1,"reasoning_effort":"high"}`},
		{"xAI", "api.x.ai", "grok-3-mini-low", "grok-3-mini", `{"stream":true,"stream_options":{},"presence_penalty":1,"stop":["a"]}`,
			`{"stream":true,"reasoning_effort":"low"}`},
		{"xAI knows two efforts", "api.x.ai", "m", "grok-3-mini", `{"reasoning_effort":"medium"}`, `{"reasoning_effort":"high"}`},
		{"xAI's that think take no stop", "api.x.ai", "m", "grok-4-0709", `{"stop":["a"],"frequency_penalty":0}`, `{}`},
		{"xAI's that do not", "api.x.ai", "m", "grok-4-fast-non-reasoning", `{"stop":["a"]}`, `{"stop":["a"]}`},
		{"DeepSeek", "api.deepseek.com", "m", "deepseek-v4", `{"tools":[{}],"tool_choice":"required","max_completion_tokens":5}`,
			`{"tools":[{}],"tool_choice":"auto","max_tokens":5}`},
		{"DeepSeek with a tool by its name", "api.deepseek.com", "m", "deepseek-chat", `{"thinking":{"type":"enabled"},"tools":[{}],"tool_choice":{"type":"function","function":{"name":"f"}}}`,
			`{"thinking":{"type":"enabled"},"tools":[{}],"tool_choice":"auto"}`},
		{"DeepSeek without thinking", "api.deepseek.com", "m", "deepseek-chat", `{"tools":[{}],"tool_choice":"required","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}`,
			`{"tools":[{}],"tool_choice":"required","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}`},
		{"DeepSeek wants its thoughts back", "api.deepseek.com", "m", "deepseek-v4", `{"messages":[ {"role":"user"}, {"role":"assistant","tool_calls":[{"id":"a"}]} ,{"role":"assistant","reasoning":"hm","tool_calls":[{"id":"b"}]}]}`,
			`{"messages":[ {"role":"user"}, {"role":"assistant","tool_calls":[{"id":"a"}],"reasoning_content":""} ,{"role":"assistant","reasoning":"hm","tool_calls":[{"id":"b"}],"reasoning_content":"hm"}]}`},
		{"Kimi that does not think", "api.moonshot.ai", "m", "kimi-k2-0905-preview", `{"messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}`,
			`{"messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}`},
		{"DeepSeek's advice", "proxy.example", "m", "deepseek-r1", `{}`, `{"temperature":0.6}`},
		{"for the weights of R1 alone", "api.deepseek.com", "m", "deepseek-reasoner", `{}`, `{}`},
		{"Perplexity", "api.perplexity.ai", "m", "sonar", `{"tools":[{}],"tool_choice":"auto"}`, `{}`},
		{"a long id", "api.openai.com", "m", "gpt-4o", `{"messages":[{"role":"tool","tool_call_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}`,
			`{"messages":[{"role":"tool","tool_call_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_h0e058e3f7d0439f9054d59c735587ae9"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rulesFor(test.host, test.request, test.upstream)
			if r == nil {
				t.Fatal("no rules")
			}
			got := string(r.Edit([]byte(test.body)))
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if again := string(r.Edit([]byte(got))); again != got {
				t.Errorf("edited twice it becomes\n%s", again)
			}
		})
	}
}

func TestNothingIsKnownOfPeoplesOwnServers(t *testing.T) {
	for _, upstream := range []string{"llama-4", "gpt-4o", "o10-custom", "claude-x"} {
		if r := rulesFor("llm.intern.example", "m", upstream); r != nil {
			t.Errorf("%s has rules: %+v", upstream, r)
		}
	}
	var none *Rules
	if got := string(none.EditTranslated([]byte(`{"max_completion_tokens":5}`))); got != `{"max_tokens":5}` {
		t.Errorf("translated: %s", got)
	}
}

func TestWhatTheGatewayMustNotAdd(t *testing.T) {
	for host, want := range map[string]bool{"api.mistral.ai": true, "api.x.ai": true, "api.openai.com": false, "proxy.example": false} {
		if got := rulesFor(host, "m", "m").Refuses("stream_options"); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

// callBody is a conversation of calls with these ids and their results, the last first.
func callBody(ids []string) []byte {
	body := []byte(`{"messages":[`)
	for _, id := range ids {
		body = fmt.Appendf(body, `{"role":"assistant","tool_calls":[{"id":%q}]},`, id)
	}
	for i := len(ids) - 1; i >= 0; i-- {
		body = fmt.Appendf(body, `{"role":"tool","tool_call_id":%q},`, ids[i])
	}
	return append(body[:len(body)-1], `]}`...)
}

func TestNoIDMakesTwoCallsOne(t *testing.T) {
	long := strings.Repeat("a", 70)
	short := func(id string, n int) string { return shapes(rulesFor("api.mistral.ai", "m", "m"), id, n+1)[n] }
	for _, c := range []struct {
		host string
		ids  []string
	}{
		{"api.mistral.ai", []string{"call_1", short("call_1", 0), short("call_1", 1), "call_2"}},
		{"api.mistral.ai", []string{short("call_1", 0), "call_1"}},
		{"api.openai.com", []string{long, toolid.Clean(long, maxCallID), toolid.Clean(long+"b", maxCallID), "call_1"}},
	} {
		var edited struct {
			Messages []struct {
				Calls  []struct{ ID string } `json:"tool_calls"`
				Answer string                `json:"tool_call_id"`
			}
		}
		if err := json.Unmarshal(rulesFor(c.host, "m", "m").Edit(callBody(c.ids)), &edited); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range c.ids {
			id, answer := edited.Messages[i].Calls[0].ID, edited.Messages[2*len(c.ids)-1-i].Answer
			if seen[id] || answer != id {
				t.Errorf("%s: of %q call %d became %q, its answer %q", c.host, c.ids, i, id, answer)
			}
			seen[id] = true
		}
	}
}

// shapes are the first forms that an id gets, each of which is taken when the next is made.
func shapes(r *Rules, id string, n int) (list []string) {
	for range n {
		ids := callIDs{rules: r}
		for _, taken := range list {
			ids.form(taken)
		}
		list = append(list, ids.form(id))
	}
	return list
}

func BenchmarkRulesThatChangeNothing(b *testing.B) {
	r := rulesFor("api.openai.com", "m", "gpt-4o")
	message := `{"role":"user","content":"` + strings.Repeat("some words of a question, ", 40) + `"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"18"}`
	for _, n := range []int{1, 90} {
		body := []byte(`{"model":"m","stream":true,"messages":[` + strings.Repeat(message+",", n-1) + message + `],"temperature":0.5,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}},"b":{"type":["string","null"],"description":"what it is"}},"required":["a"]}}}]}`)
		b.Run(strconv.Itoa(len(body)>>10)+" KB", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if out := r.Edit(body); len(out) != len(body) {
					b.Fatalf("%s", out)
				}
			}
		})
	}
}

func FuzzRules(f *testing.F) {
	f.Add([]byte(`{"max_tokens":5,"tools":[],"messages":[{"role":"developer","tool_calls":[{"id":"x"}]}]}`))
	all := []*Rules{rulesFor("api.openai.com", "o3-high", "o3"), rulesFor("api.mistral.ai", "m", "m"), rulesFor("api.groq.com", "m", "m"),
		rulesFor("api.deepseek.com", "m", "m"), rulesFor("api.openai.com", "m", "o1-mini"), rulesFor("api.openai.com", "m", "o3-mini")}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, r := range all {
			for _, out := range [][]byte{r.Edit(body), r.EditResponses(body)} {
				if json.Valid(body) && !json.Valid(out) {
					t.Fatalf("%s became %s", body, out)
				}
			}
		}
	})
}

func TestRulesFindTheMembersThatTheySpeakOf(t *testing.T) {
	for _, r := range []*Rules{rulesFor("api.openai.com", "m", "o1-mini"), rulesFor("api.openai.com", "m", "gpt-7"), rulesFor("api.mistral.ai", "m", "m"),
		rulesFor("api.moonshot.ai", "m", "kimi-k3"), rulesFor("dashscope.aliyuncs.com", "m", "qwen3")} {
		names := slices.Concat(r.Quiet, r.refused, slices.Collect(maps.Keys(r.Target.Rename)), []string{maxTokens, maxCompletion, "thinking", enableThinking, "n", "stream",
			"stream_options", "temperature", reasoningWord, "reasoning", "include", "max_output_tokens", "user", "safety_identifier", "stop"})
		for _, name := range names {
			if !r.speaks(name) {
				t.Errorf("the rules for %s would not find %s", r.Model, name)
			}
		}
	}
}

func TestResponsesUpstreamsGetWhatTheyTake(t *testing.T) {
	long := strings.Repeat("u", 65)
	for _, test := range []struct{ name, host, model, body, want string }{
		{"no sampling while it thinks", "api.openai.com", "gpt-5", `{"temperature":1,"top_p":1,"top_logprobs":2,"input":"a"}`, `{"input":"a"}`},
		{"nor at a relay", "relay.example", "openai/gpt-6.1-sol", `{"temperature":1}`, `{}`},
		{"but when it does not", "api.openai.com", "gpt-5.1", `{"temperature":1,"reasoning":{"effort":"none"}}`, `{"temperature":1,"reasoning":{"effort":"none"}}`},
		{"an effort that is not known", "api.openai.com", "gpt-5", `{"reasoning":{"effort":"none","summary":"auto"}}`, `{"reasoning":{"effort":"minimal","summary":"auto"}}`},
		{"probabilities", "api.openai.com", "gpt-5", `{"include":["message.output_text.logprobs","reasoning.encrypted_content"]}`, `{"include":["reasoning.encrypted_content"]}`},
		{"no thinking where there is none", "api.openai.com", "gpt-4.1", `{"reasoning":{"effort":"high"},"include":["reasoning.encrypted_content"],"temperature":1}`, `{"temperature":1}`},
		{"too few tokens", "api.openai.com", "gpt-4.1", `{"max_output_tokens":1}`, `{"max_output_tokens":16}`},
		{"a long user", "api.openai.com", "gpt-4.1", `{"user":"` + long + `"}`, `{"user":"` + capability.Hashed(long, 64) + `"}`},
		{"a long name of what is cached", "api.openai.com", "gpt-4.1", `{"prompt_cache_key":"` + long + `"}`, `{"prompt_cache_key":"` + capability.Hashed(long, 64) + `"}`},
		{"no tools", "api.openai.com", "gpt-4.1", `{"tools":[],"tool_choice":"auto"}`, `{}`},
		{"nothing to do", "api.openai.com", "gpt-5", `{"input": "a" }`, `{"input": "a" }`},
		{"JSON without the word", "api.openai.com", "gpt-5", `{"instructions":"JSON","input":"a","text":{"format":{"type":"json_object"}}}`,
			`{"instructions":"JSON","input":[{"role":"user","content":"a"},{"role":"developer","content":"Answer with a JSON object."}],"text":{"format":{"type":"json_object"}}}`},
		{"JSON without the word in a list", "api.openai.com", "gpt-5", `{"input":[ {"role":"user","content":"a"} ],"text":{"format":{"type":"json_object"}}}`,
			`{"input":[ {"role":"user","content":"a"},{"role":"developer","content":"Answer with a JSON object."}],"text":{"format":{"type":"json_object"}}}`},
		{"arguments that are no object, where they are parsed", "api.groq.com", "openai/gpt-oss-20b", `{"input":[{"type":"function_call","arguments":"{\"a","call_id":"c"},{"type":"function_call","arguments":"{}"},{"type":"custom_tool_call","input":"a"}]}`,
			`{"input":[{"type":"function_call","arguments":"{\"INVALID_JSON\":\"{\\\"a\"}","call_id":"c"},{"type":"function_call","arguments":"{}"},{"type":"custom_tool_call","input":"a"}]}`},
		{"how much is said", "api.openai.com", "gpt-4.1", `{"text":{"format":{"type":"text"},"verbosity":"low"}}`, `{"text":{"format":{"type":"text"}}}`},
		{"where that is known", "api.openai.com", "gpt-5", `{"text":{"verbosity":"low"}}`, `{"text":{"verbosity":"low"}}`},
		{"and where they are not", "api.openai.com", "gpt-5", `{"input":[{"type":"function_call","arguments":"{\"a"}]}`, `{"input":[{"type":"function_call","arguments":"{\"a"}]}`},
		{"a tool's schema", "api.openai.com", "gpt-5", `{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"web_search"}]}`,
			`{"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}},{"type":"web_search"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewRules(capability.Find(capability.Query{Host: test.host, Format: capability.Responses, Model: test.model}), "m")
			got := string(r.EditResponses([]byte(test.body)))
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if again := string(r.EditResponses([]byte(got))); again != got {
				t.Errorf("edited twice it becomes\n%s", again)
			}
		})
	}
}

func TestLimitThatAnOperatorSetsIsTheOnlyOne(t *testing.T) {
	both := `{"max_tokens":5,"a":1,"max_completion_tokens":64}`
	for _, test := range []struct{ name, host, model, touched, body, want string }{
		{"the newer name beside the older", "api.openai.com", "gpt-4.1", "max_completion_tokens", both, `{"a":1,"max_completion_tokens":64}`},
		{"the older name beside the newer", "api.openai.com", "gpt-4.1", "max_tokens", both, `{"max_tokens":5,"a":1}`},
		{"a model that knows the newer alone", "api.openai.com", "gpt-5", "max_tokens", both, `{"a":1,"max_completion_tokens":5}`},
		{"a host that knows the older alone", "api.mistral.ai", "mistral-large-latest", "max_completion_tokens", both, `{"max_tokens":64,"a":1}`},
		{"a host of which nothing is known", "llm.example.com", "m", "max_completion_tokens", both, `{"a":1,"max_completion_tokens":64}`},
		{"both are the operator's", "api.openai.com", "gpt-4.1", "max_tokens max_completion_tokens", both, both},
		{"neither is", "api.openai.com", "gpt-4.1", "seed", both, both},
		{"it is taken out", "api.openai.com", "gpt-4.1", "max_tokens", `{"max_completion_tokens":64}`, `{"max_completion_tokens":64}`},
	} {
		r := NewRules(capability.Find(capability.Query{Host: test.host, Format: capability.Chat, Model: test.model}), "m")
		got := r.OneLimit([]byte(test.body), func(name string) bool { return slices.Contains(strings.Fields(test.touched), name) })
		if string(got) != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

func TestJinaCallsTheEncodingAType(t *testing.T) {
	const asked = `{"model":"jina-embeddings-v3","input":["a"],"encoding_format":"base64"}`
	if got := string(rulesFor("api.jina.ai", "m", "jina-embeddings-v3").Rename([]byte(asked))); got != `{"model":"jina-embeddings-v3","input":["a"],"embedding_type":"base64"}` {
		t.Error(got)
	}
	if got := string(rulesFor("api.openai.com", "m", "text-embedding-3-small").Rename([]byte(asked))); got != asked {
		t.Error(got)
	}
}
