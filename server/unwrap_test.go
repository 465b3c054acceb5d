package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"uniapi/codec/alternation"
	"uniapi/codec/formats"
	"uniapi/server/relay"
)

// listRequests ask each inbound format for a list, a word or one of several objects.
var listRequests = map[string]func(schema string) string{
	"openai": func(schema string) string {
		return `{"model":"m","messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":` + schema + `}}}`
	},
	"anthropic": func(schema string) string {
		return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"}],"output_config":{"format":{"type":"json_schema","schema":` + schema + `}}}`
	},
	"responses": func(schema string) string {
		return `{"model":"m","input":"q","text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":` + schema + `}}}`
	},
	"gemini": func(schema string) string {
		return `{"contents":[{"parts":[{"text":"q"}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":` + schema + `}}`
	},
}

func TestAnswerThatIsNoObjectIsAskedForInOne(t *testing.T) {
	upstreams := map[string]string{"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5", "anthropic-vertex": "claude-3-7-sonnet", "responses": "gpt-4.1", "cohere": "command-a",
		"bedrock-converse": "amazon.nova-pro-v1:0", "gemini": "gemini-2.5-pro", "gemini-vertex": "gemini-2.0-flash"}
	for _, schema := range []string{`{"type":"array","items":{"type":"object","properties":{"needle":{"type":"string"}}}}`, `{"type":"string","enum":["needle"]}`,
		`{"anyOf":[{"type":"object","properties":{"needle":{"type":"string"}}},{"type":"object","properties":{"b":{"type":"string"}}}]}`} {
		for from, ask := range listRequests {
			for name, model := range upstreams {
				to := formats.All[name]
				q, err := formats.All[from].DecodeRequest([]byte(ask(schema)))
				if err != nil {
					t.Fatal(err)
				}
				if to.Name() == from {
					continue
				}
				repaired, _, err := alternation.Repair(q, formats.All[from], to, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := to.EncodeRequest(nil, repaired, model)
				if err != nil || !strings.Contains(string(body), "needle") {
					t.Errorf("%s to %s: %v: %s", from, name, err, body)
				}
				wrapped := strings.Contains(string(body), `"answer"`) || strings.Contains(string(body), `\"answer\"`)
				if wrapped == (to.Name() == "gemini") || wrapped != repaired.Output.Wrapped {
					t.Errorf("%s to %s: %s", from, name, body)
				}
			}
		}
	}
}

func TestWrappedAnswerComesUnwrapped(t *testing.T) {
	pieces := []string{`{"ans`, `wer": [{"a"`, `:"x"}`, `] }`}
	stream := streamHeadOnly
	for _, p := range pieces {
		text, _ := json.Marshal(p)
		stream += `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":` + string(text) + `},"finish_reason":null}]}` + "\n\n"
	}
	stream += `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" + doneEvent
	whole := func(said string) string {
		text, _ := json.Marshal(said)
		return reply(200, jsonKind, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":`+string(text)+`},"finish_reason":"stop"}]}`)
	}
	list := listRequests["gemini"](`{"type":"array","items":{"type":"object"}}`)
	word := strings.Replace(listRequests["gemini"](`{"type":"string","enum":["a b","c"]}`), "application/json", "text/x.enum", 1)
	for _, test := range []struct{ name, answer, request, action, want string }{
		{"plain", whole(strings.Join(pieces, "")), list, "generateContent", `"text":"[{\"a\":\"x\"}]"`},
		{"streamed", stream, list, "streamGenerateContent?alt=sse", `[{\"a\"` + `|:\"x\"}` + `|]`},
		{"streamed where it was not asked for", stream, list, "generateContent", `"text":"[{\"a\":\"x\"}]"`},
		{"whole where a stream was asked for", whole(strings.Join(pieces, "")), list, "streamGenerateContent?alt=sse", `[{\"a\":\"x\"}]`},
		{"no object", whole("sunny"), list, "generateContent", `"text":"sunny"`},
		{"a word", whole(`{"answer":"a b"}`), word, "generateContent", `"text":"a b"`},
		{"a word, streamed", strings.Replace(stream, `[{\"a\"`, `\"a`, 1), word, "streamGenerateContent?alt=sse", `\"a:\"x\"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := listen(t, func(p *peer, _ seen) bool {
				p.say(test.answer)
				return false
			})
			g := start(t, providerOf("p", up))
			a := g.do("POST", "/v1beta/models/m:"+test.action, test.request, asClient...)
			rest := a.body
			for piece := range strings.SplitSeq(test.want, "|") {
				at := strings.Index(rest, piece)
				if at < 0 {
					t.Fatalf("no %s in %s", piece, a.body)
				}
				rest = rest[at+len(piece):]
			}
			if strings.Contains(a.body, "answer") || a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestAnswerGivenToAToolComesWithoutTheWordsBesideIt(t *testing.T) {
	const (
		words  = `{"contentBlockIndex":0,"delta":{"text":"Here it is: "}}`
		opened = `{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t1","name":"NAME"}}}`
		given  = `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"answer\":[1]}"}}}`
	)
	answerOpened, callOpened := strings.Replace(opened, "NAME", "answer_in_json", 1), strings.Replace(opened, "NAME", "look", 1)
	frames := func(over string, events ...[2]string) string {
		all := converseFrame("messageStart", `{"role":"assistant"}`)
		for _, e := range events {
			all += converseFrame(e[0], e[1])
		}
		return "HTTP/1.1 200 OK\r\nContent-Type: " + eventFrames + "\r\nConnection: close\r\n\r\n" + all + converseFrame("messageStop", `{"stopReason":"`+over+`"}`) +
			converseFrame("metadata", `{"usage":{"inputTokens":11,"outputTokens":7,"totalTokens":18}}`)
	}
	whole := func(over, content string) string {
		return reply(200, jsonKind, `{"output":{"message":{"role":"assistant","content":[`+content+`]}},"stopReason":"`+over+`","usage":{"inputTokens":11,"outputTokens":7,"totalTokens":18}}`)
	}
	aside := [2]string{"contentBlockDelta", words}
	end := [2]string{"contentBlockStop", `{"contentBlockIndex":1}`}
	long := strings.Replace(words, "Here it is: ", strings.Repeat("so ", relay.MostAside/3+1), 1)
	list, object := `{"type":"array","items":{"type":"integer"}}`, `{"type":"object","properties":{"answer":{"type":"array"}}}`
	for _, test := range []struct {
		name, schema, answer, want string
		streams                    bool
	}{
		{"streamed", object, frames("tool_use", aside, [2]string{"contentBlockStart", answerOpened}, [2]string{"contentBlockDelta", given}, end), `{"answer":[1]}`, true},
		{"a list, streamed", list, frames("tool_use", aside, [2]string{"contentBlockStart", answerOpened}, [2]string{"contentBlockDelta", given}, end), `[1]`, true},
		{"words behind it, streamed", object, frames("tool_use", [2]string{"contentBlockStart", answerOpened}, [2]string{"contentBlockDelta", given}, end,
			[2]string{"contentBlockDelta", `{"contentBlockIndex":2,"delta":{"text":" Done."}}`}), `{"answer":[1]}`, true},
		{"nothing given, streamed", object, frames("tool_use", aside, [2]string{"contentBlockStart", answerOpened}, end), `{}`, true},
		{"the tool is not called, streamed", object, frames("end_turn", aside), "Here it is: ", true},
		{"another is called, streamed", object, frames("tool_use", aside, [2]string{"contentBlockStart", callOpened}, [2]string{"contentBlockDelta", given}, end), "Here it is: ", true},
		{"more words than are held, streamed", object, frames("end_turn", [2]string{"contentBlockDelta", long}, aside), strings.Repeat("so ", relay.MostAside/3+1) + "Here it is: ", true},
		{"plain", object, whole("tool_use", `{"text":"Here it is: "},{"toolUse":{"toolUseId":"t1","name":"answer_in_json","input":{"answer":[1]}}}`), `{"answer":[1]}`, false},
		{"a list, plain", list, whole("tool_use", `{"text":"Here it is: "},{"toolUse":{"toolUseId":"t1","name":"answer_in_json","input":{"answer":[1]}}}`), `[1]`, false},
		{"the tool is not called, plain", object, whole("end_turn", `{"text":"Here it is: "}`), "Here it is: ", false},
		{"streamed where it was not asked for", list, frames("tool_use", aside, [2]string{"contentBlockStart", answerOpened}, [2]string{"contentBlockDelta", given}, end), `[1]`, false},
		{"whole where a stream was asked for", list, whole("tool_use", `{"text":"Here it is: "},{"toolUse":{"toolUseId":"t1","name":"answer_in_json","input":{"answer":[1]}}}`), `[1]`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			up := listen(t, func(p *peer, _ seen) bool {
				p.say(test.answer)
				return false
			})
			converse := speakers[slices.IndexFunc(speakers, func(s *speaker) bool { return s.name == "converse" })]
			g := start(t, converse.section("p", up))
			ask := listRequests["openai"](test.schema)
			if test.streams {
				ask = strings.Replace(ask, `"model"`, `"stream":true,"model"`, 1)
			}
			a := g.do("POST", "/v1/chat/completions", ask, asClient...)
			if got := contentOf(t, a.body); a.StatusCode != 200 || got != test.want {
				t.Errorf("%d %q, not %q", a.StatusCode, got, test.want)
			}
		})
	}
}

