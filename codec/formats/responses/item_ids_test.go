package responses

import (
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec/passthrough"
)

func TestItemIDsBeginAsTheirTypeDoes(t *testing.T) {
	for _, c := range []struct{ kind, id, want string }{
		{"custom_tool_call", "item_7eb1bd749e0a9e692c69ed40", "ctc_7eb1bd749e0a9e692c69ed40"},
		{"custom_tool_call", "fc_417e", "ctc_417e"}, {"custom_tool_call", "ctc_417e", ""}, {"custom_tool_call_output", "ctc_1", "ctco_1"},
		{"message", "rs_1", "msg_1"}, {"reasoning", "item_a", "rs_a"}, {"function_call", "call_a", "fc_a"}, {"function_call_output", "x_a", "fco_a"}, {"tool_search_call", "fc_a", "tsc_a"},
		{"message", "msg_" + strings.Repeat("a", 60), ""}, {"message", "x_" + strings.Repeat("a", 60), "msg_" + strings.Repeat("a", 60)},
		{"message", "msg_" + strings.Repeat("a", 61), "msg_c9f2b0f9f8a6fa1b1ed2b0ee53a8e3c3c9ee7cb0"},
		{"custom_tool_call", "ctc_not-ours", "hashed"}, {"message", "no", "hashed"}, {"message", "_a", "hashed"}, {"message", "a_", "hashed"}, {"message", "a_b_c", "hashed"}, {"message", "é_b", "hashed"},
		{"message", "", ""}, {"web_search_call", "item_1", ""}, {"", "item_1", ""},
	} {
		got := canonicalID(c.kind, c.id)
		if c.want == "hashed" || strings.HasSuffix(c.want, "7cb0") {
			prefix := idPrefixes[c.kind] + "_"
			if !strings.HasPrefix(got, prefix) || len(got) != len(prefix)+hashedID || canonicalID(c.kind, got) != "" {
				t.Errorf("%s %q: %q", c.kind, c.id, got)
			}
		} else if got != c.want {
			t.Errorf("%s %q: %q, want %q", c.kind, c.id, got, c.want)
		}
	}
	if canonicalID("message", "a-b") == canonicalID("message", "a-c") {
		t.Error("two ids become one")
	}
}

func TestItemIDsAreChangedWhereItemsStandAndNowhereElse(t *testing.T) {
	for name, c := range map[string][2]string{
		"a request": {`{"input":[{"type":"reasoning","id":"item_r","content":[{"type":"message","id":"item_n"}]},{"role":"user","content":"hi","id":"u_1"},{"type":"custom_tool_call","id":"item_c","call_id":"item_c"},{"type":"future","id":"item_f"},1],"model":"m"}`,
			`{"input":[{"type":"reasoning","id":"rs_r","content":[{"type":"message","id":"item_n"}]},{"role":"user","content":"hi","id":"msg_1"},{"type":"custom_tool_call","id":"ctc_c","call_id":"item_c"},{"type":"future","id":"item_f"},1],"model":"m"}`},
		"an answer":                 {`{"id":"resp_1","output":[{"id":"x_1","type":"message"}]}`, `{"id":"resp_1","output":[{"id":"msg_1","type":"message"}]}`},
		"an item":                   {`{"type":"response.output_item.added","item":{"type":"function_call","id":"item_1"}}`, `{"type":"response.output_item.added","item":{"type":"function_call","id":"fc_1"}}`},
		"the end":                   {`{"type":"response.completed","response":{"id":"r","output":[{"type":"function_call","id":"item_1"}]}}`, `{"type":"response.completed","response":{"id":"r","output":[{"type":"function_call","id":"fc_1"}]}}`},
		"a piece of text":           {`{"type":"response.output_text.delta","item_id":"item_1","delta":"item_id"}`, `{"type":"response.output_text.delta","item_id":"msg_1","delta":"item_id"}`},
		"a piece of thinking":       {`{"item_id":"item_1","type":"response.reasoning_summary_text.delta"}`, `{"item_id":"rs_1","type":"response.reasoning_summary_text.delta"}`},
		"a part of thinking":        {`{"type":"response.content_part.added","item_id":"x_1","part":{"type":"reasoning_text"}}`, `{"type":"response.content_part.added","item_id":"rs_1","part":{"type":"reasoning_text"}}`},
		"a part of a message":       {`{"type":"response.content_part.added","item_id":"x_1","part":{"type":"output_text"}}`, `{"type":"response.content_part.added","item_id":"msg_1","part":{"type":"output_text"}}`},
		"a piece of a call":         {`{"type":"response.custom_tool_call_input.delta","item_id":"fc_1"}`, `{"type":"response.custom_tool_call_input.delta","item_id":"ctc_1"}`},
		"of which no more is known": {`{"type":"response.web_search_call.searching","item_id":"x_1"}`, `{"type":"response.web_search_call.searching","item_id":"x_1"}`},
		"a text as input":           {`{"input":"item_1","item":7,"response":"x"}`, `{"input":"item_1","item":7,"response":"x"}`},
		"no JSON":                   {`{"input":[`, `{"input":[`},
	} {
		if got := string(WithItemIDs([]byte(c[0]))); got != c[1] {
			t.Errorf("%s:\n%s, want\n%s", name, got, c[1])
		}
	}
}

func TestStreamsItemIDsAreThoseOfItsEnd(t *testing.T) {
	const came = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n" +
		"event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"custom_tool_call\",\"id\":\"item_1\"}}\n\n" +
		"event: response.custom_tool_call_input.delta\ndata: {\"type\":\"response.custom_tool_call_input.delta\",\ndata: \"item_id\":\"item_1\",\"delta\":\"x\"}\n\n" +
		"data: {\"type\":\"response.custom_tool_call_input.delta\",\"item_id\":\"item_1\",\"delta\":\"y\"}\n\n" +
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"type\":\"custom_tool_call\",\"id\":\"item_1\"}]}}\n\n"
	var s passthrough.Stream
	in := &Inspector{ItemIDs: true}
	s.Reset(in)
	out, err := s.Push([]byte(came))
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if strings.Contains(text, "item_1") || strings.Count(text, "ctc_1") != 4 || strings.Count(text, "\n\n") != 5 || !strings.Contains(text, `"id":"resp_1"`) {
		t.Errorf("%s", text)
	}
	for line := range strings.Lines(text) {
		if data, is := strings.CutPrefix(line, "data: "); is && !json.Valid([]byte(data)) {
			t.Errorf("not JSON: %s", data)
		}
	}
	in.ItemIDs = false
	s.Reset(in)
	if out, err := s.Push([]byte(came)); err != nil || strings.Count(string(out), "item_1") != 4 {
		t.Errorf("without it: %s, %v", out, err)
	}
}

func FuzzWithItemIDs(f *testing.F) {
	f.Add([]byte(`{"input":[{"type":"reasoning","id":"item_r"},{"role":"user","id":"\u00e9"}],"item_id":"x","type":"response.refusal.delta"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		out := WithItemIDs(body)
		if json.Valid(body) != json.Valid(out) {
			t.Fatalf("%s became %s", body, out)
		}
		if again := WithItemIDs(out); string(again) != string(out) {
			t.Fatalf("%s, and then %s", out, again)
		}
	})
}
