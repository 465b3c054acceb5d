package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// result is what the runs of one benchmark said.
type result struct {
	allocs []int // per operation, an entry for each run
}

func (r result) least() int { return slices.Min(r.allocs) }
func (r result) most() int  { return slices.Max(r.allocs) }

// usual is the median of the runs.
func (r result) usual() int {
	sorted := slices.Sorted(slices.Values(r.allocs))
	return sorted[len(sorted)/2]
}

var (
	cores  = regexp.MustCompile(`-\d+$`) // that `go test` puts after a name
	allocs = regexp.MustCompile(`\s(\d+) allocs/op`)
)

// parse reads what `go test -bench -benchmem` prints. Results are by package and
// name, since names repeat in packages, and without the number of cores.
func parse(r io.Reader) (map[string]result, error) {
	results := make(map[string]result)
	pkg := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = name
			continue
		}
		name, rest, ok := strings.Cut(line, " ")
		found := allocs.FindStringSubmatch(rest)
		if !ok || !strings.HasPrefix(name, "Benchmark") || found == nil {
			continue
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		key := pkg + " " + cores.ReplaceAllString(name, "")
		entry := results[key]
		entry.allocs = append(entry.allocs, n)
		results[key] = entry
	}
	return results, lines.Err()
}
