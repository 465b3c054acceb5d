package scripted

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ways are how each dialect is asked.
var ways = map[string]struct{ path, streamPath string }{
	"chat":      {"/v1/chat/completions", "/v1/chat/completions"},
	"responses": {"/v1/responses", "/v1/responses"},
	"messages":  {"/v1/messages", "/v1/messages"},
	"gemini":    {"/v1beta/models/gemini-3-pro:generateContent", "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse"},
	"converse":  {"/model/anthropic.claude-v1%3A0/converse", "/model/anthropic.claude-v1%3A0/converse-stream"},
	"invoke":    {"/model/anthropic.claude-v1%3A0/invoke", "/model/anthropic.claude-v1%3A0/invoke-with-response-stream"},
}

// saying is the smallest request with a text, members more of which are given as JSON.
func saying(way, text, more string) string {
	quoted, _ := json.Marshal(text)
	t := string(quoted)
	return map[string]string{
		"chat":      `{"model":"m","messages":[{"role":"user","content":` + t + `}]` + more + `}`,
		"responses": `{"model":"m","input":` + t + more + `}`,
		"messages":  `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":` + t + `}]` + more + `}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"text":` + t + `}]}]` + more + `}`,
		"converse":  `{"messages":[{"role":"user","content":[{"text":` + t + `}]}]` + more + `}`,
		"invoke":    `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":` + t + `}]` + more + `}`,
	}[way]
}

// ask sends a request with a key that every dialect takes.
func ask(t *testing.T, url, body string) (status int, header http.Header, answer string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	r.Header.Set("X-Goog-Api-Key", "key")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(data), err
}

func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func TestEveryDialectAnswersWholeAndStreamed(t *testing.T) {
	base := serve(t)
	for way, path := range ways {
		t.Run(way, func(t *testing.T) {
			status, _, answer, err := ask(t, base+path.path, saying(way, "Hi.", ""))
			if err != nil || status != http.StatusOK || !json.Valid([]byte(answer)) || !strings.Contains(answer, `Grüße aus 東京`) {
				t.Errorf("whole: %d %s %v", status, answer, err)
			}
			more := ""
			if path.path == path.streamPath {
				more = `,"stream":true`
			}
			status, header, answer, err := ask(t, base+path.streamPath, saying(way, "Hi.", more))
			if err != nil || status != http.StatusOK || strings.HasPrefix(header.Get("Content-Type"), "application/json") || len(answer) < 500 {
				t.Errorf("streamed: %d %v %q %v", status, header, answer, err)
			}
			_, _, answer, err = ask(t, base+path.streamPath, saying(way, "[cut] Go on.", more))
			if !errors.Is(err, io.ErrUnexpectedEOF) || answer == "" {
				t.Errorf("cut: %v after %d bytes", err, len(answer))
			}
		})
	}
}

func TestRefusalsAreInTheProvidersWords(t *testing.T) {
	base := serve(t)
	for _, test := range []struct {
		way, scene string
		status     int
		want       string
	}{
		{"chat", "error400", 400, `{"error":{"code":null,"message":"The scene asks for a bad request.","param":null,"type":"invalid_request_error"}}`},
		{"chat", "error429", 429, `"code":"rate_limit_exceeded"`},
		{"responses", "error500", 500, `"type":"server_error"`},
		{"messages", "error429", 429, `"type":"rate_limit_error"`},
		{"messages", "overloaded", 529, `"type":"overloaded_error"`},
		{"gemini", "error429", 429, `"status":"RESOURCE_EXHAUSTED"`},
		{"gemini", "overloaded", 503, `"code":503`},
		{"converse", "error400", 400, `{"message":"The scene asks for a bad request."}`},
		{"invoke", "error500", 500, `{"message":"The scene asks for a server error."}`},
		{"chat", "unheardof1", 400, "there is no scene [unheardof1]"},
	} {
		status, header, answer, err := ask(t, base+ways[test.way].path, saying(test.way, "["+test.scene+"] Fail.", ""))
		if err != nil || status != test.status || !strings.Contains(answer, test.want) {
			t.Errorf("%s, %s: %d %s", test.way, test.scene, status, answer)
		}
		if (header.Get("Retry-After") != "") != (status == http.StatusTooManyRequests) {
			t.Errorf("%s, %s: Retry-After %q", test.way, test.scene, header.Get("Retry-After"))
		}
		if strings.HasPrefix(ways[test.way].path, "/model/") && !strings.Contains(header.Get("X-Amzn-Errortype"), "Exception:") {
			t.Errorf("%s, %s: no X-Amzn-Errortype", test.way, test.scene)
		}
	}
	status, _, answer, _ := ask(t, base+ways["chat"].path, strings.Replace(saying("chat", "Fail.", ""), `"m"`, `"mock-error429"`, 1))
	if status != http.StatusTooManyRequests {
		t.Errorf("a scene in the model's name: %d %s", status, answer)
	}
}

