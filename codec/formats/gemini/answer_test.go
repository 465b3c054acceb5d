package gemini

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"uniapi/codec"
)

// line writes events in a line, for tables.
func line(events []codec.Event) string {
	var b strings.Builder
	for _, e := range events {
		if e.Choice != 0 {
			fmt.Fprintf(&b, "%d:", e.Choice)
		}
		switch e.Kind {
		case codec.EventStart:
			fmt.Fprintf(&b, "start(%s,%s,%d) ", e.ID, e.Name, e.Created)
		case codec.EventText:
			fmt.Fprintf(&b, "text(%s%s) ", e.Text, e.LogProbs)
		case codec.EventReasoning:
			fmt.Fprintf(&b, "thought(%s) ", e.Text)
		case codec.EventToolStart:
			fmt.Fprintf(&b, "call%d(%s,%s,%s) ", e.Index, e.ID, e.Name, e.Signature.Value)
		case codec.EventToolArguments:
			fmt.Fprintf(&b, "args%d(%s) ", e.Index, e.Text)
		case codec.EventToolEnd:
			fmt.Fprintf(&b, "end%d ", e.Index)
		case codec.EventMedia:
			fmt.Fprintf(&b, "media(%s,%s%s) ", e.Media.MIME, e.Media.Data, e.Media.URL)
		case codec.EventCitation:
			fmt.Fprintf(&b, "cite(%s,%s,%d-%d) ", e.Citation.URL, e.Citation.Text, e.Citation.Start, e.Citation.End)
		case codec.EventFinish:
			fmt.Fprintf(&b, "finish(%d,%s) ", e.Finish.Reason, e.Finish.Native)
		case codec.EventUsage:
			fmt.Fprintf(&b, "usage(%d+%d=%d,cached %d,thought %d) ", e.Usage.Prompt, e.Usage.Completion, e.Usage.Total, e.Usage.Cached, e.Usage.Reasoning)
		}
	}
	return strings.TrimSpace(b.String())
}

// decoded runs a stream through a decoder in pieces of n bytes. Each piece is overwritten when the decoder is done with
// it.
func decoded(stream string, n int) (events []codec.Event, err error) {
	d := Format{}.NewStreamDecoder()
	for len(stream) > 0 && err == nil {
		piece := []byte(stream[:min(n, len(stream))])
		stream = stream[len(piece):]
		var some []codec.Event
		some, err = d.Push(nil, piece)
		for _, e := range some {
			e.Text = bytes.Clone(e.Text)
			events = append(events, e)
		}
		for i := range piece {
			piece[i] = '#'
		}
	}
	if err == nil {
		var some []codec.Event
		some, err = d.End(nil)
		events = append(events, some...)
	}
	return events, err
}

// frames makes a stream of objects, as events and as an array.
func frames(objects ...string) (events, array string) {
	for _, o := range objects {
		events += "data: " + o + "\r\n\r\n"
	}
	return events, "[" + strings.Join(objects, ",\r\n") + "\n]\n"
}

// said is an object with parts, and whatever stands behind the content.
func said(parts, rest string) string {
	return `{"candidates": [{"content": {"parts": [` + parts + `],"role": "model"}` + rest + `,"index": 0}],"responseId": "r1"}`
}

