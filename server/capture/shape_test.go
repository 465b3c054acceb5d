package capture

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"unicode"
)

// Bodies of each format, as clients and providers send them. In what people, models and tools wrote there is always
// "planted".
var shaped = []struct {
	name, body string
	stays      []string // in the file
}{
	{"chat request", `{"model":"gpt-5","temperature":0.25,"max_tokens":100,"user":"planted@example.com","messages":[{"role":"system","content":"planted"},
		{"role":"user","name":"planted","content":[{"type":"text","text":"pl\u0061nted planted \"planted\"\n"},{"type":"image_url","image_url":{"url":"data:image/png;base64,cGxhbnRlZA=="}},
		{"type":"image_url","image_url":{"url":"https://planted.example/planted.png"}}]},
		{"role":"assistant","tool_calls":[{"id":"call_planted1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"planted\",\"planted\":null,\"days\":12,\"sure\":true}"}}]},
		{"role":"tool","tool_call_id":"call_planted1","content":"planted"}],
		"tools":[{"type":"function","function":{"name":"get_weather","description":"planted","parameters":{"type":"object","required":["city"],"properties":{"city":{"type":"string","description":"planted","enum":["planted"]}}}}}]}`,
		[]string{`"model":"gpt-5"`, `"temperature":0.25`, `"role":"tool"`, `"name":"get_weather"`, `"required":["city"]`, `data:image/png;base64,`, `{\"city\":\"`, `:true`}},
	{"chat answer", `{"id":"chatcmpl-planted","object":"chat.completion","created":1700000000,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"planted é 漢 😀 \u00e9"},
		"finish_reason":"stop","logprobs":{"content":[{"token":"planted","logprob":-0.5,"bytes":[112,108,97]}]}}],"usage":{"prompt_tokens":912,"completion_tokens":5}}`,
		[]string{`"prompt_tokens":912`, `"finish_reason":"stop"`, `"object":"chat.completion"`, `"id":"chatcmpl-`, `"logprob":-0.5`}},
	{"chat stream", "data: {\"id\":\"chatcmpl-planted\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"planted\"}}]}\n\n" +
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"city\\\":\\\"planted\"}}]}}]}\n\n: planted\n\ndata: [DONE]\n\n",
		[]string{`chat.completion.chunk`, `data: [DONE]`, `{\"xxxx\":\"xxxxxxx`}},
	{"Messages request", `{"model":"claude-sonnet-4","max_tokens":64,"system":[{"type":"text","text":"planted","cache_control":{"type":"ephemeral"}}],"metadata":{"user_id":"planted","planted":7},
		"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_planted","name":"look","input":{"planted":"planted","q":["planted",234]}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_planted","content":"planted"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"cGxhbnRlZA=="}}]}],
		"tools":[{"name":"look","description":"planted","input_schema":{"type":"object","properties":{"q":{"type":"array"}}}}]}`,
		[]string{`"max_tokens":64`, `"cache_control":{"type":"ephemeral"}`, `"media_type":"image/png"`, `"q":[`, `"name":"look"`, `"type":"tool_use"`}},
	{"Messages stream", "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_planted\",\"name\":\"look\",\"input\":{}}}\n\n" +
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":\\\"planted\"}}\n\n" +
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"planted\",\"signature\":\"planted\"}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
		[]string{"event: content_block_start", `"partial_json":"{\"x\":\"xxxxxxx"`, `{"type": "ping"}`, `"type":"thinking_delta"`}},
	{"Responses request", `{"model":"gpt-5","instructions":"planted","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"planted"}]},
		{"type":"function_call","call_id":"call_planted","name":"look","arguments":"{\"q\":\"planted\"}"},{"type":"function_call_output","call_id":"call_planted","output":"planted"},
		{"type":"reasoning","id":"rs_planted","encrypted_content":"planted","summary":[{"type":"summary_text","text":"planted"}]}],"tools":[{"type":"function","name":"look","parameters":{"properties":{"q":{}}}}]}`,
		[]string{`"type":"function_call_output"`, `"name":"look"`, `{\"q\":\"`, `"id":"rs_`}},
	{"Responses stream", "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_planted\",\"status\":\"in_progress\",\"model\":\"gpt-5\",\"instructions\":\"planted\"}}\n\n" +
		"event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"fc_planted\",\"delta\":\"{\\\"q\\\":\\\"planted\"}\n\n" +
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"planted\"}\n\n",
		[]string{`"status":"in_progress"`, `"delta":"{\"x\":\"xxxxxxx"`, `"delta":"xxxxxxx"`}},
	{"Gemini request", `{"systemInstruction":{"parts":[{"text":"planted"}]},"contents":[{"role":"user","parts":[{"text":"planted"},{"inlineData":{"mimeType":"image/png","data":"cGxhbnRlZA=="}}]},
		{"role":"model","parts":[{"functionCall":{"name":"look","args":{"planted":"planted"}},"thoughtSignature":"planted"}]},
		{"role":"user","parts":[{"functionResponse":{"name":"look","response":{"planted":"planted"}}}]}],"generationConfig":{"maxOutputTokens":9}}`,
		[]string{`"mimeType":"image/png"`, `"maxOutputTokens":9`, `"functionCall":{"name":"look"`}},
	{"Gemini answer", `[{"candidates":[{"content":{"role":"model","parts":[{"text":"planted"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":912},"modelVersion":"gemini-3"}]`,
		[]string{`"finishReason":"STOP"`, `"promptTokenCount":912`, `"modelVersion":"gemini-3"`}},
	{"tokens and vectors", `{"model":"e","prompt":[9876,5432],"data":[{"embedding":[0.987,-9.5e-3],"index":0}]}`, []string{`"prompt":[1111,1111]`, `[0.111,-1.1e-1]`}},
	{"an error", `{"error":{"message":"planted is wrong","type":"invalid_request_error","code":"context_length_exceeded","param":"planted"}}`,
		[]string{`"type":"invalid_request_error"`, `"code":"context_length_exceeded"`}},
	{"no format", "planted planted\n", []string{"xxxxxxx xxxxxxx\n"}},
}

