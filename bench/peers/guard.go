//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// callsMargin is how many times as many reads and writes as were kept a request may
// take: the books are written meanwhile, and a read may find nothing.
const callsMargin = 1.15

// calls are the gateway's reads and writes of each scenario that was counted, a
// request, by the scenario and what was asked for; empty where the machine does
// not count them.
func (r *results) calls() map[string]float64 {
	out := map[string]float64{}
	for _, s := range r.Scenarios {
		for _, row := range s.section(countLoad).rows() {
			if n, is := row.Figures[transferEach]; is && row.Peer == gateway {
				out[s.Name+" "+row.Model] = n
			}
		}
	}
	return out
}

// rows of a section that may not have been measured.
func (s *section) rows() []row {
	if s == nil {
		return nil
	}
	return s.Rows
}

// parseCalls reads what was kept: on each line a scenario, a model, and a number.
// Empty lines and those that begin with # say nothing.
func parseCalls(text string) (map[string]float64, error) {
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("%q is not a scenario, a model and a number", strings.TrimSpace(line))
		}
		n, err := strconv.ParseFloat(fields[2], 64)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("%q is no number of calls", fields[2])
		}
		out[fields[0]+" "+fields[1]] = n
	}
	return out, nil
}

func formatCalls(calls map[string]float64) string {
	var b strings.Builder
	b.WriteString("# Reads and writes of the gateway, a request, one at a time: scenario, model, number. Renewed by make bench-baseline.\n")
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		fmt.Fprintf(&b, "%s %.2f\n", name, calls[name])
	}
	return b.String()
}

// worse says what takes more calls than was kept, and what is not known yet.
func worse(kept, now map[string]float64) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		switch most, known := kept[name]; {
		case !known:
			faults = append(faults, name+" is not in the file: run make bench-baseline")
		case now[name] > most*callsMargin:
			faults = append(faults, fmt.Sprintf("%s takes %.2f reads and writes a request, kept are %.2f: find what calls the kernel more often, or take it as it is by make bench-baseline", name, now[name], most))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if _, measured := now[name]; !measured {
			faults = append(faults, name+" was not measured, so it is not guarded any more: run make bench-baseline if that is meant")
		}
	}
	return faults
}

// guard compares with what a file keeps, or, with keep, writes it anew.
func (r *results) guard(path string, keep bool) error {
	now := r.calls()
	if len(now) == 0 {
		fmt.Println("System calls are not counted on this machine: that takes root, and a kernel with tracepoints. They are not guarded here.")
		return nil
	}
	if keep {
		return os.WriteFile(path, []byte(formatCalls(now)), 0o644)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	kept, err := parseCalls(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if faults := worse(kept, now); len(faults) > 0 {
		return fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	fmt.Printf("No request takes more reads and writes than %s keeps, of %d kinds.\n", path, len(now))
	return nil
}
