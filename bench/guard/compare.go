package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// margin is by how much of itself a ratio to nginx may grow: about what two runs
// on a quiet machine differ by.
const margin = 0.10

// verdict is the outcome of a comparison, a line each.
type verdict struct {
	worse, better, missing, added []string
	compared                      int
	refresh                       string // the command that takes what is new as the baseline
}

// allocations compares the allocations of each benchmark. A collection of garbage
// that empties a pool in the middle of a run may add one, so what counts against a
// benchmark is what none of its new runs is without.
func allocations(before, after map[string]result) verdict {
	return compare("make bench-baseline", before, after, func(name string, old, now result) (line string, change int) {
		line = fmt.Sprintf("%s: %d allocs/op, it had %d", name, now.usual(), old.usual())
		switch {
		case now.least() > old.usual():
			return line, 1
		case now.most() < old.least():
			return line, -1
		}
		return "", 0
	})
}

// ratios compares the costs beside nginx.
func ratios(before, after map[string]float64) verdict {
	return compare("make bench-peers", before, after, func(name string, old, now float64) (line string, change int) {
		line = fmt.Sprintf("%s: %.2f × nginx's CPU, it had %.2f", name, now, old)
		switch {
		case now > old*(1+margin):
			return line, 1
		case now < old*(1-margin):
			return line, -1
		}
		return "", 0
	})
}

func compare[V any](refresh string, before, after map[string]V, changed func(string, V, V) (string, int)) verdict {
	v := verdict{refresh: refresh}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		now, ok := after[name]
		if !ok {
			v.missing = append(v.missing, name)
			continue
		}
		v.compared++
		switch line, change := changed(name, before[name], now); {
		case change > 0:
			v.worse = append(v.worse, line)
		case change < 0:
			v.better = append(v.better, line)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[name]; !ok {
			v.added = append(v.added, name)
		}
	}
	return v
}

// print says what was found and tells whether the guard fails: if something got
// worse, or is not measured any more and so not guarded.
func (v verdict) print(out io.Writer) (fails bool) {
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"WORSE", v.worse},
		{"GONE, so not guarded any more", v.missing},
		{"better: take it into the baseline, so that it stays", v.better},
		{"new: not in the baseline yet", v.added},
	} {
		if len(part.lines) == 0 {
			continue
		}
		fmt.Fprintf(out, "%s:\n", part.title)
		for _, line := range part.lines {
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
	fails = len(v.worse) > 0 || len(v.missing) > 0
	switch {
	case fails:
		fmt.Fprintf(out, "If that is on purpose, refresh the baseline and say why in the commit: %s\n", v.refresh)
	case len(v.better) > 0 || len(v.added) > 0:
		fmt.Fprintf(out, "Nothing got worse among %d. The baseline is refreshed by: %s\n", v.compared, v.refresh)
	default:
		fmt.Fprintf(out, "Nothing got worse among %d.\n", v.compared)
	}
	return fails
}
