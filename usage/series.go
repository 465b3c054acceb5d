package usage

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// Tokens are those of one request, as OpenAI counts: Prompt includes Cached and CacheWrite, Completion includes
// Reasoning.
type Tokens struct {
	Prompt, Cached, CacheWrite, Completion, Reasoning int64
	CacheWrite1h                                      int64  // of CacheWrite, those that are kept for an hour
	AudioInput, ImageInput                            int64  // of Prompt
	AudioOutput, ImageOutput                          int64  // of Completion
	Searches, FileSearches, CodeCalls                 int64  // of the web and of files, that the provider made for the answer, and programs that it ran
	DocumentSearches, Maps                            int64  // of files that came with the request, and whether maps were asked
	Images, Seconds, Characters                       int64  // made, of sound, to be spoken: where the price is one of these
	ImageSize, ImageQuality                           string // of Images, where the price depends on them
	Search                                            string // what the request says of searches, where the price depends on it: price.SearchKinds
	Service                                           string // the service tier that was asked for, where the price has such
	At                                                int64  // when the request ended, in seconds since 1970, where the price goes by the time of day
	Over, UpTo                                        int64  // the bounds of the price's tiers that the prompt is between, where the price has such
	Estimated                                         bool   // the upstream did not say; the numbers are a guess
	Apart                                             bool   // the cost does not follow from one price and these: it is of several attempts or models, or a fee
}

// Sample is one finished request.
type Sample struct {
	Success  bool
	Tokens   Tokens
	Cost     int64         // nano-dollars
	TTFT     time.Duration // to the first byte of the answer; 0 if there was none
	Duration time.Duration
}

// cacheLine keeps the counters of one series out of the line of its neighbour in memory, which another core may be
// counting into.
const cacheLine = 64

// Series counts what belongs together. Counting takes no lock.
type Series struct {
	name       Name
	books      *Books
	next       *Series         // of the same hash
	histograms *liveHistograms // nil where no durations are counted

	_      [cacheLine]byte
	fields [fieldCount]saturate.Counter
	dirty  atomic.Bool // it is on the books' list of those to write
	_      [cacheLine]byte
}

// count adds to a field. Nothing that is counted is negative, and what does not fit any more stays at the end.
func (s *Series) count(field int, n int64) {
	if n > 0 {
		s.fields[field].Add(n)
	}
}

// touched puts the series on the list of those that the next flush looks at.
func (s *Series) touched() {
	if s.dirty.Load() || s.dirty.Swap(true) {
		return
	}
	s.books.changing.Lock()
	s.books.changed = append(s.books.changed, s)
	s.books.changing.Unlock()
}

// Record counts a request. The histograms take those that succeeded: a refusal that comes at once says nothing about
// how long answers take.
func (s *Series) Record(r Sample) {
	s.count(requests, 1)
	if !r.Success {
		s.count(failures, 1)
	}
	if r.Tokens.Estimated {
		s.count(estimated, 1)
	}
	s.count(promptTokens, r.Tokens.Prompt)
	s.count(cachedTokens, r.Tokens.Cached)
	s.count(cacheWriteTokens, r.Tokens.CacheWrite)
	s.count(completionTokens, r.Tokens.Completion)
	s.count(reasoningTokens, r.Tokens.Reasoning)
	s.count(cost, r.Cost)
	if r.TTFT > 0 {
		s.count(firstByteTime, r.TTFT.Microseconds())
		s.count(firstBytes, 1)
	}
	s.count(totalTime, r.Duration.Microseconds())
	switch {
	case r.Tokens.free():
		s.count(freeRequests, 1)
	case r.Tokens.plain():
		s.count(plainRequests, 1)
	}
	if r.Success {
		if r.TTFT > 0 {
			s.histograms[firstByte].count(r.TTFT)
		}
		s.histograms[duration].count(r.Duration)
	}
	s.touched()
}

// attempt counts one attempt.
func (s *Series) attempt(success bool) {
	s.count(requests, 1)
	if !success {
		s.count(failures, 1)
	}
	s.touched()
}

// take empties the counters.
func (s *Series) take() (c Counts) {
	for i := range c.Row {
		if s.fields[i].Load() != 0 {
			c.Row[i] = s.fields[i].Take()
		}
	}
	if s.histograms != nil {
		s.histograms.take(&c)
	}
	return c
}

// table finds series. Reading takes no lock; a new one copies its shard, of which there are enough for that to be
// little.
type table struct {
	seed   maphash.Seed
	shards [64]shard
	count  atomic.Int64 // of those that have a model, but for parts that are told apart
	parts  partsRoom
}

// mostSeries bounds the series that have a model in the life of a process if Options.Series does not: a provider may
// list other models each time that it is asked for them. The requests for models that come after are counted together.
const mostSeries = 100_000

// SeriesSize is about what a series takes in memory, with its name in the tables that it is found by and what is kept
// of it until it is in the ledger.
const SeriesSize = 2 << 10

const otherModels = "others"

type shard struct {
	known atomic.Pointer[map[uint64]*Series] // by hash; those of one hash are chained
	mu    sync.Mutex
}

