//go:build linux

package main

import (
	"math"
	"slices"
	"time"
)

// figures are what one load gave, by name. A name that is missing was not
// measured.
type figures map[string]float64

// Names of figures. Times are in µs, memory in MB unless the name says KB.
const (
	perSecond   = "per_second"   // requests, or events of paced streams
	cpuEach     = "cpu"          // of the peer, a request or 1,000 events
	timesNginx  = "times_nginx"  // cpuEach over nginx's
	timesBefore = "times_before" // cpuEach over that of an older version
	timesPassed = "times_passed" // cpuEach over the gateway's own for what it does not translate
	upstreamCPU = "upstream_cpu"
	busyShare   = "busy"   // percent of the cores' time that peer, upstream and load took together
	othersShare = "others" // percent of it that went to processes that have no part in this
	memory      = "rss"
	streamKB    = "stream_kb" // memory of each open stream
	openStreams = "open"
	together    = "together" // percent of paced events that came together with the one before
	lateness    = "late_p99" // of sending, in an open loop
	fortyShare  = "forty"    // per thousand requests between 35 and 45 ms
	fortyMode   = "forty_mode"
	callsEach   = "calls" // system calls of the peer, a request
	// transferEach is of calls those that read and write: what is left of them is
	// waiting, and depends on what else comes at the same time.
	transferEach = "transfers"
	switchEach   = "switches" // how often its threads gave up or lost a core
	instrEach    = "instructions"
	callsNginx   = "calls_times_nginx"
	callsBefore  = "calls_times_before"
)

// quantiles that are shown, with the ends of the names of their figures.
var quantiles = []struct {
	percent float64
	suffix  string
}{{50, "_p50"}, {99, "_p99"}, {99.9, "_p999"}}

// Beginnings of the names of quantiles.
const (
	firstByteOf = "first"
	wholeOf     = "whole"
	jitterOf    = "jitter"
	added       = "added_" // before one of those: more than without a peer
)

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// set puts the quantiles of sorted values under names that begin with what they
// are of.
func (f figures) set(of string, sorted []time.Duration) {
	if len(sorted) == 0 {
		return
	}
	for _, q := range quantiles {
		f[of+q.suffix] = micros(percentile(sorted, q.percent))
	}
}

// of are the figures of m, in front of which there is a peer or not.
func figuresOf(m *measurement, inFront bool, cores int) figures {
	f := figures{}
	count, seconds := float64(m.requests), m.elapsed.Seconds()
	if m.paced {
		count = float64(m.events) / 1000
		f[perSecond] = float64(m.events) / seconds
	} else {
		f[perSecond] = count / seconds
	}
	if inFront && count > 0 {
		f[cpuEach] = micros(m.peerCPU) / count
		f[memory] = float64(m.residentAfter) / (1 << 20)
		if m.paced && m.open > 0 {
			f[streamKB] = float64(m.residentAfter-m.residentBefore) / 1024 / float64(m.open)
		}
	}
	for name, n := range m.counts {
		if count > 0 {
			f[name] = n / count
		}
	}
	if m.paced {
		f[openStreams] = float64(m.open)
	}
	if count > 0 {
		f[upstreamCPU] = micros(m.upCPU) / count
	}
	ours := m.peerCPU + m.upCPU + m.loadCPU
	f[busyShare] = 100 * ours.Seconds() / seconds / float64(cores)
	f[othersShare] = max(0, 100*m.allCPU.Seconds()/seconds/float64(cores)-f[busyShare])
	f.set(firstByteOf, m.firstByte)
	f.set(wholeOf, m.whole)
	f.set(jitterOf, jitter(m.gaps))
	if n := len(m.gaps); n > 0 {
		apart, _ := slices.BinarySearch(m.gaps, 1)
		f[together] = 100 * float64(apart) / float64(n)
	}
	if len(m.late) > 0 {
		f[lateness] = micros(percentile(m.late, 99))
	}
	first, mode := aroundForty(m.firstByte)
	whole, modeOfWhole := aroundForty(m.whole)
	f[fortyShare] = 1000 * max(first, whole)
	f[fortyMode] = 0
	if mode || modeOfWhole {
		f[fortyMode] = 1
	}
	return f
}

// compare adds what only a comparison gives: with nginx, with the gateway's own
// untranslated answers, with no peer at all. Those that are missing are nil.
func (f figures) compare(base, passed, direct figures) {
	f.ratio(timesNginx, cpuEach, base)
	f.ratio(timesPassed, cpuEach, passed)
	f.ratio(callsNginx, callsEach, base)
	for _, of := range []string{firstByteOf, wholeOf, jitterOf} {
		for _, q := range quantiles {
			mine, ok := f[of+q.suffix]
			if other, also := direct[of+q.suffix]; ok && also {
				f[added+of+q.suffix] = mine - other
			}
		}
	}
}

// ratio sets how many times as much of something it is as in other figures.
func (f figures) ratio(name, of string, to figures) {
	if mine, other := f[of], to[of]; mine > 0 && other > 0 {
		f[name] = mine / other
	}
}

// pause between the events of a paced stream, as the mock is told.
var pause = func() time.Duration {
	d, err := time.ParseDuration(eventPause)
	if err != nil {
		panic(err)
	}
	return d
}()

// jitter is by how much each gap differs from the pause, sorted.
func jitter(gaps []time.Duration) []time.Duration {
	out := make([]time.Duration, len(gaps))
	for i, gap := range gaps {
		out[i] = (gap - pause).Abs()
	}
	slices.Sort(out)
	return out
}

// aroundForty looks for the mark that a delayed acknowledgement leaves, which
// Linux sends after 40 ms: the share of the sorted times between 35 and 45 ms,
// and whether they are a mode, which is at least one in a thousand and twice
// what is in the 10 ms before or after.
func aroundForty(sorted []time.Duration) (share float64, mode bool) {
	between := func(from, to time.Duration) float64 {
		low, _ := slices.BinarySearch(sorted, from*time.Millisecond)
		high, _ := slices.BinarySearch(sorted, to*time.Millisecond)
		return float64(high-low) / float64(len(sorted))
	}
	if len(sorted) == 0 {
		return 0, false
	}
	share = between(35, 45)
	return share, share >= 0.001 && share > 2*max(between(25, 35), between(45, 55))
}

// medians are the medians of each figure over the rounds.
func medians(rounds []figures) figures {
	values := map[string][]float64{}
	for _, f := range rounds {
		for name, value := range f {
			values[name] = append(values[name], value)
		}
	}
	out := figures{}
	for name, all := range values {
		if m := median(all); !math.IsNaN(m) {
			out[name] = m
		}
	}
	return out
}
