package server

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"uniapi/usage"
)

// TestMetricsTellSoManyModelsApart has more models than a page has room for: the rest is told together, nothing is lost, and what was told once stays.
func TestMetricsTellSoManyModelsApart(t *testing.T) {
	const room, models = 10, 30
	g := start(t, providerOf("p", listen(t, both)))
	g.apart = roomFor(room * (linesOfModel + linesOfEndpoint + linesOfOutcome))
	use := func(from, to, times int) {
		for i := from; i < to; i++ {
			for range times {
				model := fmt.Sprintf("m%02d", i)
				g.books.Key(clientKeyText).Series("p", model, chatLabel).Record(usage.Sample{Success: true, Tokens: usage.Tokens{Prompt: 1}, TTFT: 1e6, Duration: 1e6})
				g.books.Attempt("p", model, "", true)
				g.counters.outcomes.count(outcome{"p", model, chatLabel, 200})
			}
		}
	}
	sums := func() (sums map[string]float64, told map[string]bool) {
		sums, told = map[string]float64{}, map[string]bool{}
		for line := range strings.Lines(string(g.metricsPage())) {
			name, labels, _ := strings.Cut(line, "{")
			if _, model, is := strings.Cut(labels, `model="`); is {
				model, _, _ = strings.Cut(model, `"`)
				value, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " ")+1:]), 64)
				sums[name] += value
				told[name+" "+model] = true
			}
		}
		return sums, told
	}
	use(0, models, 1)
	use(20, 25, 9)
	_, first := sums()
	for i := 20; i < 25; i++ { // those that are used most
		if !first["uniapi_prompt_tokens_total m"+strconv.Itoa(i)] {
			t.Errorf("m%d is not told apart: %v", i, first)
		}
	}
	use(0, models, 20)
	all, now := sums()
	for name := range first {
		if !now[name] {
			t.Errorf("%s is told no longer", name)
		}
	}
	const requests = 21*models + 5*9
	for _, name := range []string{"uniapi_requests_total", "uniapi_prompt_tokens_total", "uniapi_attempts_total", "uniapi_request_seconds_count", "uniapi_first_byte_seconds_count"} {
		apart := 0
		for told := range now {
			if strings.HasPrefix(told, name+" ") {
				apart++
			}
		}
		if all[name] != requests || apart != room+1 {
			t.Errorf("%s: %v requests of %d, of %d models", name, all[name], requests, apart)
		}
	}
}

// TestMetricsOfModelsThatAProviderListsTakeNoPlaceOfThoseInUse has a list with more models than a page has room for.
func TestMetricsOfModelsThatAProviderListsTakeNoPlaceOfThoseInUse(t *testing.T) {
	list := ""
	for i := range 200 {
		list += fmt.Sprintf(`,{"id":"listed-%d"}`, i)
	}
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/models") {
			fmt.Fprintf(w, `{"data":[%s]}`, list[1:])
			return
		}
		fmt.Fprint(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}`)
	})
	g := start(t, strings.Split(up.section("/v1", "m"), "    model:")[0])
	g.apart = roomFor(100 * linesOfModel)
	eventually(t, "the models are listed", func() bool { return strings.Contains(g.do("GET", "/v1/models", "", asClient...).body, "listed-199") })
	if a := g.do("POST", "/v1/chat/completions", `{"model":"listed-7","messages":[{"role":"user","content":"x"}]}`, asClient...); a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	g.settled(1)
	page := string(g.metricsPage())
	if n := strings.Count(page, "\nuniapi_channel_resting{"); n != 2 || !strings.Contains(page, `uniapi_channel_resting{model="listed-7",`) || !strings.Contains(page, `uniapi_channel_resting{model="others",`) {
		t.Errorf("%d models are told of which one is used", n)
	}
}