// contentOf is the text of an answer in OpenAI's format, streamed or not.
func contentOf(t *testing.T, body string) (text string) {
	t.Helper()
	type said struct{ Content string }
	read := func(data string) {
		var a struct {
			Choices []struct{ Message, Delta said }
		}
		if err := json.Unmarshal([]byte(data), &a); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for _, c := range a.Choices {
			text += c.Message.Content + c.Delta.Content
		}
	}
	if strings.HasPrefix(body, "{") {
		read(body)
		return text
	}
	for line := range strings.Lines(body) {
		if data, is := strings.CutPrefix(strings.TrimSpace(line), "data: "); is && data != "[DONE]" {
			read(data)
		}
	}
	return text
}

func TestChatRequestIsWrittenAnewForAHostThatTakesLessOfChat(t *testing.T) {
	const answer = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"sh","arguments":"{\"input\":\"ls\"}"}}]},"finish_reason":"tool_calls"}]}`
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(reply(200, jsonKind, answer))
		return false
	})
	g := start(t, providerOf("p", up, "    preferences: {capabilities: [{like: groq}]}\n"))
	sent := func() string {
		all := up.requests()
		return all[len(all)-1].body
	}
	custom := `{"model":"m","messages":[{"role":"user","content":"list"}],"user":"u","tools":[{"type":"custom","custom":{"name":"sh","description":"a shell"}}]}`
	a := g.do("POST", "/v1/chat/completions", custom, asClient...)
	if sent := sent(); a.StatusCode != 200 || strings.Contains(sent, `"custom"`) || !strings.Contains(sent, `"name":"sh"`) || !strings.Contains(sent, `"user":"u"`) {
		t.Errorf("%d, sent %s", a.StatusCode, sent)
	}
	if !strings.Contains(a.body, `"type":"custom","custom":{"name":"sh","input":"ls"}`) && !strings.Contains(a.body, `"arguments":"{\"input\":\"ls\"}"`) {
		t.Error(a.body)
	}
	text := `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,aGVsbG8gdGhlcmU="}}]}]}`
	if a = g.do("POST", "/v1/chat/completions", text, asClient...); a.StatusCode != 200 || !strings.Contains(sent(), "hello there") {
		t.Errorf("%d, sent %s", a.StatusCode, sent())
	}
	some := `{"model":"m","messages":[{"role":"user","content":"list"}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],` +
		`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}}`
	if g.do("POST", "/v1/chat/completions", some, asClient...); strings.Contains(sent(), "allowed_tools") || strings.Contains(sent(), `"name":"f"`) || !strings.Contains(sent(), `"tool_choice":"required"`) {
		t.Errorf("a choice of some tools is sent as %s", sent())
	}
	asked := len(up.requests())
	sound := `{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}}]}]}`
	if a = g.do("POST", "/v1/chat/completions", sound, asClient...); a.StatusCode != 400 || !strings.Contains(a.body, "takes no audio") || len(up.requests()) != asked {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	plain := `{"model":"m", "unknown": 1,"messages":[{"role":"user","content":"file"}]}`
	if g.do("POST", "/v1/chat/completions", plain, asClient...); !strings.Contains(sent(), `"unknown": 1`) {
		t.Errorf("what passes is written anew: %s", sent())
	}
}

