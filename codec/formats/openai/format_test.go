package openai

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"uniapi/codec"
)

// same compares JSON by meaning.
func same(t *testing.T, got, want string) bool {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Errorf("not JSON: %v: %s", err, got)
		return false
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("the test's own JSON: %v: %s", err, want)
	}
	return reflect.DeepEqual(a, b)
}

const messages = `"messages":[{"role":"user","content":"hi"}]`

func TestRequestSurvivesTheNeutralForm(t *testing.T) {
	for name, body := range map[string]string{
		"plain": `{"model":"up",` + messages + `}`,
		"parameters": `{"model":"up",` + messages + `,"temperature":0.70,"top_p":1,"seed":9007199254740993,"n":2,"top_k":5,` +
			`"max_completion_tokens":100,"stop":["a","b"],"frequency_penalty":-1.5,"presence_penalty":0,"logprobs":true,"top_logprobs":3,` +
			`"verbosity":"low","modalities":["text","audio"],"user":"u","service_tier":"flex","reasoning_effort":"high"}`,
		"unknown members": `{"model":"up",` + messages + `,"logit_bias":{"1":2},"x":{"y":[1,2.50,null]},"metadata":{"a":"b"},"store":null}`,
		"a stream":        `{"model":"up",` + messages + `,"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}`,
		"roles": `{"model":"up","messages":[{"role":"system","content":"s"},{"role":"developer","content":"d","name":"n"},` +
			`{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}]},` +
			`{"role":"assistant","content":"x","phase":"commentary","prefix":true}]}`,
		"media": `{"model":"up","messages":[{"role":"user","content":[` +
			`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},{"type":"image_url","image_url":{"url":"https://x/y.png"}},` +
			`{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},{"type":"video_url","video_url":{"url":"https://x/y.mp4"}},` +
			`{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}},{"type":"file","file":{"file_id":"f"}},` +
			`{"type":"file","file":{"file_data":"AAAA"}},{"type":"from_the_future","z":1}]}]}`,
		"tools": `{"model":"up","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[` +
			`{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},"extra_content":{"google":{"thought_signature":"s/+="}}},` +
			`{"id":"c2","type":"custom","custom":{"name":"g","input":"free text"},"vendor":1}]},` +
			`{"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","name":"g","content":[{"type":"text","text":"two"},{"type":"text","text":"three"}]}],` +
			`"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"b":{},"a":{}}},"strict":true},"cache_control":{"type":"ephemeral"}},` +
			`{"type":"custom","custom":{"name":"g","format":{"type":"text"}}},{"type":"web_search","max_uses":3}],` +
			`"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false}`,
		"allowed tools": `{"model":"up",` + messages + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools",` +
			`"allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}}`,
		"custom choice":  `{"model":"up",` + messages + `,"tools":[{"type":"custom","custom":{"name":"f"}}],"tool_choice":{"type":"custom","custom":{"name":"f"}}}`,
		"required":       `{"model":"up",` + messages + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required"}`,
		"schema":         `{"model":"up",` + messages + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"z":1,"a":2},"strict":true,"description":"d"}}}`,
		"JSON":           `{"model":"up",` + messages + `,"response_format":{"type":"json_object"}}`,
		"vendor formats": `{"model":"up",` + messages + `,"response_format":{"type":"grammar","grammar":"x"},"thinking":{"type":"enabled","budget_tokens":2000},"reasoning":{"effort":"low"}}`,
		"thinking": `{"model":"up","messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","reasoning_content":"one","thinking_blocks":[` +
			`{"type":"thinking","thinking":"one","signature":"sig"},{"type":"thinking","thinking":"","signature":"sig2"},{"type":"redacted_thinking","data":"zzz"}]},` +
			`{"role":"assistant","content":"b","reasoning_content":"plain"},{"role":"assistant","content":"c","reasoning_content":"t","reasoning_details":[` +
			`{"type":"reasoning.text","text":"t","signature":"s","format":"anthropic-claude-v1","index":0},` +
			`{"type":"reasoning.encrypted","data":"d","id":"rs_1","format":"openai-responses-v1","index":1}]}]}`,
		"refusal and audio": `{"model":"up","messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"refusal":"no","audio":{"id":"a1"}}]}`,
	} {
		q, err := Format{}.DecodeRequest([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, _ := json.Marshal(q)
		got, err := Format{}.EncodeRequest(nil, q, "up")
		if err != nil || !same(t, string(got), body) {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, body)
		}
		again, _ := Format{}.EncodeRequest(nil, q, "up")
		after, _ := json.Marshal(q)
		if string(again) != string(got) || string(before) != string(after) {
			t.Errorf("%s: encoding is not repeatable", name)
		}
	}
}