func TestKeysAreAskedFor(t *testing.T) {
	base := serve(t)
	for way, path := range ways {
		resp, err := http.Post(base+path.path, "application/json", strings.NewReader(saying(way, "Hi.", "")))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s without a key", way, resp.Status)
		}
	}
}

func TestMistakesAreRefused(t *testing.T) {
	png := base64.StdEncoding.EncodeToString([]byte(magic["image/png"] + "data"))
	tools := map[string]string{
		"chat":      `,"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}}]`,
		"responses": `,"tools":[{"type":"function","name":"get_weather","parameters":{"type":"object"}}]`,
		"messages":  `,"tools":[{"name":"get_weather","input_schema":{"type":"object"}}]`,
	}
	base := serve(t)
	for _, test := range []struct{ name, way, body, want string }{
		{"a member nobody knows", "chat", saying("chat", "Hi.", `,"top_k":1`), `unknown field \"top_k\"`},
		{"something behind the request", "chat", saying("chat", "Hi.", "") + "{}", "something behind"},
		{"the old name of the limit", "chat", `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":"Hi."}]}`, "max_completion_tokens"},
		{"a result without a call", "chat", `{"model":"m","messages":[{"role":"user","content":"Hi."},{"role":"tool","tool_call_id":"a","content":"b"}]}`, "must be a response to a preceding message"},
		{"a call without a result", "chat", `{"model":"m","messages":[{"role":"user","content":"Hi."},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"b","arguments":"{}"}}]},{"role":"user","content":"Hi."}]}`, "must be followed by tool messages"},
		{"an open schema that is to be strict", "chat", saying("chat", "[json]", `,"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object"}}}`), "additionalProperties"},
		{"an image that is none", "chat", `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`, "does not look like image/png"},
		{"an id with the wrong beginning", "responses", `{"model":"m","input":[{"role":"user","content":"Hi."},{"type":"function_call","id":"call_1","call_id":"a","name":"b","arguments":"{}"}]}`, "begins with 'fc'"},
		{"an output without a call", "responses", `{"model":"m","input":[{"type":"function_call_output","call_id":"a","output":"b"}]}`, "No tool call found"},
		{"the user's part in the assistant's message", "responses", `{"model":"m","input":[{"role":"assistant","content":[{"type":"input_text","text":"a"}]}]}`, "input_text"},
		{"a thought that was not stored", "responses", `{"model":"m","store":false,"input":[{"type":"reasoning","id":"rs_1","summary":[]}]}`, "not persisted"},
		{"reasoning that did not come back", "responses", `{"model":"m","reasoning":{"effort":"low"},"input":[{"role":"user","content":"[reason]"},{"type":"function_call","call_id":"a","name":"get_weather","arguments":` + string(marshal(string(weatherCall("Paris").args))) + `},{"type":"function_call_output","call_id":"a","output":"b"}]` + tools["responses"] + `}`, "did not come back"},
		{"no limit", "messages", `{"model":"m","messages":[{"role":"user","content":"Hi."}]}`, "max_tokens: Field required"},
		{"a result without a call", "messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"b"}]}]}`, "unexpected `tool_use_id`"},
		{"a call without a result", "messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi."},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{}}]},{"role":"user","content":"Hi."}]` + tools["messages"] + `}`, "without `tool_result` blocks"},
		{"a call without its thought", "messages", `{"model":"m","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"Hi."},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]` + tools["messages"] + `}`, "Expected `thinking`"},
		{"another's signature", "messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi."},{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"b"}]},{"role":"user","content":"Hi."}]}`, "Invalid `signature`"},
		{"thinking as long as the answer", "messages", saying("messages", "Hi.", `,"thinking":{"type":"enabled","budget_tokens":1024}`), "must be greater than"},
		{"an empty text", "messages", saying("messages", " ", ""), "non-whitespace"},
		{"a call without its signature", "gemini", `{"contents":[{"role":"user","parts":[{"text":"Hi."}]},{"role":"model","parts":[{"functionCall":{"name":"a"}}]},{"role":"user","parts":[{"functionResponse":{"name":"a","response":{}}}]}]}`, "missing a thought_signature"},
		{"a response of another name", "gemini", `{"contents":[{"role":"user","parts":[{"text":"Hi."}]},{"role":"model","parts":[{"functionCall":{"name":"a"},"thought_signature":"` + bypass + `"}]},{"role":"user","parts":[{"functionResponse":{"name":"b","response":{}}}]}]}`, "matches no call"},
		{"a response that is no object", "gemini", `{"contents":[{"role":"user","parts":[{"text":"Hi."}]},{"role":"model","parts":[{"functionCall":{"name":"a"},"thoughtSignature":"` + bypass + `"}]},{"role":"user","parts":[{"functionResponse":{"name":"a","response":"b"}}]}]}`, "function_response.response"},
		{"a response without a call", "gemini", `{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"a","response":{}}}]}]}`, "immediately after a function call"},
		{"a schema with more than OpenAPI", "gemini", saying("gemini", "[json]", `,"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"object","additionalProperties":false}}`), "additionalProperties"},
		{"two of the user's in a row", "converse", `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]}]}`, "must alternate"},
		{"a block of two kinds", "converse", `{"messages":[{"role":"user","content":[{"text":"a","image":{"format":"png","source":{"bytes":"` + png + `"}}}]}]}`, "exactly one member"},
		{"calls where no tools are", "converse", `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"b","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"text":"c"}]}}]}]}`, "toolConfig field must be defined"},
		{"the model in the body", "invoke", saying("invoke", "Hi.", `,"model":"m"`), "model: Extra inputs"},
		{"Anthropic's version", "invoke", strings.Replace(saying("invoke", "Hi.", ""), bedrockVersion, "2023-06-01", 1), "anthropic_version"},
		{"changed arguments", "chat", `{"model":"m","messages":[{"role":"user","content":"[tool]"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"get_weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"c"},{"role":"tool","tool_call_id":"b","content":"c"}]` + tools["chat"] + `}`, "came back as"},
		{"a scene without its tool", "chat", saying("chat", "[tool]", ""), "was not offered"},
		{"a scene without its thinking", "chat", saying("chat", "[reason]", tools["chat"]), "was not asked for"},
		{"a scene without its image", "chat", saying("chat", "[image]", ""), "needs an image"},
		{"a scene without its schema", "chat", saying("chat", "[json]", ""), "needs a schema"},
	} {
		status, _, answer, err := ask(t, base+ways[test.way].path, test.body)
		if err != nil || status != http.StatusBadRequest || !strings.Contains(answer, test.want) {
			t.Errorf("%s, %s: %d %s, want a 400 with %q", test.way, test.name, status, answer, test.want)
		}
	}
}

