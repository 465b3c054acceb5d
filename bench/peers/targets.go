//go:build linux

package main

import "fmt"

// target is an aim of the project, with everything on.
type target struct {
	title   string
	most    float64
	format  string // of a value, with its unit
	measure func(*results) (value float64, ok bool)
}

// linearity is how much more a byte may cost in a body of 1 MB than in one of
// 100 KB for the cost to count as linear.
const linearity = 1.25

var targets = []target{
	{"plain request: CPU × nginx", 1, "%.2f", ratioOf("plain", saturated)},
	{"stream of 50 events: CPU × nginx", 0.75, "%.2f", ratioOf("stream", saturated)},
	{"500 paced streams: CPU of 1,000 events × nginx", 0.75, "%.2f", ratioOf("paced-500", pacedLoad)},
	{"2,000 paced streams: CPU of 1,000 events × nginx", 0.75, "%.2f", ratioOf("paced-2000", pacedLoad)},
	{"stream translated to Anthropic: CPU × the gateway's untranslated", 1.4, "%.2f", translatedTo(claudeModel)},
	{"stream translated to Gemini: CPU × the gateway's untranslated", 1.4, "%.2f", translatedTo(geminiModel)},
	{"plain request, one at a time: system calls × nginx", 1, "%.2f", gatewayFigure("count-plain", countLoad, callsNginx)},
	{"stream, one at a time: system calls × nginx", 1, "%.2f", gatewayFigure("count-stream", countLoad, callsNginx)},
	{"first byte of a stream at half load: added p99 × nginx's", 1, "%.2f", besideNginx("stream", half, added+firstByteOf+"_p99")},
	{"requests near 40 ms at light and half load: modes", 0, "%.0f", modesNearForty},
	{"open stream, 5,000 of them: memory", 12, "%.1f KB", gatewayFigure("held-5000", heldLoad, streamKB)},
	{"open stream, 2,000 with events each 20 ms: memory", 16, "%.1f KB", gatewayFigure("paced-2000", pacedLoad, streamKB)},
	{"prompt of 1 MB: CPU", 0.4, "%.2f ms", perMegabyte("prompt-1m")},
	{"answer of 1 MB: CPU", 1, "%.2f ms", perMegabyte("answer-1m")},
	{"prompt: CPU of a byte, 100 KB to 1 MB × 10 KB to 100 KB", linearity, "%.2f", growth("prompt-10k", "prompt-100k", "prompt-1m")},
	{"answer: CPU of a byte, 100 KB to 1 MB × 10 KB to 100 KB", linearity, "%.2f", growth("answer-10k", "answer-100k", "answer-1m")},
	{"start with 5,000 models: ready", 60, "%.0f ms", startOf(5000, func(s startResult) float64 { return s.Ready })},
	{"idle with 10 models: memory", 30, "%.1f MB", startOf(10, func(s startResult) float64 { return s.RSS })},
}

func (t target) show(value float64) string { return fmt.Sprintf(t.format, value) }

func (t target) measured(value float64, ok bool) string {
	if !ok {
		return "–"
	}
	return t.show(value)
}

func (t target) verdict(value float64, ok bool) string {
	switch {
	case !ok:
		return "not measured"
	case value <= t.most:
		return "met"
	}
	return "**missed**"
}

func gatewayFigure(scenario, load, figure string) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		value, ok := r.gateway(scenario, load)[figure]
		return value, ok
	}
}

// besideNginx is a figure of the gateway over nginx's.
func besideNginx(scenario, load, figure string) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		mine, ok := r.gateway(scenario, load)[figure]
		other, also := r.section(scenario, load).of(nginx, chatModel)[figure]
		return mine / other, ok && also && other > 0
	}
}

func ratioOf(scenario, load string) func(*results) (float64, bool) {
	return gatewayFigure(scenario, load, timesNginx)
}

func translatedTo(model string) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		value, ok := r.section("convert-stream", saturated).of(gateway, model)[timesPassed]
		return value, ok
	}
}

func perMegabyte(scenario string) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		value, ok := r.gateway(scenario, saturated)[cpuEach]
		return value / 1000, ok
	}
}

// growth compares what a further byte costs between the larger two sizes with
// what it costs between the smaller two.
func growth(small, middle, large string) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		a, okA := r.gateway(small, saturated)[cpuEach]
		b, okB := r.gateway(middle, saturated)[cpuEach]
		c, okC := r.gateway(large, saturated)[cpuEach]
		// 90 KB and 900 KB lie between them.
		return (c - b) / 900 / ((b - a) / 90), okA && okB && okC && b > a
	}
}

// modesNearForty counts the open loops on the gateway in which there is one.
func modesNearForty(r *results) (count float64, ok bool) {
	for _, s := range r.Scenarios {
		for _, load := range []string{light, half} {
			for _, model := range []string{chatModel, claudeModel, geminiModel} {
				if f := s.section(load).of(gateway, model); f != nil {
					count, ok = count+f[fortyMode], true
				}
			}
		}
	}
	return count, ok
}

func startOf(models int, of func(startResult) float64) func(*results) (float64, bool) {
	return func(r *results) (float64, bool) {
		for _, s := range r.Start {
			if s.Models == models {
				return of(s), true
			}
		}
		return 0, false
	}
}
