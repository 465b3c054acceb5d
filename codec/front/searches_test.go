package front_test

import (
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/codec/front"
)

// usual is what is allowed for where the request does not say.
const usual = 10

func TestToolsAtMostAreThoseThatARequestAllows(t *testing.T) {
	chat, answers, messages, google := openai.Format{}, responses.Format{}, anthropic.Format{}, gemini.Format{}
	for _, c := range []struct {
		format           codec.Format
		body             string
		web, files, code int64
	}{
		{messages, `{"messages":[{"role":"user","content":"search for it"}]}`, 0, 0, 0},
		{messages, `{"tools":[{"name":"web_search","input_schema":{}}]}`, 0, 0, 0},
		{messages, `{"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}]}`, 3, 0, 0},
		{messages, `{"tools":[{"type":"web_search_20250305","name":"web_search"}]}`, usual, 0, 0},
		{messages, `{"tools":[{"type":"web_search_20250305","max_uses":0}]}`, usual, 0, 0},
		{messages, `{"tools":[{"type":"web_search_20250305","max_uses":2},{"type":"web_search_20260209","max_uses":5}]}`, 7, 0, 0},
		{messages, `{"tools":[{"type":"web_search_20250305"}],"max_tool_calls":1}`, usual, 0, 0}, // which nobody reads
		{messages, `{"tools":"search"`, 0, 0, 0},
		{messages, `{"tools":[7,"search",null]}`, 0, 0, 0},
		{answers, `{"tools":[{"type":"web_search","max_uses":1}]}`, usual, 0, 0}, // which nobody reads
		{answers, `{"tools":[{"type":"web_search"}],"max_tool_calls":40}`, 40, 0, 0},
		{answers, `{"tools":[{"type":"function","name":"web_search"}],"max_tool_calls":4,"instructions":"search"}`, 0, 0, 0},
		{answers, `{"tools":[{"type":"web\u005fs\u0065arch"}]}`, usual, 0, 0},
		{answers, `{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}`, 0, usual, 0},
		{answers, `{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]},{"type":"web_search"}],"max_tool_calls":3}`, 3, 3, 0},
		{answers, `{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}],"max_tool_calls":3}`, 0, 3, 0},
		{answers, `{"tools":[{"type":"function","name":"file_search"},{"type":["file_search"]},"file_search"],"input":"file_search"}`, 0, 0, 0},
		{answers, `{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`, 0, 0, usual},
		{answers, `{"tools":[{"type":"code_execution"},{"type":"web_search"}],"max_tool_calls":2}`, 2, 0, 2},
		{chat, `{"tools":[{"type":"code_interpreter"}]}`, 0, 0, 0}, // which runs none there
		{google, `{"tools":[{"googleSearch":{}}]}`, usual, 0, 0},
		{google, `{"tools":[{"google_search":{}},{"functionDeclarations":[]}]}`, usual, 0, 0},
		{google, `{"tools":[{"googleMaps":{}}]}`, usual, 0, 0},
		{google, `{"tools":[{"functionDeclarations":[{"name":"googleSearch"}]}]}`, 0, 0, 0},
		{chat, `{"web_search_options":{}}`, usual, 0, 0},
		{chat, `{"web_search_options":null,"messages":[]}`, 0, 0, 0},
		{chat, `{"tools":[{"google_search":{}},{"type":"web_search"}]}`, 2 * usual, 0, 0},
		{chat, `{"tools":[{"type":"function","function":{"name":"web_search"}}]}`, 0, 0, 0},
	} {
		want := front.Tools{Web: c.web, Files: c.files, Code: c.code}
		if strings.Contains(c.body, "oogleMaps\":{}") {
			want.Maps = 1
		}
		if got := front.ToolsAtMost([]byte(c.body), c.format.Properties().Bounds); got != want {
			t.Errorf("%s: %s: %+v, want %+v", c.format.Name(), c.body, got, want)
		}
	}
	if got := front.ToolsAtMost([]byte(`{"tools":[{"type":"web_search"}]}`), nil); got != (front.Tools{}) {
		t.Error("a format that searches nothing")
	}
}

func TestRankingsAtMostGoByTheDocuments(t *testing.T) {
	documents := func(n int) []byte {
		return []byte(`{"model":"m","query":"q","documents":[` + strings.TrimSuffix(strings.Repeat(`"d",`, n), ",") + `]}`)
	}
	for _, c := range []struct {
		body   []byte
		tokens int64
		want   int64
	}{
		{documents(0), 1, 1}, {documents(100), 200, 1}, {documents(101), 202, 2}, {documents(250), 500, 3},
		{documents(1), 51_000, 2}, // one long document in a hundred pieces
		{[]byte("{"), 10, 1}, {[]byte(`{"documents":{"a":1}}`), 10, 1},
	} {
		if got := front.RankingsAtMost(c.body, c.tokens); got != c.want {
			t.Errorf("%.60s of %d tokens: %d, want %d", c.body, c.tokens, got, c.want)
		}
	}
}
