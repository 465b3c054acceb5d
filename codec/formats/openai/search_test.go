package openai

import "testing"

func TestWithSearchAddsGooglesToolOnce(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m"}`:              `{"model":"m","tools":[` + searchTool + `]}`,
		`{"tools":null}`:             `{"tools":[` + searchTool + `]}`,
		`{"tools":[ {"type":"x"} ]}`: `{"tools":[{"type":"x"},` + searchTool + `]}`,
		`{"tools":[{"type":"function","function":{"name":"googleSearch"}}]}`: `{"tools":[{"type":"function","function":{"name":"googleSearch"}}]}`,
		`[`: `[`,
	} {
		if got := string(Format{}.WithSearch([]byte(body))); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}
