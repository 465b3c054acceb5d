//go:build linux

package main

import (
	"testing"
	"time"
)

func TestFiguresOfARequestAndOfEvents(t *testing.T) {
	const ms = time.Millisecond
	m := &measurement{requests: 100, elapsed: time.Second, peerCPU: 3 * ms, upCPU: ms, loadCPU: ms, allCPU: 205 * ms,
		firstByte: []time.Duration{ms, 2 * ms}, whole: []time.Duration{2 * ms, 3 * ms}, residentAfter: 20 << 20}
	got := figuresOf(m, true, 2)
	for name, want := range map[string]float64{perSecond: 100, cpuEach: 30, upstreamCPU: 10, memory: 20, busyShare: 0.25, othersShare: 10,
		firstByteOf + "_p50": 1000, wholeOf + "_p99": 3000} {
		if diff := got[name] - want; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if _, ok := got[streamKB]; ok {
		t.Error("memory of a stream without open streams")
	}

	m = &measurement{paced: true, events: 50_000, open: 1000, elapsed: time.Second, peerCPU: 100 * ms,
		gaps: []time.Duration{0, 20 * ms, 21 * ms}, residentBefore: 20 << 20, residentAfter: 60 << 20}
	got = figuresOf(m, true, 2)
	for name, want := range map[string]float64{perSecond: 50_000, cpuEach: 2000, openStreams: 1000, streamKB: 40.96, together: 100.0 / 3, jitterOf + "_p50": 1000, jitterOf + "_p99": 20_000} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got := figuresOf(m, false, 2); got[cpuEach] != 0 {
		t.Error("CPU of no peer")
	}
}

func TestFiguresAreComparedWithinARound(t *testing.T) {
	f := figures{cpuEach: 45, wholeOf + "_p99": 300}
	f.compare(figures{cpuEach: 30}, nil, figures{wholeOf + "_p99": 100})
	if f[timesNginx] != 1.5 || f[added+wholeOf+"_p99"] != 200 {
		t.Errorf("%v", f)
	}
	if _, ok := f[timesPassed]; ok {
		t.Error("a ratio to nothing")
	}
	got := medians([]figures{{"a": 1, "b": 2}, {"a": 3}, {"a": 2}})
	if got["a"] != 2 || got["b"] != 2 {
		t.Errorf("%v", got)
	}
}

func TestModeNearFortyMilliseconds(t *testing.T) {
	times := func(counts map[int]int) (out []time.Duration) {
		for ms := range 100 {
			for range counts[ms] {
				out = append(out, time.Duration(ms)*time.Millisecond)
			}
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		counts map[int]int
		mode   bool
	}{
		{"none", map[int]int{1: 1000}, false},
		{"one in a thousand", map[int]int{1: 1998, 40: 2}, true},
		{"a slope", map[int]int{1: 1000, 30: 9, 40: 6, 50: 4}, false},
		{"a hump", map[int]int{1: 1000, 30: 9, 40: 60, 50: 4}, true},
		{"fewer", map[int]int{1: 10000, 40: 2}, false},
	} {
		if _, mode := aroundForty(times(tt.counts)); mode != tt.mode {
			t.Errorf("%s: mode %v", tt.name, mode)
		}
	}
}
