package estimate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"uniapi/codec/quoted"
	"unicode/utf16"
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
		"Chinese":             {`{"content":"` + strings.Repeat("你好", 200) + `"}`, 300},
		"the same, escaped":   {`{"content":"` + strings.Repeat(`\u4f60\u597d`, 200) + `"}`, 300},
		"cut off":             {`{"messages":[{"content":"` + words, 1000},
		"no JSON":             {words, 0},
		"nothing":             {"", 0},
	} {
		if got := Request([]byte(test.body)); got < test.want || got > test.want+40 {
			t.Errorf("%s: %d tokens, want %d", name, got, test.want)
		}
	}
}

// TestEveryTextOfARequestCounts puts a text into each place of each format that goes to a provider, also behind what
// looks like something else.
func TestEveryTextOfARequestCounts(t *testing.T) {
	words := strings.Repeat("word ", 800) // 4000 characters
	squeezed := strings.Repeat("word_", 800)
	encoded := base64.StdEncoding.EncodeToString([]byte(words))
	for _, body := range []string{
		`{"messages":[{"role":"system","content":"W"}]}`, `{"messages":[{"role":"assistant","content":[{"type":"refusal","refusal":"W"}]}]}`,
		`{"messages":[{"role":"assistant","content":"x","reasoning_content":"W"}]}`, `{"messages":[{"role":"user","name":"W","content":"x"}]}`,
		`{"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"W\"}"}}]}]}`,
		`{"messages":[{"role":"tool","tool_call_id":"c","content":"W"}]}`, `{"tools":[{"type":"function","function":{"name":"f","description":"W","parameters":{}}}]}`,
		`{"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"W":{"type":"string"}}}}}]}`,
		`{"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"description":"W"}}}}`, `{"prediction":{"type":"content","content":"W"}}`,
		`{"documents":["W"]}`, `{"documents":[{"a":"b","url":"https://h.example"},"W"]}`, `{"documents":[{"signature":"x"},"W"]}`,
		`{"messages":[{"role":"user","content":[{"type":"foo","text":"W"}]}]}`, `{"messages":[{"role":"user","content":[{"type":"document","document":{"data":"W"}}]}]}`,
		`{"prompt":"x","suffix":"W"}`, `{"instructions":"W","input":"x"}`, `{"input":[{"type":"function_call_output","call_id":"c","output":"W"}]}`,
		`{"input":[{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"W"}]}]}`, `{"prompt":{"id":"p","variables":{"a":"W"}}}`,
		`{"input":[{"type":"mcp_call","id":"m","name":"n","output":"W"}]}`, `{"system":"W"}`, `{"system":[{"type":"text","text":"W"}]}`,
		`{"messages":[{"content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"W"}}]}]}`,
		`{"messages":[{"content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"S"}}]}]}`,
		`{"messages":[{"content":[{"type":"document","source":{"data":"S","media_type":"text/plain","type":"text"}}]}]}`,
		`{"messages":[{"content":[{"type":"document","source":{"data":"` + file[:300] + ` W","type":"base64"}}]}]}`,
		`{"messages":[{"content":[{"type":"document","source":{"data":"` + file[:300] + `\"W","type":"text"}}]}]}`,
		`{"messages":[{"content":[{"type":"document","context":"W","title":"x"}]}]}`, `{"messages":[{"content":[{"type":"tool_use","id":"t","name":"f","input":{"a":"W"}}]}]}`,
		`{"messages":[{"content":[{"type":"tool_use","id":"t","name":"f","input":{"data":"S"}}]}]}`, `{"messages":[{"content":[{"type":"tool_use","input":{"signature":"W"}}]}]}`,
		`{"messages":[{"content":[{"type":"tool_use","input":{"type":"W","W":"id"}}]}]}`, `{"messages":[{"content":[{"type":"thinking","thinking":"W","signature":"s"}]}]}`,
		`{"systemInstruction":{"parts":[{"text":"W"}]}}`, `{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{"a":"W"}}}]}]}`,
		`{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{"url":"S"}}}]}]}`, `{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"id":"W"}}}]}]}`,
		`{"contents":[{"parts":[{"executableCode":{"language":"PYTHON","code":"W"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"x"}}]}]}`,
		`{"contents":[{"parts":[{"inlineData":{"mimeType":"text/plain","data":"E"}}]}]}`, `{"messages":[{"content":[{"type":"file","file":{"file_data":"data:text/plain;base64,E"}}]}]}`,
		`{"messages":[{"content":"data:image/png;base64,S"}]}`, `{"messages":[{"content":"data:W"}]}`, `{"messages":[{"content":[{"type":"foo","url":"W"}]}]}`,
		`{"messages":[{"content":[{"type":"foo","url":"data:,W"}]}]}`, `{"messages":[{"content":[{"type":"foo","url":"https://h.example/S"}]}]}`,
		`{"messages":[{"content":[{"type":"foo","file_id":"S"}]}]}`, `{"messages":[{"role":"W","content":"x"}]}`, `{"messages":[{"role":"user","content":"x","W":1}]}`,
		`{"messages":[{"content":[{"text":"x","image":"` + file[:300] + `","b64_json":"W"}]}]}`,
	} {
		body = strings.NewReplacer("W", words, "S", squeezed, `"E"`, `"`+encoded+`"`, ",E", ","+encoded).Replace(body)
		if got := Request([]byte(body)); got < 1000 {
			t.Errorf("%d tokens: %.120s…", got, body)
		}
		if testing.AllocsPerRun(1, func() { Prompt([]byte(body)) }) > 1 { // the bytes themselves
			t.Errorf("it allocates: %.120s…", body)
		}
	}
}

