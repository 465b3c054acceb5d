package gemini

import (
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

// fromChat is the request that an OpenAI client's body becomes.
func fromChat(t *testing.T, body string) *codec.Request {
	t.Helper()
	q, err := openai.Format{}.DecodeRequest([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return q
}

// encoded is the body for the upstream without the safety settings, which have a test of their own.
func encoded(t *testing.T, f Format, q *codec.Request, upstream string) string {
	t.Helper()
	out, err := f.EncodeRequest(nil, q, upstream)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(out) {
		t.Fatalf("not JSON: %s", out)
	}
	again, _ := f.EncodeRequest(nil, q, upstream)
	if string(again) != string(out) {
		t.Errorf("a second attempt gets another body: %s", again)
	}
	before, rest, found := strings.Cut(string(out), `,"safetySettings":[`)
	if !found {
		t.Fatalf("no safety settings in %s", out)
	}
	_, after, _ := strings.Cut(rest, "]")
	return before + after
}

const (
	weatherTool = `{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}`
	hello       = `"messages":[{"role":"user","content":"hi"}]`
	helloTurn   = `"contents":[{"role":"user","parts":[{"text":"hi"}]}]`
	pixel       = "iVBORw0KGgo="
)

func TestEncodeRequestWritesContents(t *testing.T) {
	for _, c := range []struct {
		name, messages, upstream, want string
		format                         Format
	}{
		{"instructions apart, empty texts dropped, roles merged",
			`{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":""}]},` +
				`{"role":"user","content":"b"},{"role":"developer","content":"Be kind."},{"role":"assistant","content":"c"}`, "gemini-2.5-flash",
			`{"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"Be kind."}]},"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},` +
				`{"role":"model","parts":[{"text":"c"}]}]}`, Format{}},
		{"instructions in the first message where there is no place for them",
			`{"role":"system","content":"Be brief."},{"role":"user","content":"a"}`, "gemini-2.5-flash",
			`{"contents":[{"role":"user","parts":[{"text":"Be brief."},{"text":"a"}]}]}`, Format{NoSystemInstruction: true}},
		{"instructions for Gemma", `{"role":"system","content":"Be brief."},{"role":"user","content":"a"}`, "gemma-3-27b-it",
			`{"contents":[{"role":"user","parts":[{"text":"Be brief."},{"text":"a"}]}]}`, Format{}},
		{"nothing but instructions", `{"role":"system","content":"Be brief."}`, "gemini-2.5-flash",
			`{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"."}]}]}`, Format{}},
		{"media", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/jpg;base64,` + pixel + `"}},` +
			`{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},` +
			`{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERg=="}},` +
			`{"type":"image_url","image_url":{"url":"https://www.youtube.com/watch?v=1"}}]}`, "gemini-2.5-flash",
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/jpeg","data":"` + pixel + `"}},` +
				`{"inlineData":{"mimeType":"audio/wav","data":"UklGRg=="}},{"inlineData":{"mimeType":"application/pdf","data":"JVBERg=="}},` +
				`{"fileData":{"fileUri":"https://www.youtube.com/watch?v=1"}}]}]}`, Format{}},
		{"files in the cloud", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"gs://b/a.png"}},` +
			`{"type":"image_url","image_url":{"url":"https://example.com/a.webp?x=1"}}]}`, "gemini-2.0-flash",
			`{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"image/png","fileUri":"gs://b/a.png"}},` +
				`{"fileData":{"mimeType":"image/webp","fileUri":"https://example.com/a.webp?x=1"}}]}]}`, Format{Vertex: true}},
		{"parallel calls, answered in their order whatever that of the results",
			`{"role":"user","content":"x"},{"role":"assistant","content":"Looking.","tool_calls":[` +
				`{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},` +
				`{"id":"c2","type":"function","function":{"name":"weather","arguments":""}}]},` +
				`{"role":"tool","tool_call_id":"c2","content":"{\"t\":25}"},{"role":"tool","tool_call_id":"c1","content":"18"},{"role":"user","content":"And?"}`,
			"gemini-2.5-flash", `{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"Looking."},` +
				`{"functionCall":{"id":"c1","name":"weather","args":{"city":"Paris"}}},{"functionCall":{"id":"c2","name":"weather","args":{}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"weather","response":{"output":"18"}}},` +
				`{"functionResponse":{"id":"c2","name":"weather","response":{"t":25}}},{"text":"And?"}]}]}`, Format{}},
		{"Vertex gets no ids", `{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f",` +
			`"arguments":"[1]"}}]},{"role":"tool","tool_call_id":"c1","content":"ok"}`, "gemini-2.0-flash",
			`{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"value":[1]}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"ok"}}}]}]}`, Format{Vertex: true}},
		{"a call without a result and a result without a call", `{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c1",` +
			`"type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"gone","content":"lost"}`, "gemini-2.5-flash",
			`{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"error":"[no result]"}}},{"text":"lost"}]}]}`, Format{}},
		{"the first call of a step without a signature gets the stand-in from version 3 on",
			`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},` +
				`{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]}`, "gemini-3-pro-preview",
			`{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{}},` +
				`"thoughtSignature":"` + skipValidator + `"},{"functionCall":{"id":"c2","name":"f","args":{}}}]},{"role":"user","parts":[` +
				`{"functionResponse":{"id":"c1","name":"f","response":{"error":"[no result]"}}},` +
				`{"functionResponse":{"id":"c2","name":"f","response":{"error":"[no result]"}}}]}]}`, Format{}},
		{"signatures come out of ids and extra_content; those of others are dropped",
			`{"role":"user","content":"x"},{"role":"assistant","reasoning_content":"hm","tool_calls":[` +
				`{"id":"c1__sig_gbc2lnbmF0dXJl","type":"function","function":{"name":"f","arguments":"{}"}},` +
				`{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"QUJD"}}},` +
				`{"id":"c3__sig_abc2lnbmF0dXJl","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"c1__sig_gbc2lnbmF0dXJl","content":"1"},{"role":"tool","tool_call_id":"c2","content":"2"},` +
				`{"role":"tool","tool_call_id":"c3__sig_abc2lnbmF0dXJl","content":"3"}`, "gemini-3-pro",
			`{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[` +
				`{"functionCall":{"id":"c1","name":"f","args":{}},"thoughtSignature":"c2lnbmF0dXJl"},` +
				`{"functionCall":{"id":"c2","name":"f","args":{}},"thoughtSignature":"QUJD"},{"functionCall":{"id":"c3","name":"f","args":{}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"1"}}},` +
				`{"functionResponse":{"id":"c2","name":"f","response":{"output":"2"}}},{"functionResponse":{"id":"c3","name":"f","response":{"output":"3"}}}]}]}`, Format{}},
		{"images in results stand behind them before version 3",
			`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `"}}]}`,
			"gemini-2.5-pro", `{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"see"}}},` +
				`{"inlineData":{"mimeType":"image/png","data":"` + pixel + `"}}]}]}`, Format{}},
		{"and in them from then on",
			`{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c1__sig_gbQUJD","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"c1__sig_gbQUJD","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `"}}]}`,
			"gemini-3-pro", `{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{}},` +
				`"thoughtSignature":"QUJD"}]},{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":""},` +
				`"parts":[{"inlineData":{"mimeType":"image/png","data":"` + pixel + `"}}]}}]}]}`, Format{}},
	} {
		q := fromChat(t, `{"model":"g","messages":[`+c.messages+`]}`)
		if got := encoded(t, c.format, q, c.upstream); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestEncodeRequestWritesSettings(t *testing.T) {
	for _, c := range []struct {
		name, members, upstream, want string
		format                        Format
	}{
		{"all of generationConfig", `"temperature":0.50,"top_p":1,"top_k":3,"max_completion_tokens":100,"n":2,"stop":["a","","b","c","d","e","f"],` +
			`"seed":4294967299,"presence_penalty":0.5,"frequency_penalty":0,"logprobs":true,"top_logprobs":2`, "gemini-2.0-flash",
			`"generationConfig":{"temperature":0.50,"topP":1,"topK":3,"maxOutputTokens":100,"candidateCount":2,"stopSequences":["a","b","c","d","e"],` +
				`"seed":3,"presencePenalty":0.5,"responseLogprobs":true,"logprobs":2}`, Format{}},
		{"no penalties for models that refuse them", `"presence_penalty":0.5`, "gemini-2.5-pro", "", Format{}},
		{"the limit of AI Studio", `"max_tokens":99999`, "gemini-2.5-pro", `"generationConfig":{"maxOutputTokens":65536}`, Format{}},
		{"the limit of Vertex, whose 2.5 models show thoughts", `"max_tokens":99999`, "gemini-2.5-pro",
			`"generationConfig":{"maxOutputTokens":65535,"thinkingConfig":{"includeThoughts":true}}`, Format{Vertex: true}},
		{"JSON", `"response_format":{"type":"json_object"}`, "gemini-2.5-pro", `"generationConfig":{"responseMimeType":"application/json"}`, Format{}},
		{"JSON of a schema", `"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"a":{"type":"integer"}}}}}`,
			"gemini-2.5-pro", `"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"integer"}}}}`, Format{}},
		{"JSON of a schema for older models", `"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object",` +
			`"properties":{"a":{"type":["string","null"]}},"additionalProperties":false}}}`, "gemini-2.0-flash",
			`"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}}`, Format{}},
		{"a voice", `"modalities":["text","audio"],"audio":{"voice":"Puck","format":"wav"}`, "gemini-2.5-flash-preview-tts",
			`"generationConfig":{"responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Puck"}}}}`, Format{}},
		{"speech unasked, an OpenAI voice", `"audio":{"voice":"alloy"}`, "gemini-2.5-flash-preview-tts",
			`"generationConfig":{"responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}}}`, Format{}},
		{"pictures", `"modalities":["text","image"],"image_config":{"aspectRatio":"16:9"}`, "gemini-2.5-flash-image",
			`"generationConfig":{"responseModalities":["TEXT","IMAGE"],"imageConfig":{"aspectRatio":"16:9"}}`, Format{}},
		{"Google's own members", `"extra_body":{"google":{"cached_content":"cachedContents/1","thinking_config":{"thinking_budget":5}}},"service_tier":"flex"`,
			"gemini-2.5-flash", `"generationConfig":{"thinkingConfig":{"thinking_budget":5}},"cachedContent":"cachedContents/1","serviceTier":"flex"`, Format{}},
	} {
		q := fromChat(t, `{"model":"g",`+hello+`,`+c.members+`}`)
		want := "{" + helloTurn + "}"
		if c.want != "" {
			want = "{" + helloTurn + "," + c.want + "}"
		}
		if got := encoded(t, c.format, q, c.upstream); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
	}
}

func TestEncodeRequestWritesTools(t *testing.T) {
	declared := `"tools":[{"functionDeclarations":[{"name":"weather","description":"d","parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}}}}]}`
	for _, c := range []struct{ name, alias, members, upstream, want string }{
		{"functions", "g", `"tools":[` + weatherTool + `]`, "gemini-2.5-pro", declared + "]"},
		{"functions for older models, without parameters where there are none", "g", `"tools":[{"type":"function","function":{"name":"f",` +
			`"parameters":{"type":"object","properties":{},"additionalProperties":false}}},{"type":"function","function":{"name":"g","parameters":` +
			`{"$defs":{"u":{"type":"string","enum":["a",null]}},"type":"object","properties":{"u":{"$ref":"#/$defs/u"}}}}}]`, "gemini-1.5-pro",
			`"tools":[{"functionDeclarations":[{"name":"f","description":""},{"name":"g","description":"","parameters":{"type":"OBJECT",` +
				`"properties":{"u":{"type":"STRING","enum":["a"]}}}}]}]`},
		{"auto", "g", `"tools":[` + weatherTool + `],"tool_choice":"auto"`, "gemini-2.5-pro", declared + `],"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}`},
		{"none", "g", `"tools":[` + weatherTool + `],"tool_choice":"none"`, "gemini-2.5-pro", declared + `],"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}`},
		{"required", "g", `"tools":[` + weatherTool + `],"tool_choice":"required"`, "gemini-2.5-pro", declared + `],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`},
		{"one by name", "g", `"tools":[` + weatherTool + `],"tool_choice":{"type":"function","function":{"name":"weather"}}`, "gemini-2.5-pro",
			declared + `],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["weather"]}}`},
		{"some by name", "g", `"tools":[` + weatherTool + `],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function",` +
			`"function":{"name":"weather"}}]}}`, "gemini-2.5-pro", declared + `],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["weather"]}}`},
		{"a choice without tools", "g", `"tool_choice":"auto"`, "gemini-2.5-pro", ""},
		{"search by alias", "gemini-2.5-pro-search", `"user":"u"`, "gemini-2.5-pro", `"tools":[{"googleSearch":{}}]`},
		{"search by option", "g", `"web_search_options":{}`, "gemini-2.5-pro", `"tools":[{"googleSearch":{}}]`},
		{"Google's tools by other names, once each", "g", `"tools":[{"type":"web_search"},{"type":"google_search"},{"type":"code_interpreter"},{"type":"shell"}]`,
			"gemini-2.5-pro", `"tools":[{"googleSearch":{}},{"codeExecution":{}}]`},
		{"a function called googleSearch", "g", `"tools":[{"type":"function","function":{"name":"googleSearch"}}]`, "gemini-2.5-pro", `"tools":[{"googleSearch":{}}]`},
		{"no search beside functions", "g-search", `"tools":[` + weatherTool + `]`, "gemini-2.5-pro", declared + "]"},
		{"both from version 3 on", "g-search", `"tools":[` + weatherTool + `]`, "gemini-3-pro",
			declared + `,{"googleSearch":{}}],"toolConfig":{"includeServerSideToolInvocations":true}`},
		{"a tool that takes text", "g", `"tools":[{"type":"custom","custom":{"name":"sh"}}]`, "gemini-2.5-pro",
			`"tools":[{"functionDeclarations":[{"name":"sh","description":"","parametersJsonSchema":{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}}]}]`},
	} {
		q := fromChat(t, `{"model":"`+c.alias+`",`+hello+`,`+c.members+`}`)
		want := "{" + helloTurn + "}"
		if c.want != "" {
			want = "{" + helloTurn + "," + c.want + "}"
		}
		if got := encoded(t, Format{}, q, c.upstream); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
	}
}

func TestJSONBesideFunctionsIsAskedForInWordsBeforeVersion3(t *testing.T) {
	body := `{"model":"g",` + hello + `,"tools":[` + weatherTool + `],"response_format":{"type":"json_object"}}`
	got := encoded(t, Format{}, fromChat(t, body), "gemini-2.5-pro")
	if strings.Contains(got, "responseMimeType") || !strings.HasPrefix(got, `{"systemInstruction":{"parts":[{"text":"Answer with a JSON object`) {
		t.Errorf("got %s", got)
	}
	got = encoded(t, Format{}, fromChat(t, body), "gemini-3-pro")
	if !strings.Contains(got, `"responseMimeType":"application/json"`) || strings.Contains(got, "systemInstruction") {
		t.Errorf("got %s", got)
	}
}

func TestNothingIsBlockedUnlessTheClientSaysSo(t *testing.T) {
	for _, c := range []struct{ members, upstream, want string }{
		{"", "gemini-2.5-flash", `"HARM_CATEGORY_HARASSMENT","threshold":"OFF"`},
		{"", "gemini-3-pro", `"HARM_CATEGORY_DANGEROUS_CONTENT","threshold":"OFF"`},
		{"", "gemini-3-pro", `"HARM_CATEGORY_CIVIC_INTEGRITY","threshold":"BLOCK_NONE"`},
		{"", "gemini-2.0-flash", `"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"`},
		{`,"safety_settings":[{"category":"X","threshold":"Y"}]`, "gemini-2.5-flash", `"safetySettings":[{"category":"X","threshold":"Y"}]`},
	} {
		out, err := Format{}.EncodeRequest(nil, fromChat(t, `{"model":"g",`+hello+c.members+`}`), c.upstream)
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s%s: %v %s", c.upstream, c.members, err, out)
		}
	}
}

