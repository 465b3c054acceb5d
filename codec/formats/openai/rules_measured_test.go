//go:build !race

package openai

import (
	"strconv"
	"strings"
	"testing"

	"uniapi/bench/linear"
	"uniapi/codec/capability"
)

func TestRulesCostLinearTime(t *testing.T) {
	for name, body := range map[string]func(size int) []byte{
		"ids": func(size int) []byte {
			var ids []string
			for i := range size / 90 {
				ids = append(ids, "call_"+strconv.Itoa(i))
			}
			return callBody(ids)
		},
		"ids that a long one would get": func(size int) []byte {
			own := strings.Repeat("x", size/2)
			hashed := capability.Hashed(own, capability.WholeHash)
			mistral, others := rulesFor("api.mistral.ai", "m", "m"), rulesFor("api.openai.com", "m", "gpt-4o")
			ids := []string{mistral.shaped(own, 0), others.shaped(own, 0)}
			for n := 1; n < size/600; n++ {
				for _, of := range []string{own, hashed} {
					ids = append(ids, mistral.shaped(of, n), others.shaped(of, n))
				}
			}
			return callBody(append(ids, own))
		},
		"the name of an id as a value": func(size int) []byte {
			return []byte(`{"messages":[{"x":[` + strings.Repeat(`"tool_call_id",`, size/15) + `1],"y":1}]}`)
		},
		"schemas": func(size int) []byte {
			return []byte(`{"tools":[` + strings.Repeat(`{"type":"function","function":{"parameters":{"type":"object","properties":{"a":{"type":"array"}}}}},`, size/100) + `1]}`)
		},
		"a deep schema": func(size int) []byte {
			return []byte(`{"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":` + strings.Repeat(`{"a":`, size/500) + strings.Repeat(`[1],`, size/8) + `1` + strings.Repeat(`}`, size/500) + `}}}]}`)
		},
		"parts": func(size int) []byte {
			return []byte(`{"response_format":{"type":"json_object"},"messages":[{"role":"user","content":[` + strings.Repeat(`{"type":"input_audio","input_audio":{"data":"j"}},`, size/50) + `1]}]}`)
		},
		"the name of an id in the value of an id": func(size int) []byte {
			return []byte(`{"messages":[` + strings.Repeat(`{"tool_call_id":`+strings.Repeat(`[{"tool_call_id":`, 200)+`1`+strings.Repeat(`}]`, 200)+`},`, size/3800) + `1]}`)
		},
	} {
		for _, host := range []string{"api.mistral.ai", "api.openai.com"} {
			t.Run(name+" for "+host, func(t *testing.T) {
				r := rulesFor(host, "m", "gpt-4o")
				linear.Check(t, func(size int) func() {
					b := body(size)
					return func() { r.Edit(b) }
				})
			})
		}
	}
}