func TestSchemasAreFilledIn(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"object","properties":{"a":{"$ref":"#/$defs/x"},"b":{"type":"ARRAY","items":{"enum":[7,8]}}},"$defs":{"x":{"anyOf":[{"type":["integer","null"]}]}}}`: `{"a":18,"b":[7]}`,
		`{"properties":{"a":{"const":null},"b":{"type":"boolean"},"c":{"type":"number"},"d":{"type":"string"}}}`:                                                      `{"a":null,"b":true,"c":18.5,"d":"Paris"}`,
	} {
		got, err := example(json.RawMessage(schema))
		if err != nil || string(marshal(got)) != want {
			t.Errorf("%s: %s, %v", schema, marshal(got), err)
		}
	}
	for _, schema := range []string{`[]`, `{}`, `{"$ref":"#/$defs/x"}`, `{"properties":{"a":{"$ref":"#"}}}`} {
		if got, err := example(json.RawMessage(schema)); err == nil {
			t.Errorf("%s: %s", schema, marshal(got))
		}
	}
}

// FuzzRequests gives every dialect the same bytes: what it takes it must be able to answer.
func FuzzRequests(f *testing.F) {
	for way := range ways {
		f.Add([]byte(saying(way, "[plain] Hi.", "")))
		f.Add([]byte(saying(way, "[tool] Hi.", "")))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range []dialect{chat{}, responses{}, messages{}, gemini{}, converse{streamed: true}, invoke{}} {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.SetPathValue("call", "m:generateContent")
			r.SetPathValue("model", "m")
			r.Header.Set("Authorization", "Bearer key")
			r.Header.Set("X-Goog-Api-Key", "key")
			r.Header.Set("Anthropic-Version", "2023-06-01")
			talk, err := d.read(r, body)
			if err != nil {
				continue
			}
			if reply, err := act(talk); err == nil {
				marshal(d.whole(talk, reply))
				d.events(talk, reply)
			}
		}
	})
}
