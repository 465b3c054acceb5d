package server

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/rawjson"
	"uniapi/codec/said"
	"uniapi/codec/saturate"
	"uniapi/pool/provider"
	"uniapi/usage"
)

// bytesPerToken is about what an event for one token takes on the wire. It is for
// streams of which nothing else is known any more.
const bytesPerToken = 200

// leastOfTooMany are the least tokens that stand for a count that is too large to
// be believed. Much may have been read and thought that nobody sees; of that an
// estimate by the texts knows nothing, and it is not to be had for less by counting
// more.
const leastOfTooMany = 1000

// lack is why tokens are not what the provider counted.
type lack int

const (
	lackNone       lack = iota // it did not say
	lackUnreadable             // what it said is no number
	lackAbsurd                 // nobody can believe what it said
	lackUnit                   // it counts something else: seconds, searches
	lackCut                    // the answer ended before it could say
	lackZero                   // it said that there were none: believed, but worth a look
	lackCount
)

// lackNames are the lacks as /metrics has them.
var lackNames = [lackCount]string{"none", "unreadable", "absurd", "unit", "cut", "zero"}

// extent is how far an answer came, as its price goes.
type extent int

const (
	reachedNothing extent = iota // nothing was answered, or nothing that costs
	reachedSome                  // the answer was cut off, by whomever
	reachedAll
)

func (x *exchange) reached(status int) extent {
	switch {
	case x.at.chosen.Number == 0, x.endpoint == provider.CountTokens, x.at.charged:
		return reachedNothing
	case status == fasthttp.StatusOK:
		return reachedAll
	case x.live.written.Load() > 0, status == statusClientGone && x.at.answered:
		return reachedSome
	}
	return reachedNothing
}

// tokens are what the request is charged for, and what they cost: what the provider
// counted, and where it did not say, or nothing that can be believed, an estimate.
// What attempts before have cost is in both. x.at.usage is what is told of them.
func (x *exchange) tokens(status int) (all usage.Tokens, cost int64) {
	var u codec.Usage
	if end := x.reached(status); end != reachedNothing {
		if u = x.at.toldUsage(); !complete(&u) {
			x.at.fill(&u, end)
		}
		if all = booked(u); all != (usage.Tokens{}) {
			x.count(&all, &u, end)
			cost = x.cost(all)
		}
	}
	if !x.spent.Zero() {
		u.Add(x.spent)
		all, cost = booked(u), min(saturate.Add(cost, x.paid), saturate.Most)
	}
	x.at.usage = u
	return all, cost
}

// booked are a usage's tokens as the books have them.
func booked(u codec.Usage) usage.Tokens {
	return usage.Tokens{Prompt: u.Prompt, Cached: u.Cached, CacheWrite: u.CacheWrite, Completion: u.Completion, Reasoning: u.Reasoning, Estimated: u.Estimated,
		CacheWrite1h: u.CacheWrite1h, AudioInput: u.PromptAudio, AudioOutput: u.CompletionAudio, ImageInput: u.PromptImage, ImageOutput: u.CompletionImage, Searches: u.Searches}
}

// toldUsage is what the provider has counted in the attempt so far.
func (a *attempt) toldUsage() codec.Usage {
	u := a.usage
	if a.flow != nil {
		told, _ := a.flow.Usage()
		u.Update(told)
		if u.Completion == 0 && u.Prompt > 0 && a.flow.Said() > 0 && !countedAtEnd(a.flow) {
			u.Gaps |= codec.NoCompletion // a running total from before the answer
		}
	}
	if a.inputOnly() {
		if u.Gaps&codec.NoPrompt != 0 && u.Total > 0 {
			u.Prompt, u.Gaps = u.Total, 0 // there is nothing else that it could be
		}
		if u.Gaps &^= codec.NoCompletion; u.Gaps&(codec.NoPrompt|codec.Nothing) == 0 {
			u.Gaps = 0 // whatever was wrong with what is not needed
		}
	}
	return u
}

