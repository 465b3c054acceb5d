package server

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"uniapi/balancer"
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
	// garbage is how many times as much as is reckoned may be allocated for it: a list that grows by quarters leaves
	// four times itself behind, and what names the place of a mistake is made for each value.
	garbage = 5
	// slack is what is there anyway.
	slack = 256 << 10
)

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
