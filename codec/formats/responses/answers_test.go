package responses

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/internal/golden"
)

func TestAnswersBecomeChat(t *testing.T) {
	golden.Run(t, "testdata/response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := Format{}.DecodeResponse(in)
		if err != nil {
			e := err.(*codec.Error)
			return append(openai.AppendError(nil, e), " "+e.Class.String()...)
		}
		out := openai.Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})
		if !json.Valid(out) {
			t.Error("not JSON")
		}
		return out
	})
}

func TestChatAnswersBecomeResponses(t *testing.T) {
	golden.Run(t, "testdata/encode_response.txt", func(t *testing.T, _ string, in []byte) []byte {
		a, err := openai.Format{}.DecodeResponse(in)
		if err != nil {
			t.Fatal(err)
		}
		out := Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})
		if again := (Format{}).EncodeResponse([]byte("x"), a, &codec.Request{Model: "m"}); string(again[1:]) != string(out) || !json.Valid(out) {
			t.Errorf("not JSON, or not the same again: %s", again)
		}
		return out
	})
}

// eventsOf are the events of a stream by their JSON.
func eventsOf(t *testing.T, stream []byte) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(string(stream)) {
		if data, is := strings.CutPrefix(line, "data: "); is {
			var e map[string]any
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err, data)
			}
			list = append(list, e)
		}
	}
	return list
}

// TestFailureIsRaised looks for what the clients look for: SDKs for an error member, others for the members beside it,
// Codex for a failed response with a code.
func TestFailureIsRaised(t *testing.T) {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	stream := e.Append(nil, &codec.Event{Kind: codec.EventStart, ID: "1"})
	stream = e.Append(stream, &codec.Event{Kind: codec.EventText, Text: []byte("Hel")})
	stream = e.Fail(stream, &codec.Error{Status: 429, Class: codec.RateLimit, Type: "rate_limit_error", Code: "rate_limit_exceeded", Message: "slow down"})
	list := eventsOf(t, stream)
	last, before := list[len(list)-1], list[len(list)-2]
	inner, _ := before["error"].(map[string]any)
	if before["type"] != "error" || before["code"] != "rate_limit_exceeded" || before["message"] != "slow down" || inner["message"] != "slow down" {
		t.Errorf("%v", before)
	}
	response, _ := last["response"].(map[string]any)
	inner, _ = response["error"].(map[string]any)
	if last["type"] != "response.failed" || response["status"] != "failed" || inner["code"] != "rate_limit_exceeded" {
		t.Errorf("%v", last)
	}
	if _, err := (Format{}).NewStreamDecoder().Push(nil, stream); err == nil || err.(*codec.Error).Class != codec.RateLimit {
		t.Errorf("read back: %v", err)
	}
}

