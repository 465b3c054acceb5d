package alternation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/cohere"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
)

// formats are those that clients speak, and upstreams those that are asked, with a model.
var (
	formats   = map[string]codec.Format{"chat": openai.Format{}, "messages": anthropic.Format{}, "responses": responses.Format{}, "gemini": gemini.Format{}}
	upstreams = map[string]struct {
		codec.Format
		model string
	}{
		"chat": {openai.Format{}, "gpt-4.1"}, "messages": {anthropic.Format{}, "claude-sonnet-4-5"}, "responses": {responses.Format{}, "gpt-4.1"},
		"gemini": {gemini.Format{}, "gemini-2.5-pro"}, "converse": {bedrock.Format{}, "anthropic.claude-sonnet-4-5"}, "cohere": {cohere.Format{}, "command-a-03-2025"},
		"vertex": {anthropic.Vertex, "claude-sonnet-4-5"},
	}
)

const (
	png  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	blue = "the valve is blue"
)

// asked is a request of a format for a conversation.
func asked(format, conversation string) string {
	switch format {
	case "chat":
		return `{"model":"m","messages":[` + conversation + `]}`
	case "messages":
		return `{"model":"m","max_tokens":99,"messages":[` + conversation + `]}`
	case "responses":
		return `{"model":"m","input":[` + conversation + `]}`
	}
	return `{"contents":[` + conversation + `]}`
}

// repaired is what an upstream gets of a request of another format.
func repaired(t *testing.T, from, to, conversation string) (map[string]any, []string, error) {
	t.Helper()
	q, err := formats[from].DecodeRequest([]byte(asked(from, conversation)))
	if err != nil {
		t.Fatalf("%s: %v: %s", from, err, conversation)
	}
	before, _ := json.Marshal(q.Messages)
	up := upstreams[to]
	r, left, err := alternation.Repair(q, formats[from], up.Format, nil)
	if after, _ := json.Marshal(q.Messages); string(before) != string(after) {
		t.Errorf("the request was changed")
	}
	if err != nil {
		return nil, nil, err
	}
	again, _, _ := alternation.Repair(r, formats[from], up.Format, nil)
	if a, b := fmt.Sprint(codecJSON(r.Messages)), fmt.Sprint(codecJSON(again.Messages)); a != b {
		t.Errorf("repaired twice it differs:\n%s\n%s", a, b)
	}
	body, err := up.EncodeRequest(nil, r.WithoutCustom(), up.model)
	if err != nil {
		return nil, nil, err
	}
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatalf("%s to %s: %v: %s", from, to, err, body)
	}
	return sent, left, nil
}

func codecJSON(messages []codec.Message) string {
	text, _ := json.Marshal(messages)
	return string(text)
}

