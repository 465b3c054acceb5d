package server

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
	"uniapi/codec/formats/openai"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
	"uniapi/pool"
	"uniapi/server/budget"
)

// filled is a list's or an object's inside: a unit again and again, up to size
// bytes.
func filled(unit string, size int) string {
	return strings.TrimSuffix(strings.Repeat(unit+",", size/(len(unit)+1)), ",")
}

// worst are requests of each format that become much of little, of about so many
// bytes.
var worst = map[string]func(size int) map[string]string{
	"openai": func(size int) map[string]string {
		message := func(inside string) string { return `{"model":"m","messages":[{"role":"user",` + inside + `}]}` }
		tools := func(unit string) string {
			return `{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[` + filled(unit, size) + `]}`
		}
		return map[string]string{
			"text":              message(`"content":"` + strings.Repeat("some words ", size/11) + `"`),
			"escapes":           message(`"content":"` + strings.Repeat(`\n`, size/2) + `"`),
			"control":           message(`"content":"` + strings.Repeat(`\u0001`, size/6) + `"`),
			"no UTF-8":          message(`"content":"` + strings.Repeat("\xff", size) + `"`),
			"texts":             message(`"content":[` + filled(`""`, size) + `]`),
			"parts":             message(`"content":[` + filled(`{}`, size) + `]`),
			"images":            message(`"content":[` + filled(`{"type":"image_url"}`, size) + `]`),
			"numbers":           message(`"content":"x","z":[` + filled(`0`, size) + `]`),
			"members":           message(`"content":"x",` + filled(`"":0`, size)),
			"messages":          `{"model":"m","messages":[` + filled(`{"role":"user"}`, size) + `]}`,
			"results":           `{"model":"m","messages":[` + filled(`{"role":"tool"}`, size) + `]}`,
			"calls":             `{"model":"m","messages":[{"role":"assistant","tool_calls":[` + filled(`{}`, size) + `]}]}`,
			"hosted tools":      tools(`{"type":"x"}`),
			"tools":             tools(`{"function":{"name":"x"}}`),
			"tools that refer":  tools(`{"function":{"name":"x","parameters":{"$ref":"#/d","d":{"allOf":[{"$ref":"#/e"},{"$ref":"#/e"}]},"e":{"properties":{"a":{"$ref":"#"}}}}}}`),
			"properties":        tools(`{"function":{"name":"x","parameters":{"properties":{` + filled(`"a":{}`, 8000) + `}}}}`),
			"one large schema":  `{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"function":{"name":"x","parameters":{"type":"object","enum":[` + filled(`0`, min(size, 18_000)) + `]}}}]}`,
			"words that end it": `{"model":"m","messages":[{"role":"user","content":"x"}],"stop":[` + filled(`""`, size) + `]}`,
		}
	},
	"anthropic": func(size int) map[string]string {
		content := func(unit string) string {
			return `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[` + filled(unit, size) + `]}]}`
		}
		return map[string]string{
			"texts":    content(`{"type":"text","text":""}`),
			"parts":    content(`{}`),
			"results":  content(`{"type":"tool_result"}`),
			"images":   content(`{"type":"image","source":{}}`),
			"messages": `{"model":"m","max_tokens":1,"messages":[` + filled(`{"role":"user"}`, size) + `]}`,
			"calls":    `{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[` + filled(`{"type":"tool_use","input":{}}`, size) + `]}]}`,
			"system":   `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"system":[` + filled(`{"type":"text"}`, size) + `]}`,
		}
	},
	"gemini": func(size int) map[string]string {
		parts := func(role, unit string) string {
			return `{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"` + role + `","parts":[` + filled(unit, size) + `]}]}`
		}
		return map[string]string{
			"texts":   parts("user", `{"text":""}`),
			"words":   parts("user", `{"text":"x"}`),
			"parts":   parts("user", `{}`),
			"calls":   parts("model", `{"functionCall":{"name":"f"}}`),
			"results": parts("user", `{"functionResponse":{"name":"f"}}`),
			"files":   parts("user", `{"fileData":{}}`),
			"turns":   `{"contents":[` + filled(`{"parts":[{"text":"x"}]}`, size) + `]}`,
		}
	},
	"responses": func(size int) map[string]string {
		input := func(unit string) string { return `{"model":"m","input":[` + filled(unit, size) + `]}` }
		return map[string]string{
			"messages": input(`{"role":"user","content":""}`),
			"calls":    input(`{"type":"function_call"}`),
			"outputs":  input(`{"type":"function_call_output"}`),
			"thoughts": input(`{"type":"reasoning"}`),
			"texts":    `{"model":"m","input":[{"role":"user","content":[` + filled(`{"type":"input_text","text":""}`, size) + `]}]}`,
		}
	},
}

// work is what f allocates, and how much of it is live when it has ended.
func work(f func() any) (allocated, live int) {
	var before, after, collected runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := f()
	runtime.ReadMemStats(&after)
	runtime.GC()
	runtime.ReadMemStats(&collected)
	runtime.KeepAlive(made)
	return int(after.TotalAlloc - before.TotalAlloc), int(collected.HeapAlloc) - int(before.HeapAlloc)
}

const (
	// garbage is how many times as much as is reckoned may be allocated for it: a list that grows by quarters leaves four times itself behind, and
	// what names the place of a mistake is made for each value.
	garbage = 5
	// slack is what is there anyway.
	slack = 256 << 10
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
	accent := openai.NewRules(capability.Find(capability.Query{Host: "api.deepseek.com", Format: capability.Chat, Model: "deepseek-reasoner"}), "deepseek-reasoner")
	if accent == nil {
		t.Fatal("there is no accent")
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
				edited = accent.Edit(body)
				edited = overridden(rules, openai.Strip(toolid.Strip(edited), true, true), true)
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

func TestRefusalsOfTheBudgetRestNothing(t *testing.T) {
	for use, status := range map[budget.Use]int{budget.Body: 413, budget.Inflated: 413, budget.Media: 413, budget.Request: 413, budget.Answer: 502, budget.Stream: 502} {
		for _, never := range []bool{false, true} {
			outcome, told := judge(fmt.Errorf("wrapped: %w", &budget.Refused{Use: use, Never: never}), pool.Deadlines{})
			want := status
			if !never {
				want = 503
			}
			if told.Status != want || outcome.Verdict != balancer.Unfit || outcome.Unsent {
				t.Errorf("%s, never %v: %d, %v", use, never, told.Status, outcome.Verdict)
			}
		}
	}
}