// What tools were called before there were others is not known to all who speak chat.
func TestFunctionsAreToolsForAHostThatHasNoFunctions(t *testing.T) {
	up := listen(t, says(reply(200, jsonKind, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"","tool_calls":[`+
		`{"id":"abcdefghi","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`)))
	g := start(t, providerOf("p", up, "    preferences: {capabilities: [{like: mistral}]}\n"))
	a := g.do("POST", "/v1/chat/completions", `{"model":"m","functions":[{"name":"f","parameters":{"type":"object","properties":{}}}],"function_call":{"name":"f"},"messages":[{"role":"user","content":"q"},`+
		`{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"done"}]}`, asClient...)
	sent := up.requests()[0].body
	if a.StatusCode != 200 || !strings.Contains(a.body, `"function_call":{"name":"f"`) || !strings.Contains(a.body, `"finish_reason":"function_call"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if strings.Contains(sent, "function_call\"") || strings.Contains(sent, `"functions"`) || strings.Contains(sent, `"role":"function"`) || !strings.Contains(sent, `"tools"`) || !strings.Contains(sent, `"role":"tool"`) {
		t.Errorf("sent %s", sent)
	}
}

// TestStreamThatNeedsAToolIsAskedPlainlyWhereThereIsNone has a model that does not stream with tools asked for JSON,
// which it is by a tool.
func TestStreamThatNeedsAToolIsAskedPlainlyWhereThereIsNone(t *testing.T) {
	up := listen(t, func(p *peer, s seen) bool {
		if strings.HasSuffix(s.URL.Path, "converse-stream") {
			p.say(reply(400, jsonKind, `{"message":"This model doesn't support tool use in streaming mode."}`))
			return false
		}
		p.say(reply(200, jsonKind, `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"answer_in_json","input":{"a":"sunny"}}}]}},"stopReason":"tool_use",`+
			`"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}`))
		return false
	})
	g := start(t, "  - provider: p\n    base_url: http://"+up.addr+"\n    engine: aws\n    aws_access_key: A\n    aws_secret_key: b\n    region: us-east-1\n"+
		"    model: ['us.meta.llama4-maverick-17b-instruct-v1:0': m]\n")
	a := g.do("POST", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_schema","json_schema":{"name":"o",`+
		`"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}}`, asClient...)
	if a.StatusCode != 200 || !strings.Contains(a.body, "sunny") || !strings.HasSuffix(strings.TrimSpace(a.body), "[DONE]") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
