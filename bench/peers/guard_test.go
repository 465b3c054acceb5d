//go:build linux

package main

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestGuardFindsWhatTakesMoreCalls(t *testing.T) {
	for _, c := range []struct {
		name, kept string
		now        map[string]float64
		faults     []string // a part of each
	}{
		{"as before", "count-plain m 8\n", map[string]float64{"count-plain m": 8}, nil},
		{"fewer", "count-plain m 8\n", map[string]float64{"count-plain m": 5}, nil},
		{"one more now and then", "count-plain m 8\n", map[string]float64{"count-plain m": 8.9}, nil},
		{"one more each time", "# kept\n\ncount-plain m 8\n", map[string]float64{"count-plain m": 9.3}, []string{"count-plain m takes 9.30"}},
		{"what is gone", "count-plain m 8\ncount-stream m 150\n", map[string]float64{"count-plain m": 8}, []string{"count-stream m was not measured"}},
		{"what is new", "", map[string]float64{"count-plain m": 9}, []string{"not in the file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept, err := parseCalls(c.kept)
			if err != nil {
				t.Fatal(err)
			}
			faults := worse(kept, c.now)
			if len(faults) != len(c.faults) {
				t.Fatalf("%q", faults)
			}
			for i := range faults {
				if !strings.Contains(faults[i], c.faults[i]) {
					t.Errorf("%q, want %q", faults[i], c.faults[i])
				}
			}
		})
	}
}

func TestParseCallsReadsWhatIsWritten(t *testing.T) {
	calls := map[string]float64{"count-plain m": 8.25, "count-stream m": 250}
	if again, err := parseCalls(formatCalls(calls)); err != nil || !maps.Equal(again, calls) {
		t.Errorf("%v, %v", again, err)
	}
	for _, text := range []string{"count-plain 8\n", "count-plain m many\n", "count-plain m -1\n", "a b c d\n"} {
		if _, err := parseCalls(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestCountersCountWhatAProcessDoes(t *testing.T) {
	c, err := openCounters([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	before, err := c.read()
	if err != nil {
		t.Fatal(err)
	}
	exec.Command("true").Run()
	after, err := c.read()
	if err != nil {
		t.Fatal(err)
	}
	for figure, n := range after.since(before) {
		if n <= 0 {
			t.Errorf("%s: %v", figure, n)
		}
	}
}
