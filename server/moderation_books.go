package server

import (
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/rawjson"
	"uniapi/usage"
)

// moderationLabel is the endpoint by which the books and the metrics have what the
// gateway asks a moderator: it is no request of a client's.
const moderationLabel = "moderation"

// moderatorCall is an attempt at a moderator.
type moderatorCall struct {
	attempt  balancer.Attempt
	model    string
	began    time.Time
	sent     bool
	begun    bool // it has begun to answer, with success
	answered bool // it has judged, or whatever it did is charged like a verdict: it answered without one, or nobody waited for it
	answer   []byte
}

// accountModerator writes an attempt at a moderator into the books: at its provider,
// and on the account of the client key that wants to be moderated. failure is nil for
// a verdict. What was not sent is in no books; an answer that nobody could use costs as much as one.
func (x *exchange) accountModerator(asked *moderatorCall, text string, failure *codec.Error) {
	if !asked.sent {
		return
	}
	p, masked := asked.attempt.Provider.Config, ""
	if key := asked.attempt.Key; key >= 0 && key < len(p.Keys) {
		masked = x.snap.backends[asked.attempt.Provider.Index].maskedKeys[key]
	}
	took := time.Since(asked.began)
	sample := usage.Sample{Success: failure == nil, Duration: took}
	status := fasthttp.StatusOK
	if asked.attempt.Number > 1 {
		x.server.counters.retries.Add(1)
	}
	if asked.answered {
		sample.Tokens = moderatorTokens(asked.answer, text)
		sample.Cost = usage.Cost(x.snap.priceAt(&asked.attempt, asked.model, asked.attempt.Upstream), sample.Tokens)
	}
	if failure == nil {
		sample.TTFT = took
	} else {
		status = failure.Status
	}
	if sample.Cost > 0 {
		x.key.book.Spend(sample.Cost)
	}
	x.server.books.Attempt(p.Name, asked.model, masked, sample.Success)
	x.key.book.Series(p.Name, asked.model, moderationLabel).Record(sample)
	x.server.counters.outcomes.count(outcome{p.Name, asked.model, moderationLabel, statusIndex(status)})
	x.server.log.Debug("moderation", "id", string(x.id), "key", x.key.Alias, "provider", p.Name, "model", asked.model, "status", status,
		"seconds", took.Seconds(), "prompt_tokens", sample.Tokens.Prompt)
}

// moderatorTokens are those that the moderator counted, which most do not.
func moderatorTokens(answer []byte, text string) usage.Tokens {
	if top, err := rawjson.One(answer); err == nil {
		u, _ := codec.ReadUsage(answer, top.Get(answer, "usage"))
		if u.Prompt > 0 && u.Gaps&codec.NoPrompt == 0 {
			return usage.Tokens{Prompt: u.Prompt}
		}
	}
	return usage.Tokens{Prompt: max(estimate.Text(int64(len([]rune(text)))), 1), Estimated: true}
}
