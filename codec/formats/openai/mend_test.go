package openai

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// madeID is an id of an answer that was made here.
var madeID = regexp.MustCompile(`chatcmpl-[a-z2-7]{26}`)

func TestPassthroughMendsWhatClientsDoNotRead(t *testing.T) {
	nameless := func(s string) string { return strings.ReplaceAll(s, `"id":"c",`, "") }
	named := func(s string) string { return strings.ReplaceAll(s, `"id":"c"`, `"id":"made"`) }
	chunk := func(delta string) string {
		return `data: {"id":"c","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n"
	}
	call := chunk(`{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}]}`)
	whole := first + word("a") + word("b") + finish + usageOnly + doneEvent
	azure := `data: {"choices":[],"id":"","prompt_filter_results":[]}` + "\n\n"
	for _, c := range []struct{ name, stream, want string }{
		{"no id", nameless(whole), named(whole)},
		{"an empty id", strings.ReplaceAll(whole, `"id":"c"`, `"id":""`), named(whole)},
		{"no id at first", nameless(first) + word("a") + doneEvent, named(first + word("a") + doneEvent)},
		{"no id later", first + nameless(word("a")) + doneEvent, first + nameless(word("a")) + doneEvent},
		{"Azure's first chunk", azure + whole, azure + whole},
		{"reasoning", first + chunk(`{"reasoning":"hm \n"}`) + chunk(`{"reasoning":"so"}`) + word("a") + word("b") + doneEvent,
			first + chunk(`{"reasoning":"hm \n","reasoning_content":"hm \n"}`) + chunk(`{"reasoning":"so","reasoning_content":"so"}`) + word("a") + word("b") + doneEvent},
		{"reasoning under both names", first + chunk(`{"reasoning":"hm","reasoning_content":"hm"}`) + word("a") + doneEvent, first + chunk(`{"reasoning":"hm","reasoning_content":"hm"}`) + word("a") + doneEvent},
		{"reasoning without words", first + chunk(`{"reasoning":null,"content":"a"}`) + chunk(`{"reasoning":"","content":"b"}`) + doneEvent, first + chunk(`{"reasoning":null,"content":"a"}`) + chunk(`{"reasoning":"","content":"b"}`) + doneEvent},
		{"an empty reasoning_content", first + chunk(`{"reasoning_content":null,"reasoning":"hm"}`) + doneEvent, first + chunk(`{"reasoning":"hm","reasoning_content":"hm"}`) + doneEvent},
		{"a message for a delta", strings.ReplaceAll(first+word("a")+finish, `"delta"`, `"message"`) + doneEvent, first + word("a") + finish + doneEvent},
		{"a whole message with calls", `data: {"id":"c","choices":[{"message":{"content":null,"tool_calls":[{"id":"x","function":{}},{"index":1,"id":"y"}]}}]}` + "\n\n" + doneEvent,
			`data: {"id":"c","choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"id":"x","function":{}},{"index":1,"id":"y"}]}}]}` + "\n\n" + doneEvent},
		{"a message beside a delta", strings.ReplaceAll(word("a"), `"finish_reason"`, `"message":{"content":"a"},"finish_reason"`) + doneEvent, strings.ReplaceAll(word("a"), `"finish_reason"`, `"message":{"content":"a"},"finish_reason"`) + doneEvent},
		{"arguments as an object", first + chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":{"a":"\n"}}},7]}`) + doneEvent,
			first + chunk(`{"tool_calls":[{"type":"function","index":0,"id":"x","function":{"name":"f","arguments":"{\"a\":\"\\n\"}"}},7]}`) + doneEvent},
		{"Mistral's thinking", first + chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h\n"},{"type":"text","text":"m"}],"closed":false}]}`) + chunk(`{"role":"assistant","content":[{"type":"thinking","thinking":[{"text":"so"}]},{"type":"text","text":"\u00e9"},"b",{"type":"reference","reference_ids":[1]}]}`) + word("a") + doneEvent,
			first + chunk(`{"content":null,"reasoning_content":"h\nm"}`) + chunk(`{"role":"assistant","content":"\u00e9b","reasoning_content":"so"}`) + word("a") + doneEvent},
		{"Mistral's thinking, signed", first + chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h\n"}],"closed":false}]}`) + chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"m"}],"signature":"s1","closed":true},{"type":"thinking","thinking":[],"signature":"s2"},{"type":"text","text":"a"}]}`) + doneEvent,
			first + chunk(`{"content":null,"reasoning_content":"h\n"}`) + chunk(`{"content":"a","reasoning_content":"m","reasoning_details":[{"type":"reasoning.text","text":"h\nm","signature":"s1","format":"mistral-chat-v1","index":0},{"type":"reasoning.text","text":"","signature":"s2","format":"mistral-chat-v1","index":0}]}`) + doneEvent},
		{"Mistral's thinking, signed behind some that is not", first + chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]}`) + word("a") + chunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"m"}],"signature":"s"}]}`) + doneEvent,
			first + chunk(`{"content":null,"reasoning_content":"h"}`) + word("a") + chunk(`{"content":null,"reasoning_content":"m","reasoning_details":[{"type":"reasoning.text","text":"m","signature":"s","format":"mistral-chat-v1","index":0}]}`) + doneEvent},
		{"a list of parts beside thinking", first + chunk(`{"reasoning":"hm","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}]}`) + chunk(`{"content":[]}`) + doneEvent,
			first + chunk(`{"reasoning":"hm","content":"a","reasoning_content":"hm"}`) + chunk(`{"content":null}`) + doneEvent},
		{"images among the parts", first + chunk(`{"images":[{"a":1}],"content":[{"type":"image_url","image_url":{"url":"u"}},{"type":"text","text":"a"}]}`) + doneEvent,
			first + chunk(`{"content":"a","images":[{"a":1},{"type":"image_url","image_url":{"url":"u"}}]}`) + doneEvent},
		{"a call without a type", first + chunk(`{"tool_calls":[{"index":0,"type":null,"function":{"name":"f","arguments":""}}]}`) + chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`) + doneEvent,
			first + chunk(`{"tool_calls":[{"type":"function","index":0,"function":{"name":"f","arguments":""}}]}`) + chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`) + doneEvent},
		{"a word of the host's own at the end", strings.Replace(whole, `"stop"`, `"model_length"`, 1), strings.Replace(whole, `"stop"`, `"length"`, 1)},
		{"a word that stands for none", strings.Replace(whole, `"stop"`, `"eos"`, 1), strings.Replace(whole, `"stop"`, `"eos"`, 1)},
		{"stop behind calls", first + call + finish + usageOnly + doneEvent, first + call + strings.Replace(finish, `"stop"`, `"tool_calls"`, 1) + usageOnly + doneEvent},
		{"stop beside calls", first + strings.Replace(call, `null}]}`, `"STOP"}]}`, 1) + doneEvent, first + strings.Replace(call, `null}]}`, `"tool_calls"}]}`, 1) + doneEvent},
		{"the end of a choice without calls beside one with", first + call + strings.Replace(finish, `"index":0`, `"index":1`, 1) + doneEvent, first + call + strings.Replace(finish, `"index":0`, `"index":1`, 1) + doneEvent},
		{"calls that are cut off", first + call + strings.Replace(finish, `"stop"`, `"length"`, 1) + doneEvent, first + call + strings.Replace(finish, `"stop"`, `"length"`, 1) + doneEvent},
		{"no calls", first + chunk(`{"content":"a","tool_calls":[]}`) + finish + doneEvent, first + chunk(`{"content":"a","tool_calls":[]}`) + finish + doneEvent},
		{"usage without choices", whole[:len(whole)-len(doneEvent)] + `data: {"id":"c","choices":null,"usage":{"prompt_tokens":1,"completion_tokens":2}}` + "\n\n" + `data: {"id":"c","usage":{"prompt_tokens":1,"completion_tokens":2}}` + "\n\n" + doneEvent,
			whole[:len(whole)-len(doneEvent)] + `data: {"id":"c","usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[]}` + "\n\n" + `data: {"id":"c","usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[]}` + "\n\n" + doneEvent},
		{"names and CRLF lines", strings.ReplaceAll("event: message\n"+nameless(first)+doneEvent, "\n", "\r\n"), "event: message\n" + named(first) + strings.ReplaceAll(doneEvent, "\n", "\r\n")},
		{"no empty line at the end", nameless(first) + strings.TrimSuffix(nameless(finish), "\n\n"), named(first+finish) + doneEvent},
	} {
		for n := 1; n <= len(c.stream); n++ {
			var s pass
			s.Reset(false)
			got, err := run(&s, c.stream, n)
			ids := madeID.FindAllString(got, -1)
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("%s has several ids", c.name)
				}
			}
			if got = madeID.ReplaceAllString(got, "made"); got != c.want || err != nil {
				t.Errorf("%s, by %d bytes: %v, got\n%s, want\n%s", c.name, n, err, got, c.want)
				break
			}
		}
	}
}

