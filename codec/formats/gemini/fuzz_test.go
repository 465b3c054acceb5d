package gemini

import (
	"encoding/json"
	"regexp"
	"testing"

	"uniapi/codec"
)

// samples are streams with everything that a decoder has a case for.
func samples() []string {
	events, array := frames(said(`{"text":"a\n"}`, ""), said(`{"text":"bc"}`, ""), said(`{"text":"hm","thought":true}`, ""),
		said(`{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"QUJD"}`, ""),
		said(`{"functionCall":{"name":"g","willContinue":true}}`, ""),
		said(`{"functionCall":{"partialArgs":[{"jsonPath":"$.a[1].b","stringValue":"x"},{"jsonPath":"$['c']","numberValue":2}]}}`, ""),
		said(`{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"executableCode":{"code":"1"}}`, ""),
		said(`{"text":"日本"}`, `,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"endIndex":3},"groundingChunkIndices":[0]}]}`),
		`{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}`)
	counted, _ := frames(textFrame("one")[len("data: "):], textFrame("two")[len("data: "):])
	return []string{events, array, counted, events + `{"error":{"code":500,"message":"x"}}`, `[{"error":{"code":429,"message":"x","details":[{"retryDelay":"1s"}]}}]`,
		"data: [DONE]\n\n", "<html>", `{"promptFeedback":{"blockReason":"SAFETY"}}`, "data: {\ndata: }\n\n"}
}

// byChance are ids of calls in an answer without an id, which are others each time.
var byChance = regexp.MustCompile(`call_[0-9a-f]{16}`)

func FuzzStream(f *testing.F) {
	for _, s := range samples() {
		f.Add(s, uint16(7))
	}
	f.Add(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"0"}}]}}]}`, uint16(7))
	f.Fuzz(func(t *testing.T, stream string, n uint16) {
		whole, wholeErr := decoded(stream, len(stream)+1)
		split, splitErr := decoded(stream, int(n)+1)
		if byChance.ReplaceAllString(line(whole), "call_") != byChance.ReplaceAllString(line(split), "call_") || (wholeErr == nil) != (splitErr == nil) {
			t.Fatalf("whole %v: %s\nin pieces of %d %v: %s", wholeErr, line(whole), n+1, splitErr, line(split))
		}
		if wholeErr != nil {
			if e := wholeErr.(*codec.Error); e.Message == "" || e.Status < 400 || e.Status > 599 {
				t.Fatalf("%+v", e)
			}
			return
		}
		ids, finishes := map[string]bool{}, 0
		for i, e := range whole {
			if (e.Kind == codec.EventStart) != (i == 0) {
				t.Fatalf("start at %d: %s", i, line(whole))
			}
			switch e.Kind {
			case codec.EventToolStart:
				if ids[e.ID] || e.ID == "" {
					t.Fatalf("id %q again: %s", e.ID, line(whole))
				}
				ids[e.ID] = true
			case codec.EventFinish:
				finishes++
			}
		}
		if finishes == 0 {
			t.Fatalf("no finish: %s", line(whole))
		}
		for _, format := range []Format{{}, {Array: true}} {
			out := streamed(format, &codec.Request{Model: "m"}, whole)
			if format.Array && !json.Valid([]byte(out)) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

// FuzzTemplate holds the short way against the long one.
func FuzzTemplate(f *testing.F) {
	f.Add(textFrame("one")[len("data: "):], textFrame(`t\"wo`)[len("data: "):])
	f.Add(said(`{"text":"a"}`, ""), said(`{"text":""}`, ""))
	f.Add(`{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"totalTokenCount":1}}`,
		`{"candidates":[{"content":{"parts":[{"text":"b"}]}}],"usageMetadata":{"totalTokenCount":01}}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		var short, long answer
		short.object(nil, []byte(first))
		long.parse(nil, []byte(first))
		if long.err != nil {
			return
		}
		got := short.object(nil, []byte(second))
		want := long.parse(nil, []byte(second))
		if line(got) != line(want) || (short.err == nil) != (long.err == nil) || short.usage != long.usage {
			t.Fatalf("short %s %v\n long %s %v", line(got), short.err, line(want), long.err)
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add(said(`{"text":"a"},{"functionCall":{"name":"f"}}`, `,"finishReason":"STOP"`))
	f.Add(said(`{"inlineData":{"mimeType":"audio/L16","data":"QQ=="}}`, ""))
	for _, s := range samples() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a, err := Format{}.DecodeResponse([]byte(body))
		if err == nil && !json.Valid(Format{}.EncodeResponse(nil, a, &codec.Request{Reasoning: &codec.Reasoning{Summary: "auto"}})) {
			t.Fatal("not JSON")
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	for _, q := range neutral() {
		body, _ := Format{}.EncodeRequest(nil, q, "gemini-3-pro")
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.DecodeRequest(body)
		if err != nil {
			return
		}
		out, err := Format{}.EncodeRequest(nil, q, "gemini-3-pro")
		if err == nil && !json.Valid(out) && json.Valid(body) {
			t.Fatalf("%s\nbecame %s", body, out)
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	for _, s := range samples() {
		f.Add(429, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		e := Format{}.DecodeError(status, "application/json", []byte(body))
		if e.Message == "" || e.Status < 400 || e.Status > 599 {
			t.Fatalf("%+v", e)
		}
	})
}
