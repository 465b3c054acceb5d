package metrics

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"uniapi/balancer"
	"uniapi/server/servertest"
	"uniapi/usage"
)

// TestMetricsTellSoManyModelsApart has more models than a page has room for: the rest is told together, nothing is
// lost, and what was told once stays.
func TestMetricsTellSoManyModelsApart(t *testing.T) {
	const room, models = 10, 30
	p, _ := newPage(t)
	p.apart = roomFor(room * (linesOfModel + linesOfEndpoint + linesOfOutcome))
	use := func(from, to, times int) {
		for i := from; i < to; i++ {
			for range times {
				model := fmt.Sprintf("m%02d", i)
				p.Books.Key(servertest.ClientKey).Series("p", model, chatLabel).Record(usage.Sample{Success: true, Tokens: usage.Tokens{Prompt: 1}, TTFT: 1e6, Duration: 1e6})
				p.Books.Attempt("p", model, "", true)
				p.Counters.Outcomes.Count(Labels{"p", model, chatLabel, 200})
			}
		}
	}
	sums := func() (sums map[string]float64, told map[string]bool) {
		sums, told = map[string]float64{}, map[string]bool{}
		for line := range strings.Lines(textOf(p)) {
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
	p, g := newPage(t)
	p.apart = roomFor(100 * linesOfModel)
	listed := balancer.ProviderStatus{Name: "p"}
	for i := range 200 {
		listed.Channels = append(listed.Channels, balancer.ChannelStatus{Model: fmt.Sprintf("listed-%d", i)})
	}
	g.status = []balancer.ProviderStatus{listed}
	p.Books.Attempt("p", "listed-7", "", true)
	page := textOf(p)
	if n := strings.Count(page, "\nuniapi_channel_resting{"); n != 2 || !strings.Contains(page, `uniapi_channel_resting{model="listed-7",`) || !strings.Contains(page, `uniapi_channel_resting{model="others",`) {
		t.Errorf("%d models are told of which one is used", n)
	}
}