func TestStreamsBecomeEvents(t *testing.T) {
	const stop = `,"finishReason": "STOP"`
	for _, c := range []struct {
		name    string
		objects []string
		want    string
	}{
		{"text and thoughts, counts that grow, and the finish last", []string{
			`{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}],"role":"model"}}],"usageMetadata":{"promptTokenCount":3,"thoughtsTokenCount":4,` +
				`"totalTokenCount":7},"modelVersion":"gemini-x","responseId":"r1","createTime":"2026-01-02T03:04:05.678Z"}`,
			`{"candidates":[{"content":{"parts":[{"text":"Hel\"lo"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"}}`,
			`{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"toolUsePromptTokenCount":2,` +
				`"cachedContentTokenCount":1,"candidatesTokenCount":5,"thoughtsTokenCount":4,"totalTokenCount":14}}`},
			`start(r1,gemini-x,1767323045) thought(hm) usage(3+4=7,cached 0,thought 4) text(Hel"lo) usage(5+9=14,cached 1,thought 4) finish(1,STOP)`},
		{"a STOP in each object", []string{said(`{"text":"a"}`, stop), said(`{"text":"b"}`, stop), said(`{"text":"c"}`, stop)},
			`start(r1,,0) text(a) text(b) text(c) finish(1,STOP)`},
		{"calls of all objects counted on, the finish theirs", []string{
			said(`{"functionCall":{"name":"f","args":{ "a" : 1 }},"thoughtSignature":"QUJD"},{"functionCall":{"id":"x","name":"g"}}`, ""),
			said(`{"functionCall":{"id":"x","name":"g","args":null}}`, ""), said(`{"text":""}`, stop)},
			`start(r1,,0) call0(call_82f3e9c695dc6b8d_0__sig_gbQUJD,f,QUJD) args0({"a":1}) end0 call1(x,g,) args1({}) end1 call2(x_2,g,) args2({}) end2 finish(3,STOP)`},
		{"arguments in pieces", []string{
			said(`{"functionCall":{"name":"f","willContinue":true}}`, ""),
			said(`{"functionCall":{"partialArgs":[{"jsonPath":"$.a[1].b","stringValue":"x","willContinue":true}],"willContinue":true}}`, ""),
			said(`{"functionCall":{"partialArgs":[{"jsonPath":"$.a[1].b","stringValue":"\ny"},{"jsonPath":"$['c d']","numberValue":0.50}],"willContinue":true}}`, ""),
			said(`{"functionCall":{"partialArgs":[{"jsonPath":"$.e","boolValue":true},{"jsonPath":"$.n","nullValue":"NULL_VALUE"}],"willContinue":true}}`, ""),
			said(`{"functionCall":{}}`, ""), said(`{"functionCall":{"name":"g","willContinue":true}}`, stop)},
			`start(r1,,0) call0(call_82f3e9c695dc6b8d_0,f,) args0({"a":[null,{"b":"x\ny"}],"c d":0.50,"e":true,"n":null}) end0 ` +
				`call1(call_82f3e9c695dc6b8d_1,g,) args1({}) end1 finish(3,STOP)`},
		{"pictures, but no sketches, and files", []string{said(`{"inlineData":{"mimeType":"image/png","data":"QQ=="},"thought":true},`+
			`{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/v"}}`, stop)},
			`start(r1,,0) media(image/png,QUJD) media(video/mp4,gs://b/v) finish(1,STOP)`},
		{"code that was run", []string{said(`{"executableCode":{"language":"PYTHON","code":"print(1)\n"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1\n"}}`, stop)},
			"start(r1,,0) text(\n```python\nprint(1)\n```\n) text(\n```\n1\n```\n) finish(1,STOP)"},
		{"sources, by characters", []string{said(`{"text":"Grüße aus "}`, ""), said(`{"text":"日本!"}`, stop+`,"groundingMetadata":{"groundingChunks":[`+
			`{"web":{"uri":"https://a","title":"A"}},{"retrievedContext":{"uri":"https://b"}}],"groundingSupports":[{"segment":{"startIndex":12,"endIndex":18,"text":"日本"},`+
			`"groundingChunkIndices":[0,7]}]}`)}, `start(r1,,0) text(Grüße aus ) text(日本!) cite(https://a,日本,10-12) cite(https://b,,0-0) finish(1,STOP)`},
		{"repeated sources", []string{said(`{"text":"abc"}`, `,"citationMetadata":{"citationSources":[{"endIndex":2,"uri":"https://a"},{"startIndex":1,"endIndex":9,"uri":"https://b"},{}]}`+stop)},
			`start(r1,,0) text(abc) cite(https://a,,0-2) cite(https://b,,0-0) finish(1,STOP)`},
		{"probabilities", []string{said(`{"text":"é"}`, stop+`,"logprobsResult":{"chosenCandidates":[{"token":"é","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"e"}]}]}`)},
			`start(r1,,0) text(é{"content":[{"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":[{"token":"e","logprob":0,"bytes":[101]}]}],"refusal":null}) finish(1,STOP)`},
		{"several choices", []string{`{"candidates":[{"content":{"parts":[{"text":"a"}]},"index":0},{"content":{"parts":[{"text":"b"}]},"index":1}],"responseId":"r1"}`,
			`{"candidates":[{"finishReason":"STOP"},{"finishReason":"MAX_TOKENS","index":1}]}`}, `start(r1,,0) text(a) 1:text(b) finish(1,STOP) 1:finish(2,MAX_TOKENS)`},
		{"cut by a filter", []string{said(`{"text":"a"}`, ""), `{"candidates":[{"finishReason":"RECITATION"}]}`}, `start(r1,,0) text(a) finish(4,RECITATION)`},
		{"all spent on thinking", []string{`{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}],"responseId":"r1"}`}, `start(r1,,0) finish(2,MAX_TOKENS)`},
		{"a reason that is new", []string{said(`{"text":"a"}`, `,"finishReason":"NEW"`)}, `start(r1,,0) text(a) finish(1,NEW)`},
		{"server-side tools, which nobody can show", []string{said(`{"toolCall":{"id":"1","toolType":"FILE_SEARCH"},"thoughtSignature":"QQ=="},{"text":"a"}`, stop)},
			`start(r1,,0) text(a) finish(1,STOP)`},
	} {
		events, array := frames(c.objects...)
		for form, stream := range map[string]string{"events": events, "array": array} {
			for _, n := range []int{1 << 20, 1, 7} {
				got, err := decoded(stream, n)
				if err != nil || line(got) != c.want {
					t.Errorf("%s, as %s in pieces of %d: %v\n got %s\nwant %s", c.name, form, n, err, line(got), c.want)
				}
			}
		}
	}
}

