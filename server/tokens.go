package server

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/form"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/said"
	"uniapi/codec/saturate"
	"uniapi/pool/provider"
	"uniapi/server/telemetry/metrics"
)

// bytesPerToken is about what an event for one token takes on the wire. It is for
// streams of which nothing else is known any more.
const bytesPerToken = 200

// leastOfTooMany are the least tokens that stand for a count that is too large to
// be believed. Much may have been read and thought that nobody sees; of that an
// estimate by the texts knows nothing, and it is not to be had for less by counting
// more.
const leastOfTooMany = 1000

const (
	farAbove    = 16   // times what a model answers with at most are not believed: a name may stand for a larger model than the one that is known
	leastOfMost = 1024 // tokens that every model may answer with
)

// farBeyond says whether so many tokens cannot be the answer, by what is known of the model.
func (a *attempt) farBeyond(completion int64) bool {
	most := a.snap.prices.Of(a.chosen.Provider.Config, a.model, a.chosen.Upstream).Most
	if most == 0 || completion <= farAbove*most {
		return false
	}
	_, answers, _ := a.answerAtMost()
	return completion > saturate.Mul(farAbove*most, answers)
}

// countedAtEnd says whether a flow knows that its usage was told at the end.
func countedAtEnd(f passthrough.Flow) bool {
	c, knows := f.(interface{ Counted() bool })
	return knows && c.Counted()
}

// inputOnly says whether an endpoint's answer has no tokens of its own.
func (in *inbound) inputOnly() bool {
	switch in.endpoint {
	case provider.Embeddings, provider.Rerank, provider.Moderations, provider.Search:
		return true
	}
	return false
}

// fill estimates what is missing in a usage.
func (a *attempt) fill(u *codec.Usage, end extent) {
	why := lackOf(u, end)
	if u.Gaps&codec.Nothing != 0 && end == reachedAll && a.answer.Flow == nil { // the zeros of a stream are running totals
		a.lacking(metrics.LackZero, u)
		return
	}
	a.guess(u, end)
	a.lacking(why, u)
}

// GuessUsage estimates what is missing in the usage of an answer that is whole, without noting it.
func (a *attempt) GuessUsage(u *codec.Usage) { a.guess(u, reachedAll) }

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

func lackOf(u *codec.Usage, end extent) metrics.Lack {
	switch {
	case u.Gaps&codec.Absurd != 0:
		return metrics.LackAbsurd
	case u.Gaps&codec.Unreadable != 0:
		return metrics.LackUnreadable
	case u.Gaps&codec.OtherUnit != 0:
		return metrics.LackUnit
	case end == reachedSome:
		return metrics.LackCut
	}
	return metrics.LackNone
}

// answerTokens are about those of what has been answered.
func (a *attempt) answerTokens(end extent) int64 {
	images, raw := a.answer.Images()
	switch {
	case a.inputOnly():
		return 0
	case a.endpoint == provider.Speech: // its words are those of the request
		return a.spokenTokens()
	case raw && (a.endpoint == provider.Images || a.endpoint == provider.ImageEdits):
		return imageTokens(max(images, 1))
	case a.answer.Flow != nil:
		return max(estimate.Text(a.answer.Flow.Said()), 1)
	case a.answer.Said > 0:
		return a.answer.Said
	case a.ctx.Response.IsBodyStream():
		return max(a.live.written.Load()/bytesPerToken, 1)
	}
	body := a.answer.Body
	switch a.endpoint {
	case provider.Images, provider.ImageEdits:
		return max(a.imagesIn(body, end)*estimate.MediaTokens, estimate.Answer(body))
	case provider.Transcriptions, provider.Translations:
		if top, err := rawjson.One(body); err == nil { // a verbose one says it all again, in pieces
			if text, is := rawjson.Text(body, top.Get(body, "text")); is {
				return estimate.Words(text)
			}
		}
	}
	return estimate.Answer(body)
}

