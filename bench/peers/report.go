//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown kernel"
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	return cpuModel(string(info))
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

// column of a table of figures.
type column struct {
	title    string
	figure   string
	decimals int
}

// columnsOf each load's table.
var columnsOf = map[string][]column{
	saturated: {
		{"requests/s", perSecond, 0}, {"CPU µs/request", cpuEach, 1}, {"× nginx", timesNginx, 2}, {"× before", timesBefore, 3}, {"× untranslated", timesPassed, 2},
		{"first byte p50 µs", firstByteOf + "_p50", 0}, {"p99", firstByteOf + "_p99", 0},
		{"whole p50 µs", wholeOf + "_p50", 0}, {"p99", wholeOf + "_p99", 0},
		{"RSS MB", memory, 1}, {"upstream CPU µs", upstreamCPU, 1}, {"cores busy %", busyShare, 0},
	},
	light: openColumns,
	half:  openColumns,
	pacedLoad: {
		{"events/s", perSecond, 0}, {"CPU µs/1,000 events", cpuEach, 0}, {"× nginx", timesNginx, 2}, {"× before", timesBefore, 3},
		{"jitter p50 µs", jitterOf + "_p50", 0}, {"p99", jitterOf + "_p99", 0}, {"p99.9", jitterOf + "_p999", 0},
		{"added p50 µs", added + jitterOf + "_p50", 0}, {"p99", added + jitterOf + "_p99", 0}, {"p99.9", added + jitterOf + "_p999", 0},
		{"came together %", together, 0}, {"streams", openStreams, 0}, {"RSS MB", memory, 1}, {"KB/stream", streamKB, 1},
		{"upstream CPU µs", upstreamCPU, 0}, {"cores busy %", busyShare, 0},
	},
	heldLoad: {
		{"streams", openStreams, 0}, {"RSS MB", memory, 1}, {"KB/stream", streamKB, 1}, {"events/s", perSecond, 0}, {"cores busy %", busyShare, 0},
	},
	countLoad: {
		{"system calls", callsEach, 2}, {"× nginx", callsNginx, 2}, {"× before", callsBefore, 3}, {"reads and writes", transferEach, 2}, {"switches", switchEach, 2}, {"instructions", instrEach, 0},
	},
}

var openColumns = []column{
	{"first byte p50 µs", firstByteOf + "_p50", 0}, {"p99", firstByteOf + "_p99", 0}, {"p99.9", firstByteOf + "_p999", 0},
	{"added p50 µs", added + firstByteOf + "_p50", 0}, {"p99", added + firstByteOf + "_p99", 0}, {"p99.9", added + firstByteOf + "_p999", 0},
	{"whole p50 µs", wholeOf + "_p50", 0}, {"p99", wholeOf + "_p99", 0}, {"p99.9", wholeOf + "_p999", 0},
	{"added p50 µs", added + wholeOf + "_p50", 0}, {"p99", added + wholeOf + "_p99", 0}, {"p99.9", added + wholeOf + "_p999", 0},
	{"CPU µs/request", cpuEach, 1}, {"× before", timesBefore, 3}, {"35–45 ms ‰", fortyShare, 2}, {"sent late p99 µs", lateness, 0}, {"cores busy %", busyShare, 0},
}

// heading of a load's table.
func (s *section) heading() string {
	switch s.Load {
	case saturated:
		return "As fast as it goes"
	case light, half:
		return fmt.Sprintf("At %.0f requests/s, %.0f %% of what nginx can do", s.Rate, 100*shareOf[s.Load])
	case pacedLoad:
		return "Cost of events, and how evenly they come"
	case countLoad:
		return "What a request takes, one at a time; a switch is a thread that gives up or loses its core"
	}
	return "Memory"
}

// rowName is a peer's name with what it translates to.
func rowName(peer, model string) string {
	switch model {
	case claudeModel:
		return peer + ", to Anthropic"
	case geminiModel:
		return peer + ", to Gemini"
	}
	return peer
}

