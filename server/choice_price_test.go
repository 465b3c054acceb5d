package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const namedModels = "{real-cheap: cheap}, {real-dear: dear}, {real-dearer: dearer}, {real-other: other}"

// TestRequestCostsWhatTheModelDoesThatAnswered names models beside the one that is asked for, at each way that a model
// can be told.
func TestRequestCostsWhatTheModelDoesThatAnswered(t *testing.T) {
	const whole, stream = `{"model":MODEL,"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":999,"completion_tokens":1}}`,
		"data: {\"model\":MODEL,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":999,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n"
	for _, c := range []struct {
		names, told string
		cost        int64 // in dollars
	}{
		{"", "real-dear", 1}, // as ever, by the request's model
		{`,"models":["cheap"]`, "unknown", 1},
		{`,"models":["dear"]`, "real-cheap", 1}, {`,"models":["dear"]`, "real-dear", 10}, {`,"models":["dear"]`, "something-else", 10}, {`,"models":["dear"]`, "", 10},
		{`,"models":["real-dear"]`, "real-dear", 10}, {`,"fallbacks":["dear",{"model":"dearer"}]`, "real-dear", 10}, {`,"fallbacks":["dear","dearer"]`, "nothing", 100},
		{`,"models":["dear","cheap"],"route":"fallback"`, "real-cheap", 1}, {`,"models":["other","dear"]`, "real-other", 10}, // which has no price of its own
	} {
		for kind, form := range map[string]string{"application/json": whole, "text/event-stream": stream} {
			t.Run(fmt.Sprintf("%s, told %q, %s", c.names, c.told, kind), func(t *testing.T) {
				up := act(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", kind)
					io.WriteString(w, strings.ReplaceAll(form, "MODEL", fmt.Sprintf("%q", c.told)))
				})
				g := start(t, up.section("/v1", namedModels), "preferences:\n  model_price: {cheap: \"1000,1000\", dearer: \"100000,100000\", dear: \"10000,10000\", default: [1, 1]}\n")
				body := fmt.Sprintf(`{"model":"cheap","stream":%v,"messages":[{"role":"user","content":"hi"}]%s}`, kind != "application/json", c.names)
				if a := g.do("POST", "/v1/chat/completions", body, asClient...); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				g.settled(1)
				if state, _ := g.books.State(clientKeyText); state.Spent != c.cost*1e9 {
					t.Errorf("it cost %d nano-dollars, want %d dollars", state.Spent, c.cost)
				}
			})
		}
	}
}

// TestRequestCostsWhatHoldsWhenItEnds asks within hours that have another price and beside them.
func TestRequestCostsWhatHoldsWhenItEnds(t *testing.T) {
	now := time.Now().UTC()
	window := func(from, to time.Duration) string {
		return now.Add(from).Format("15:04") + "-" + now.Add(to).Format("15:04")
	}
	within, beside := window(-2*time.Hour, 2*time.Hour), window(3*time.Hour, 5*time.Hour)
	for _, c := range []struct {
		prices string
		spent  int64 // in dollars
	}{
		{"{input: 1000, output: 1000, off_peak: {hours: " + within + ", input: 500, output: 500}}", 500},
		{"{input: 1000, output: 1000, off_peak: {hours: " + beside + ", input: 500, output: 500}}", 1000},
		{"{input: 1000, output: 1000, off_peak: [{hours: " + beside + ", input: 1}, {hours: " + within + ", input: 250, output: 250}]}", 250},
		{"{input: 1000, output: 1000, service: {flex: {input: 100, output: 100}}, off_peak: {hours: " + within + ", input: 500, output: 500, service: {flex: {input: 50, output: 50}}}}", 50},
	} {
		t.Run(c.prices, func(t *testing.T) {
			up := act(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":999999,"completion_tokens":1}}`)
			})
			g := start(t, up.section("/v1", "m"), "preferences: {model_price: {m: "+c.prices+"}}\n")
			body := `{"model":"m","service_tier":"flex","messages":[{"role":"user","content":"hi"}]}`
			if a := g.do("POST", "/v1/chat/completions", body, asClient...); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			g.settled(1)
			if state, _ := g.books.State(clientKeyText); state.Spent != c.spent*1e9 {
				t.Errorf("it cost %d nano-dollars, want %d dollars", state.Spent, c.spent)
			}
		})
	}
}

