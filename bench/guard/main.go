// Command guard compares benchmarks with what was committed: allocations, which
// are the same on every machine, and the costs beside nginx of bench/peers, which
// are nearly so on a quiet one.
//
//	guard allocs BASELINE NEW    output of go test -bench -benchmem
//	guard ratios BASELINE NEW    peers.json of bench/peers
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns 0 if nothing got worse, 1 if something did, 2 if that cannot be
// said.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) != 3 || (args[0] != "allocs" && args[0] != "ratios") {
		fmt.Fprintln(stderr, "usage: guard allocs BASELINE NEW, or guard ratios BASELINE NEW")
		return 2
	}
	compare := compareAllocs
	if args[0] == "ratios" {
		compare = compareRatios
	}
	worse, err := compare(args[1], args[2], stdout)
	if err != nil {
		fmt.Fprintf(stderr, "guard: %v\n", err)
		return 2
	}
	if worse {
		return 1
	}
	return 0
}

func compareAllocs(baseline, fresh string, out io.Writer) (worse bool, err error) {
	before, err := readBenchmarks(baseline)
	if err != nil {
		return false, err
	}
	after, err := readBenchmarks(fresh)
	if err != nil {
		return false, err
	}
	return allocations(before, after).print(out), nil
}

func readBenchmarks(path string) (map[string]result, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	results, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("%s has no benchmark with allocations; it is what go test -bench -benchmem prints", path)
	}
	return results, nil
}

func compareRatios(baseline, fresh string, out io.Writer) (worse bool, err error) {
	before, err := readCosts(baseline)
	if err != nil {
		return false, err
	}
	after, err := readCosts(fresh)
	if err != nil {
		return false, err
	}
	return ratios(before, after).print(out), nil
}

// readCosts reads the ratios to nginx of the gateway out of a peers.json.
func readCosts(path string) (map[string]float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Scenarios []struct {
			Name     string
			Sections []struct {
				Load string
				Rows []struct {
					Peer, Model string
					Figures     map[string]float64
				}
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	costs := make(map[string]float64)
	for _, s := range file.Scenarios {
		for _, section := range s.Sections {
			for _, row := range section.Rows {
				// Under a light load the figures are less steady.
				ratio, ok := row.Figures["times_nginx"]
				if ok && row.Peer == "uni-api" && (section.Load == "saturated" || section.Load == "paced") {
					costs[s.Name+" "+row.Model] = ratio
				}
			}
		}
	}
	if len(costs) == 0 {
		return nil, fmt.Errorf("%s has no figures beside nginx", path)
	}
	return costs, nil
}