// TestWhatIsNoTextCounts holds numbers, true and null to what they are for a model that is told them, and files in any
// encoding to their characters.
func TestWhatIsNoTextCounts(t *testing.T) {
	digits, short := strings.Repeat("1", 4000), strings.Repeat("12345678901,", 300)
	latin := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("S\xf6hne ", 700)))
	odd := base64.StdEncoding.EncodeToString([]byte("\x01" + strings.Repeat("word ", 800)))
	for _, body := range []string{
		`{"messages":[{"content":[{"type":"tool_use","input":{"a":` + digits + `}}]}]}`, `{"contents":[{"parts":[{"functionResponse":{"response":{"a":[` + short + `1]}}}]}]}`,
		`{"contents":[{"parts":[{"functionResponse":{"response":{"a":[` + strings.Repeat("true,false,null,", 300) + `1]}}}]}]}`,
		`{"messages":[{"content":[{"type":"tool_use","input":{` + strings.Repeat(`"a":null,`, 800) + `"b":1}}]}]}`, `{"messages":[{"role":"user","content":` + digits + `}]}`,
		`{"messages":[{"role":"user","content":[` + strings.Repeat("true,", 1000) + `1]}]}`, `{"messages":[{"role":"user","content":"x","mine":{"a":[` + strings.Repeat("null,", 1000) + `1]}}]}`,
		`{"messages":[{"role":"user","content":"x"` + strings.Repeat(`,"a name of my own":1`, 300) + `}]}`, `{"messages":[` + strings.Repeat(`{"role":"words in a role"},`, 300) + `{}]}`,
		`{"messages":[{"content":[` + strings.Repeat(`{"type":"words in a type"},`, 300) + `{}]}]}`, `{"seed":` + digits + `}`,
		`{"contents":[{"parts":[{"inlineData":{"mimeType":"text/plain","data":"` + latin + `"}}]}]}`, `{"contents":[{"parts":[{"inlineData":{"data":"` + odd + `","mimeType":"text/plain"}}]}]}`,
		`{"contents":[{"parts":[{"inlineData":{"mimeType":"application/json","data":"` + odd + `"}}]}]}`, `{"messages":[{"content":[{"file":{"file_data":"data:text/plain;base64,` + odd + `"}}]}]}`,
	} {
		if got := Prompt([]byte(body)); got < 800 || got > 2100 {
			t.Errorf("%d tokens: %.120s…", got, body)
		}
	}
}

// TestWordsOfTheFormatDoNotCount holds limits to what they are documented as: the characters of what is said by four.
func TestWordsOfTheFormatDoNotCount(t *testing.T) {
	for body, want := range map[string]int64{
		`{"model":"a model","messages":[{"role":"user","content":"12345678"}],"stream":true,"max_tokens":100,"stream_options":{"include_usage":true}}`:                 2,
		`{"model":"a model","messages":[{"role":"user","content":"1234567"}],"user":"somebody","temperature":0.5}`:                                                     1,
		`{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"12345678","cache_control":{"type":"ephemeral","ttl":"5m"}}]}]}`:      2,
		`{"contents":[{"role":"user","parts":[{"text":"12345678"}]}],"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}]}`:             2,
		`{"model":"m","input":[{"type":"message","role":"user","status":"completed","id":"msg_1","content":[{"type":"input_text","text":"12345678"}]}],"store":false}`: 2,
		`{"model":"m","messages":[{"role":"user","content":"12345678"},{"role":"assistant","content":null,"tool_calls":[]}],"logprobs":true,"stop":null,"n":1}`:        2,
	} {
		if got := Prompt([]byte(body)); got != want {
			t.Errorf("%d tokens, want %d: %s", got, want, body)
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

// TestWeightCountsAsRequestsDo holds what streams count by to what whole texts do, however they are written.
func TestWeightCountsAsRequestsDo(t *testing.T) {
	for _, text := range []string{"", "word", "a longer sentence, of English words", "Привет, как дела сегодня?", "今天天气很好我们去公园散步吧", "한국어 문장입니다", "😀🎉 party", "line\nline\ttab \"quoted\" back\\slash", "mixed слово 字 end of it", strings.Repeat("0123456\\", 5)} {
		whole, _ := characters([]byte(quote(t, text, true)+`"`), new(quoted.Set))
		for _, ascii := range []bool{false, true} {
			if got := Weight([]byte(quote(t, text, ascii))); got != whole {
				t.Errorf("%q, escaped %v: %d, want %d", text, ascii, got, whole)
			}
		}
		if got := Weight([]byte(text)); !strings.Contains(text, `\`) && got != whole {
			t.Errorf("%q as it is: %d, want %d", text, got, whole)
		}
	}
	for _, cut := range []string{`\`, `\u`, `\u0`, `\u04`, `\u043`, `abc\`, "\xd0", `1234567\`, `12345678\u04`} {
		if n := Weight([]byte(cut)); n < 0 || n > int64(len(cut)) {
			t.Errorf("%q: %d", cut, n)
		}
	}
}

// quote is a text as it stands in JSON, without the quotes.
func quote(t *testing.T, text string, ascii bool) string {
	raw, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	inner := string(raw[1 : len(raw)-1])
	if !ascii {
		return inner
	}
	var b strings.Builder
	for _, r := range inner {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04X\u%04x`, high, low)
		}
	}
	return b.String()
}

func BenchmarkWeight(b *testing.B) {
	for name, text := range map[string]string{"word": " word", "event": `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}}`, "russian": " слово и ещё одно"} {
		p := []byte(text)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Weight(p) == 0 {
					b.Fatal("nothing")
				}
			}
		})
	}
}

