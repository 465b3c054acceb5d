package strip

import "testing"

func TestStripTakesOutToolsAndImagesAndNothingElse(t *testing.T) {
	for _, test := range []struct {
		name          string
		tools, images bool
		body, want    string
	}{
		{"tools and what speaks of them", true, false,
			`{"model":"m","tools":[{}],"tool_choice":"auto","parallel_tool_calls":true,"seed":1.0}`, `{"model":"m","seed":1.0}`},
		{"functions of old", true, false, `{"functions":[],"function_call":"auto","n":1}`, `{"n":1}`},
		{"nothing to take out", true, true, `{ "model" : "m" }`, `{ "model" : "m" }`},
		{"tools stay where only images go", false, true, `{"tools":[1],"messages":[]}`, `{"tools":[1],"messages":[]}`},
		{"an image beside a text", false, true,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"x"}}],"name":"n"}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}],"name":"n"}]}`},
		{"an image alone leaves a word", false, true,
			`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`,
			`{"messages":[{"role":"user","content":` + imageRemoved + `}]}`},
		{"the word image in a text is no image", false, true,
			`{"messages":[{"role":"user","content":"an image"},{"role":"user","content":[{"type":"text","text":"image_url"}]}]}`,
			`{"messages":[{"role":"user","content":"an image"},{"role":"user","content":[{"type":"text","text":"image_url"}]}]}`},
		{"a body that is not JSON is left alone", true, true, `{"tools":[`, `{"tools":[`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(Request([]byte(test.body), test.tools, test.images)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
