package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRepriceAndReconcileReadTheBooksOfAGateway runs both commands beside a gateway, after it has stopped, and with
// wrong flags.
func TestRepriceAndReconcileReadTheBooksOfAGateway(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.env = append(s.env, "DISABLE_DATABASE=false")
	s.write(file{preferences: `{model_price: {m: "5,7"}}`}.text(t, inFile, ""))
	s.serve()
	if statuses := s.chats(2); statuses != "200 200" {
		t.Fatal(statuses)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	export := filepath.Join(t.TempDir(), "export.csv")
	told := func(want int, words []string, args ...string) {
		t.Helper()
		printed, code := run(t, s.dir, s.environment(), append(args, "--data", filepath.Join(s.dir, "data"), "--config", s.path)...)
		if code != want {
			t.Errorf("%v: status %d, want %d: %s", args, code, want, printed)
		}
		for _, word := range words {
			if !strings.Contains(printed, word) {
				t.Errorf("%v does not say %q: %s", args, word, printed)
			}
		}
	}
	told(1, []string{"the gateway is running and has the ledger locked"}, "reprice", "--from", today)
	s.stop()
	told(2, []string{`--from must be a day such as 2026-01-31, not ""`}, "reprice")
	told(0, []string{"difference in all: +$0.00; there was nothing to write"}, "reprice", "--from", today)
	s.write(file{preferences: `{model_price: {m: "10,14"}}`}.text(t, inFile, ""))
	told(0, []string{"difference in all: +$24.00; nothing was written: --dry-run", "+$24.00"}, "reprice", "--from", today, "--dry-run")
	told(0, []string{"difference in all: +$24.00; was written into the ledger"}, "reprice", "--from", today)
	told(0, []string{"difference in all: +$0.00"}, "reprice", "--from", today)

	write := func(cost string) {
		if err := os.WriteFile(export, []byte("date,model,cost\n"+today+",m,"+cost+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("48.10")
	told(0, []string{"1 of 1 days and models agree within 1 %"}, "reconcile", export)
	write("40")
	told(1, []string{today + "  m", "$48.00", "$40.00", "0 of 1 days and models agree"}, "reconcile", export)
	told(0, nil, "reconcile", "--tolerance", "20", export)
	told(1, []string{`api.yaml has no provider "nobody"`}, "reconcile", "--provider", "nobody", export)
	told(2, []string{"it needs a provider's export as CSV"}, "reconcile")
}

// TestRepriceKnowsTiersLengthsSearchesAndImages asks before there are prices of these, and reprices by such.
func TestRepriceKnowsTiersLengthsSearchesAndImages(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.env = append(s.env, "DISABLE_DATABASE=false")
	s.write(file{}.text(t, inPreferences, `{model_price: {m: {input: 1, output: 1, per_image: 0.01}}}`))
	uses := func(more string, prompt int) {
		s.a.answer = says(200, fmt.Sprintf(`{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":1000,"total_tokens":%d%s}}`, prompt, prompt+1000, more))
	}
	ask := func(more string) {
		if a := s.post("/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]`+more+`}`); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	uses("", 10_000)
	ask("")                          // 0.02 + 0.001
	ask(`,"service_tier":"flex"`)    // 0.01 + 0.001
	ask(`,"service_tier":"default"`) // 0.02 + 0.001
	uses("", 300_000)
	ask("") // 1.2 + 0.001
	uses(`,"num_search_queries":1`, 10_000)
	ask("") // 0.02 + 0.001 + 0.03
	s.a.answer = draws(`"size":"1024x1024","quality":"high",`)
	if a := s.post("/v1/images/generations", `{"model":"m","prompt":"a cat"}`); a.StatusCode != 200 { // 0.5
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	s.stop()
	s.write(file{}.text(t, inPreferences, `{model_price: {m: {input: 2, output: 1, per_search: 0.03, above: {200000: {input: 4}}, service: {flex: {input: 1}}, per_image: {high: 0.5, default: 0.1}}}}`))
	for _, want := range []string{"$1.805", "there was nothing to write"} {
		printed, code := run(t, s.dir, s.environment(), "reprice", "--from", time.Now().UTC().Format(time.DateOnly), "--data", filepath.Join(s.dir, "data"), "--config", s.path)
		if code != 0 || !strings.Contains(printed, want) || strings.Contains(printed, "left out") || strings.Contains(printed, "*") {
			t.Errorf("status %d, want %s: %s", code, want, printed)
		}
	}
}

// TestSearchesArePricedByTheirKind asks for answers that are searched for as clients do, and looks at what the books
// say of each.
func TestSearchesArePricedByTheirKind(t *testing.T) {
	const prices = `{model_price: {m: {input: 0, output: 0, per_request: {default: 0.005, medium: 0.008, high: 0.012}, per_search: {default: 0.01, preview: 0.025}}}}`
	const chat, responses = "/v1/chat/completions", "/v1/responses"
	searched := says(200, `{"id":"r","object":"response","status":"completed","model":"m","output":[{"type":"web_search_call","id":"w","status":"completed","action":{"type":"search","query":"a"}},{"type":"message","id":"o","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}}`)
	counted := says(200, `{"id":"r","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"o","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15,"server_side_tool_usage_details":{"web_search_calls":2,"x_search_calls":3,"code_interpreter_calls":1}}}`)
	for _, c := range []struct {
		name, path, more, want string
		answer                 func(http.ResponseWriter, seen)
	}{
		{"nothing said", chat, ``, "0.005", nil},
		{"a small context", chat, `,"web_search_options":{"search_context_size":"low"}`, "0.005", nil},
		{"a larger context", chat, `,"web_search_options":{"search_context_size":"medium"}`, "0.008", nil},
		{"the largest", chat, `,"web_search_options":{"search_context_size":"high"}`, "0.012", nil},
		{"the largest, in escapes", chat, `,"web\u005fsearch_options":{"search_context\u005fsize":"hi\u0067h"}`, "0.012", nil},
		{"no size", chat, `,"web_search_options":{"search_context_size":"huge"}`, "0.005", nil},
		{"OpenAI's tool", responses, `,"tools":[{"type":"web_search","search_context_size":"high"}]`, "0.015", searched},
		{"OpenAI's older tool", responses, `,"tools":[{"type":"web_search_preview"}]`, "0.03", searched},
		{"xAI's tools", responses, `,"tools":[{"type":"web_search"},{"type":"x_search"}]`, "0.055", counted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.drawn = true
			body := `{"model":"m","input":"hi"`
			if c.path == chat {
				body = `{"model":"m","messages":[{"role":"user","content":"hi"}]`
				c.answer = says(200, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`)
				s.write(file{}.text(t, inPreferences, prices))
			} else {
				s.write(file{a: "{base_url: $A/v1/responses}"}.text(t, inPreferences, prices))
			}
			s.a.answer = c.answer
			if a := s.post(c.path, body+c.more+`}`); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if got := spent(s); got != c.want {
				t.Errorf("it cost %s dollars, want %s", got, c.want)
			}
		})
	}
}
