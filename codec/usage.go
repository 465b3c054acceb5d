package codec

import (
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
)

// Usage is what a request cost, in tokens, as the upstream counted them. OpenAI's meaning throughout: Prompt includes
// Cached and CacheWrite, Completion includes Reasoning. Formats that count otherwise add or subtract when they read and
// write.
type Usage struct {
	Prompt     int64 // all input tokens
	Cached     int64 // of Prompt, read from the provider's cache
	CacheWrite int64 // of Prompt, written to it
	// CacheWrite1h are those of CacheWrite that the cache keeps for an hour instead of minutes.
	CacheWrite1h int64
	Completion   int64 // all output tokens
	Reasoning    int64 // of Completion, spent on thinking
	// Total is the upstream's own sum; 0 if it gave none. Sum is what to use.
	Total int64
	// PromptAudio and CompletionAudio are the audio tokens in Prompt and Completion.
	PromptAudio, CompletionAudio int64
	// PromptImage and CompletionImage are the tokens of images in Prompt and Completion.
	PromptImage, CompletionImage int64
	// Searches are those of the web that the provider made for the answer, where it counts them, FileSearches those of
	// the client's files, and CodeCalls are the programs that it ran.
	Searches, FileSearches, CodeCalls int64
	// DocumentSearches are those of files that came with the request, and Maps is 1 where maps were asked for the
	// answer, and 0 else.
	DocumentSearches, Maps int64
	// AcceptedPrediction and RejectedPrediction are the predicted-output tokens in Completion.
	AcceptedPrediction, RejectedPrediction int64
	// Seconds are how long the sound was, rounded up, where the upstream counts that and no tokens.
	Seconds int64
	// FreePrompt and FreeCompletion are what the provider asks no money for, of Prompt and Completion.
	FreePrompt, FreeCompletion int64
	// Tier is the service tier that the upstream says the answer was served by, as TierTold has it; "" if it does not.
	Tier string
	// Estimated says that the upstream gave no usage and the numbers are our guess.
	Estimated bool
	// Gaps are what the upstream did not tell.
	Gaps Gaps
}

// Gaps are what of a Usage the upstream did not tell, or so that it cannot be used. The zero value is a usage that is
// complete, or, if that is Zero, none.
type Gaps uint8

const (
	// NoPrompt and NoCompletion are the halves that are missing. What Completion has all the same is the least that it
	// can be.
	NoPrompt Gaps = 1 << iota
	NoCompletion
	noTotal
	// Unreadable is why: a count was no number.
	Unreadable
	// Absurd is why: a count was below zero, or above MostTokens, which is Huge as well.
	Absurd
	Huge
	// OtherUnit is why: it was counted in something else than tokens.
	OtherUnit
	// Nothing is a usage that is told to be zero, which is not the same as one that is not told.
	Nothing
)

// MostTokens is the most that one count of an answer may be to be believed: ten times the largest context window that
// there is, of ten million tokens.
const MostTokens = 100_000_000

// Sum is the number of tokens in and out.
func (u Usage) Sum() int64 { return max(u.Total, saturate.Add(u.Prompt, u.Completion)) }

// Zero says whether there is nothing in it, as in the first chunks of upstreams that repeat a running total.
func (u Usage) Zero() bool {
	return u.Prompt == 0 && u.Completion == 0 && u.Total == 0 && u.Seconds == 0
}

// Complete says that all is told, and nothing of it estimated.
func (u Usage) Complete() bool { return u.Gaps == 0 && !u.Zero() && !u.Estimated }

// Tells says whether there is anything in it, be it that it cannot be used.
func (u Usage) Tells() bool { return u.Gaps != 0 || !u.Zero() }

// Add adds the usage of another part of the same answer.
func (u *Usage) Add(o Usage) {
	for _, sum := range [...]struct {
		of *int64
		n  int64
	}{
		{&u.Prompt, o.Prompt}, {&u.Cached, o.Cached}, {&u.CacheWrite, o.CacheWrite}, {&u.Completion, o.Completion}, {&u.Reasoning, o.Reasoning}, {&u.Total, o.Total},
		{&u.PromptAudio, o.PromptAudio}, {&u.CompletionAudio, o.CompletionAudio}, {&u.Seconds, o.Seconds},
		{&u.CacheWrite1h, o.CacheWrite1h}, {&u.PromptImage, o.PromptImage}, {&u.CompletionImage, o.CompletionImage}, {&u.Searches, o.Searches}, {&u.FileSearches, o.FileSearches}, {&u.CodeCalls, o.CodeCalls},
		{&u.DocumentSearches, o.DocumentSearches}, {&u.Maps, o.Maps},
		{&u.FreePrompt, o.FreePrompt}, {&u.FreeCompletion, o.FreeCompletion},
	} {
		*sum.of = saturate.Add(*sum.of, sum.n)
	}
	u.Estimated = u.Estimated || o.Estimated
	if u.Gaps |= o.Gaps; !u.Zero() {
		u.Gaps &^= Nothing
	}
}