func TestStreamsThatAreNoAnswerAreErrors(t *testing.T) {
	half := "data: " + said(`{"text":"a"}`, "") + "\n\n"
	for _, c := range []struct {
		name, stream string
		status       int
		class        codec.Class
		says         string
	}{
		{"nothing", "", 502, codec.Semantic, "empty"},
		{"a comment", ": hello\n\n", 502, codec.Semantic, "empty"},
		{"nothing in an array", "[]", 502, codec.Semantic, "empty"},
		{"no words", "data: " + said(`{"text":""}`, `,"finishReason":"STOP"`) + "\n\n", 502, codec.Semantic, "empty"},
		{"cut", half, 502, codec.Cut, "before its answer was complete"},
		{"cut in an event", half + `data: {"candidates":[{"con`, 502, codec.Cut, "before its answer was complete"},
		{"cut in an array", "[" + said(`{"text":"a"}`, "") + `,{"candidates":`, 502, codec.Cut, "before its answer was complete"},
		{"an error event", `data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}` + "\n\n", 503, codec.Unready, "overloaded"},
		{"an error behind text", half + `data: {"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}` + "\n\n", 429, codec.RateLimit, "slow down"},
		{"bare JSON behind text", half + "{\n \"error\": {\n  \"code\": 499,\n  \"message\": \"cancelled\"\n }\n}\n", 502, codec.Server, "cancelled"},
		{"an error in an array", `[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]`, 401, codec.Auth, "API key not valid"},
		{"a page", "<html><title>Bad gateway</title></html>", 502, codec.Semantic, "HTML page: Bad gateway"},
		{"no JSON", "data: nonsense\n\n", 502, codec.Semantic, "nonsense"},
		{"no JSON behind text, and no more", half + "data: {nonsense\n\n", 502, codec.Cut, "ended before"},
		{"a prompt refused", `data: {"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"Reasons"}}` + "\n\n", 400, codec.ContentPolicy, "SAFETY: Reasons"},
		{"an answer refused", `data: {"candidates":[{"finishReason":"PROHIBITED_CONTENT"}]}` + "\n\n", 400, codec.ContentPolicy, "PROHIBITED_CONTENT"},
		{"a call that went wrong", `data: {"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"bad call"}]}` + "\n\n", 502, codec.Semantic,
			"MALFORMED_FUNCTION_CALL bad call"},
	} {
		for _, n := range []int{1 << 20, 1, 5} {
			_, err := decoded(c.stream, n)
			e, ok := err.(*codec.Error)
			if !ok || e.Status != c.status || e.Class != c.class || !strings.Contains(e.Message, c.says) || !e.InAnswer {
				t.Errorf("%s in pieces of %d: %+v", c.name, n, err)
			}
		}
	}
}