// TestModelsThatARequestNamesCountAgainstTheirLimits asks for a limited model by each way that it can be named.
func TestModelsThatARequestNamesCountAgainstTheirLimits(t *testing.T) {
	for _, names := range []string{`"models":["dear"]`, `"models":["cheap","real-dear"]`, `"fallbacks":["dear"]`, `"fallbacks":[{"model":"real-dear"}]`, `"models":["dear"],"route":"fallback"`,
		`"extra_body":{"models":["dear"]}`} {
		t.Run(names, func(t *testing.T) {
			up := listen(t, both)
			g := start(t, providerOf("p", up, "    model: ["+namedModels+"]\n"), keyed("rate_limit: {dear: \"2/min,50/tpr\", default: 1000/min}"))
			ask := func(body string) int { return g.do("POST", "/v1/chat/completions", body, asClient...).StatusCode }
			talk := func(model, more string) string {
				return `{"model":"` + model + `","messages":[{"role":"user","content":"hi"}]` + more + `}`
			}
			if status := ask(strings.Replace(talk("cheap", ","+names), "hi", strings.Repeat("long ", 50), 1)); status != 413 {
				t.Errorf("a prompt that is too long for the model beside: %d", status)
			}
			for i, step := range []struct {
				body string
				want int
			}{{talk("cheap", ","+names), 200}, {talk("dear", ""), 200}, {talk("cheap", ","+names), 429}, {talk("dear", ""), 429}, {talk("cheap", ""), 200}} {
				if status := ask(step.body); status != step.want {
					t.Errorf("request %d: %d, want %d", i, status, step.want)
				}
			}
			if n := len(up.requests()); n != 3 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
}

// TestRequestCostsWhatItsProviderAsks has two providers of one model, of which one has a price of its own.
func TestRequestCostsWhatItsProviderAsks(t *testing.T) {
	for _, c := range []struct {
		own  string
		p, q int64 // what it costs at each, in dollars
	}{
		{"", 1, 1},
		{`{m: "7000,7000"}`, 7, 1}, {`{real: "7000,7000"}`, 7, 1}, {`{default: "7000,7000"}`, 7, 1},
		{`{other: "7000,7000"}`, 1, 1}, {`{m: "5000,5000", real: "7000,7000"}`, 5, 1},
	} {
		up := act(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":999,"completion_tokens":1}}`)
		})
		section := func(name, own string) string {
			if own != "" {
				own = "    preferences: {model_price: " + own + "}\n"
			}
			return "  - provider: " + name + "\n    base_url: " + up.URL + "/v1\n    api: k\n    model: [{real: m}]\n" + own
		}
		g := start(t, section("p", c.own), section("q", ""), keyed("SCHEDULING_ALGORITHM: round_robin"), "preferences: {model_price: {m: \"1000,1000\"}}\n")
		for i, want := range []int64{c.p, c.p + c.q} {
			if a := g.chat(plainRequest); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			g.settled(i + 1)
			if state, _ := g.books.State(clientKeyText); state.Spent != want*1e9 {
				t.Errorf("own prices %s: after %d requests %d nano-dollars are spent, want %d dollars", c.own, i+1, state.Spent, want)
			}
		}
	}
}

// TestWhatAttemptsInVainCostIsByThePricesOfWhereTheyWereMade has a dear provider whose answer says nothing, and behind
// it one that costs nothing.
func TestWhatAttemptsInVainCostIsByThePricesOfWhereTheyWereMade(t *testing.T) {
	const answer = `{"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":999,"completion_tokens":1}}`
	for _, test := range []struct {
		name, dear, free string
		spent            int64 // in dollars
	}{
		{"the free one answers", fmt.Sprintf(answer, ""), fmt.Sprintf(answer, "ok"), 7},
		{"nobody answers", fmt.Sprintf(answer, ""), "", 7},
		{"the dear one failed", "", fmt.Sprintf(answer, "ok"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			section := func(name, price, says string) string {
				up := act(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					if says == "" {
						w.WriteHeader(http.StatusInternalServerError)
					}
					io.WriteString(w, says)
				})
				return "  - provider: " + name + "\n    base_url: " + up.URL + "/v1\n    api: k\n    model: [m]\n    preferences: {model_price: {m: " + price + "}}\n"
			}
			g := start(t, section("dear", `"7000,7000"`, test.dear), section("free", `"0,0"`, test.free), keyed("AUTO_RETRY: true"), "preferences: {model_price: {m: \"1000,1000\"}}\n")
			g.chat(plainRequest)
			g.settled(1)
			if state, _ := g.books.State(clientKeyText); state.Spent != test.spent*1e9 {
				t.Errorf("%d nano-dollars are spent, want %d dollars", state.Spent, test.spent)
			}
		})
	}
}