// conversations are such as clients send and providers refuse, with what of it the provider must be told.
var conversations = []struct {
	name, format, said string
	says               []string
}{
	{"an image between a call and its result", "responses", `{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},` +
		`{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,` + png + `"}]},{"type":"function_call_output","call_id":"c1","output":"done"}`, []string{"done", png}},
	{"a developer's words between them", "responses", `{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},` +
		`{"type":"message","role":"developer","content":[{"type":"input_text","text":"note"}]},{"type":"function_call_output","call_id":"c1","output":"done"}`, []string{"done", "note"}},
	{"thinking between the results", "responses", `{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},` +
		`{"type":"function_call_output","call_id":"c2","output":"two"},{"type":"reasoning","summary":[],"encrypted_content":"x"},{"type":"function_call_output","call_id":"c1","output":"one"}`, []string{"one", "two"}},
	{"a result before its call", "responses", `{"role":"user","content":"q"},{"type":"function_call_output","call_id":"c1","output":"done"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},` +
		`{"role":"user","content":"go on"}`, []string{"done", "go on"}},
	{"a call that nobody answers", "responses", `{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"role":"user","content":"go on"}`, []string{"go on"}},
	{"a result of nothing", "responses", `{"role":"user","content":"q"},{"type":"function_call_output","call_id":"c9","output":"done"}`, []string{"done"}},
	{"work of the provider's tools", "responses", `{"role":"user","content":"q"},{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"valves"}},` +
		`{"type":"code_interpreter_call","id":"ci","status":"completed","container_id":"c","code":"print(1)","outputs":[{"type":"logs","logs":"1"}]},` +
		`{"type":"mcp_call","id":"m","server_label":"s","name":"f","arguments":"{\"a\":1}","output":"` + blue + `"},` +
		`{"type":"local_shell_call","id":"l","call_id":"c1","status":"completed","action":{"type":"exec","command":["ls"]}},{"type":"local_shell_call_output","id":"l","call_id":"c1","output":"a.txt"},` +
		`{"role":"user","content":"go on"}`, []string{"valves", "print(1)", blue, "ls", "a.txt", "go on"}},
	{"an image that the provider's tool made", "responses", `{"role":"user","content":"q"},{"type":"image_generation_call","id":"ig","status":"completed","result":"` + png + `"},` +
		`{"role":"user","content":"bluer"}`, []string{png, "bluer"}},
	{"thinking alone", "responses", `{"role":"user","content":"a"},{"type":"reasoning","summary":[],"encrypted_content":null},{"role":"user","content":"b"}`, []string{"a", "b"}},
	{"thinking at the end", "responses", `{"role":"user","content":"a"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"x","annotations":[]}]},` +
		`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x"},{"role":"user","content":"b"}`, []string{"a", "x", "b"}},
	{"a refusal", "responses", `{"role":"user","content":"a"},{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"no"}]},{"role":"user","content":"b"}`, []string{"no"}},

	{"thinking alone", "messages", `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"}]},{"role":"user","content":"b"}`, []string{"a", "b"}},
	{"sealed thinking alone", "messages", `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"d"}]},{"role":"user","content":"b"}`, []string{"a", "b"}},
	{"thinking alone at the end", "messages", `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"}]}`, []string{"a"}},
	{"nothing but a source", "messages", `{"role":"user","content":[{"type":"search_result","source":"https://a.example","title":"Manual","content":[{"type":"text","text":"` + blue + `"}]}]}`,
		[]string{blue, "https://a.example", "Manual"}},
	{"a source in a result", "messages", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"search_result","source":"https://a.example","title":"Manual","content":[{"type":"text","text":"` + blue + `"}]}]}]}`,
		[]string{blue, "Manual"}},
	{"a document made of blocks", "messages", `{"role":"user","content":[{"type":"document","title":"Manual","context":"of 1990","source":{"type":"content","content":[{"type":"text","text":"` + blue + `"}]}}]}`,
		[]string{blue, "Manual", "of 1990"}},
	{"a document made of a text", "messages", `{"role":"user","content":[{"type":"document","source":{"type":"content","content":"` + blue + `"}}]}`, []string{blue}},
	{"a document in a result", "messages", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"` + blue + `"}}]}]}`, []string{blue}},
	{"a tool that was found", "messages", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"tool_reference","tool_name":"get_valve"}]}]}`, []string{"get_valve"}},
	{"work of the provider's tools", "messages", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"valves"}},` +
		`{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"type":"web_search_result","url":"https://a.example","title":"Manual","encrypted_content":"e"}]},{"type":"text","text":"x"}]},` +
		`{"role":"user","content":"go on"}`, []string{"valves", "https://a.example", "Manual", "go on"}},
	{"an image in a result", "messages", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}}]}]}`, []string{png}},

	{"an image of the assistant's", "chat", `{"role":"user","content":"draw"},{"role":"assistant","content":"here","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]},` +
		`{"role":"user","content":"bluer"}`, []string{png, "here", "bluer"}},
	{"an image of the assistant's before a call", "chat", `{"role":"user","content":"draw"},{"role":"assistant","content":null,"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}],` +
		`"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"done"},{"role":"assistant","content":"x"},{"role":"user","content":"bluer"}`,
		[]string{png, "done", "bluer"}},
	{"an image of the assistant's at the end", "chat", `{"role":"user","content":"draw"},{"role":"assistant","content":null,"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]}`, []string{png}},
	{"a sound of the assistant's", "chat", `{"role":"user","content":"say it"},{"role":"assistant","content":null,"audio":{"id":"audio_1"}},{"role":"user","content":"louder"}`, []string{"louder"}},
	{"empty messages", "chat", `{"role":"system","content":""},{"role":"user","content":"a"},{"role":"assistant","content":""},{"role":"user","content":""},{"role":"user","content":[]},{"role":"user","content":"b"}`, []string{"a", "b"}},
	{"nothing at all", "chat", `{"role":"user","content":""}`, nil},
	{"one id in two turns", "chat", `{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"one"},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"two"}`, []string{"one", "two"}},

	{"an image of the model's", "gemini", `{"role":"user","parts":[{"text":"draw"}]},{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}]},{"role":"user","parts":[{"text":"bluer"}]}`,
		[]string{png, "bluer"}},
	{"code that the provider ran", "gemini", `{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"executableCode":{"language":"PYTHON","code":"print(1)"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"` + blue + `"}}]},` +
		`{"role":"user","parts":[{"text":"go on"}]}`, []string{"print(1)", blue, "go on"}},
	{"a thought alone", "gemini", `{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"x","thought":true}]},{"role":"user","parts":[{"text":"b"}]}`, []string{"a", "b"}},
}

