package codec_test

import (
	"fmt"

	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/openai"
	"uniapi/codec/rawjson"
)

// A request of an OpenAI client, as a provider of Anthropic's format gets it.
func ExampleFormat() {
	request, err := openai.Format{}.DecodeRequest([]byte(`{"model":"sonnet","max_tokens":99,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := anthropic.Format{}.EncodeRequest(nil, request, "claude-sonnet-4-5")
	fmt.Printf("%s %v\n", body, err)
	// Output: {"model":"claude-sonnet-4-5","max_tokens":99,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]} <nil>
}

// What a provider counted, in whatever words it has for that.
func ExampleReadUsage() {
	for _, words := range []string{`{"prompt_tokens":12,"completion_tokens":3}`, `{"input_tokens":12,"output_tokens":3}`, `{"promptTokenCount":12,"candidatesTokenCount":3}`} {
		v, err := rawjson.One([]byte(words))
		if err != nil {
			fmt.Println(err)
			return
		}
		u, told := codec.ReadUsage([]byte(words), v)
		fmt.Println(u.Prompt, u.Completion, told)
	}
	// Output:
	// 12 3 true
	// 12 3 true
	// 12 3 true
}
