package openai

import (
	"errors"
	"testing"

	"uniapi/codec"
	"uniapi/codec/front"
)

// roomy has room for so many bytes.
type roomy int

func (r roomy) Room(bytes int) error {
	if bytes > int(r) {
		return errors.New("no room")
	}
	return nil
}

func TestVectorsComeAsTheyWereAskedFor(t *testing.T) {
	const (
		numbers = `{"object":"list","data":[{"object":"embedding","embedding":[0.5, -1e0],"index":0},{"index":1,"embedding":[2,0]}],"usage":{"prompt_tokens":2}}`
		coded   = `{"object":"list","data":[{"object":"embedding","embedding":"AAAAPwAAgL8=","index":0},{"index":1,"embedding":"AAAAQAAAAAA="}],"usage":{"prompt_tokens":2}}`
		decoded = `{"object":"list","data":[{"object":"embedding","embedding":[0.5,-1],"index":0},{"index":1,"embedding":[2,0]}],"usage":{"prompt_tokens":2}}`
	)
	for _, c := range []struct{ name, request, answer, want string }{
		{"numbers for base64", `{"input":["a","b"],"encoding_format":"base64"}`, numbers, coded},
		{"base64 for base64", `{"input":["a","b"],"encoding_format":"base64"}`, coded, ""},
		{"numbers for numbers", `{"input":[[1],[2]],"encoding_format":"float"}`, numbers, ""},
		{"base64 for numbers", `{"input":["a","b"],"encoding_format":"float"}`, coded, decoded},
		{"base64 for who does not say", `{"input":["a","b"]}`, coded, decoded},
		{"other numbers than floats", `{"input":"a","encoding_format":"base64","output_dtype":"int8"}`, numbers, ""},
		{"what is no vector", `{"input":"a","encoding_format":"base64"}`, `{"data":[{"embedding":[1]},{"embedding":["x"]}]}`, ""},
		{"both at once", `{"input":"a","encoding_format":"base64"}`, `{"data":[{"embedding":[1]},{"embedding":"AAAAPw=="}]}`, ""},
		{"a text that is no base64", `{"input":"a"}`, `{"data":[{"embedding":"hello"}]}`, ""},
		{"no vectors", `{"input":"a","encoding_format":"base64"}`, `{"data":[]}`, ""},
		{"another answer", `{"input":"a","encoding_format":"base64"}`, `{"embeddings":{"float":[[1]]}}`, ""},
	} {
		from := front.From{Endpoint: codec.Embeddings, Body: []byte(c.request)}
		got, err := plain{}.Recode([]byte(c.answer), from, roomy(1<<20))
		if string(got) != c.want || err != nil {
			t.Errorf("%s: %s, %v", c.name, got, err)
		}
		if _, err := (plain{}).Recode([]byte(c.answer), from, roomy(10)); (err != nil) != (c.want != "") {
			t.Errorf("%s where there is no room: %v", c.name, err)
		}
		from.Endpoint = codec.Moderations
		if got, err := (plain{}).Recode([]byte(c.answer), from, roomy(0)); got != nil || err != nil {
			t.Errorf("%s of another endpoint: %s, %v", c.name, got, err)
		}
	}
}