func TestNoUpstreamGetsWhatItRefuses(t *testing.T) {
	for _, c := range conversations {
		for to, up := range upstreams {
			if up.Name() == formats[c.format].Name() {
				continue
			}
			t.Run(c.format+" to "+to+": "+c.name, func(t *testing.T) {
				sent, _, err := repaired(t, c.format, to, c.said)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := json.Marshal(sent)
				strict[to](t, sent)
				for _, words := range c.says {
					quoted, _ := json.Marshal(words)
					if !bytes.Contains(text, quoted[1:len(quoted)-1]) && !strings.Contains(strings.ReplaceAll(string(text), `\"`, `"`), words) {
						t.Errorf("%q is not said", words)
					}
				}
				if t.Failed() {
					t.Logf("sent %s", text)
				}
			})
		}
	}
}

func TestWhatCannotBeSaidIsRefusedByName(t *testing.T) {
	file := func(kind string) string {
		return `{"role":"user","content":[{"type":"` + kind + `","source":{"type":"file","file_id":"file_1"}},{"type":"text","text":"q"}]}`
	}
	for _, c := range []struct{ format, said, tells string }{
		{"messages", file("image"), "file_1"},
		{"messages", file("document"), "file_1"},
		{"messages", `{"role":"user","content":[{"type":"container_upload","file_id":"file_1"},{"type":"text","text":"q"}]}`, "file_1"},
		{"messages", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[` +
			`{"type":"image","source":{"type":"file","file_id":"file_1"}}]}]}`, "file_1"},
		{"chat", `{"role":"user","content":[{"type":"image_url","image_url":{"url":""}}]}`, "neither content nor address"},
		{"chat", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"s3://bucket/a.png"}}]}`, "s3://bucket/a.png"},
		{"gemini", `{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}}]}`, "/files/x"},
		{"gemini", `{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"gs://bucket/x"}}]}`, "gs://bucket/x"},
		{"messages", `{"role":"user","content":"q"}],"thread":{"type":"continue","previous_message_id":"msg_1"},"stop_sequences":["x"`, "message-threads-2026-08-12"},
	} {
		for to, up := range upstreams {
			if up.Name() == formats[c.format].Name() || to == "converse" && strings.Contains(c.tells, "s3://") {
				continue
			}
			_, _, err := repaired(t, c.format, to, c.said)
			if e, is := err.(*codec.Error); !is || e.Status != 400 || !strings.Contains(e.Message, c.tells) {
				t.Errorf("%s to %s: %s: %v", c.format, to, c.said, err)
			}
		}
	}
	for _, c := range []struct {
		to, said string
		served   bool
	}{
		{"chat", `{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}`, true},
		{"chat", `{"role":"user","content":[{"type":"input_image","file_id":"file_1"}]}`, false}, // chat has no ids of images
		{"messages", `{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}`, false},
	} {
		if _, _, err := repaired(t, "responses", c.to, c.said); (err == nil) != c.served {
			t.Errorf("responses to %s: %s: %v", c.to, c.said, err)
		}
	}
}

