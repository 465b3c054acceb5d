package servertest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Metrics are a page in Prometheus' text form, as they were read.
type Metrics struct {
	Kinds  map[string]string              // of families
	Values map[string]float64             // by name and labels as they are written
	Labels map[string]map[string]string   // of a series
	bounds map[string]map[float64]float64 // of a histogram, by name and labels without le
}

var (
	metricName   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	metricKind   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|summary|histogram|untyped)$`)
	metricHelp   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*)( [^\\]*)?$`)
	metricLabel  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"`)
	metricEscape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")
)

// ReadMetrics reads a page as strictly as the format is written down: heads come
// before samples, what belongs together stands together, nothing comes twice, and
// histograms are such.
func ReadMetrics(page string) (*Metrics, error) {
	m := &Metrics{map[string]string{}, map[string]float64{}, map[string]map[string]string{}, map[string]map[float64]float64{}}
	if !utf8.ValidString(page) || !strings.HasSuffix(page, "\n") {
		return nil, fmt.Errorf("the page is not UTF-8, or its last line does not end")
	}
	helped, ended := map[string]bool{}, map[string]bool{}
	current := "" // the family whose samples are read
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if help := metricHelp.FindStringSubmatch(line); help != nil {
			if helped[help[1]] || m.Kinds[help[1]] != "" {
				return nil, fmt.Errorf("help comes twice, or late: %q", line)
			}
			helped[help[1]] = true
			continue
		}
		if kind := metricKind.FindStringSubmatch(line); kind != nil {
			if m.Kinds[kind[1]] != "" {
				return nil, fmt.Errorf("a type is told twice: %q", line)
			}
			m.Kinds[kind[1]] = kind[2]
			ended[current], current = true, kind[1]
			continue
		}
		name := metricName.FindString(line)
		if name == "" {
			return nil, fmt.Errorf("a line is neither head nor sample: %q", line)
		}
		labels, rest, err := readLabels(line[len(name):])
		if err != nil {
			return nil, fmt.Errorf("%w: %q", err, line)
		}
		text, spaced := strings.CutPrefix(rest, " ")
		value, err := strconv.ParseFloat(text, 64)
		if !spaced || err != nil {
			return nil, fmt.Errorf("no value, or something behind it: %q", line)
		}
		if ended[current] || !isSampleOf(name, current, m.Kinds[current], labels) {
			return nil, fmt.Errorf("a sample is not under the head of its family, which is %q now: %q", current, line)
		}
		if m.Kinds[current] == "counter" && !(value >= 0) {
			return nil, fmt.Errorf("a counter is below 0: %q", line)
		}
		series := strings.TrimSuffix(line, rest)
		if _, twice := m.Values[series]; twice {
			return nil, fmt.Errorf("a series comes twice: %q", line)
		}
		m.Values[series], m.Labels[series] = value, labels
		if m.Kinds[current] == "histogram" && strings.HasSuffix(name, "_bucket") {
			if err := m.bucket(current, labels, value); err != nil {
				return nil, fmt.Errorf("%w: %q", err, line)
			}
		}
	}
	return m, m.checkHistograms()
}

// readLabels reads what stands between a name and its value.
func readLabels(text string) (labels map[string]string, rest string, err error) {
	labels = map[string]string{}
	text, has := strings.CutPrefix(text, "{")
	for has {
		parts := metricLabel.FindStringSubmatch(text)
		if parts == nil {
			return nil, "", fmt.Errorf("not a label")
		}
		if _, twice := labels[parts[1]]; twice || strings.HasPrefix(parts[1], "__") {
			return nil, "", fmt.Errorf("a label comes twice, or has a name of Prometheus' own")
		}
		labels[parts[1]] = metricEscape.Replace(parts[2])
		text = text[len(parts[0]):]
		if rest, over := strings.CutPrefix(text, "}"); over {
			return labels, rest, nil
		}
		if text, has = strings.CutPrefix(text, ","); !has {
			return nil, "", fmt.Errorf("labels do not end")
		}
		text = strings.TrimPrefix(text, " ")
	}
	return labels, text, nil
}

func isSampleOf(name, family, kind string, labels map[string]string) bool {
	suffix, of := strings.CutPrefix(name, family)
	_, bucket := labels["le"]
	_, quantile := labels["quantile"]
	switch {
	case !of:
		return false
	case kind == "histogram":
		return suffix == "_bucket" && bucket || (suffix == "_sum" || suffix == "_count") && !bucket
	case kind == "summary":
		return suffix == "" && quantile || (suffix == "_sum" || suffix == "_count") && !quantile
	}
	return suffix == ""
}

// without is a series' name by its labels, but for one of them.
func without(name string, labels map[string]string, left string) string {
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if label != left {
			name += fmt.Sprintf(",%s=%q", label, labels[label])
		}
	}
	return name
}

func (m *Metrics) bucket(family string, labels map[string]string, value float64) error {
	bound, err := strconv.ParseFloat(labels["le"], 64)
	if err != nil {
		return fmt.Errorf("a bucket's bound is no number")
	}
	of := without(family, labels, "le")
	if m.bounds[of] == nil {
		m.bounds[of] = map[float64]float64{}
	}
	if _, twice := m.bounds[of][bound]; twice {
		return fmt.Errorf("a bound comes twice")
	}
	for lower, n := range m.bounds[of] {
		if lower > bound || n > value {
			return fmt.Errorf("buckets are not in order, or do not grow")
		}
	}
	m.bounds[of][bound] = value
	return nil
}

// checkHistograms looks whether the count of each is its last bucket, and whether
// its sum can be that of what its buckets hold.
func (m *Metrics) checkHistograms() error {
	parts := map[string]float64{}
	for series, value := range m.Values {
		name := metricName.FindString(series)
		for _, suffix := range []string{"_sum", "_count"} {
			if family, is := strings.CutSuffix(name, suffix); is && m.Kinds[family] == "histogram" {
				parts[without(family, m.Labels[series], "")+suffix] = value
			}
		}
	}
	for of, bounds := range m.bounds {
		if !strings.HasPrefix(of, "uniapi_") {
			continue // those of the runtime have neither
		}
		count, counted := parts[of+"_count"]
		if !counted || bounds[math.Inf(1)] != count {
			return fmt.Errorf("%s: %v in all buckets, but the count is %v", of, bounds[math.Inf(1)], count)
		}
		sum, summed := parts[of+"_sum"]
		lowest, highest, below, before := 0.0, 0.0, 0.0, 0.0
		for _, bound := range slices.Sorted(maps.Keys(bounds)) {
			if n := bounds[bound] - before; n > 0 {
				lowest, highest = lowest+n*below, highest+n*bound
			}
			below, before = bound, bounds[bound]
		}
		if !summed || sum < lowest || sum > highest {
			return fmt.Errorf("%s: the sum is %v, but by the buckets it is from %v to %v", of, sum, lowest, highest)
		}
	}
	return nil
}

// Total adds up the series of a name that have these labels.
func (m *Metrics) Total(name string, labels ...string) (sum float64) {
	for series, value := range m.Values {
		if metricName.FindString(series) != name {
			continue
		}
		matches := true
		for i := 0; i+1 < len(labels); i += 2 {
			matches = matches && m.Labels[series][labels[i]] == labels[i+1]
		}
		if matches {
			sum += value
		}
	}
	return sum
}
