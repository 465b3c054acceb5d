package estimate

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec/quoted"
)

// FuzzPromptsFindsWords holds what is found in passing to the strings that the standard library reads, and to the
// search that does not read the JSON: it finds no less than the one and no more than the other.
func FuzzPromptsFindsWords(f *testing.F) {
	words := []string{"service_tier", "1h", "web_search*", "*pdf", "n"}
	var list quoted.List
	for i, w := range words {
		list.Add(w, 1<<i)
	}
	for _, body := range []string{
		`{"service_tier":"flex"}`, `{"a":{"ttl":"1h"}}`, `{"tools":[{"type":"web_search_preview"}]}`, `{"x":"application/pdf","n":2}`,
		`{"s\u0065rvice_tier":1}`, `{"a":"\u00e9\u4f60"}`, `{"a":"said \"1h\" \\"}`, `["n",1,{"":""}]`, `{"a":"\\u0031h"}`, `{"data":"1h","image":"` + strings.Repeat("QUJD", 90) + `"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		_, _, found := Prompts(body, &list)
		if all := list.In(body); found&^all != 0 {
			t.Errorf("%q: %b is found, and %b without reading it", body, found, all)
		}
		if found&quoted.Escaped != 0 {
			return
		}
		in := json.NewDecoder(bytes.NewReader(body))
		for {
			token, err := in.Token()
			if err != nil {
				return
			}
			text, is := token.(string)
			for i, w := range words {
				begin, begins := strings.CutSuffix(w, "*")
				end, ends := strings.CutPrefix(w, "*")
				if is && (text == w || begins && strings.HasPrefix(text, begin) || ends && strings.HasSuffix(text, end)) && found&(1<<i) == 0 {
					t.Errorf("%q: %q is not found", body, text)
				}
			}
		}
	})
}
