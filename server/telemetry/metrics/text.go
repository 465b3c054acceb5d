package metrics

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// The forms of a page. The second is asked for by who reads exemplars, which the first has no place for.
const (
	textForm        = "text/plain; version=0.0.4; charset=utf-8"
	openMetricsForm = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// Text is what a page tells, and its form, by the Accept header of who asks for it. Labels are names of providers,
// models and endpoints, which api.yaml bounds, and words of this file: never what a client or a provider says, and no
// key. A provider may have many thousands of models: one page is made at a time, each family is searched for secrets by
// itself, and what is told apart is bounded (apart).
func (p *Page) Text(accept string) (page []byte, form string) {
	p.telling.Lock()
	defer p.telling.Unlock()
	families, err := p.registry.Gather()
	if err != nil { // of what could not be told; the rest is there
		p.Log.Error("some metrics cannot be told", "error", err)
	}
	form = formFor(accept)
	if form == openMetricsForm {
		families = withoutNamesakes(families)
	}
	secrets := p.Gateway.Secrets()
	var text bytes.Buffer
	for i, f := range families {
		text.Reset()
		var err error
		if form == openMetricsForm {
			_, err = expfmt.MetricFamilyToOpenMetrics(&text, f)
		} else {
			_, err = expfmt.MetricFamilyToText(&text, f)
		}
		if err != nil {
			p.Log.Error("a metric cannot be told", "metric", f.GetName(), "error", err)
		}
		families[i] = nil                                    // what it took is free for the others
		page = append(page, secrets.Clean(text.String())...) // a provider that was asked for its models may have said anything
	}
	if form == openMetricsForm {
		page = append(page, "# EOF\n"...)
	}
	return page, form
}

// withoutNamesakes leaves out counters that OpenMetrics would call what another family is called already, since it
// takes "_total" for no part of the name: of the Go runtime's, go_memstats_alloc_bytes_total.
func withoutNamesakes(families []*dto.MetricFamily) []*dto.MetricFamily {
	names := make(map[string]bool, len(families))
	for _, f := range families {
		names[f.GetName()] = true
	}
	return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
		short, is := strings.CutSuffix(f.GetName(), "_total")
		return is && f.GetType() == dto.MetricType_COUNTER && names[short]
	})
}

// formFor is the form that an Accept header asks for, the text form if it does not care.
func formFor(accept string) string {
	if expfmt.NegotiateAccept(http.Header{"Accept": {accept}}, textForm, openMetricsForm).FormatType() == expfmt.TypeOpenMetrics {
		return openMetricsForm
	}
	return textForm
}