// TestItemKeepsItsIDInAllEvents plays thinking of OpenAI that came without a text, whose id is OpenAI's. SDKs give up
// if it changes.
func TestItemKeepsItsIDInAllEvents(t *testing.T) {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	info := &codec.ReasoningInfo{ID: "rs_9", Encrypted: "c2VhbGVk", Format: reasoningFormat}
	stream := e.Append(nil, &codec.Event{Kind: codec.EventStart, ID: "1"})
	stream = e.Append(stream, &codec.Event{Kind: codec.EventReasoningEnd, Reasoning: info})
	stream = e.End(stream)
	seen := 0
	for _, event := range eventsOf(t, stream) {
		if item, is := event["item"].(map[string]any); is {
			seen++
			if item["id"] != "rs_9" {
				t.Errorf("%v", event)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d events of the item in %s", seen, stream)
	}
}

func TestAnswersWithoutAnIDGetOneOfTheirOwn(t *testing.T) {
	id := regexp.MustCompile(`"id":"(resp_[^"]+)"`)
	a := &codec.Response{Choices: []codec.Choice{{}}}
	one := id.FindSubmatch(Format{}.EncodeResponse(nil, a, &codec.Request{}))
	two := id.FindSubmatch(Format{}.EncodeResponse(nil, a, &codec.Request{}))
	if one == nil || two == nil || string(one[1]) == string(two[1]) {
		t.Errorf("%s, %s", one, two)
	}
}

func TestProbabilitiesOfTokensGoBothWays(t *testing.T) {
	const list = `[{"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[]},{"token":"b","logprob":-2,"bytes":[98],"top_logprobs":[]}]`
	body := `{"id":"resp_1","object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"ab","annotations":[],"logprobs":` + list + `}]}]}`
	a, err := Format{}.DecodeResponse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(a.Choices[0].LogProbs), `{"content":`+list+`,"refusal":null}`; got != want {
		t.Errorf("whole: %s", got)
	}
	if out := string(Format{}.EncodeResponse(nil, a, &codec.Request{Model: "m"})); !strings.Contains(out, `"logprobs":`+list) {
		t.Errorf("written again: %s", out)
	}
	d := Format{}.NewStreamDecoder()
	events, err := d.Push(nil, []byte(`data: {"type":"response.output_text.delta","output_index":0,"delta":"ab","logprobs":`+list+"}\n\n"))
	if err != nil || string(events[len(events)-1].LogProbs) != `{"content":`+list+`,"refusal":null}` {
		t.Fatalf("streamed: %v %s", err, events[len(events)-1].LogProbs)
	}
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	stream := e.End(e.Append(nil, &events[len(events)-1]))
	if n := strings.Count(string(stream), `"logprobs":`+list); n != 5 { // delta, text, part, item, response
		t.Errorf("%d times in %s", n, stream)
	}
}

func TestToolsThatFailedSaySo(t *testing.T) {
	result := func(id string, parts ...codec.Part) codec.Part {
		return codec.Part{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: id, Error: true, Parts: parts}}
	}
	text := codec.Part{Kind: codec.PartText, Text: "boom"}
	image := codec.Part{Kind: codec.PartImage, Media: &codec.Media{MIME: "image/png", Data: "iVBORw0KGgo="}}
	q := &codec.Request{Format: "anthropic", Messages: []codec.Message{{Role: codec.RoleTool, Parts: []codec.Part{result("a", text), result("b", image)}}}}
	out, err := Format{}.EncodeRequest(nil, q, "up")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"output":"Error: boom"`, `"output":[{"type":"input_text","text":"Error: "},{"type":"input_image"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}

func TestSearchOfOtherFormatsIsOpenAIs(t *testing.T) {
	for name, want := range map[string]string{"web_search_20250305": `"tools":[{"type":"web_search"}]`, "googleSearch": `"tools":[{"type":"web_search"}]`, "bash_20250124": ""} {
		q := &codec.Request{Format: "other", Tools: []codec.Tool{{Kind: codec.ToolHosted, Name: name}}, ToolChoice: codec.ToolChoice{Mode: codec.ToolAuto},
			Messages: []codec.Message{{Parts: []codec.Part{{Kind: codec.PartText, Text: "q"}}}}}
		out, err := Format{}.EncodeRequest(nil, q, "up")
		if err != nil || !strings.Contains(string(out), want) || want == "" && strings.Contains(string(out), `"tool`) {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

// TestCallThatWasCutOffIsNotMadeWhole plays a limit that was met before the first argument: with {} the client would
// run it.
func TestCallThatWasCutOffIsNotMadeWhole(t *testing.T) {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	stream := e.Append(nil, &codec.Event{Kind: codec.EventToolStart, ID: "c", Name: "f"})
	stream = e.Append(stream, &codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishLength}})
	list := eventsOf(t, e.End(stream))
	item, _ := list[len(list)-2]["item"].(map[string]any)
	if item["arguments"] != "" || item["status"] != "incomplete" || list[len(list)-1]["type"] != "response.incomplete" {
		t.Errorf("%v", list[len(list)-2:])
	}
}
