package anthropic

import (
	"testing"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// TestCountsKeepWhatALaterEventSaysNothingOf takes the usage objects of a stream, of which the first stands at its
// beginning.
func TestCountsKeepWhatALaterEventSaysNothingOf(t *testing.T) {
	for _, test := range []struct {
		name string
		told []string
		want codec.Usage
	}{
		{"zeros in the place of the prompt", []string{`{"input_tokens":1000,"output_tokens":1}`, `{"input_tokens":0,"output_tokens":9}`}, codec.Usage{Prompt: 1000, Completion: 9}},
		{"zeros in the place of caches", []string{`{"input_tokens":0,"cache_read_input_tokens":800,"cache_creation_input_tokens":200,"cache_creation":{"ephemeral_1h_input_tokens":100},"output_tokens":1}`,
			`{"input_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"cache_creation":{"ephemeral_1h_input_tokens":0},"output_tokens":9}`},
			codec.Usage{Prompt: 1000, Cached: 800, CacheWrite: 200, CacheWrite1h: 100, Completion: 9}},
		{"a prompt that turns out to be cached", []string{`{"input_tokens":1000,"output_tokens":1}`, `{"input_tokens":0,"cache_read_input_tokens":1000,"output_tokens":9}`},
			codec.Usage{Prompt: 1000, Cached: 1000, Completion: 9}},
		{"an estimate that shrinks", []string{`{"input_tokens":1000,"output_tokens":1}`, `{"input_tokens":700,"output_tokens":9}`}, codec.Usage{Prompt: 700, Completion: 9}},
		{"an end after the end", []string{`{"input_tokens":1000,"output_tokens":1}`, `{"output_tokens":9}`, `{"input_tokens":0,"output_tokens":0}`}, codec.Usage{Prompt: 1000, Completion: 9}},
		{"an answer of nothing", []string{`{"input_tokens":1000,"output_tokens":1}`, `{"output_tokens":0}`}, codec.Usage{Prompt: 1000}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c counts
			for i, told := range test.told {
				v, err := rawjson.One([]byte(told))
				if err != nil {
					t.Fatal(err)
				}
				c.take([]byte(told), v, i == 0)
			}
			if got := c.usage(); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