// fileOf is an exchange whose bodies are all the same, and its file.
func fileOf(t testing.TB, body string, cut int) (*Exchange, *File) {
	t.Helper()
	message := func() *Message {
		return &Message{URL: "/v1/chat/completions?key=planted&planted=planted", Headers: []Header{{"X-Planted", "planted"}, {"Content-Type", "application/json; boundary=planted"}, {"User-Agent", "planted"}},
			Pieces: []Piece{pieceOf(1, []byte(body[:cut])), pieceOf(2, []byte(body[cut:]))}, Bytes: int64(len(body))}
	}
	e := &Exchange{Client: Sides{message(), message()}, Attempts: []Attempt{{Provider: "planted", Upstream: "m", Format: "openai", Sides: Sides{message(), message()}, Error: "planted"}}}
	e.Attempts[0].Request.URL = "https://planted.example:8443/planted/v1/chat/completions"
	return e, e.File([]byte("salt"))
}

func TestCaptureHasTheStructureAndNoTexts(t *testing.T) {
	for _, test := range shaped {
		t.Run(test.name, func(t *testing.T) {
			for _, cut := range []int{0, len(test.body) / 3, len(test.body) / 2} {
				_, f := fileOf(t, test.body, cut)
				text, err := f.JSON()
				if err != nil || strings.Contains(string(text), "planted") || strings.Contains(string(text), "cGxhbnRl") || strings.Contains(string(text), "Planted") {
					t.Fatalf("%v:\n%s", err, text)
				}
				got := body(t, f.Client.Request)
				if len(got) != len(test.body) || body(t, f.Attempts[0].Answer) != got {
					t.Errorf("%d bytes became %d:\n%s", len(test.body), len(got), got)
				}
				if json.Valid([]byte(test.body)) && !json.Valid([]byte(got)) {
					t.Errorf("it is no JSON any more: %s", got)
				}
				for _, stays := range test.stays {
					if !strings.Contains(got, stays) {
						t.Errorf("without %s:\n%s", stays, got)
					}
				}
				if f.Attempts[0].Provider != "provider-1" || f.Attempts[0].Request.Headers[1].Value != "application/json" {
					t.Errorf("%+v", f.Attempts[0])
				}
			}
		})
	}
}

