package gemini

import (
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec"
)

// events are an answer of another provider with everything in it.
func events() []codec.Event {
	return []codec.Event{
		{Kind: codec.EventStart, ID: "r1", Name: "claude"},
		{Kind: codec.EventPing},
		{Kind: codec.EventReasoning, Text: []byte("hm")},
		{Kind: codec.EventReasoningEnd, Signature: codec.Signature{Provider: "anthropic", Value: "sig"}},
		{Kind: codec.EventText, Text: []byte(`"Hi"`)},
		{Kind: codec.EventText},
		{Kind: codec.EventToolStart, Index: 0, ID: "c1", Name: "f"},
		{Kind: codec.EventToolStart, Index: 1, ID: "c2__sig_gbQUJD", Name: "g"},
		{Kind: codec.EventToolArguments, Index: 0, Text: []byte(`{"a":`)},
		{Kind: codec.EventToolEnd, Index: 1},
		{Kind: codec.EventToolArguments, Index: 0, Text: []byte(`1}`)},
		{Kind: codec.EventMedia, Media: &codec.Media{MIME: "image/png", Data: "QUJD"}},
		{Kind: codec.EventCitation, Citation: &codec.Citation{URL: "https://a", Title: "A", Text: "Hi", Start: 1, End: 3}},
		{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishToolCalls, Native: "tool_use"}},
		{Kind: codec.EventUsage, Usage: codec.Usage{Prompt: 10, Cached: 4, Completion: 7, Reasoning: 2, Total: 17}},
	}
}

// streamed is what a client gets of events.
func streamed(f Format, q *codec.Request, list []codec.Event) string {
	s := f.NewStreamEncoder(q)
	var out []byte
	for i := range list {
		out = s.Append(out, &list[i])
	}
	return string(s.End(out))
}

func TestStreamEncoderWritesFramesForGooglesClients(t *testing.T) {
	content := func(parts string) string {
		return `{"candidates":[{"index":0,"content":{"role":"model","parts":[` + parts + `]}}],"modelVersion":"m","responseId":"r1"}`
	}
	objects := []string{
		content(`{"text":"hm","thought":true}`), content(`{"text":"","thought":true,"thoughtSignature":"dW5pLWFwaS9hbnRocm9waWMvc2ln"}`),
		content(`{"text":"\"Hi\""}`), content(`{"functionCall":{"id":"c2","name":"g","args":{}},"thoughtSignature":"QUJD"}`),
		content(`{"inlineData":{"mimeType":"image/png","data":"QUJD"}}`), content(`{"functionCall":{"id":"c1","name":"f","args":{"a":1}}}`),
		`{"candidates":[{"content":{"role":"model","parts":[]},"finishReason":"STOP","index":0,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a",` +
			`"title":"A"}}],"groundingSupports":[{"segment":{"startIndex":1,"endIndex":3,"text":"Hi"},"groundingChunkIndices":[0]}]}}],"modelVersion":"m",` +
			`"responseId":"r1","usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":17,"cachedContentTokenCount":4,"thoughtsTokenCount":2}}`,
	}
	q := &codec.Request{Model: "m", Reasoning: &codec.Reasoning{Summary: "auto"}}
	want := "data: " + strings.Join(objects, "\r\n\r\ndata: ") + "\r\n\r\n"
	if got := streamed(Format{}, q, events()); got != want {
		t.Errorf("events:\n got %s\nwant %s", got, want)
	}
	want = "[" + strings.Join(objects, ",\r\n") + "]"
	if got := streamed(Format{Array: true}, q, events()); got != want || !json.Valid([]byte(got)) {
		t.Errorf("array:\n got %s\nwant %s", got, want)
	}
	if got := streamed(Format{}, &codec.Request{Model: "m"}, events()); strings.Contains(got, "thought\":true") {
		t.Errorf("thoughts that nobody asked for: %s", got)
	}
	// What we write we can read.
	got, err := decoded(streamed(Format{}, q, events()), 9)
	if want := `start(r1,m,0) thought(hm) text("Hi") call0(c2__sig_gbQUJD,g,QUJD) args0({}) end0 media(image/png,QUJD) call1(c1,f,) args1({"a":1}) end1 ` +
		`usage(10+7=17,cached 4,thought 2) cite(https://a,Hi,1-3) finish(3,STOP)`; err != nil || line(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, line(got), want)
	}
}

func TestStreamEncoderEndsBadly(t *testing.T) {
	e := &codec.Error{Status: 503, Message: "gone"}
	const said = `{"error":{"code":503,"message":"gone","status":"UNAVAILABLE"}}`
	text := codec.Event{Kind: codec.EventText, Text: []byte("a")}
	for name, c := range map[string]struct {
		f     Format
		begun bool
		want  string
	}{
		"events":       {Format{}, true, "\r\n\r\ndata: " + said + "\n\n"},
		"array":        {Format{Array: true}, true, "},\r\n" + said + "]"},
		"nothing said": {Format{Array: true}, false, "[" + said + "]"},
	} {
		s := c.f.NewStreamEncoder(&codec.Request{Model: "m"})
		var out []byte
		if c.begun {
			out = s.Append(out, &text)
		}
		out = s.Fail(out, e)
		if !strings.HasSuffix(string(out), c.want) || c.f.Array && !json.Valid(out) {
			t.Errorf("%s: %s", name, out)
		}
	}
	got := streamed(Format{}, &codec.Request{Model: "m"}, []codec.Event{text, {Kind: codec.EventToolStart, ID: "c", Name: "f"},
		{Kind: codec.EventToolArguments, Text: []byte(`{"a":`)}, {Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishToolCalls}}})
	if !strings.Contains(got, `"finishReason":"MALFORMED_FUNCTION_CALL"`) || strings.Contains(got, "functionCall\"") {
		t.Errorf("a call that was cut off: %s", got)
	}
	if got := streamed(Format{}, &codec.Request{Model: "m"}, nil); got != `data: {"candidates":[],"modelVersion":"m"}`+"\r\n\r\n" {
		t.Errorf("nothing: %s", got)
	}
}

func TestEncodeResponseWritesAnswersForGooglesClients(t *testing.T) {
	a := &codec.Response{ID: "r1", Usage: codec.Usage{Prompt: 3, Completion: 2}, HasUsage: true, Choices: []codec.Choice{
		{Finish: codec.Finish{Reason: codec.FinishLength}, LogProbs: json.RawMessage(`{"content":[{"token":"a","logprob":-1.5,"bytes":[97],"top_logprobs":[]}]}`),
			Message: codec.Message{Parts: []codec.Part{{Kind: codec.PartText, Text: "a"}, {Kind: codec.PartRefusal, Text: "no"}, {Kind: codec.PartReasoning, Text: "hm"},
				{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "c", Name: "sh", Arguments: "ls", Custom: true}}}}},
		{Index: 1, Finish: codec.Finish{Reason: codec.FinishFilter}},
	}}
	want := `{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"no"},{"functionCall":{"id":"c","name":"sh","args":{"input":"ls"}}}],"role":"model"},` +
		`"finishReason":"MAX_TOKENS","index":0,"logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1.5}],"topCandidates":[{"candidates":[]}]}},` +
		`{"content":{"parts":[],"role":"model"},"finishReason":"SAFETY","index":1}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},` +
		`"modelVersion":"m","responseId":"r1"}`
	if got := string(Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