// mended is an answer that there is room for.
func mended(t *testing.T, body string) []byte {
	asked := 0
	out, err := Mended([]byte(body), func(bytes int) error { asked = bytes; return nil })
	if err != nil || len(out) > max(asked, len(body)) {
		t.Errorf("%s: %v, of %d bytes where %d were asked for", body, err, len(out), asked)
	}
	return out
}

func TestWholeAnswerIsMended(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"choices":[{"message":{"content":"a"}}]}`, `{"id":"made","choices":[{"message":{"content":"a"}}]}`},
		{`{"id":"a","choices":[{"message":{"tool_calls":[{"id":"x","function":{"name":"f","arguments":{"a":"\""}}},{"id":"y","function":{"name":"f","arguments":"{}"}}]}}]}`,
			`{"id":"a","choices":[{"message":{"tool_calls":[{"type":"function","id":"x","function":{"name":"f","arguments":"{\"a\":\"\\\"\"}"}},{"type":"function","id":"y","function":{"name":"f","arguments":"{}"}}]}}]}`},
		{`{"id":null,"choices":[{"message":{"content":"a"}}],"usage":{}}`, `{"id":"made","choices":[{"message":{"content":"a"}}],"usage":{}}`},
		{`{"id":"c","choices":[{"message":{"content":"a","reasoning":"b"}},{"message":{"reasoning":"d","reasoning_content":"e"}}]}`,
			`{"id":"c","choices":[{"message":{"content":"a","reasoning":"b","reasoning_content":"b"}},{"message":{"reasoning":"d","reasoning_content":"e"}}]}`},
		{`{"id":"c","choices":[{"finish_reason":"model_length","message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"b"}],"closed":true},{"type":"text","text":"a"},{"type":"text","text":""}],"tool_calls":null}}]}`,
			`{"id":"c","choices":[{"finish_reason":"length","message":{"content":"a","tool_calls":null,"reasoning_content":"b"}}]}`},
		{`{"id":"c","choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"b"}],"signature":"s"},{"type":"text","text":"a"}]}},{"index":1,"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"d"}],"signature":"t"}]}}]}`,
			`{"id":"c","choices":[{"message":{"content":"a","reasoning_content":"b","reasoning_details":[{"type":"reasoning.text","text":"b","signature":"s","format":"mistral-chat-v1","index":0}]}},` +
				`{"index":1,"message":{"content":null,"reasoning_content":"d","reasoning_details":[{"type":"reasoning.text","text":"d","signature":"t","format":"mistral-chat-v1","index":0}]}}]}`},
		{`{"id":"c","choices":[{"message":{"tool_calls":[{"type":"function","id":"x","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"},{"index":1,"message":{"content":"a"},"finish_reason":"stop"}]}`,
			`{"id":"c","choices":[{"message":{"tool_calls":[{"type":"function","id":"x","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"},{"index":1,"message":{"content":"a"},"finish_reason":"stop"}]}`},
		{`{"id":"c","choices":[{"message":{"tool_calls":[{"type":"function","function":{"name":"f","arguments":"{"}}]},"finish_reason":"length"}]}`, ""},
		{`{"id":"c","choices":[{"message":{"content":"a","tool_calls":[]},"finish_reason":"stop"}]}`, ""},
		{`{"id":"c","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`, ""},
		{`{"id":"c","choices":[{"text":"a"}]}`, ""},
	} {
		_, lacking, err := CheckChat([]byte(c.body), nil)
		if err != nil || lacking != (c.want != "") {
			t.Errorf("%s: %v, %v", c.body, lacking, err)
		}
		if !lacking {
			continue
		}
		if got := madeID.ReplaceAllString(string(mended(t, c.body)), "made"); got != c.want {
			t.Errorf("%s becomes %s", c.body, got)
		}
	}
}

func FuzzMended(f *testing.F) {
	f.Add(`{"choices":[{"message":{"content":"a","reasoning":"b","tool_calls":[{}]}},1,null]}`)
	f.Add(`{"id":1,"choices":{},"choices":[[]]}`)
	f.Add(`{"id":1,"choices":[{"finish_reason":"stop","message":{"tool_calls":[{"function":{"name":"f"}}]}}]}`)
	f.Add(`{"id":1,"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"text":"\ud83d"}],"signature":"s"},{"type":"thinking","thinking":[1],"signature":7}]}}]}`)
	f.Add(`{"id":1,"choices":[{"finish_reason":"max_tokens","message":{"images":[],"content":["a",{"type":"thinking","thinking":[{"text":"\ud83d"},1]},{"type":"image_url"}],"tool_calls":[{"function":{"name":"f"}}]}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		if out := mended(t, body); json.Valid([]byte(body)) && !json.Valid(out) {
			t.Errorf("%q becomes %q", body, out)
		}
	})
}