// imageTokens are those of so many images.
func imageTokens(n int64) int64 { return n * estimate.MediaTokens }

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

// imageKind is the size and the quality of the images that were made: what the answer tells of them, if it is there
// whole, else what was asked for.
func (a *attempt) imageKind(whole bool) (size, quality string) {
	size, quality = a.imageAsked()
	if !whole {
		return size, quality
	}
	for name, into := range map[string]*string{"size": &size, "quality": &quality} {
		if text, is := rawjson.Text(a.answer.Body, front.Member(a.answer.Body, name)); is && text != "" {
			*into = strings.Clone(text)
		}
	}
	return size, quality
}

// imageAsked is the size and the quality that the request asks for; "" where it does not say.
func (in *inbound) imageAsked() (size, quality string) {
	for name, into := range map[string]*string{"size": &size, "quality": &quality} {
		if in.head.IsForm {
			for _, field := range in.head.Form.Fields {
				if field.Name == name && !field.File {
					*into = string(in.body[field.Start:min(field.End, field.Start+mostOfKind)])
				}
			}
		} else if text, is := rawjson.Text(in.body, front.Member(in.body, name)); is {
			*into = strings.Clone(text[:min(len(text), mostOfKind)])
		}
	}
	return size, quality
}

// mostOfKind is how much is kept of a size or a quality, in bytes: no price is of a longer one, and a request may be
// one word of megabytes.
const mostOfKind = 64

// mostImages is how many images OpenAI makes for a request at most.
const mostImages = 10

// imagesAsked is how many images one answer of the provider is to have.
func (a *attempt) imagesAsked() int64 {
	if !a.untranslated { // Google is asked again for more
		return 1
	}
	return a.imagesWanted()
}

// imagesWanted is how many images the request asks for.
func (in *inbound) imagesWanted() int64 {
	n := int64(1)
	if !in.head.IsForm {
		n = countIn(in.body, front.Member(in.body, "n"))
	}
	for _, field := range in.fields() {
		if field.Name == "n" && !field.File {
			n, _ = strconv.ParseInt(string(in.body[field.Start:field.End]), 10, 64)
		}
	}
	return min(max(n, 1), mostImages)
}

// charactersToSpeak are those that a request wants to hear.
func (in *inbound) charactersToSpeak() int64 {
	top, err := rawjson.One(in.body)
	if err != nil {
		return 0
	}
	text, _ := rawjson.Text(in.body, top.Get(in.body, "input"))
	return int64(utf8.RuneCountInString(text))
}

// fields are those of a request that is a form.
func (in *inbound) fields() []form.Field {
	if !in.head.IsForm {
		return nil
	}
	return in.head.Form.Fields
}

// promptTokensOf are about those of the request. The usage may tell how long its
// sound is.
func (a *attempt) promptTokensOf(u *codec.Usage) int64 {
	switch {
	case a.head.IsForm:
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
	for _, field := range in.head.Form.Fields {
		size := field.End - field.Start
		switch {
		case !field.File && !said.Setting(field.Name):
			n += estimate.Text(estimate.Weight(in.body[field.Start:field.End]))
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
	if u.Seconds == 0 && a.answer.Flow == nil && !a.ctx.Response.IsBodyStream() {
		return durationIn(a.answer.Body)
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
func (a *attempt) lacking(why metrics.Lack, u *codec.Usage) {
	provider := a.chosen.Provider.Config.Name
	a.server.counters.Lacks.Count(provider, why)
	if (why == metrics.LackAbsurd || why == metrics.LackUnreadable) && a.server.counters.Lacks.Tell(provider, time.Now()) {
		a.server.log.LogAttrs(context.Background(), slog.LevelWarn, "a provider counts tokens in a way that cannot be right; they are estimated",
			slog.String("id", string(a.id)), slog.String("provider", provider), slog.String("model", clip(a.model)), slog.String("because", metrics.LackNames[why]),
			slog.Int64("prompt_tokens", u.Prompt), slog.Int64("completion_tokens", u.Completion))
	}
}
