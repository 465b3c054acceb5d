package gemini

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

// A client of Google's is best tested by what an OpenAI upstream would get of its request.
func TestDecodeRequestReadsWhatClientsSend(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"a text", `{"contents":"hi"}`, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
		{"a part that is no list, a role that is missing", `{"contents":[{"parts":{"text":"hi"}}]}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
		{"instructions in both spellings", `{"system_instruction":{"parts":[{"text":"a"},{"text":"b"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
			`{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"user","content":"hi"}]}`},
		{"generationConfig", `{"contents":"hi","generationConfig":{"temperature":0.50,"top_p":0.9,"topK":4,"maxOutputTokens":"100","candidateCount":2,` +
			`"stopSequences":["x"],"seed":7,"presencePenalty":0.1,"frequencyPenalty":0.2,"responseLogprobs":true,"logprobs":3,"responseModalities":["TEXT"]}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":100,"n":2,"top_k":4,"seed":7,"temperature":0.50,"top_p":0.9,` +
				`"frequency_penalty":0.2,"presence_penalty":0.1,"stop":["x"],"logprobs":true,"top_logprobs":3,"modalities":["text"]}`},
		{"JSON", `{"contents":"hi","generationConfig":{"responseMimeType":"application/json"}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_object"}}`},
		{"Google's schema", `{"contents":"hi","generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{` +
			`"type":{"type":"STRING","nullable":true},"n":{"type":"ARRAY","items":{"type":"INTEGER"},"minItems":"1"}}}}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":` +
				`{"type":"object","properties":{"type":{"type":["string","null"]},"n":{"type":"array","items":{"type":"integer"},"minItems":1}}}}}}`},
		{"thinking in levels and budgets", `{"contents":"hi","generationConfig":{"thinkingConfig":{"thinking_level":"LOW"}}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low"}`},
		{"no thinking", `{"contents":"hi","generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"none"}`},
		{"media", `{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"file_data":{"mime_type":"image/jpeg","file_uri":"https://x/y"}}]}]}`,
			`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}},` +
				`{"type":"image_url","image_url":{"url":"https://x/y"}}]}]}`},
		{"calls without ids and their responses, out of order and with text behind them",
			`{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}}},` +
				`{"functionCall":{"name":"g"}},{"functionCall":{"name":"f"}}]},{"role":"function","parts":[{"functionResponse":{"name":"g","response":{"result":"G"}}},` +
				`{"functionResponse":{"name":"f","response":{"output":"F1"}}},{"text":"go on"},{"functionResponse":{"name":"f","response":{"x":2}}}]}]}`,
			`{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[` +
				`{"id":"call_1_0","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},` +
				`{"id":"call_1_1","type":"function","function":{"name":"g","arguments":"{}"}},{"id":"call_1_2","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"call_1_1","content":"G"},{"role":"tool","tool_call_id":"call_1_0","content":"F1"},` +
				`{"role":"tool","tool_call_id":"call_1_2","content":"{\"x\":2}"},{"role":"user","content":"go on"}]}`},
		{"tools and their choice", `{"contents":"hi","tools":[{"function_declarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT"}},` +
			`{"name":"g","parametersJsonSchema":{"type":"object"}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},` +
				`{"type":"function","function":{"name":"g","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`},
		{"several tools allowed", `{"contents":"hi","tools":{"functionDeclarations":[{"name":"f"},{"name":"g"}]},"toolConfig":{"functionCallingConfig":` +
			`{"mode":"any","allowedFunctionNames":["f","g"]}}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],` +
				`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}}}`},
	} {
		q, err := Format{}.DecodeRequest([]byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := openai.Format{}.EncodeRequest(nil, q, "m")
		if err != nil || !sameJSON(got, []byte(c.want)) {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

// sameJSON compares without regard to the order of members, which other packages choose.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func TestDecodeRequestSaysWhatIsWrong(t *testing.T) {
	for body, says := range map[string]string{
		``:                                      "not a valid JSON object",
		`[]`:                                    "not a valid JSON object",
		`{}`:                                    "'contents'",
		`{"contents":5}`:                        "'contents' must be an array, not a number",
		`{"contents":[]}`:                       "at least one",
		`{"contents":[{"role":"bot"}]}`:         "'contents[0].role' must be user or model, not 'bot'",
		`{"contents":[{"parts":[{"text":5}]}]}`: "'contents[0].parts[0].text' must be a string",
		`{"contents":"x","generationConfig":{"topK":1.5}}`:                                 "'generationConfig.topK' must be a whole number",
		`{"contents":"x","tools":[{"functionDeclarations":[{}]}]}`:                         "needs a name",
		`{"contents":"x","toolConfig":{"functionCallingConfig":{"mode":"SOMETIMES"}}}`:     "must be AUTO, ANY, NONE or VALIDATED",
		`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":1}}]}]}`: "'contents[0].parts[0].functionCall.args' must be an object",
	} {
		_, err := Format{}.DecodeRequest([]byte(body))
		if e, ok := err.(*codec.Error); !ok || e.Status != 400 || !strings.Contains(e.Message, says) {
			t.Errorf("%s: %v, want %s", body, err, says)
		}
	}
}

func TestOtherProvidersSignaturesTravelThroughGooglesClients(t *testing.T) {
	answer := &codec.Response{Choices: []codec.Choice{{Message: codec.Message{Role: codec.RoleAssistant, Parts: []codec.Part{
		{Kind: codec.PartReasoning, Text: "hm", Signature: codec.Signature{Provider: "anthropic", Value: "c2ln"}},
		{Kind: codec.PartReasoning, Reasoning: &codec.ReasoningInfo{Encrypted: "secret/1"}},
		{Kind: codec.PartText, Text: "yes"},
	}}}}}
	said := Format{}.EncodeResponse(nil, answer, &codec.Request{Reasoning: &codec.Reasoning{Summary: "auto"}})
	var body struct {
		Candidates []struct{ Content json.RawMessage }
	}
	if err := json.Unmarshal(said, &body); err != nil {
		t.Fatal(err)
	}
	q, err := Format{}.DecodeRequest([]byte(`{"contents":[{"parts":[{"text":"x"}]},` + string(body.Candidates[0].Content) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Messages[1].Parts; !reflect.DeepEqual(got, answer.Choices[0].Message.Parts) {
		t.Errorf("%s came back as %+v", said, got)
	}
}

// neutral are requests with what both Gemini and the model can say.
func neutral() map[string]*codec.Request {
	n, yes := int64(5), true
	text := func(s string) codec.Part { return codec.Part{Kind: codec.PartText, Text: s} }
	user := func(parts ...codec.Part) codec.Message { return codec.Message{Role: codec.RoleUser, Parts: parts} }
	hi := []codec.Message{user(text("hi"))}
	tools := []codec.Tool{{Name: "f", Description: "d", Schema: json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}}}`)}, {Name: "g"}}
	return map[string]*codec.Request{
		"texts": {Messages: []codec.Message{{Role: codec.RoleSystem, Parts: []codec.Part{text("a"), text("b")}}, user(text("hi"), text("there")),
			{Role: codec.RoleAssistant, Parts: []codec.Part{text("yes")}}, user(text("\"quoted\"\n<&>"))}},
		"media": {Messages: []codec.Message{user(codec.Part{Kind: codec.PartImage, Media: &codec.Media{MIME: "image/png", Data: "QUJD"}},
			codec.Part{Kind: codec.PartAudio, Media: &codec.Media{MIME: "audio/wav", Data: "QUJD"}},
			codec.Part{Kind: codec.PartVideo, Media: &codec.Media{MIME: "video/mp4", URL: "gs://b/v.mp4"}},
			codec.Part{Kind: codec.PartFile, Media: &codec.Media{MIME: "application/pdf", Data: "QUJD"}})}},
		"calls": {Tools: tools, Messages: []codec.Message{hi[0], {Role: codec.RoleAssistant, Parts: []codec.Part{text("so"),
			{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "c1", Name: "f", Arguments: `{"a":1.50}`}, Signature: codec.Signature{Provider: "google", Value: "QUJD"}},
			{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "c2", Name: "g", Arguments: `{}`}}}},
			{Role: codec.RoleTool, Parts: []codec.Part{
				{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: "c1", Name: "f", Parts: []codec.Part{text("18"),
					{Kind: codec.PartImage, Media: &codec.Media{MIME: "image/png", Data: "QUJD"}}}}},
				{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: "c2", Name: "g", Error: true, Parts: []codec.Part{text("broken")}}}}},
			user(text("and?"))}},
		"numbers": {Messages: hi, MaxTokens: &n, N: &n, TopK: &n, Seed: "12", Temperature: "0.50", TopP: "1", Stop: []string{"a", "b"},
			LogProbs: &yes, TopLogProbs: &n, Modalities: []string{"text", "image"}, ServiceTier: "flex"},
		"JSON":     {Messages: hi, Output: &codec.OutputFormat{Kind: codec.OutputJSON}},
		"schema":   {Messages: hi, Output: &codec.OutputFormat{Kind: codec.OutputSchema, Schema: json.RawMessage(`{"type":"object"}`)}},
		"auto":     {Messages: hi, Tools: tools, ToolChoice: codec.ToolChoice{Mode: codec.ToolAuto}},
		"none":     {Messages: hi, Tools: tools, ToolChoice: codec.ToolChoice{Mode: codec.ToolNone}},
		"required": {Messages: hi, Tools: tools, ToolChoice: codec.ToolChoice{Mode: codec.ToolRequired}},
		"named":    {Messages: hi, Tools: tools, ToolChoice: codec.ToolChoice{Mode: codec.ToolNamed, Name: "g"}},
		"allowed":  {Messages: hi, Tools: tools, ToolChoice: codec.ToolChoice{Mode: codec.ToolRequired, Allowed: []string{"f", "g"}}},
		"effort":   {Messages: hi, Reasoning: &codec.Reasoning{Effort: "medium", Summary: "auto"}},
		"hidden":   {Messages: hi, Reasoning: &codec.Reasoning{Effort: "low", Summary: "omitted"}},
	}
}

func TestDecodeUndoesEncode(t *testing.T) {
	for name, q := range neutral() {
		body, err := Format{}.EncodeRequest(nil, q, "gemini-3.1-pro")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := Format{}.DecodeRequest(body)
		if err != nil {
			t.Errorf("%s: %v of %s", name, err, body)
			continue
		}
		want := *q
		want.Format, want.IncludeUsage = formatName, true
		got.Extra = nil // the safety settings
		if !reflect.DeepEqual(got, &want) {
			t.Errorf("%s: %s\n got %+v\nwant %+v", name, body, got, &want)
		}
		// What was decoded is written again with the same bytes.
		got, _ = Format{}.DecodeRequest(body)
		if again, err := (Format{}).EncodeRequest(nil, got, "gemini-3.1-pro"); err != nil || string(again) != string(body) {
			t.Errorf("%s: %v\n first %s\nsecond %s", name, err, body, again)
		}
	}
}

// The SDKs' way to have tools and the system's words counted.
func TestRequestToBeCountedMayStandInAnother(t *testing.T) {
	q, err := Format{}.DecodeRequest([]byte(`{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"q"}]}],"systemInstruction":{"parts":[{"text":"s"}]}}}`))
	if err != nil || len(q.Messages) != 2 || q.Model != "m" {
		t.Errorf("%v: %+v", err, q)
	}
	if _, err := (Format{}).DecodeRequest([]byte(`{"generateContentRequest":{"generateContentRequest":{"contents":[{"parts":[{"text":"q"}]}]}}}`)); err == nil {
		t.Error("one in another in another is read")
	}
}
