//go:build !race

package server

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
	"uniapi/codec/formats/openai"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/strip"
	"uniapi/codec/toolid"
)

func TestWhatIsMadeOfARequestTakesNoMoreThanWasReckoned(t *testing.T) {
	const size = 64 << 10
	for _, from := range slices.Sorted(maps.Keys(worst)) {
		for name, text := range worst[from](size) {
			t.Run(from+"/"+name, func(t *testing.T) {
				body := []byte(text)
				var request *codec.Request
				var err error
				allocated, live := work(func() any {
					request, err = formats.All[from].DecodeRequest(body)
					return request
				})
				if most := decodingOf(body); live > most+slack || allocated > garbage*most+slack {
					t.Errorf("decoding %d bytes takes %d and allocates %d, reckoned were %d", len(body), live, allocated, most)
				}
				if err != nil {
					return
				}
				w := weigh(request, body, decodingOf(body))
				if w.kept > decodingOf(body) || live > w.kept+slack {
					t.Errorf("%d bytes stay, reckoned were %d, %d while it was read", live, w.kept, decodingOf(body))
				}
				for _, to := range slices.Sorted(maps.Keys(formats.All)) {
					var out []byte
					allocated, _ := work(func() any {
						out, err = formats.All[to].EncodeRequest(make([]byte, 0, len(body)+len(body)/8), request, "up")
						return out
					})
					if most := w.encoded + w.work; allocated > garbage*most+slack || len(out) > w.encoded+w.work/4+slack {
						t.Errorf("%s: writing %d bytes of %d allocates %d, reckoned were %d and %d (%v)", to, len(out), len(body), allocated, w.encoded, w.work, err)
					}
				}
			})
		}
	}
}

func TestChangingARequestTakesNoMoreThanWasReckoned(t *testing.T) {
	const size = 64 << 10
	value := `{"a":{"b":1},"temperature":0.5,"__remove__":["z",{"path":"messages.name"}]}`
	var entries []override.Entry
	for it := rawjson.MembersOf([]byte(value)); it.Next(); {
		entries = append(entries, override.Entry{Name: it.Name(), Value: it.Value.Raw([]byte(value))})
	}
	rules, err := override.Compile(entries, "m", func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	quirks := openai.NewRules(capability.Find(capability.Query{Host: "api.deepseek.com", Format: capability.Chat, Model: "deepseek-reasoner"}), "deepseek-reasoner")
	if quirks == nil {
		t.Fatal("there is no quirk")
	}
	bodies := worst["openai"](size)
	bodies["members at the top"] = `{` + filled(`"a":0`, size) + `}`
	bodies["members to take out"] = `{"messages":[],` + filled(`"z":0`, size) + `}`
	bodies["signatures"] = `{"model":"m","messages":[` + filled(`{"role":"tool","tool_call_id":"`+toolid.Join("c", codec.Signature{Provider: "google", Value: "x"})+`"}`, size) + `]}`
	for name, text := range bodies {
		t.Run(name, func(t *testing.T) {
			body := []byte(text)
			var edited []byte
			allocated, _ := work(func() any {
				edited = quirks.Edit(body)
				edited = overridden(rules, strip.Request(toolid.Strip(edited), true, true), true)
				return edited
			})
			if most := 3*len(body) + valueEdited*rawjson.Values(body); allocated > garbage*most+slack || len(edited) > len(body)+200 {
				t.Errorf("changing %d bytes to %d allocates %d, reckoned were %d", len(body), len(edited), allocated, most)
			}
		})
	}
}

// Streams that make a translation keep all it can.
func TestWhatAStreamKeepsIsReckoned(t *testing.T) {
	const size, most = 2 << 20, 24 << 20
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
					if live := int(m.HeapAlloc) - int(before.HeapAlloc); live > f.Held()+slack {
						t.Fatalf("after %d pieces %d bytes are live, reckoned were %d", n, live, f.Held())
					}
				}
				f.End()
				runtime.KeepAlive(text)
			})
		}
	}
}
