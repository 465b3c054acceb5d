package usage

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// promptBounds are the lengths of prompts at which list prices change. The prompts of a row are between two of them, or
// between those of the price that was in force, so that another price can be applied to the row later.
var promptBounds = [...]int64{100_000, 128_000, 200_000, 256_000, 272_000, 512_000}

// endless is behind the last bound.
const endless = 1 << 62

// circumstances are what the cost of a request depends on beside how much of what it used.
type circumstances struct {
	over, upTo                     int64 // tokens of the prompt
	service, search, size, quality string
	estimated, apart               bool
}

// circumstancesOf are those of tokens.
func circumstancesOf(t *Tokens) (c circumstances) {
	c.upTo = endless
	for _, bound := range promptBounds {
		if t.Prompt <= bound {
			c.upTo = bound
			break
		}
		c.over = bound
	}
	c.over = max(c.over, t.Over)
	if t.UpTo > 0 {
		c.upTo = min(c.upTo, t.UpTo)
	}
	c.service, c.search, c.apart = t.Service, t.Search, t.Apart
	if t.Images > 0 {
		c.size, c.quality = t.ImageSize, t.ImageQuality
	}
	c.estimated = t.Estimated && t.Images|t.Seconds|t.Characters != 0
	return c
}

// plain are those of most requests: they cost by tokens of the prompt and the answer alone, at the usual service.
var plain = circumstances{upTo: promptBounds[0]}

// free says that nothing was used.
func (t *Tokens) free() bool {
	return t.Prompt|t.Cached|t.CacheWrite|t.Completion|t.Reasoning|t.CacheWrite1h|t.AudioInput|t.ImageInput|t.AudioOutput|t.ImageOutput|
		t.Searches|t.FileSearches|t.CodeCalls|t.DocumentSearches|t.Maps|t.Images|t.Seconds|t.Characters == 0
}

// plain says that the columns of every row tell what a price needs.
func (t *Tokens) plain() bool {
	return t.CacheWrite1h|t.AudioInput|t.ImageInput|t.AudioOutput|t.ImageOutput|t.Searches|t.FileSearches|t.CodeCalls|t.DocumentSearches|t.Maps|t.Images|t.Seconds|t.Characters == 0 &&
		t.Prompt <= promptBounds[0] && t.Service == "" && t.Search == "" && !t.Apart && t.Over == 0 && (t.UpTo == 0 || t.UpTo >= promptBounds[0])
}

// Parts counts of a request that is in the series of its key, provider, model and endpoint what its cost goes by, if
// that is more than the series tells. It is read by Reprice.
func (r *Recent) Parts(k *Key, provider, model, endpoint string, t *Tokens, nano int64) {
	if t.free() || t.plain() {
		return
	}
	s := k.books.recent(&r.priced, Name{ofParts, k.hash, provider, model, k.books.circumstances.name(k.hash, endpoint, circumstancesOf(t))})
	s.count(requests, 1)
	if t.Estimated {
		s.count(estimated, 1)
	}
	s.count(cost, nano)
	for _, part := range [...]struct {
		field int
		n     int64
	}{
		{promptTokens, t.Prompt}, {cachedTokens, t.Cached}, {cacheWriteTokens, t.CacheWrite}, {completionTokens, t.Completion}, {reasoningTokens, t.Reasoning},
		{hourWriteTokens, t.CacheWrite1h}, {audioInputTokens, t.AudioInput}, {imageInputTokens, t.ImageInput}, {audioOutputTokens, t.AudioOutput},
		{imageOutputTokens, t.ImageOutput}, {webSearches, t.Searches}, {fileSearches, t.FileSearches}, {imageCount, t.Images}, {soundSeconds, t.Seconds}, {spokenCharacters, t.Characters}, {codeCalls, t.CodeCalls},
		{documentSearches, t.DocumentSearches}, {mapAnswers, t.Maps},
	} {
		s.count(part.field, part.n)
	}
	s.touched()
}

// tokens are what a row of parts tells.
func (c *circumstances) tokens(r *Row) Tokens {
	return Tokens{
		Prompt: r[promptTokens], Cached: r[cachedTokens], CacheWrite: r[cacheWriteTokens], Completion: r[completionTokens], Reasoning: r[reasoningTokens],
		CacheWrite1h: r[hourWriteTokens], AudioInput: r[audioInputTokens], ImageInput: r[imageInputTokens], AudioOutput: r[audioOutputTokens], ImageOutput: r[imageOutputTokens],
		Searches: r[webSearches], FileSearches: r[fileSearches], CodeCalls: r[codeCalls], DocumentSearches: r[documentSearches], Maps: r[mapAnswers], Images: r[imageCount], Seconds: r[soundSeconds], Characters: r[spokenCharacters],
		ImageSize: c.size, ImageQuality: c.quality, Service: c.service, Search: c.search, Estimated: c.estimated,
	}
}

