package server

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"uniapi/codec/saturate"
	"uniapi/usage"
)

// family is a metric with its series, by their labels as they are written. What
// is added to equal labels is added up: Prometheus refuses a page on which a
// series comes twice, and two accounts of one provider may share a name.
type family struct {
	name, kind, help string
	values           map[string]float64
}

func counter(name, help string) *family {
	return &family{name, "counter", help, make(map[string]float64)}
}

func gauge(name, help string) *family {
	return &family{name, "gauge", help, make(map[string]float64)}
}

// add adds to a series. Labels are names and values in turn.
func (f *family) add(value float64, labels ...string) { f.values[labelText(labels)] += value }

// of adds to the one series of a family without labels.
func (f *family) of(value float64) *family {
	f.add(value)
	return f
}

func (f *family) appendTo(page []byte) []byte {
	if len(f.values) == 0 {
		return page
	}
	page = appendHead(page, f.name, f.kind, f.help)
	for _, labels := range slices.Sorted(maps.Keys(f.values)) {
		page = appendSample(page, f.name, labels, f.values[labels])
	}
	return page
}

// histogramBounds are those that /metrics tells, in seconds, each the double of
// the one before. The books count in finer buckets that end there too, so that
// nothing is estimated.
var histogramBounds = func() (bounds [16]time.Duration) {
	for i := range bounds {
		bounds[i] = 10 * time.Millisecond << i
	}
	return bounds
}()

// histogramFamily is a family of histograms of seconds.
type histogramFamily struct {
	name, help string
	series     map[string]*histogram // by labels
}

type histogram struct {
	within [len(histogramBounds)]int64 // cumulative
	count  int64
	sum    float64 // seconds
}

func histogramOf(name, help string) *histogramFamily {
	return &histogramFamily{name, help, make(map[string]*histogram)}
}

func (f *histogramFamily) add(from *usage.Histogram, sum float64, labels ...string) {
	text := labelText(labels)
	h := f.series[text]
	if h == nil {
		h = new(histogram)
		f.series[text] = h
	}
	passed, bound := int64(0), 0
	for i, n := range from {
		passed = saturate.Add(passed, n)
		if bound < len(histogramBounds) && usage.BucketBound(i) == histogramBounds[bound] {
			h.within[bound] = saturate.Add(h.within[bound], passed)
			bound++
		}
	}
	h.count = saturate.Add(h.count, passed)
	h.sum += sum
}

func (f *histogramFamily) appendTo(page []byte) []byte {
	if len(f.series) == 0 {
		return page
	}
	page = appendHead(page, f.name, "histogram", f.help)
	for _, labels := range slices.Sorted(maps.Keys(f.series)) {
		h := f.series[labels]
		open := "{" // to which le is added
		if labels != "" {
			open = strings.TrimSuffix(labels, "}") + ","
		}
		for i, n := range h.within {
			page = appendSample(page, f.name+"_bucket", open+`le="`+number(histogramBounds[i].Seconds())+`"}`, float64(n))
		}
		page = appendSample(page, f.name+"_bucket", open+`le="+Inf"}`, float64(h.count))
		page = appendSample(page, f.name+"_sum", labels, h.sum)
		page = appendSample(page, f.name+"_count", labels, float64(h.count))
	}
	return page
}

func appendHead(page []byte, name, kind, help string) []byte {
	return fmt.Appendf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func appendSample(page []byte, name, labels string, value float64) []byte {
	page = append(append(page, name...), labels...)
	return append(append(append(page, ' '), number(value)...), '\n')
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// labelText is labels as they are written, "" for none.
func labelText(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	text := []byte{'{'}
	for i := 0; i+1 < len(labels); i += 2 {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, labels[i]...), `="`...)
		text = append(append(text, label(labels[i+1])...), '"')
	}
	return string(append(text, '}'))
}

// label is a text as a label's value may hold it. Prometheus knows three escapes
// and refuses the whole page for any other.
func label(text string) string { return labelEscapes.Replace(strings.ToValidUTF8(clip(text), "?")) }

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