// markdown is the whole report; plot is where its picture is.
func (r *results) markdown(plot string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Beside nginx and haproxy\n\n%s, on %s.\n\n    %s\n\n%s\n\n",
		r.When.UTC().Format("2006-01-02 15:04 UTC"), r.Environment, r.Command, r.Settings)
	for _, v := range r.Versions {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "- %s: not installed\n", m)
	}
	if others := r.disturbance(); others >= 5 {
		fmt.Fprintf(&b, "\n**Not a quiet machine**: other processes took up to %.0f %% of the cores during a turn. The latencies of this run mean nothing, and the ratios little.\n", others)
	}
	b.WriteString("\n## The aims\n\n| | at most | measured | |\n| --- | ---: | ---: | --- |\n")
	for _, t := range targets {
		value, ok := t.measure(r)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.title, t.show(t.most), t.measured(value, ok), t.verdict(value, ok))
	}
	fmt.Fprintf(&b, "\n![CPU of each scenario as a multiple of nginx's](%s)\n", plot)
	for _, s := range r.Scenarios {
		fmt.Fprintf(&b, "\n## %s\n", s.Title)
		for _, section := range s.Sections {
			fmt.Fprintf(&b, "\n%s:\n\n%s%s", section.heading(), section.table(), section.uncounted())
		}
	}
	if len(r.Start) > 0 {
		b.WriteString("\n## Start\n\nReady is from the start of the process to the first 200 of /readyz; memory is that of two seconds later.\n\n" +
			"| models | ready ms | CPU ms | RSS MB | not of the binary MB |\n| ---: | ---: | ---: | ---: | ---: |\n")
		for _, s := range r.Start {
			fmt.Fprintf(&b, "| %d | %.0f | %.0f | %.1f | %.1f |\n", s.Models, s.Ready, s.CPU, s.RSS, s.Own)
		}
	}
	return b.String()
}

// disturbance is the most that other processes took of the cores.
func (r *results) disturbance() (most float64) {
	for _, s := range r.Scenarios {
		for _, section := range s.Sections {
			for _, row := range section.Rows {
				most = max(most, row.Figures[othersShare])
			}
		}
	}
	return most
}

// table has the columns for which there are figures.
func (s *section) table() string {
	var used []column
	for _, c := range columnsOf[s.Load] {
		for _, r := range s.Rows {
			if _, ok := r.Figures[c.figure]; ok && (c.figure != timesPassed || s.translates()) {
				used = append(used, c)
				break
			}
		}
	}
	var b strings.Builder
	b.WriteString("| peer |")
	for _, c := range used {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(used)) + "\n")
	for _, r := range s.Rows {
		fmt.Fprintf(&b, "| %s |", rowName(r.Peer, r.Model))
		for _, c := range used {
			if value, ok := r.Figures[c.figure]; ok {
				fmt.Fprintf(&b, " %.*f |", c.decimals, value)
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// uncounted says what this machine does not count, if that was asked for.
func (s *section) uncounted() string {
	if s.Load != countLoad {
		return ""
	}
	var missing []string
	for _, c := range columnsOf[countLoad] {
		if strings.Contains(c.title, "×") {
			continue
		}
		if !slices.ContainsFunc(s.Rows, func(r row) bool { _, is := r.Figures[c.figure]; return is }) {
			missing = append(missing, c.title)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return "\nNot counted, since this machine or this user cannot: " + strings.Join(missing, ", ") + ".\n"
}

// translates tells whether the gateway was asked for anything to translate.
func (s *section) translates() bool {
	for _, r := range s.Rows {
		if r.Model != chatModel {
			return true
		}
	}
	return false
}

// progress is a turn in one line.
func (f figures) progress() string {
	out := fmt.Sprintf("%.0f/s", f[perSecond])
	for _, shown := range []struct{ format, figure string }{
		{", %.1f µs CPU", cpuEach}, {", %.1f KB a stream", streamKB}, {", first byte p99 %.0f µs", firstByteOf + "_p99"}, {", jitter p99 %.0f µs", jitterOf + "_p99"},
	} {
		if value, ok := f[shown.figure]; ok {
			out += fmt.Sprintf(shown.format, value)
		}
	}
	return out
}
