package estimate

import (
	"fmt"
	"strings"
	"testing"
)

var file = strings.Repeat("iVBORw0KGgoAAAANSUhEUgAA", 1000)

func TestRequestsAreTheirTextsAndFiles(t *testing.T) {
	words := strings.Repeat("word ", 800) // 4000 characters
	for name, test := range map[string]struct {
		body string
		want int64 // beside what stands around the texts, which is 40 tokens at most
	}{
		"chat":                {`{"model":"m","messages":[{"role":"user","content":"` + words + `"}]}`, 1000},
		"chat in parts":       {`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"` + words + `"}]}]}`, 1000},
		"chat with an image":  {`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + file + `"}}]}]}`, MediaTokens},
		"an image by address": {`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://h.example/a.png"}}]}]}`, MediaTokens},
		"a sound":             {`{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"` + file + `","format":"wav"}}]}]}`, MediaTokens},
		"a file of 3 MB":      {`{"messages":[{"content":[{"file":{"file_data":"` + strings.Repeat(file, 131) + `"}}]}]}`, 3 * MediaTokens},
		"Messages":            {`{"system":"` + words + `","messages":[{"content":[{"type":"image","source":{"type":"base64","data":"` + file + `"}}]}]}`, 1000 + MediaTokens},
		"thinking":            {`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"` + words + `","signature":"` + file + `"}]}]}`, 1000},
		"Gemini":              {`{"contents":[{"parts":[{"text":"` + words + `"},{"inlineData":{"data":"` + file + `"}},{"fileData":{"fileUri":"gs://b/o"}}]}]}`, 1000 + 2*MediaTokens},
		"Responses":           {`{"input":[{"type":"reasoning","encrypted_content":"` + file + `"},{"content":"` + words + `"}]}`, 1000},
		"tools":               {`{"tools":[{"function":{"name":"f","description":"` + words + `","parameters":{"properties":{"` + words + `":{}}}}}]}`, 2000},
		"texts to embed":      {`{"input":["` + words + `","` + words + `"]}`, 2000},
		"tokens to embed":     {`{"input":[[` + strings.Repeat("17,", 999) + `17],[1,2]]}`, 1002},
		"documents to rank":   {`{"query":"` + words + `","documents":["` + words + `",{"text":"` + words + `"}]}`, 3000},
		"not one file":        {`{"data":"` + words + `","image":"short","bytes":"` + strings.Repeat("é", 400) + `"}`, 1100},
		"Chinese":             {`{"content":"` + strings.Repeat("你好", 200) + `"}`, 100},
		"the same, escaped":   {`{"content":"` + strings.Repeat(`\u4f60\u597d`, 200) + `"}`, 100},
		"cut off":             {`{"messages":[{"content":"` + words, 1000},
		"no JSON":             {words, 0},
		"nothing":             {"", 0},
	} {
		if got := Request([]byte(test.body)); got < test.want || got > test.want+40 {
			t.Errorf("%s: %d tokens, want %d", name, got, test.want)
		}
	}
}

func TestAnswersAreWhatTheySay(t *testing.T) {
	words := strings.Repeat("word ", 800)
	for name, test := range map[string]struct {
		body string
		want int64
	}{
		"chat":             {`{"id":"chatcmpl-1","object":"chat.completion","model":"a long name","choices":[{"index":0,"message":{"role":"assistant","content":"` + words + `"},"finish_reason":"stop"}]}`, 1000},
		"a call":           {`{"choices":[{"message":{"content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":\"` + words + `\"}"}}]}}]}`, 1002},
		"thoughts":         {`{"choices":[{"message":{"content":"` + words + `","reasoning_content":"` + words + `"},"logprobs":{"content":[{"token":"word","bytes":[1,2]}]}}]}`, 2000},
		"a completion":     {`{"choices":[{"text":"` + words + `"}]}`, 1000},
		"an image":         {`{"choices":[{"message":{"content":"","images":[{"image_url":{"url":"data:image/png;base64,` + file + `"}}]}}]}`, MediaTokens},
		"sources":          {`{"choices":[{"message":{"content":"` + words + `","annotations":[{"url_citation":{"url":"https://h.example","title":"t"}}]}}]}`, 1000},
		"Messages":         {`{"id":"msg_1","type":"message","content":[{"type":"text","text":"` + words + `"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"path":["` + words + `"]}}],"stop_reason":"tool_use"}`, 2001},
		"Gemini":           {`{"candidates":[{"content":{"parts":[{"text":"` + words + `"},{"functionCall":{"name":"f","args":{"a":{"b":"` + words + `"}}}},{"inlineData":{"data":"` + file + `"}}]}}]}`, 2001 + MediaTokens},
		"Responses":        {`{"instructions":"` + words + `","tools":[{"name":"f"}],"output":[{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"` + words + `"}]},{"type":"function_call","arguments":"` + words + `"}],"text":{"format":{"type":"text"}}}`, 2000},
		"Converse":         {`{"output":{"message":{"content":[{"text":"` + words + `"},{"toolUse":{"name":"f","input":{"a":"` + words + `"}}}]}}}`, 2001},
		"Cohere":           {`{"message":{"tool_plan":"` + words + `","content":[{"type":"text","text":"` + words + `"}]}}`, 2000},
		"images":           {`{"created":1,"data":[{"b64_json":"` + file + `"},{"b64_json":"` + file + `"}]}`, 2 * MediaTokens},
		"embeddings":       {`{"data":[{"embedding":[` + strings.Repeat("0.1,", 999) + `1]}],"model":"m"}`, 0},
		"cut in a text":    {`{"choices":[{"message":{"content":"` + words, 1000},
		"cut in a call":    {`{"content":[{"input":{"a":"` + words, 1001},
		"cut in an image":  {`{"data":[{"b64_json":"` + file, MediaTokens},
		"cut in an escape": {`{"content":"word\u00`, 2},
	} {
		if got := Answer([]byte(test.body)); got != test.want {
			t.Errorf("%s: %d tokens, want %d", name, got, test.want)
		}
	}
}

func TestUnitsAreTokens(t *testing.T) {
	for what, test := range map[string][2]int64{
		"no text": {Text(0), 0}, "a letter": {Text(1), 1}, "a word": {Text(4), 1}, "five": {Text(5), 2},
		"no sound": {Seconds(0), 0}, "a second": {Seconds(1), 17}, "a minute": {Seconds(60), TokensPerMinute},
		"a file of sound of a minute": {Sound(60 * 16000), TokensPerMinute + 1}, "an empty file": {Sound(0), 1},
	} {
		if test[0] != test[1] {
			t.Errorf("%s: %d tokens, want %d", what, test[0], test[1])
		}
	}
}

// FuzzEstimate holds the estimate to what bytes can carry, whatever they are.
func FuzzEstimate(f *testing.F) {
	f.Add([]byte(`{"a":["b",1,-2e3,{"input":{"x":"y"}}],"url":"u","data":"` + file[:300] + `"}`))
	f.Add([]byte(`{"content":"\u00`))
	f.Add([]byte(`"data:`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, n := range []int64{Request(data), Answer(data)} {
			if files := int64(strings.Count(string(data), `"`)); n < 0 || n > int64(len(data))+files*Media(len(data)) {
				t.Fatalf("%q has %d tokens", data, n)
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	body := []byte(fmt.Sprintf(`{"model":"m","messages":[%s{"role":"user","content":"hi"}]}`, strings.Repeat(`{"role":"user","content":"`+strings.Repeat("word ", 200)+`"},`, 100)))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		Request(body)
	}
}