// count adds what is no token and has a price.
func (x *exchange) count(t *usage.Tokens, u *codec.Usage, end extent) {
	if x.endpoint == provider.Chat || !x.priced(x.model).Price.HasUnits() {
		return
	}
	a := x.at
	switch raw, _ := a.flow.(*rawStream); x.endpoint {
	case provider.Images, provider.ImageEdits:
		if raw != nil {
			t.Images = max(raw.made(), 1)
		} else {
			t.Images = a.imagesIn(a.whole, end)
		}
	case provider.Speech:
		if top, err := rawjson.One(x.body); err == nil {
			text, _ := rawjson.Text(x.body, top.Get(x.body, "input"))
			t.Characters = int64(utf8.RuneCountInString(text))
		}
	case provider.Transcriptions, provider.Translations:
		if t.Seconds = a.seconds(u); t.Seconds == 0 && x.isForm() {
			for _, field := range x.form.Fields {
				if field.File {
					t.Seconds += estimate.SoundSeconds(field.End - field.Start)
				}
			}
		}
	case provider.Rerank:
		t.Searches = max(t.Searches, 1)
	}
}

// countedAtEnd says whether a flow knows that its usage was told at the end.
func countedAtEnd(f flow) bool {
	c, knows := f.(interface{ Counted() bool })
	return knows && c.Counted()
}

// complete says that a usage is all told.
func complete(u *codec.Usage) bool { return u.Gaps == 0 && !u.Zero() && !u.Estimated }

// inputOnly says whether an endpoint's answer has no tokens of its own.
func (in *inbound) inputOnly() bool {
	return in.endpoint == provider.Embeddings || in.endpoint == provider.Rerank || in.endpoint == provider.Moderations
}

// fill estimates what is missing in a usage.
func (a *attempt) fill(u *codec.Usage, end extent) {
	why := lackOf(u, end)
	if u.Gaps&codec.Nothing != 0 && end == reachedAll && a.flow == nil { // the zeros of a stream are running totals
		a.lacking(lackZero, u)
		return
	}
	a.guess(u, end)
	a.lacking(why, u)
}

// guess is fill without noting it.
func (a *attempt) guess(u *codec.Usage, end extent) {
	if u.Gaps&codec.Nothing != 0 {
		u.Gaps = codec.NoPrompt | codec.NoCompletion
	}
	if u.Gaps == 0 && u.Zero() {
		u.Gaps = codec.NoPrompt | codec.NoCompletion
	}
	least := int64(0)
	if u.Gaps&codec.Huge != 0 {
		least = leastOfTooMany
	}
	said := u.Completion
	if u.Gaps&codec.NoCompletion != 0 {
		said = max(said, a.answerTokens(end), least)
	}
	switch noPrompt := u.Gaps&codec.NoPrompt != 0; {
	case noPrompt && u.Total > 0: // which is right, but for where they went
		u.Completion = min(said, u.Total)
		u.Prompt = u.Total - u.Completion
	case noPrompt:
		u.Prompt, u.Completion = max(a.promptTokensOf(u), least, 1), said
	default:
		u.Completion = said
	}
	u.Gaps, u.Estimated = 0, true
}

func lackOf(u *codec.Usage, end extent) lack {
	switch {
	case u.Gaps&codec.Absurd != 0:
		return lackAbsurd
	case u.Gaps&codec.Unreadable != 0:
		return lackUnreadable
	case u.Gaps&codec.OtherUnit != 0:
		return lackUnit
	case end == reachedSome:
		return lackCut
	}
	return lackNone
}

// answerTokens are about those of what has been answered.
func (a *attempt) answerTokens(end extent) int64 {
	raw, _ := a.flow.(*rawStream)
	switch {
	case a.inputOnly():
		return 0
	case a.endpoint == provider.Speech: // its words are those of the request
		return a.spokenTokens()
	case raw != nil && (a.endpoint == provider.Images || a.endpoint == provider.ImageEdits):
		return imageTokens(max(raw.made(), 1))
	case a.flow != nil:
		return max(estimate.Text(a.flow.Said()), 1)
	case a.said > 0:
		return a.said
	case a.ctx.Response.IsBodyStream():
		return max(a.live.written.Load()/bytesPerToken, 1)
	}
	body := a.whole
	switch a.endpoint {
	case provider.Images, provider.ImageEdits:
		return max(a.imagesIn(body, end)*estimate.MediaTokens, estimate.Answer(body))
	case provider.Transcriptions, provider.Translations:
		if top, err := rawjson.One(body); err == nil { // a verbose one says it all again, in pieces
			if text, is := rawjson.Text(body, top.Get(body, "text")); is {
				return estimate.Text(int64(len(text)))
			}
		}
	}
	return estimate.Answer(body)
}

// imagesIn counts the images in an answer. They are made before it begins: one that
// was cut off was to have as many as were asked for.
func (a *attempt) imagesIn(body []byte, end extent) (n int64) {
	if end != reachedAll {
		return a.imagesAsked()
	}
	top, err := rawjson.One(body)
	if err != nil {
		return 1
	}
	for list := top.Get(body, "data").Elements(body); list.Next(); n++ {
	}
	return n
}

