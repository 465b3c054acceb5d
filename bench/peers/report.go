package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// report is a run's outcome, written as Markdown.
type report struct {
	command     string
	settings    string
	versions    []string // "nginx: nginx version ..."
	missing     []string
	scenarios   []scenarioResult
	when        time.Time
	environment string
}

type scenarioResult struct {
	title string
	rows  []row
}

// row is one peer in one scenario: its rounds.
type row struct {
	peer     string
	inFront  bool // there is a process whose cost counts
	rounds   []*measurement
	baseline []*measurement // nginx's rounds; nil without nginx
}

// machine says what the figures were taken on.
func machine() string {
	kernel := "unknown kernel"
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	cpu := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		cpu = cpuModel(string(info))
	}
	return fmt.Sprintf("%s, %s, %d cores, %s %s", kernel, cpu, runtime.NumCPU(), runtime.Version(), runtime.GOARCH)
}

// cpuModel finds the processor's name in /proc/cpuinfo.
func cpuModel(info string) string {
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

const columns = "| peer | requests/s | CPU µs/request | × nginx | first byte p50 µs | p99 µs | whole p50 µs | p99 µs | RSS MB | upstream CPU µs |\n" +
	"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"

func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Beside nginx and haproxy\n\n%s, on %s.\n\n    %s\n\n%s\n\n",
		r.when.UTC().Format("2006-01-02 15:04 UTC"), r.environment, r.command, r.settings)
	for _, v := range r.versions {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	for _, m := range r.missing {
		fmt.Fprintf(&b, "- %s: not installed\n", m)
	}
	for _, s := range r.scenarios {
		fmt.Fprintf(&b, "\n## %s\n\n%s", s.title, columns)
		for _, row := range s.rows {
			b.WriteString(row.markdown())
		}
	}
	return b.String()
}

// perRequest is a CPU time in µs a request.
func perRequest(cpu time.Duration, requests int) float64 {
	return float64(cpu) / float64(time.Microsecond) / float64(requests)
}

// over is the median over the rounds of what of gives for each.
func (r row) over(of func(*measurement) float64) float64 {
	values := make([]float64, len(r.rounds))
	for i, m := range r.rounds {
		values[i] = of(m)
	}
	return median(values)
}

// ratio is the median of the ratios of the rounds, each to nginx's in the same
// round, so that a machine that gets slower meanwhile does not matter. It is
// NaN without nginx.
func (r row) ratio() float64 {
	ratios := make([]float64, 0, len(r.baseline))
	for i, base := range r.baseline {
		ratios = append(ratios, perRequest(r.rounds[i].peerCPU, r.rounds[i].requests)/perRequest(base.peerCPU, base.requests))
	}
	return median(ratios)
}

func (r row) markdown() string {
	cpu, ratio, rss := math.NaN(), math.NaN(), math.NaN()
	if r.inFront {
		cpu = r.over(func(m *measurement) float64 { return perRequest(m.peerCPU, m.requests) })
		ratio = r.ratio()
		rss = r.over(func(m *measurement) float64 { return float64(m.peerResidentBytes) / (1 << 20) })
	}
	micros := func(p float64, of func(*measurement) []time.Duration) string {
		return cell(0, r.over(func(m *measurement) float64 {
			return float64(percentile(of(m), p)) / float64(time.Microsecond)
		}))
	}
	firstByte := func(m *measurement) []time.Duration { return m.firstByte }
	whole := func(m *measurement) []time.Duration { return m.whole }
	cells := []string{
		r.peer,
		cell(0, r.over(func(m *measurement) float64 { return float64(m.requests) / m.elapsed.Seconds() })),
		cell(1, cpu),
		cell(2, ratio),
		micros(50, firstByte), micros(99, firstByte),
		micros(50, whole), micros(99, whole),
		cell(1, rss),
		cell(1, r.over(func(m *measurement) float64 { return perRequest(m.upCPU, m.requests) })),
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// cell writes a figure, or a dash for what was not measured.
func cell(decimals int, value float64) string {
	if math.IsNaN(value) {
		return "–"
	}
	return fmt.Sprintf("%.*f", decimals, value)
}