func TestIDsOfACaptureAreTheSameAllOverIt(t *testing.T) {
	_, f := fileOf(t, shaped[0].body, 9)
	var asked struct {
		Messages []struct {
			ToolCallID string                `json:"tool_call_id"`
			ToolCalls  []struct{ ID string } `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal([]byte(body(t, f.Client.Request)), &asked); err != nil {
		t.Fatal(err)
	}
	if made, answered := asked.Messages[2].ToolCalls[0].ID, asked.Messages[3].ToolCallID; made != answered || !strings.HasPrefix(made, "call_") {
		t.Errorf("%s and %s", made, answered)
	}
	e, _ := fileOf(t, shaped[0].body, 9)
	if body(t, e.File([]byte("other")).Client.Request) == body(t, f.Client.Request) {
		t.Error("two captures have ids in common")
	}
}

func TestFileThatIsNoCaptureIsRefused(t *testing.T) {
	_, f := fileOf(t, "{}", 1)
	good, err := f.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(good); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"": "no capture", "[]": "no capture", "{}": "no uni_api_capture", `{"uni_api_capture":2}`: "version 2", `{"uni_api_capture":1}`: "no client.request",
		`{"uni_api_capture":1,"client":{"request":{}},"attempts":[{}]}`:                                                                 "attempts[0] has no request",
		`{"uni_api_capture":1,"client":{"request":{"pieces":[{"ms":0,"base64":"*"}]}}}`:                                                 "no base64",
		`{"uni_api_capture":1,"client":{"request":{}},"attempts":[` + strings.Repeat(`{"request":{}},`, mostTries) + `{"request":{}}]}`: "more than the 16 attempts",
		`{"uni_api_capture":1,"attempts":[` + strings.Repeat(`{},`, 10<<20) + `{}]}`:                                                    "more than the 147968 parts",
		`{"uni_api_capture":1,"client":{"request":{"pieces":[{"text":"` + strings.Repeat("{", longestBody+1) + `"}]}}}`:                 "more of what was said",
		`{"uni_api_capture":1,"client":{"request":{"method":"` + strings.Repeat("m", LongestFile) + `"}}}`:                              "longer than 33554432 bytes",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100q: %v", text, err)
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 200<<20 {
			t.Errorf("%.100q took %d bytes", text, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// A capture that is printed moves no cursor, and reads back as what it was.
func TestPrintedCaptureIsNothingButText(t *testing.T) {
	const name = "a\x1b[31m\x7f\u009b31m\u202e\U000e0041\u00e9\U0001f600"
	f := &File{Version: version, Exchange: Exchange{Client: Sides{Request: &Message{Method: name, Headers: []Header{{name, name}}}}}}
	text, err := f.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.IndexFunc(string(text), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); at >= 0 {
		t.Errorf("%q", text)
	}
	if read, err := Read(text); err != nil || read.Client.Request.Method != name {
		t.Errorf("%+v, %v", read, err)
	}
}

// Whatever a body is, a capture of it has as many bytes in as many pieces, and JSON is JSON still.
func FuzzCapture(f *testing.F) {
	for _, test := range shaped {
		f.Add(test.body, uint16(len(test.body)/2))
	}
	f.Add("{\"a\":\"\\ud83d\\ude00\\ud83d\\u00e9\\", uint16(7))
	f.Add("\xff{\xe4", uint16(1))
	f.Add(framed(f, `{"delta":{"text":"a"}}`, `{"bytes":"e30="}`), uint16(9))
	f.Fuzz(func(t *testing.T, text string, at uint16) {
		_, made := fileOf(t, text, int(at)%(len(text)+1))
		written, err := made.JSON()
		if err != nil {
			t.Fatal(err)
		}
		read, err := Read(written)
		if err != nil {
			t.Fatal(err)
		}
		got := body(t, read.Client.Request)
		if len(got) != len(text) || len(read.Client.Request.Pieces) != 2 {
			t.Fatalf("%d bytes became %d: %q", len(text), len(got), got)
		}
		if first := strings.TrimLeft(text, " \t\r\n"); json.Valid([]byte(text)) && len(first) > 0 && (first[0] == '{' || first[0] == '[') && !json.Valid([]byte(got)) {
			t.Fatalf("%q is no JSON any more: %q", text, got)
		}
	})
}

// What a file has is read by whoever is sent it.
func FuzzRead(f *testing.F) {
	_, file := fileOf(f, shaped[0].body, 10)
	text, _ := file.JSON()
	f.Add(text)
	f.Add([]byte(`{"uni_api_capture":1,"client":{"request":{"pieces":[{"ms":1,"base64":"AA=="}]}},"attempts":[{"request":{}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := Read(text)
		if err != nil {
			return
		}
		for _, m := range read.messages() {
			body(t, m)
		}
		read.File([]byte("salt"))
	})
}