func TestStreamCutAnywhereIsNeverASuccess(t *testing.T) {
	stream, _ := frames(said(`{"text":"a"}`, ""), said(`{"functionCall":{"name":"f","args":{"a":1}}}`, ""), said(`{"text":"b"}`, `,"finishReason":"STOP"`))
	whole := strings.TrimRight(stream, "\r\n")
	for n := range whole {
		if events, err := decoded(whole[:n], 1<<20); err == nil {
			t.Fatalf("%d bytes of %d are a success: %s", n, len(whole), line(events))
		}
	}
	if _, err := decoded(whole, 1<<20); err != nil {
		t.Error("the empty line at the end is missed:", err)
	}
}

func TestAnswersAreReadLikeStreams(t *testing.T) {
	body := said(`{"text":"hm","thought":true},{"text":"Sun"},{"text":"ny"},{"text":"!","thoughtSignature":"QUJD"},{"functionCall":{"id":"c","name":"f"}}`, `,"finishReason":"STOP"`)
	want := []codec.Part{{Kind: codec.PartReasoning, Text: "hm"}, {Kind: codec.PartText, Text: "Sunny"},
		{Kind: codec.PartText, Text: "!", Signature: codec.Signature{Provider: "google", Value: "QUJD"}},
		{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "c", Name: "f", Arguments: "{}"}}}
	for name, b := range map[string]string{"an object": body, "an array": "[" + body + "]"} {
		a, err := Format{}.DecodeResponse([]byte(b))
		if err != nil || len(a.Choices) != 1 || !reflect.DeepEqual(a.Choices[0].Message.Parts, want) || a.Choices[0].Finish.Reason != codec.FinishToolCalls {
			t.Errorf("%s: %v %+v", name, err, a)
		}
	}
	for name, b := range map[string]string{"empty": "", "no object": "5", "no candidates": `{"modelVersion":"x"}`, "cut": body[:50],
		"an error": `{"error":{"code":500,"message":"x"}}`, "blocked": `{"candidates":[],"promptFeedback":{"blockReasonMessage":"no"}}`} {
		if a, err := (Format{}).DecodeResponse([]byte(b)); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// Proxies of Vertex write enums as numbers, or leave the reason out.
	for _, finish := range []string{"", `,"finishReason":1`} {
		if a, err := (Format{}).DecodeResponse([]byte(said(`{"text":"a"}`, finish))); err != nil || a.Choices[0].Finish.Reason != codec.FinishStop {
			t.Errorf("%s: %v", finish, err)
		}
	}
}

func TestIDsOfCallsDifferFromAnswerToAnswer(t *testing.T) {
	seen := map[string]bool{}
	for _, body := range []string{
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]}}],"responseId":"a"}`,
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]}}],"responseId":"b"}`,
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}],"usageMetadata":{"promptTokenCount":5}}`,
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}],"usageMetadata":{"promptTokenCount":9}}`,
	} {
		a, err := Format{}.DecodeResponse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range a.Choices[0].Message.Parts {
			if seen[p.Call.ID] || p.Call.ID == "" {
				t.Errorf("%q is there twice", p.Call.ID)
			}
			seen[p.Call.ID] = true
		}
	}
}