// hash mixes those of the words, which costs less than to hash the name whole.
func (t *table) hash(n *Name) uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := uint64(n.Kind)
	for _, word := range [...]string{n.Who, n.Provider, n.Model, n.Endpoint} {
		if word != "" {
			h ^= maphash.String(t.seed, word)
		}
		h = (h<<7 | h>>57) * odd
	}
	return h
}

func (s *shard) find(h uint64, n *Name) *Series {
	known := s.known.Load()
	if known == nil {
		return nil
	}
	for found := (*known)[h]; found != nil; found = found.next {
		if found.name == *n {
			return found
		}
	}
	return nil
}

func (t *table) find(b *Books, n Name) *Series {
	if n.long() {
		n = n.bounded()
	}
	h := t.hash(&n)
	at := &t.shards[h>>58]
	if s := at.find(h, &n); s != nil {
		return s
	}
	told := n.ofOtherCircumstances() != n
	if others := n.ofOtherModels(); !told && others != n && t.count.Load() >= int64(b.options.Series) {
		return t.find(b, others)
	}
	s := t.add(b, at, h, n, told)
	if s == nil {
		return t.find(b, n.ofOtherCircumstances())
	}
	return s
}

// add makes a series, unless somebody has. told is that it is of parts whose circumstances are told apart; nil is that
// there is no room for such.
func (t *table) add(b *Books, at *shard, h uint64, n Name, told bool) *Series {
	at.mu.Lock()
	defer at.mu.Unlock()
	if s := at.find(h, &n); s != nil {
		return s
	}
	if told && !t.parts.take(n.Who, b.options.Series) {
		return nil
	}
	next := map[uint64]*Series{}
	if known := at.known.Load(); known != nil {
		next = maps.Clone(*known)
	}
	// The caller's texts may lie in a buffer of a request.
	own := Name{n.Kind, strings.Clone(n.Who), strings.Clone(n.Provider), strings.Clone(n.Model), strings.Clone(n.Endpoint)}
	s := &Series{name: own, books: b, next: next[h]}
	if n.Kind == ofRequests {
		s.histograms = new(liveHistograms)
	}
	next[h] = s
	at.known.Store(&next)
	if !told && own.ofOtherModels() != own {
		t.count.Add(1)
	}
	return s
}

// Series finds what counts the requests of the key to a provider for a model at an endpoint.
func (k *Key) Series(provider, model, endpoint string) *Series {
	return k.books.table.find(k.books, Name{ofRequests, k.hash, provider, model, endpoint})
}

// Attempt counts one attempt at a provider, with which of its keys, masked; "" is a provider without keys.
func (b *Books) Attempt(provider, model, maskedKey string, success bool) {
	b.table.find(b, Name{Kind: ofAttempts, Who: maskedKey, Provider: provider, Model: model}).attempt(success)
}

// mostAddresses bounds how many client addresses are told apart in the life of a process. What comes after is counted
// as one.
const mostAddresses = 10_000

// Seen counts a request of a client's address.
func (b *Books) Seen(addr netip.Addr) {
	b.client(addr).attempt(true)
}

func (b *Books) client(addr netip.Addr) *Series {
	text := otherAddresses
	if known, is := b.addresses.Load(addr); is {
		text = known.(string)
	} else if b.addressCount.Load() < mostAddresses {
		text = addr.Unmap().String()
		if _, was := b.addresses.LoadOrStore(addr, text); !was {
			b.addressCount.Add(1)
		}
	}
	return b.table.find(b, Name{Kind: ofClients, Who: text})
}

// Recent counts for somebody whose requests are mostly counted where the one before was, as those of a connection are:
// to look whether a series is the same costs a fraction of finding it. The zero value is ready; it is used by one
// goroutine at a time.
type Recent struct {
	requests, attempts, client, priced *Series
	addr                               netip.Addr // of client

	prices *Prices // that found is of
	found  *found
}

// Forget lets go of the last price, and with it of the configuration that it is of.
func (r *Recent) Forget() { r.prices, r.found = nil, nil }

// Priced is Prices.Of.
func (r *Recent) Priced(p *Prices, provider *config.Provider, model, upstream string) *config.Priced {
	if of := (priced{provider, model, upstream}); r.prices != p || r.found.of != of {
		r.prices, r.found = p, p.find(of)
	}
	return &r.found.price
}

// Series is Key.Series.
func (r *Recent) Series(k *Key, provider, model, endpoint string) *Series {
	return k.books.recent(&r.requests, Name{ofRequests, k.hash, provider, model, endpoint})
}

// Attempt is Books.Attempt.
func (r *Recent) Attempt(b *Books, provider, model, maskedKey string, success bool) {
	b.recent(&r.attempts, Name{Kind: ofAttempts, Who: maskedKey, Provider: provider, Model: model}).attempt(success)
}

// Seen is Books.Seen.
func (r *Recent) Seen(b *Books, addr netip.Addr) {
	if r.client == nil || r.addr != addr {
		r.client, r.addr = b.client(addr), addr
	}
	r.client.attempt(true)
}

// recent finds a series, which may be the last one.
func (b *Books) recent(last **Series, n Name) *Series {
	if s := *last; s == nil || s.name != n {
		*last = b.table.find(b, n)
	}
	return *last
}

// hashOf is a client key as the ledger knows it.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:8])
}