func TestRequestsAreReadWithTheHabitsOfClients(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"old names", `{"model":"m",` + messages + `,"max_tokens":5,"stop":"x","stream_options":{"include_usage":true}}`,
			`{"model":"up",` + messages + `,"max_completion_tokens":5,"stop":["x"]}`},
		{"both token limits", `{"model":"m",` + messages + `,"max_tokens":5,"max_completion_tokens":7.0}`,
			`{"model":"up",` + messages + `,"max_completion_tokens":7}`},
		{"nulls", `{"model":"m",` + messages + `,"temperature":null,"tools":null,"stop":null,"response_format":null,"n":null}`,
			`{"model":"up",` + messages + `}`},
		{"choices without tools", `{"model":"m",` + messages + `,"tools":[],"tool_choice":"auto","parallel_tool_calls":true}`,
			`{"model":"up",` + messages + `}`},
		{"functions", `{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":""}},` +
			`{"role":"function","name":"f","content":"r"}],"functions":[{"name":"f","parameters":{}}],"function_call":{"name":"f"}}`,
			`{"model":"up","messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_106","type":"function",` +
				`"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_106","name":"f","content":"r"}],` +
				`"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`},
		{"arguments as an object", `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]}]}`,
			`{"model":"up","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}]}`},
		{"image as a string, text as an element", `{"model":"m","messages":[{"role":"user","content":["a",{"type":"image_url","image_url":"https://x"}]}]}`,
			`{"model":"up","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x"}}]}]}`},
		{"reasoning by its other name", `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning":"r"}]}`,
			`{"model":"up","messages":[{"role":"assistant","content":"a","reasoning_content":"r"}]}`},
		{"cache marker on a message", `{"model":"m","messages":[{"role":"user","content":"a","cache_control":{"type":"ephemeral"}}]}`,
			`{"model":"up","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}`},
	} {
		q, err := Format{}.DecodeRequest([]byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, err := (Format{}).EncodeRequest(nil, q, "up"); err != nil || !same(t, string(got), c.want) {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

func TestBadRequestsNameTheMember(t *testing.T) {
	for _, c := range []struct{ body, param string }{
		{`{"model":"m"}`, "messages"},
		{`{"model":"m","messages":[]}`, "messages"},
		{`{"model":"m","messages":"hi"}`, "messages"},
		{`{"model":"m","messages":["hi"]}`, "messages[0]"},
		{`{"model":"m","messages":[{"role":"user","content":"a"},{"role":"bot"}]}`, "messages[1].role"},
		{`{"model":"m","messages":[{"role":"user","content":5}]}`, "messages[0].content"},
		{`{"model":"m","messages":[{"role":"user","content":[5]}]}`, "messages[0].content[0]"},
		{`{"model":"m","messages":[{"role":"user","content":"\x"}]}`, "messages[0].content"},
		{`{"model":"m",` + messages + `,"temperature":"hot"}`, "temperature"},
		{`{"model":"m",` + messages + `,"n":1.5}`, "n"},
		{`{"model":"m",` + messages + `,"logprobs":1}`, "logprobs"},
		{`{"model":"m",` + messages + `,"stop":5}`, "stop"},
		{`{"model":"m",` + messages + `,"tools":[{"type":"function"}]}`, "tools[0]"},
		{`{"model":"m",` + messages + `,"tools":[1]}`, "tools[0]"},
		{`{"model":"m",` + messages + `,"tool_choice":"maybe"}`, "tool_choice"},
		{`{"model":"m",` + messages + `,"tool_choice":{}}`, "tool_choice"},
		{`{"model":"m",` + messages + `,"response_format":"json"}`, "response_format"},
	} {
		_, err := Format{}.DecodeRequest([]byte(c.body))
		if e, ok := err.(*codec.Error); !ok || e.Status != 400 || e.Param != c.param || !strings.Contains(e.Message, c.param) {
			t.Errorf("%s: got %v", c.body, err)
		}
	}
}

func TestForeignRequestIsWrittenWithWhatChatCanSay(t *testing.T) {
	budget, no := int64(20000), false
	q := &codec.Request{
		Format: "anthropic", Reasoning: &codec.Reasoning{Budget: &budget}, Extra: codec.Fields{{Name: "container", Raw: []byte(`1`)}},
		Cache: &codec.Cache{}, ParallelToolCalls: &no, ToolChoice: codec.ToolChoice{Mode: codec.ToolAuto, Allowed: []string{"f"}},
		Tools:  []codec.Tool{{Kind: codec.ToolHosted, Raw: []byte(`{"type":"bash"}`)}, {Name: "f", Extra: codec.Fields{{Name: "defer_loading", Raw: []byte(`true`)}}}},
		Output: &codec.OutputFormat{Kind: codec.OutputSchema, Schema: []byte(`{}`)},
		Messages: []codec.Message{
			{Role: codec.RoleAssistant, Parts: []codec.Part{
				{Kind: codec.PartReasoning, Text: "hm", Signature: codec.Signature{Provider: "anthropic", Value: "s"}},
				{Kind: codec.PartOpaque, Raw: []byte(`{"type":"server_tool_use"}`)},
				{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "t1", Name: "f", Arguments: " "}},
			}},
			{Role: codec.RoleTool, Parts: []codec.Part{
				{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: "t1", Error: true, Parts: []codec.Part{{Text: "went wrong"}}}},
				{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: "t2", Parts: []codec.Part{
					{Kind: codec.PartImage, Media: &codec.Media{MIME: "image/png", Data: "AAAA"}}}}},
			}},
			{Role: codec.RoleUser, Parts: []codec.Part{{Text: "go on"}}},
		},
	}
	want := `{"model":"up","messages":[{"role":"assistant","content":null,"reasoning_content":"hm","thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"s"}],` +
		`"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
		`{"role":"tool","tool_call_id":"t1","content":"Error: went wrong"},{"role":"tool","tool_call_id":"t2","content":"(see the next message)"},` +
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},{"role":"user","content":"go on"}],` +
		`"reasoning_effort":"high","response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{}}},` +
		`"tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false,` +
		`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}}`
	if got, err := (Format{}).EncodeRequest(nil, q, "up"); err != nil || !same(t, string(got), want) {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestAnswerSurvivesTheNeutralForm(t *testing.T) {
	body := `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant",` +
		`"content":"hi","refusal":null,"reasoning_content":"hm","annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":2}}],` +
		`"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}],"audio":{"id":"a","data":"AAAA","transcript":"hi","expires_at":5},` +
		`"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[]},"finish_reason":"tool_calls","x":1}],` +
		`"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1,"cache_write_tokens":2},` +
		`"completion_tokens_details":{"reasoning_tokens":9,"audio_tokens":3,"accepted_prediction_tokens":5,"rejected_prediction_tokens":6}},` +
		`"service_tier":"default","system_fingerprint":"fp"}`
	a, err := Format{}.DecodeResponse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got := (Format{}).EncodeResponse(nil, a, &codec.Request{Model: "m"}); !same(t, string(got), body) {
		t.Errorf("got %s\nwant %s", got, body)
	}
}

func TestFinishReasonsFitWhatTheAnswerHolds(t *testing.T) {
	call := `{"content":"x","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}`
	for _, c := range []struct{ message, finish, want string }{
		{`{"content":"x"}`, "stop", "stop"}, {call, "stop", "tool_calls"}, {`{"content":"x"}`, "tool_calls", "stop"}, {call, "length", "length"},
		{`{"content":"x"}`, "model_length", "length"}, {`{"content":"x"}`, "sensitive", "content_filter"}, {`{"content":"x"}`, "brand_new", "stop"},
		{`{"content":"x"}`, "", "stop"}, {call, "", "tool_calls"},
	} {
		a, err := Format{}.DecodeResponse([]byte(answer(c.message, c.finish)))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(Format{}.EncodeResponse(nil, a, &codec.Request{})); !strings.Contains(got, `"finish_reason":"`+c.want+`"`) {
			t.Errorf("%s with %q: %s", c.message, c.finish, got)
		}
	}
	a, _ := Format{}.DecodeResponse([]byte(answer(call, "tool_calls")))
	got := string(Format{}.EncodeResponse(nil, a, &codec.Request{LegacyFunctions: true}))
	if !strings.Contains(got, `"function_call":{"name":"f","arguments":"{}"}`) || !strings.Contains(got, `"finish_reason":"function_call"`) {
		t.Errorf("for a client of functions: %s", got)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m",` + messages + `,"tools":[{"function":{"name":"f"}}],"x":1}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":{}}}],"content":[{"type":"image_url","image_url":"data:a;base64,b"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.DecodeRequest(body)
		if err != nil || !json.Valid(body) {
			return
		}
		first, err := Format{}.EncodeRequest(nil, q, "up")
		if err != nil || !json.Valid(first) {
			t.Fatalf("%v: %s", err, first)
		}
		q2, err := Format{}.DecodeRequest(first)
		if err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		second, _ := Format{}.EncodeRequest(nil, q2, "up")
		if string(first) != string(second) {
			t.Fatalf("not stable:\n%s\n%s", first, second)
		}
	})
}

func BenchmarkTranslateRequest(b *testing.B) {
	body := chatBody(100 << 10)
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		q, err := Format{}.DecodeRequest(body)
		if err != nil {
			b.Fatal(err)
		}
		dst, _ = Format{}.EncodeRequest(dst[:0], q, "up")
	}
}