func TestSamplesOfSpeechBecomeAFile(t *testing.T) {
	samples := bytes.Repeat([]byte{1, 2, 3, 4}, 5)
	a, err := Format{}.DecodeResponse([]byte(said(`{"inlineData":{"mimeType":"audio/L16;codec=pcm;rate=16000","data":"`+
		base64.StdEncoding.EncodeToString(samples)+`"}}`, `,"finishReason":"STOP"`)))
	if err != nil {
		t.Fatal(err)
	}
	m := a.Choices[0].Message.Parts[0].Media
	wav, err := base64.StdEncoding.DecodeString(m.Data)
	if err != nil || m.MIME != "audio/wav" || string(wav[:4]) != "RIFF" || string(wav[8:16]) != "WAVEfmt " || !bytes.HasSuffix(wav, samples) {
		t.Fatalf("%v %q", err, wav)
	}
	if size := int(wav[4]) | int(wav[5])<<8; size != len(wav)-8 {
		t.Errorf("the file is %d bytes long and says %d", len(wav), size+8)
	}
	if rate := int(wav[24]) | int(wav[25])<<8; rate != 16000 {
		t.Errorf("%d samples a second", rate)
	}
	if at := bytes.Index(wav, []byte("data")); int(wav[at+4]) != len(samples) {
		t.Errorf("%d bytes of samples", wav[at+4])
	}
}

func TestErrorsOfAllShapes(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   codec.Error
	}{
		{"a quota with a time", 429, `{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"y.RetryInfo","retryDelay":"34.4s"}]}}`,
			codec.Error{Status: 429, Class: codec.RateLimit, Message: "quota", Type: "rate_limit_error", Code: "RESOURCE_EXHAUSTED", RetryAfter: 34400 * time.Millisecond}},
		{"in an array", 404, `[{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}]`,
			codec.Error{Status: 404, Class: codec.NotFound, Message: "no such model", Type: "invalid_request_error", Code: "NOT_FOUND"}},
		{"a bad key, which comes as 400", 400, `{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}`,
			codec.Error{Status: 401, Class: codec.Auth, Message: "bad", Type: "invalid_request_error", Code: "INVALID_ARGUMENT", Reason: "API_KEY_INVALID"}},
		{"a country that is barred", 400, `{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}`,
			codec.Error{Status: 403, Class: codec.Auth, Message: "User location is not supported for the API use.", Type: "permission_error", Code: "FAILED_PRECONDITION"}},
		{"too long", 400, `{"error":{"code":400,"message":"The input token count (2) exceeds the maximum number of tokens allowed (1).","status":"INVALID_ARGUMENT"}}`,
			codec.Error{Status: 413, Class: codec.TooLong, Message: "The input token count (2) exceeds the maximum number of tokens allowed (1).", Type: "invalid_request_error", Code: "INVALID_ARGUMENT"}},
		{"a page", 404, "<!DOCTYPE html><title>Error 404</title>", codec.Error{Status: 404, Class: codec.NotFound, Type: "invalid_request_error",
			Message: "the upstream answered with an HTML page: Error 404"}},
		{"nothing", 503, "", codec.Error{Status: 503, Class: codec.Unready, Type: "server_error", Message: "the upstream answered 503 Service Unavailable with an empty body"}},
	} {
		got := Format{}.DecodeError(c.status, "", []byte(c.body))
		got.Raw = nil
		if !reflect.DeepEqual(got, &c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, &c.want)
		}
	}
	for status, want := range map[int]string{400: "INVALID_ARGUMENT", 418: "FAILED_PRECONDITION", 429: "RESOURCE_EXHAUSTED", 502: "INTERNAL", 503: "UNAVAILABLE"} {
		got := string(Format{}.EncodeError(nil, &codec.Error{Status: status, Message: `a "b"`}))
		if got != fmt.Sprintf(`{"error":{"code":%d,"message":"a \"b\"","status":"%s"}}`, status, want) {
			t.Errorf("%d: %s", status, got)
		}
	}
}
