//go:build linux

package main

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

// taken is a row whose requests cost the peer so many µs each.
func taken(peer, model string, cpu, ratio float64) row {
	f := figures{perSecond: 1000, cpuEach: cpu, timesNginx: ratio, timesPassed: ratio}
	if peer == withoutPeer {
		f = figures{perSecond: 1000}
	}
	return row{Peer: peer, Model: model, Figures: f}
}

func closedLoop(name string, rows ...row) scenarioResult {
	return scenarioResult{Name: name, Title: "the " + name, Sections: []section{{Load: saturated, Rows: rows}}}
}

func TestReportHasTheAimsOnTop(t *testing.T) {
	r := results{
		When:        time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Command:     "go run ./bench/peers --bin x",
		Settings:    "settings",
		Environment: "a machine",
		Versions:    []string{"nginx: nginx/1"},
		Missing:     []string{"haproxy"},
		Scenarios: []scenarioResult{
			closedLoop("plain", taken(withoutPeer, chatModel, 0, 0), taken(nginx, chatModel, 30, 1), taken(gateway, chatModel, 45, 1.5)),
			closedLoop("convert-stream", taken(gateway, chatModel, 50, 1), taken(gateway, claudeModel, 90, 1.8)),
		},
		Start: []startResult{{Models: 5000, Ready: 80, CPU: 70, RSS: 28, Own: 13}},
	}
	got := r.markdown("peers.svg")
	begin := "# Beside nginx and haproxy\n\n2026-01-02 03:04 UTC, on a machine.\n\n    go run ./bench/peers --bin x\n\nsettings\n\n- nginx: nginx/1\n- haproxy: not installed\n"
	if !strings.HasPrefix(got, begin) {
		t.Errorf("it begins with\n%.300s", got)
	}
	for _, want := range []string{
		"| plain request: CPU × nginx | 1.00 | 1.50 | **missed** |\n",
		"| stream of 50 events: CPU × nginx | 0.75 | – | not measured |\n",
		"| stream translated to Anthropic: CPU × the gateway's untranslated | 1.40 | 1.80 | **missed** |\n",
		"| start with 5,000 models: ready | 60 ms | 80 ms | **missed** |\n",
		"## the plain\n\nAs fast as it goes:\n\n| peer | requests/s | CPU µs/request | × nginx |\n| --- | ---: | ---: | ---: |\n| direct | 1000 | – | – |\n| nginx | 1000 | 30.0 | 1.00 |\n",
		"| peer | requests/s | CPU µs/request | × nginx | × untranslated |\n",
		"| uni-api, to Anthropic | 1000 | 90.0 | 1.80 | 1.80 |\n",
		"| 5000 | 80 | 70 | 28.0 | 13.0 |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "quiet") {
		t.Error("the machine was quiet")
	}
	r.Scenarios[0].Sections[0].Rows[1].Figures[othersShare] = 30
	if got := r.markdown("peers.svg"); !strings.Contains(got, "**Not a quiet machine**: other processes took up to 30 %") {
		t.Error("that others were busy is not said")
	}
}

func TestPlotHasABarForEachPeerAndTheAim(t *testing.T) {
	r := results{Scenarios: []scenarioResult{
		closedLoop("plain", taken(nginx, chatModel, 30, 1), taken(gateway, chatModel, 45, 1.5)),
		closedLoop("convert", taken(gateway, claudeModel, 90, 3)),
	}}
	plot := r.plot()
	if err := xml.Unmarshal([]byte(plot), new(struct{})); err != nil {
		t.Fatalf("%v in\n%s", err, plot)
	}
	for want, count := range map[string]int{`class="nginx" x="150"`: 1, `class="gateway" x="150"`: 1, `class="claude" x="150"`: 1, `class="aim"`: 1, ">1.50<": 1, "prefers-color-scheme: dark": 1} {
		if got := strings.Count(plot, want); got != count {
			t.Errorf("%d times %s, want %d", got, want, count)
		}
	}
}

func TestCostOfAByteIsComparedBetweenSizes(t *testing.T) {
	sized := func(cpu ...float64) *results {
		var r results
		for i, name := range []string{"a", "b", "c"} {
			r.Scenarios = append(r.Scenarios, closedLoop(name, taken(gateway, chatModel, cpu[i], 1)))
		}
		return &r
	}
	for _, tt := range []struct {
		cpu  []float64 // µs at 10 KB, 100 KB, 1 MB
		want float64
	}{{[]float64{50, 95, 545}, 1}, {[]float64{50, 95, 995}, 2}} {
		if got, ok := growth("a", "b", "c")(sized(tt.cpu...)); !ok || got != tt.want {
			t.Errorf("%v: %v, %v, want %v", tt.cpu, got, ok, tt.want)
		}
	}
}

func TestProcessorIsNamed(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n"); got != "Some CPU @ 2 GHz" {
		t.Errorf("%q", got)
	}
	if got := cpuModel("Features : fp\n"); got != "unknown CPU" {
		t.Errorf("%q", got)
	}
}
