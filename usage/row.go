package usage

import (
	"time"

	"uniapi/codec/saturate"
)

// The fields of a Row.
const (
	requests = iota
	failures
	estimated // of requests, those whose tokens are a guess
	promptTokens
	cachedTokens
	cacheWriteTokens
	completionTokens
	reasoningTokens
	cost          // nano-dollars
	firstByteTime // microseconds, of those that had a first byte
	firstBytes
	totalTime // microseconds
	// Of requests, those whose cost goes by the tokens above alone, and those that used nothing. The others are in rows
	// of parts, too.
	plainRequests
	freeRequests
	// In rows of parts only.
	hourWriteTokens
	audioInputTokens
	imageInputTokens
	audioOutputTokens
	imageOutputTokens
	webSearches
	fileSearches
	imageCount
	soundSeconds
	spokenCharacters
	codeCalls
	documentSearches
	mapAnswers
	fieldCount
)

// Row is what was counted of one Series in some time.
type Row [fieldCount]int64

func (r *Row) add(o *Row) {
	for i := range r {
		r[i] = saturate.Add(r[i], o[i])
	}
}

// Counts are a Row with how its durations are distributed.
type Counts struct {
	Row
	histograms [histogramCount]*Histogram // nil as long as they are empty
	sums       [histogramCount]int64      // microseconds, of what is in them; the ledger does not keep it
}

func (c *Counts) histogram(which int) *Histogram {
	if c.histograms[which] == nil {
		c.histograms[which] = new(Histogram)
	}
	return c.histograms[which]
}

// clear empties it and keeps its memory.
func (c *Counts) clear() {
	c.Row, c.sums = Row{}, [histogramCount]int64{}
	for _, h := range c.histograms {
		if h != nil {
			*h = Histogram{}
		}
	}
}

func (c *Counts) add(o *Counts) {
	c.Row.add(&o.Row)
	for which, h := range o.histograms {
		c.sums[which] = saturate.Add(c.sums[which], o.sums[which])
		if h == nil {
			continue
		}
		to := c.histogram(which)
		for i, n := range h {
			to[i] = saturate.Add(to[i], n)
		}
	}
}

// Kind tells what a Series counts.
type Kind byte

// What is counted, and the two sums of requests that most questions are about: without them a month of /v1/stats would
// have to read the requests of every key.
const (
	ofRequests Kind = 'r' // by client key, provider, model, endpoint
	ofChannels Kind = 'c' // requests by provider, model, endpoint
	ofKeys     Kind = 'k' // requests by client key
	ofAttempts Kind = 'a' // by provider, model, upstream key
	ofClients  Kind = 'i' // by address
	ofParts    Kind = 'p' // requests by what their price goes by beside the tokens that all have, where there is more
	ofNothing  Kind = '-' // a series whose name the ledger has lost
)

// what is what is counted, in the words of the log.
func (k Kind) what() string {
	switch k {
	case ofChannels:
		return "the requests by channel"
	case ofKeys:
		return "the requests and costs by client key"
	case ofAttempts:
		return "the attempts"
	case ofClients:
		return "the requests by client address"
	case ofParts:
		return "what requests are priced by"
	}
	return "the requests"
}

// kindsOfRows are those that the ledger keeps by number; addresses come and go, and are kept by what they are.
var kindsOfRows = [...]Kind{ofRequests, ofChannels, ofKeys, ofAttempts, ofParts}

var allKinds = [...]Kind{ofRequests, ofChannels, ofKeys, ofAttempts, ofParts, ofClients}

// The ledger keeps rows by spans of three lengths, in seconds since 1970, UTC.
const (
	minute = int64(60)
	hour   = 60 * minute
	day    = 24 * hour
)

// begin is when the span of a length began that a time is in.
func begin(at, length int64) int64 {
	if at < 0 {
		return 0
	}
	return at - at%length
}

func minuteOf(t time.Time) int64 { return begin(t.Unix(), minute) }
