package metrics

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"uniapi/server/servertest"
	"uniapi/usage"
)

const aTrace = "0af7651916cd43dd8448eb211c80319c"

var noon = time.Unix(1_800_000_000, 0)

func named(trace string) func() string { return func() string { return trace } }

// counted has a page count a request of p's model m, which took so long.
func counted(p *Page, took time.Duration) {
	p.Books.Key(servertest.ClientKey).Series("p", "m", chatLabel).Record(usage.Sample{Success: true, TTFT: took / 2, Duration: took})
}

func TestExemplarsAreInPagesOfTheOpenMetricsFormAlone(t *testing.T) {
	p, _ := newPage(t)
	for _, took := range []time.Duration{30 * time.Millisecond, time.Second, time.Hour} {
		counted(p, took)
		p.Counters.Exemplars.Keep("p", "m", took/2, took, noon, named(aTrace))
	}
	p.Counters.Exemplars.Keep("p", "never counted", time.Second, time.Second, noon, named(aTrace))
	for _, c := range []struct {
		accept, form string
		exemplars    int
	}{
		{"", textForm, 0},
		{"*/*", textForm, 0},
		{"text/plain;version=0.0.4", textForm, 0},
		{"text/html, nonsense;;", textForm, 0},
		{"application/openmetrics-text;version=1.0.0", openMetricsForm, 6},
		// what Prometheus 3 sends
		{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", openMetricsForm, 6},
	} {
		page, form := p.Text(c.accept)
		if n := strings.Count(string(page), ` # {trace_id="`+aTrace+`"} `); form != c.form || n != c.exemplars || strings.HasSuffix(string(page), "# EOF\n") != (form == openMetricsForm) {
			t.Errorf("%q: %s with %d exemplars:\n%s", c.accept, form, n, page)
		}
		if strings.Contains(string(page), "never counted") {
			t.Errorf("%q: an exemplar has made a series", c.accept)
		}
	}
	page, _ := p.Text("application/openmetrics-text;version=1.0.0")
	for _, line := range []string{
		`uniapi_request_seconds_bucket{model="m",provider="p",le="0.04"} 1 # {trace_id="` + aTrace + `"} 0.03 1.8e+09` + "\n",
		`uniapi_request_seconds_bucket{model="m",provider="p",le="1.28"} 2 # {trace_id="` + aTrace + `"} 1.0 1.8e+09` + "\n",
		`uniapi_request_seconds_bucket{model="m",provider="p",le="+Inf"} 3 # {trace_id="` + aTrace + `"} 3600.0 1.8e+09` + "\n",
		`uniapi_first_byte_seconds_bucket{model="m",provider="p",le="0.02"} 1 # {trace_id="` + aTrace + `"} 0.015 1.8e+09` + "\n",
	} {
		if !strings.Contains(string(page), line) {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}

func TestNoFamilyOfAnOpenMetricsPageHasTheNameOfAnother(t *testing.T) {
	p, _ := newPage(t)
	page, _ := p.Text("application/openmetrics-text;version=1.0.0")
	seen := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if rest, is := strings.CutPrefix(line, "# TYPE "); is {
			name, _, _ := strings.Cut(rest, " ")
			if seen[name] {
				t.Errorf("%s comes twice", name)
			}
			seen[name] = true
		}
	}
	if !seen["go_memstats_alloc_bytes"] || !seen["uniapi_requests_in_flight"] || !seen["uniapi_requests_refused"] {
		t.Errorf("%v", seen)
	}
	if text := textOf(p); !strings.Contains(text, "\ngo_memstats_alloc_bytes_total ") {
		t.Error("the text form has lost a counter")
	}
}

func TestExemplarGivesWayToALaterOne(t *testing.T) {
	var e Exemplars
	e.most = 2
	for i, after := range []time.Duration{0, exampleEvery / 2, exampleEvery} {
		e.Keep("p", "m", 0, time.Millisecond, noon.Add(after), named(fmt.Sprint(i)))
	}
	e.Keep("p", "m2", time.Second, time.Second, noon, named("other"))
	e.Keep("p", "m3", time.Second, time.Second, noon, named("too many"))
	got := map[string]string{}
	for _, of := range e.all() {
		for _, x := range of.duration {
			got[of.model] += x.Labels["trace_id"]
		}
		if n := len(of.firstByte); (n == 1) != (of.model == "m2") {
			t.Errorf("%d exemplars of first bytes of %s", n, of.model)
		}
	}
	if fmt.Sprint(got) != "map[m:2 m2:other]" {
		t.Error(got)
	}
}

func TestFailuresOfMoreModelsThanAreToldApartAreCountedTogether(t *testing.T) {
	p, _ := newPage(t)
	p.apart, p.Counters.Failures.most = roomFor(3*(linesOfModel+linesOfFailure)), 10
	for i := range 30 {
		p.Counters.Failures.Count(Failure{"p", fmt.Sprint("m", i), "server"}, time.Second)
	}
	page := textOf(p)
	m, err := servertest.ReadMetrics(page)
	if err != nil {
		t.Fatal(err)
	}
	if all, others := m.Total("uniapi_attempt_failures_total"), m.Total("uniapi_attempt_failures_total", "model", OtherModels, "reason", "server"); all != 30 || others != 27 || m.Total("uniapi_attempt_failed_seconds_total") != 30 {
		t.Errorf("%v failures, %v of them of other models:\n%s", all, others, page)
	}
	if n := len(p.Counters.Failures.counts); n != 11 {
		t.Errorf("%d are told apart", n)
	}
}

// TestPagesPassPrometheusOwnParserAndLinter has both as promtool has them.
func TestPagesPassPrometheusOwnParserAndLinter(t *testing.T) {
	p, _ := newPage(t)
	counted(p, time.Second)
	p.Counters.Failures.Count(Failure{"p", "m", "server"}, time.Second)
	p.Counters.Outcomes.Count(Labels{"p", "m", chatLabel, 200})
	page := textOf(p)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil || families["uniapi_request_seconds"].GetMetric()[0].GetHistogram().GetSampleCount() != 1 {
		t.Errorf("%v in\n%s", err, page)
	}
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}