// mostImages is how many images OpenAI makes for a request at most.
const mostImages = 10

// imagesAsked is how many images one answer of the provider is to have.
func (a *attempt) imagesAsked() int64 {
	n := int64(1)
	switch {
	case !a.untranslated(): // Google is asked again for more
	case a.isForm():
		for _, field := range a.form.Fields {
			if field.Name == "n" && !field.File {
				n, _ = strconv.ParseInt(string(a.body[field.Start:field.End]), 10, 64)
			}
		}
	default:
		n, _ = rawjson.Int(a.body, member(a.body, "n"))
	}
	return min(max(n, 1), mostImages)
}

// promptTokensOf are about those of the request. The usage may tell how long its
// sound is.
func (a *attempt) promptTokensOf(u *codec.Usage) int64 {
	switch {
	case a.isForm():
		return a.formTokens(a.seconds(u))
	case a.endpoint == provider.Speech:
		return a.spokenTokens()
	}
	return estimate.Request(a.body) + a.given()
}

// spokenTokens are those of the text that a request wants to hear.
func (in *inbound) spokenTokens() int64 {
	top, err := rawjson.One(in.body)
	if err != nil {
		return 1
	}
	return max(estimate.Request(top.Get(in.body, "input").Raw(in.body))+estimate.Request(top.Get(in.body, "instructions").Raw(in.body)), 1)
}

// formTokens are those of a form: of its texts, and of its files by what the
// endpoint takes, and how many seconds its sound has if that is known.
func (in *inbound) formTokens(seconds int64) (n int64) {
	for _, field := range in.form.Fields {
		size := field.End - field.Start
		switch {
		case !field.File && !said.Setting(field.Name):
			n += estimate.Text(int64(size))
		case !field.File:
		case in.endpoint == provider.ImageEdits || in.endpoint == provider.Images:
			n += estimate.Media(size)
		case seconds == 0:
			n += estimate.Sound(size)
		}
	}
	return n + estimate.Seconds(seconds)
}

// seconds is how long the request's sound is, if the usage or the answer tells.
func (a *attempt) seconds(u *codec.Usage) int64 {
	if u.Seconds == 0 && a.flow == nil && !a.ctx.Response.IsBodyStream() {
		return durationIn(a.whole)
	}
	return u.Seconds
}

// durationIn is what a verbose transcript tells of its length.
func durationIn(body []byte) int64 {
	top, err := rawjson.One(body)
	if err != nil {
		return 0
	}
	var u codec.Usage
	u.Read(&u.Seconds, 0, body, top.Get(body, "duration"))
	return u.Seconds
}

// lacking counts a usage that was not told, and says so if the provider is wrong.
func (a *attempt) lacking(why lack, u *codec.Usage) {
	provider := a.chosen.Provider.Config.Name
	a.server.lacks.count(provider, why)
	if (why == lackAbsurd || why == lackUnreadable) && a.server.lacks.tell(provider, time.Now()) {
		a.server.log.LogAttrs(context.Background(), slog.LevelWarn, "a provider counts tokens in a way that cannot be right; they are estimated",
			slog.String("id", string(a.id)), slog.String("provider", provider), slog.String("model", clip(a.model)), slog.String("because", lackNames[why]),
			slog.Int64("prompt_tokens", u.Prompt), slog.Int64("completion_tokens", u.Completion))
	}
}

// lacks counts usages that were not told, by provider. The names are those of
// api.yaml.
type lacks struct {
	mu     sync.Mutex
	counts map[string]*[lackCount]int64
	told   map[string]time.Time
}

// lackEvery is how often the log tells of one provider.
const lackEvery = time.Hour

func (l *lacks) count(provider string, why lack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = make(map[string]*[lackCount]int64)
	}
	if l.counts[provider] == nil {
		l.counts[provider] = new([lackCount]int64)
	}
	l.counts[provider][why]++
}

// tell says whether it is time to.
func (l *lacks) tell(provider string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, was := l.told[provider]; was && now.Sub(last) < lackEvery {
		return false
	}
	if l.told == nil {
		l.told = make(map[string]time.Time)
	}
	l.told[provider] = now
	return true
}

// all visits the counts.
func (l *lacks) all(visit func(provider string, why lack, n int64)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for provider, counts := range l.counts {
		for why, n := range counts {
			if n > 0 {
				visit(provider, lack(why), n)
			}
		}
	}
}