// Untold is a usage of which nothing has been read yet.
func Untold() Usage { return Usage{Gaps: NoPrompt | NoCompletion | noTotal} }

// Read reads a count into one of the numbers, which tells a half or none. A number that is no number, or that nobody
// can believe, is noted, and left out.
func (u *Usage) Read(to *int64, tells Gaps, data []byte, v rawjson.Value) {
	switch n, is := rawjson.Count(data, v); {
	case is == rawjson.NotThere:
	case is == rawjson.NoNumber:
		u.Gaps |= Unreadable
	case n > MostTokens:
		u.Gaps |= Absurd | Huge
	case n < 0:
		u.Gaps |= Absurd
	default:
		*to = n
		u.Gaps &^= tells
	}
}

// ReadTotal is Read for the sum.
func (u *Usage) ReadTotal(data []byte, v rawjson.Value) { u.Read(&u.Total, noTotal, data, v) }

// Settle ends the reading: a half that is missing is what the other leaves of the total. A total that leaves less than
// nothing, or nothing for a half that was told to be what it cannot be, is no more believed than that: the half stays
// missing.
func (u *Usage) Settle() {
	if missing := u.Gaps & (NoPrompt | NoCompletion); u.Gaps&noTotal == 0 && (missing == NoPrompt || missing == NoCompletion) {
		switch left := u.Total - u.Prompt - u.Completion; { // of what is missing nothing is known
		case left < 0, left == 0 && u.Gaps&(Unreadable|Absurd) != 0:
			u.Gaps |= Absurd
			u.Total = 0
		case missing == NoPrompt:
			u.Prompt += left
			u.Gaps &^= missing
		default:
			u.Completion += left
			u.Gaps &^= missing
		}
	}
	u.Gaps &^= noTotal
	if u.Gaps&(NoPrompt|NoCompletion) == 0 {
		u.Gaps = 0 // whatever was wrong with the others
		if u.Zero() {
			u.Gaps = Nothing
		}
	}
}

// SettleWithout is Settle where no total was told.
func (u *Usage) SettleWithout() {
	u.Gaps |= noTotal
	u.Settle()
}

// Update takes what a stream tells later. What tells nothing takes nothing away, and a half that is not told again
// stays.
func (u *Usage) Update(next Usage) {
	if next.Gaps == 0 && next.Prompt|next.Completion != 0 {
		if next.Tier == "" {
			next.Tier = u.Tier
		}
		*u = next // nearly always
		return
	}
	u.update(&next)
}

func (u *Usage) update(next *Usage) {
	if next.Tier == "" {
		next.Tier = u.Tier
	}
	if next.Zero() && (next.Gaps == 0 || !u.Zero()) {
		u.Searches, u.Tier = max(u.Searches, next.Searches), next.Tier
		return
	}
	if !u.Zero() && next.Gaps&NoPrompt != 0 && u.Gaps&NoPrompt == 0 {
		next.Prompt, next.Cached, next.CacheWrite, next.PromptAudio = u.Prompt, u.Cached, u.CacheWrite, u.PromptAudio
		next.CacheWrite1h, next.PromptImage, next.FreePrompt = u.CacheWrite1h, u.PromptImage, u.FreePrompt
		next.Gaps &^= NoPrompt
	}
	if !u.Zero() && next.Gaps&NoCompletion != 0 && u.Gaps&NoCompletion == 0 {
		next.Completion, next.Reasoning, next.CompletionAudio = max(u.Completion, next.Completion), u.Reasoning, u.CompletionAudio
		next.CompletionImage, next.FreeCompletion = u.CompletionImage, u.FreeCompletion
		next.Gaps &^= NoCompletion
	}
	*u = *next
}
