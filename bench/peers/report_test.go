package main

import (
	"strings"
	"testing"
	"time"
)

// round is a measurement of n requests within a second, each of which took
// the peer cpu and the client took.
func round(n int, cpu, took time.Duration) *measurement {
	m := &measurement{requests: n, elapsed: time.Second, peerCPU: cpu * time.Duration(n), upCPU: 10 * time.Microsecond * time.Duration(n),
		peerResidentBytes: 20 << 20}
	for range n {
		m.firstByte = append(m.firstByte, took/2)
		m.whole = append(m.whole, took)
	}
	return m
}

func TestReportIsATableOfMediansAndRatios(t *testing.T) {
	const us = time.Microsecond
	s := scenarioResult{title: "plain", rows: []row{
		{peer: "direct", rounds: []*measurement{round(100, 0, 50*us), round(100, 0, 50*us), round(100, 0, 50*us)}},
		{peer: "nginx", inFront: true, rounds: []*measurement{round(50, 20*us, 100*us), round(50, 40*us, 100*us), round(50, 30*us, 100*us)}},
		// The machine was slow in the second round, for both alike.
		{peer: "uni-api", inFront: true, rounds: []*measurement{round(40, 30*us, 200*us), round(40, 60*us, 200*us), round(40, 45*us, 200*us)}},
	}}
	s.compare()
	got := report{
		command:     "go run ./bench/peers --bin x",
		settings:    "settings",
		environment: "a machine",
		versions:    []string{"nginx: nginx/1"},
		missing:     []string{"haproxy"},
		when:        time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		scenarios:   []scenarioResult{s},
	}.markdown()
	want := "# Beside nginx and haproxy\n\n2026-01-02 03:04 UTC, on a machine.\n\n    go run ./bench/peers --bin x\n\nsettings\n\n" +
		"- nginx: nginx/1\n- haproxy: not installed\n\n## plain\n\n" + columns +
		"| direct | 100 | – | – | 25 | 25 | 50 | 50 | – | 10.0 |\n" +
		"| nginx | 50 | 30.0 | 1.00 | 50 | 50 | 100 | 100 | 20.0 | 10.0 |\n" +
		"| uni-api | 40 | 45.0 | 1.50 | 100 | 100 | 200 | 200 | 20.0 | 10.0 |\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestWithoutNginxThereIsNoRatio(t *testing.T) {
	s := scenarioResult{rows: []row{{peer: "uni-api", inFront: true, rounds: []*measurement{round(1, 1, 1)}}}}
	s.compare()
	if got := s.rows[0].markdown(); !strings.HasPrefix(got, "| uni-api | 1 | 0.0 | – |") {
		t.Error(got)
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