func TestWhatWasLeftOutIsTold(t *testing.T) {
	for _, c := range []struct {
		format, said string
		want         []string
	}{
		{"chat", `{"role":"user","content":"a"},{"role":"assistant","content":null,"audio":{"id":"audio_1"}},{"role":"assistant","content":null,"audio":{"id":"audio_2"}}`, []string{"audio of the assistant's (2 times)"}},
		{"messages", `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"}]}`, []string{"thinking that led to nothing"}},
		{"messages", `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"fallback","from":{},"to":{}},{"type":"text","text":"b"}]}`, []string{"a part fallback"}},
		{"messages", `{"role":"user","content":"a"},{"role":"assistant","content":"b"}`, nil},
	} {
		for to, up := range upstreams {
			if up.Name() == formats[c.format].Name() {
				continue
			}
			if _, left, err := repaired(t, c.format, to, c.said); err != nil || !slices.Equal(left, c.want) {
				t.Errorf("%s to %s: %s: %q, %v", c.format, to, c.said, left, err)
			}
		}
	}
}

func TestVideoGoesOnlyToThoseOfWhomItIsKnown(t *testing.T) {
	q := &codec.Request{Format: "gemini", Messages: []codec.Message{{Role: codec.RoleUser, Parts: []codec.Part{
		{Kind: codec.PartVideo, Media: &codec.Media{MIME: "video/mp4", Data: "AAAA"}}, {Kind: codec.PartText, Text: "q"}}}}}
	at := func(host string) *capability.Target {
		return capability.Find(capability.Query{Host: host, Format: capability.Chat, Model: "m"})
	}
	for host, takes := range map[string]bool{"api.openai.com": false, "relay.example": false, "api.deepseek.com": false, "openrouter.ai": true, "api.moonshot.ai": true, "api.z.ai": true} {
		if _, _, err := alternation.Repair(q, gemini.Format{}, openai.Format{}, at(host)); (err == nil) != takes {
			t.Errorf("%s: %v", host, err)
		}
	}
	own := *q
	own.Format = "openai"
	if _, _, err := alternation.Repair(&own, openai.Format{}, openai.Format{}, at("relay.example")); err != nil {
		t.Errorf("a chat client's own is its server's to refuse: %v", err)
	}
}

// TestWhatIsSaidInWordsStandsApart looks at formats that put all texts of a message together.
func TestWhatIsSaidInWordsStandsApart(t *testing.T) {
	for _, c := range []struct{ name, from, to, conversation, said string }{
		{"work of OpenAI's tools", "responses", "chat", `{"role":"user","content":"q"},{"type":"web_search_call","id":"ws_1","action":{"type":"search","query":"w"}},` +
			`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},{"type":"computer_call","id":"c","call_id":"c1","action":{"type":"click","x":1}}`,
			`[web_search_call: {\"action\":{\"type\":\"search\",\"query\":\"w\"}}]\n\na\n\n[computer_call: {\"action\":{\"type\":\"click\",\"x\":1}}]`},
		{"sources in a result", "messages", "gemini", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"found:"},{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}]},{"type":"text","text":"end"}]}]}`,
			`found:\n\nt\n\ns\n\nx\n\nend`},
		{"pieces of one text", "messages", "chat", `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"It is "},{"type":"text","text":"blue."}]}`, `It is blue.`},
	} {
		sent, _, err := repaired(t, c.from, c.to, c.conversation)
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if e.Encode(sent); err != nil || !strings.Contains(text.String(), c.said) {
			t.Errorf("%s: %v: %s", c.name, err, text.String())
		}
	}
}