// mostCircumstances bounds how many are told apart: clients may ask for any service, and for images of any size. Of
// these one client key has mostCircumstancesOfKey at most, so that none takes them from the others.
const (
	mostCircumstances      = 1000
	mostCircumstancesOfKey = 200
)

const otherCircumstances = "others"

// circumstanceNames finds how circumstances at an endpoint are written in the last word of a series' name. Reading
// takes no lock.
type circumstanceNames struct {
	known  atomic.Pointer[map[circumstancesAt]string]
	adding sync.Mutex
	of     map[string]int // how many a key was the first to ask for
}

type circumstancesAt struct {
	endpoint string
	circumstances
}

func (n *circumstanceNames) name(key, endpoint string, c circumstances) string {
	at := circumstancesAt{endpoint, c}
	if known := n.known.Load(); known != nil {
		if text, is := (*known)[at]; is {
			return text
		}
	}
	n.adding.Lock()
	defer n.adding.Unlock()
	next := make(map[circumstancesAt]string)
	if known := n.known.Load(); known != nil {
		if text, is := (*known)[at]; is {
			return text
		}
		next = maps.Clone(*known)
	}
	at.endpoint = strings.Clone(endpoint) // the texts may lie in a buffer of a request
	text := at.endpoint + "?" + c.encode()
	if len(next) >= mostCircumstances || n.of[key] >= mostCircumstancesOfKey || len(text) > mostWord {
		return at.endpoint + "?" + otherCircumstances
	}
	if n.of == nil {
		n.of = make(map[string]int)
	}
	n.of[key]++
	at.service, at.search, at.size, at.quality = strings.Clone(c.service), strings.Clone(c.search), strings.Clone(c.size), strings.Clone(c.quality)
	next[at] = text
	n.known.Store(&next)
	return text
}

func (c *circumstances) encode() string {
	v := url.Values{}
	set := func(name, value string, is bool) {
		if is {
			v.Set(name, value)
		}
	}
	set("over", strconv.FormatInt(c.over, 10), c.over > 0)
	set("upto", strconv.FormatInt(c.upTo, 10), c.upTo < endless)
	set("service", c.service, c.service != "")
	set("search", c.search, c.search != "")
	set("size", c.size, c.size != "")
	set("quality", c.quality, c.quality != "")
	set("estimated", "1", c.estimated)
	set("apart", "1", c.apart)
	return v.Encode()
}

// ofRequests is the series of requests that a series of parts is of, and the circumstances. It is not known of all what
// they were.
func (n Name) ofRequests() (of Name, c circumstances, known bool) {
	endpoint, text, _ := strings.Cut(n.Endpoint, "?")
	of = Name{ofRequests, n.Who, n.Provider, n.Model, endpoint}
	v, err := url.ParseQuery(text)
	if err != nil || text == otherCircumstances {
		return of, c, false
	}
	number := func(name string, otherwise int64) int64 {
		n, err := strconv.ParseInt(v.Get(name), 10, 64)
		if err != nil {
			return otherwise
		}
		return n
	}
	c = circumstances{over: number("over", 0), upTo: number("upto", endless), service: v.Get("service"), search: v.Get("search"), size: v.Get("size"), quality: v.Get("quality"), estimated: v.Has("estimated"), apart: v.Has("apart")}
	return of, c, true
}

// ofOtherCircumstances is the series of parts whose circumstances are not told apart.
func (n Name) ofOtherCircumstances() Name {
	if n.Kind == ofParts {
		endpoint, _, _ := strings.Cut(n.Endpoint, "?")
		n.Endpoint = endpoint + "?" + otherCircumstances
	}
	return n
}

// partsRoom is how many series of parts there are, which take no place from those of requests: half as many as of
// these, and of one client key a quarter of that. What comes after is counted together for each model and endpoint.
type partsRoom struct {
	mu  sync.Mutex
	all int
	of  map[string]int // by the key's hash
}

// take takes the place of one more of a key, where there is one.
func (p *partsRoom) take(key string, series int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if most := max(series/2, 4); p.all >= most || p.of[key] >= most/4 {
		return false
	}
	if p.of == nil {
		p.of = make(map[string]int)
	}
	p.all++
	p.of[key]++
	return true
}