// FuzzCharacters compares with a count that goes byte by byte.
func FuzzCharacters(f *testing.F) {
	for _, text := range []string{`word"`, `a \"quoted\" one" behind`, `\`, `\u`, `\u0"`, `\u04"`, `\ud83d\ude00"`, strings.Repeat("x", 100) + "слово字😀" + strings.Repeat(`\n`, 40) + `"`,
		strings.Repeat("0123456789", 7) + "\xff\xd0" + `\"`, `\\\\\\"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, inner []byte) {
		n, end := characters(inner, new(quoted.Set))
		wantN, wantEnd := int64(0), 0
		for wantEnd < len(inner) && inner[wantEnd] != '"' {
			c := inner[wantEnd]
			wantEnd++
			switch {
			case c != '\\':
				wantN += int64(weights[c])
			case wantEnd+2 < len(inner) && inner[wantEnd] == 'u':
				wantN += escaped(inner[wantEnd+1], inner[wantEnd+2])
				wantEnd += 5
			default:
				wantN++
				wantEnd++
			}
		}
		if wantEnd = min(wantEnd, len(inner)); n != wantN || end != wantEnd {
			t.Errorf("%q: %d to %d, want %d to %d", inner, n, end, wantN, wantEnd)
		}
	})
}

func BenchmarkCharacters(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"prose", strings.Repeat("what was measured before is compared with what comes now. ", 1700)},
		{"code", strings.Repeat(`func main() {\n\tfmt.Println(\"what was measured before\")\n}\n\nThe paragraph above `, 1200)},
		{"Russian", strings.Repeat("Привет, как дела сегодня? ", 2200)},
		{"Chinese", strings.Repeat("今天天气很好我们去公园散步吧。", 2200)},
		{"short", `a few words"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			inner := []byte(c.text)
			b.SetBytes(int64(len(inner)))
			var found quoted.Set
			for b.Loop() {
				characters(inner, &found)
			}
		})
	}
}

// TestPromptsAreAtMostNoLessThanAnyTokenizerMakes has texts of which tokenizers make a token of every byte, and files,
// which are no texts.
func TestPromptsAreAtMostNoLessThanAnyTokenizerMakes(t *testing.T) {
	file := strings.Repeat("iVBORw0KGgoAAAANSUhEUgAA", 4000)
	for name, c := range map[string]struct {
		body        string
		least, most int64
	}{
		"Cherokee":           {`{"messages":[{"role":"user","content":"` + strings.Repeat("\u13a0", 1000) + `"}]}`, 3000, 3100},
		"combining marks":    {`{"messages":[{"role":"user","content":"` + strings.Repeat("a\u0301", 1000) + `"}]}`, 3000, 3100},
		"escaped":            {`{"messages":[{"role":"user","content":"` + strings.Repeat(`\u13a0`, 1000) + `"}]}`, 3000, 6100},
		"punctuation":        {`{"messages":[{"role":"user","content":"` + strings.Repeat("~|", 500) + `"}]}`, 1000, 1100},
		"empty messages":     {`{"messages":[` + strings.Repeat(`{"role":"user","content":""},`, 99) + `{"role":"user","content":""}]}`, 800, 3000},
		"an image":           {`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + file + `"}}]}]}`, MediaTokens, MediaTokens + 200},
		"an image of Claude": {`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + file + `"}}]}]}`, MediaTokens, MediaTokens + 200},
		"words called data":  {`{"messages":[{"role":"user","content":[{"type":"text","data":"` + strings.Repeat("not base64. ", 100) + `"}]}]}`, 1200, 1300},
		"cut off":            {`{"messages":[{"role":"user","content":"` + strings.Repeat("x", 1000), 1000, 1100},
	} {
		if _, n, _ := Prompts([]byte(c.body), nil); n < c.least || n > c.most || n < Request([]byte(c.body)) {
			t.Errorf("%s: %d tokens, want %d to %d", name, n, c.least, c.most)
		}
	}
}