func TestEncodeRequestRefusesWhatCannotBeSaid(t *testing.T) {
	for name, messages := range map[string]string{
		"data URL": `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}`,
	} {
		_, err := Format{}.EncodeRequest(nil, fromChat(t, `{"model":"g","messages":[`+messages+`]}`), "gemini-2.5-pro")
		if e, ok := err.(*codec.Error); !ok || e.Status != 400 || !strings.Contains(e.Message, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThinkingIsAskedForAsTheGenerationWantsIt(t *testing.T) {
	for _, c := range []struct{ alias, members, upstream, want string }{
		{"g", ``, "gemini-2.5-flash", ``},
		{"g", `,"reasoning_effort":"none"`, "gemini-2.5-flash", `{"thinkingBudget":0}`},
		{"g", `,"reasoning_effort":"none"`, "gemini-2.5-pro", `{"thinkingBudget":128,"includeThoughts":true}`},
		{"g", `,"reasoning_effort":"minimal"`, "gemini-2.5-flash", `{"thinkingBudget":512,"includeThoughts":true}`},
		{"g", `,"reasoning_effort":"low"`, "gemini-2.5-flash", `{"thinkingBudget":1024,"includeThoughts":true}`},
		{"g", `,"reasoning_effort":"medium"`, "gemini-2.5-pro", `{"thinkingBudget":8192,"includeThoughts":true}`},
		{"g", `,"reasoning_effort":"high"`, "gemini-2.5-pro", `{"thinkingBudget":24576,"includeThoughts":true}`},
		{"g", `,"reasoning_effort":"xhigh"`, "gemini-2.5-pro", `{"thinkingBudget":32768,"includeThoughts":true}`},
		{"g", `,"thinking":{"type":"enabled","budget_tokens":100}`, "gemini-2.5-flash-lite", `{"thinkingBudget":512,"includeThoughts":true}`},
		{"g", `,"reasoning_effort":"none"`, "gemini-3-flash", `{"thinkingLevel":"MINIMAL","includeThoughts":true}`},
		{"g", `,"reasoning_effort":"minimal"`, "gemini-3.7-flash", `{"thinkingLevel":"LOW","includeThoughts":true}`},
		{"g", `,"reasoning_effort":"none"`, "gemini-3-pro-preview", `{"thinkingLevel":"LOW","includeThoughts":true}`},
		{"g", `,"reasoning_effort":"medium"`, "gemini-3-pro-preview", `{"thinkingLevel":"HIGH","includeThoughts":true}`},
		{"g", `,"reasoning_effort":"medium"`, "gemini-3.1-pro-preview", `{"thinkingLevel":"MEDIUM","includeThoughts":true}`},
		{"g", `,"reasoning_effort":"max"`, "gemini-flash-latest", `{"thinkingLevel":"HIGH","includeThoughts":true}`},
		{"g", `,"reasoning":{"effort":"high","exclude":true}`, "gemini-3-flash", `{"thinkingLevel":"HIGH","includeThoughts":false}`},
		{"g", `,"reasoning_effort":"high"`, "gemini-2.0-flash", ``},
		{"g", `,"reasoning_effort":"high"`, "gemini-2.5-flash-image", ``},
		{"g", `,"reasoning_effort":"high"`, "gemini-3-pro-image", `{"includeThoughts":true}`},
		{"gemini-2.5-flash-think-24576-search", ``, "gemini-2.5-flash-preview", `{"thinkingBudget":24576,"includeThoughts":true}`},
		{"gemini-2.5-flash-think-99999", ``, "gemini-2.5-flash", `{"thinkingBudget":24576,"includeThoughts":true}`},
		{"gemini-2.5-flash-think-0", ``, "gemini-2.5-flash", `{"thinkingBudget":0}`},
		{"gemini-2.5-pro-think-1", ``, "gemini-2.5-pro", `{"thinkingBudget":128,"includeThoughts":true}`},
		{"gemini-2.5-flash-think", ``, "gemini-2.5-flash", `{"thinkingBudget":-1,"includeThoughts":true}`},
		{"gemini-2.5-flash-nothink", ``, "gemini-2.5-flash", `{"thinkingBudget":0}`},
		{"gemini-3-pro-low", ``, "gemini-3-pro-preview", `{"thinkingLevel":"LOW","includeThoughts":true}`},
		{"gemini-3-pro-think-20000", ``, "gemini-3-pro-preview", `{"thinkingLevel":"HIGH","includeThoughts":true}`},
		{"gemini-3-flash-think-2000", ``, "gemini-3-flash", `{"thinkingLevel":"MINIMAL","includeThoughts":true}`},
		{"gemini-3-flash-think-9000", ``, "gemini-3-flash", `{"thinkingLevel":"MEDIUM","includeThoughts":true}`},
		{"gemini-3-flash-high", `,"reasoning_effort":"low"`, "gemini-3-flash", `{"thinkingLevel":"LOW","includeThoughts":true}`},
		{"gemini-3-flash-high", ``, "gemini-3-flash-high", ``},
	} {
		out := encoded(t, Format{}, fromChat(t, `{"model":"`+c.alias+`",`+hello+c.members+`}`), c.upstream)
		_, got, _ := strings.Cut(out, `"thinkingConfig":`)
		if got = strings.TrimSuffix(got, "}}"); got != c.want {
			t.Errorf("%s%s at %s: got %s, want %s", c.alias, c.members, c.upstream, got, c.want)
		}
	}
}
