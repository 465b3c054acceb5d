package rawjson_test

import (
	"bytes"
	"fmt"

	"uniapi/codec/rawjson"
)

// A body goes to a provider that calls the model otherwise: all else stays as it came, byte by byte.
func ExampleSplicer() {
	body := []byte(`{ "model": "fast", "messages": [{"role": "user", "content": "hi"}] }`)
	var s rawjson.Splicer
	s.Set("model", []byte(`"gpt-4o-mini"`))
	parts, err := s.Parts(nil, body)
	fmt.Printf("%s %v\n", bytes.Join(parts, nil), err)
	// Output: { "model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}] } <nil>
}

func ExampleValue_Get() {
	body := []byte(`{"usage": {"prompt_tokens": 12}}`)
	top, err := rawjson.One(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, whole := rawjson.Int(body, top.Get(body, "usage").Get(body, "prompt_tokens"))
	fmt.Println(tokens, whole)
	// Output: 12 true
}
