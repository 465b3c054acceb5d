//go:build !race

package relay

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/formats/openai"
)

// Streams that make a translation keep all it can.
func TestWhatAStreamKeepsIsReckoned(t *testing.T) {
	const (
		size, most = 2 << 20, 24 << 20
		slack      = 320 << 10 // is there anyway, or left in pools by other tests
	)
	filled := func(unit string, size int) string {
		return strings.TrimSuffix(strings.Repeat(unit+",", size/(len(unit)+1)), ",")
	}
	event := func(delta string) string {
		return `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n"
	}
	calls := func(n int) string {
		var out strings.Builder
		for i := range n {
			out.WriteString(event(fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"c%d","function":{"name":"f","arguments":"{}"}}]}`, i, i)))
		}
		return out.String()
	}
	text := event(`{"content":"` + strings.Repeat("x", 8<<10) + `"}`)
	repeated := func(event string) string { return strings.Repeat(event, size/len(event)) }
	for name, stream := range map[string]string{
		"an event that does not end": event(`{"content":"one"}`) + `data: {"x":"` + strings.Repeat("y", size),
		"one large event":            event(`{"content":"` + strings.Repeat("x", size) + `"}`),
		"an event of many choices":   `data: {"id":"1","choices":[` + filled(`{"delta":{"content":"x"}}`, size) + `]}` + "\n\n",
		"an event of nothing":        `data: {"id":"1","choices":[` + filled(`{}`, size) + `]}` + "\n\n",
		"a smaller one":              event(`{"content":"one"}`) + strings.Repeat(`data: {"id":"1","choices":[`+filled(`{}`, 60<<10)+`]}`+"\n\n", 3),
		"much text":                  strings.Repeat(text, size/len(text)),
		"logprobs": repeated(`data: {"id":"1","choices":[{"index":0,"delta":{"content":"one"},"logprobs":{"content":[{"token":"one","logprob":-1,"bytes":null,"top_logprobs":[` +
			filled(`{"token":"one","logprob":-1,"bytes":[111,110,101]}`, 2000) + `]}]}}]}` + "\n\n"),
		"thoughts":                 repeated(event(`{"reasoning_content":"` + strings.Repeat("x", 2000) + `"}`)),
		"sealed thoughts":          repeated(event(`{"reasoning_details":[{"type":"reasoning.encrypted","id":"r","format":"openai-responses-v1","data":"` + strings.Repeat("x", 2000) + `"}]}`)),
		"refusals":                 repeated(event(`{"refusal":"` + strings.Repeat("x", 2000) + `"}`)),
		"sources":                  repeated(event(`{"annotations":[{"type":"url_citation","url_citation":{"url":"https://h.example/","title":"` + strings.Repeat("x", 2000) + `","start_index":0,"end_index":1}}]}`)),
		"images":                   repeated(event(`{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("x", 2000) + `"}}]}`)),
		"many calls":               calls(1000),
		"arguments without a name": event(`{"content":"one"}`) + strings.Repeat(event(`{"tool_calls":[{"index":0,"function":{"arguments":"`+strings.Repeat("x", 8<<10)+`"}}]}`), size>>13),
	} {
		for _, to := range []string{"anthropic", "responses", "gemini"} {
			t.Run(name+" to "+to, func(t *testing.T) {
				f := new(translation)
				f.reset(openai.Format{}.NewStreamDecoder(), formats.All[to].NewStreamEncoder(&codec.Request{Model: "m"}), nil)
				text := []byte(stream)
				var before, m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				n := 0
				for piece := range slices.Chunk(text, 16<<10) {
					if _, err := f.Push(piece); err != nil || f.Held() > most {
						break // the budget has no more
					}
					if n++; n%8 > 0 {
						continue
					}
					runtime.GC()
					runtime.ReadMemStats(&m)
					live := int(m.HeapAlloc) - int(before.HeapAlloc)
					if live > f.Held()+slack {
						t.Fatalf("after %d pieces %d bytes are live, reckoned were %d", n, live, f.Held())
					}
				}
				f.End()
				runtime.KeepAlive(text)
			})
		}
	}
}
