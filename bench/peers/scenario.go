//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// scenario is one kind of load. What differs between scenarios is data here,
// so that a new one is a new entry and no new code.
type scenario struct {
	name  string
	title string
	kind  kindOfLoad
	mock  []string // flags of `uni-api mock`: the answer
	// prompt is about how many bytes of JSON the request has.
	prompt int
	// stream asks for a streamed answer. The client does not ask for the
	// usage, as most do not, so the gateway has to ask for it and hide it.
	stream  bool
	streams int      // that are open at a time, of those that are held open
	models  []string // that the gateway is asked for besides chatModel: what it has to translate
}

type kindOfLoad int

const (
	// saturating is a closed loop for cost and throughput, then an open one at
	// a rate well below for the latency.
	saturating kindOfLoad = iota
	// paced is many streams at a time, each event on its own.
	paced
	// held is as many streams as the memory of each needs to be seen, with next
	// to nothing on them.
	held
	// counted is one request at a time: what it takes does not depend on the
	// minute, nor on what comes at the same time.
	counted
)

const (
	chatModel   = "gpt-4o"    // of an upstream that speaks as the client does
	claudeModel = "claude"    // Anthropic's Messages
	geminiModel = "gemini-x"  // generateContent
	eventPause  = "20ms"      // of paced streams
	kilobyte    = 1000        // of scenarios' sizes
	megabyte    = 1000 * 1000 // likewise
)

var (
	shortAnswer  = []string{"--size", "310"}
	fiftyEvents  = []string{"--events", "50", "--gap", "0"}
	translations = []string{claudeModel, geminiModel}
)

// scenarios in the order in which they run.
var scenarios = []scenario{
	{name: "plain", title: "plain: request of 1 KB, answer of 0.3 KB", mock: shortAnswer, prompt: kilobyte},
	{name: "prompt-10k", title: "prompt of 10 KB, answer of 0.3 KB", mock: shortAnswer, prompt: 10 * kilobyte},
	{name: "prompt-100k", title: "prompt of 100 KB, answer of 0.3 KB", mock: shortAnswer, prompt: 100 * kilobyte},
	{name: "prompt-1m", title: "prompt of 1 MB, answer of 0.3 KB", mock: shortAnswer, prompt: megabyte},
	{name: "answer-10k", title: "request of 1 KB, answer of 10 KB", mock: []string{"--size", "10000"}, prompt: kilobyte},
	{name: "answer-100k", title: "request of 1 KB, answer of 100 KB", mock: []string{"--size", "100000"}, prompt: kilobyte},
	{name: "answer-1m", title: "request of 1 KB, answer of 1 MB", mock: []string{"--size", "1000000"}, prompt: kilobyte},
	{name: "stream", title: "stream of 50 events at full speed", mock: fiftyEvents, prompt: kilobyte, stream: true},
	{name: "convert", title: "translated: plain, 1 KB and 0.3 KB", mock: shortAnswer, prompt: kilobyte, models: translations},
	{name: "convert-stream", title: "translated: stream of 50 events at full speed", mock: fiftyEvents, prompt: kilobyte, stream: true, models: translations},
	{name: "paced-500", title: "500 streams, an event each 20 ms", kind: paced, streams: 500,
		mock: []string{"--events", "250", "--gap", eventPause}, prompt: kilobyte, stream: true},
	{name: "paced-2000", title: "2,000 streams, an event each 20 ms", kind: paced, streams: 2000,
		mock: []string{"--events", "250", "--gap", eventPause}, prompt: kilobyte, stream: true},
	{name: "held-5000", title: "5,000 open streams, an event each second", kind: held, streams: 5000,
		mock: []string{"--events", "1000", "--gap", "1s"}, prompt: kilobyte, stream: true},
	{name: "count-plain", title: "counted: plain, 1 KB and 0.3 KB", kind: counted, mock: shortAnswer, prompt: kilobyte, models: translations},
	{name: "count-stream", title: "counted: stream of 50 events, one each millisecond", kind: counted,
		mock: []string{"--events", "50", "--gap", "1ms"}, prompt: kilobyte, stream: true, models: translations},
}

// everything names all that can be measured: the scenarios, and the start.
func everything() []string {
	names := make([]string, 0, len(scenarios)+1)
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return append(names, startName)
}

// chosen returns the scenarios of a comma-separated list of names, and whether
// the start is among them.
func chosen(list string) (picked []scenario, start bool, err error) {
	all := everything()
	names := all
	if list != "all" {
		names = strings.Split(list, ",")
	}
	for _, name := range names {
		i := slices.Index(all, strings.TrimSpace(name))
		switch {
		case i < 0:
			return nil, false, fmt.Errorf("no scenario %q: there are %s, or all", name, strings.Join(all, ", "))
		case i < len(scenarios):
			picked = append(picked, scenarios[i])
		default:
			start = true
		}
	}
	return picked, start, nil
}
