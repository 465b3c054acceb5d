package server

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/budget"
	"uniapi/server/idempotency"
	"uniapi/server/telemetry/metrics"
)

const (
	idempotencyTime    = 15 * time.Minute // that an answer is kept for, and that a request waits for the first one
	idempotencyEntries = 4096
	idempotencyAnswer  = 16 << 20

	mostIdempotencyKey      = 128 // characters
	idempotencyStatusHeader = "X-Uni-Api-Idempotency-Status"
)

var idempotencyKeyHeader = []byte("Idempotency-Key")

func newIdempotency(requests int64) *idempotency.Store {
	bytes := keptAnswers(requests)
	return idempotency.New(idempotency.Limits{
		Entries: idempotencyEntries, Bytes: bytes, Answer: min(idempotencyAnswer, bytes/4), Time: idempotencyTime,
	})
}

// takesIdempotencyKey says whether requests of an endpoint, as the books name it, may
// have an Idempotency-Key.
func takesIdempotencyKey(label string) bool {
	switch label {
	case "POST /v1/chat/completions", "POST /v1/messages", "POST /v1/responses", "POST /v1/responses/compact":
		return true
	}
	return false
}

// repeated looks whether a request was sent before under the Idempotency-Key of this one. If so it is answered, and
// over. If not, the request may be the one whose answer is kept.
func (x *exchange) repeated() bool {
	line := x.ctx.Request.Header.PeekCanonical(idempotencyKeyHeader)
	if !isIdempotencyKey(line) {
		x.tellIdempotency(metrics.InvalidKey)
		x.refuse(errorf(fasthttp.StatusBadRequest, "idempotency_error", "invalid_key",
			"Idempotency-Key has 1 to %d characters out of A-Z, a-z, 0-9, and _ . : -", mostIdempotencyKey))
		return true
	}
	kept, replayed, err := x.claim(line)
	if err == nil && replayed {
		err = x.replay(kept)
	}
	if err != nil {
		x.refuse(err)
		return true
	}
	return replayed
}

// claim claims the key for this request, or finds what is kept for it.
func (x *exchange) claim(line []byte) (kept idempotency.Answer, replayed bool, err *codec.Error) {
	key, request := x.idempotencySum(line), idempotency.Sum(sha256.Sum256(x.body))
	due := time.Now().Add(x.server.idempotent.Time())
	for {
		claim, kept, verdict := x.server.idempotent.Claim(x.key.Key, key, request)
		switch verdict {
		case idempotency.First:
			x.first = claim
			x.tellIdempotency(metrics.Executed)
			return kept, false, nil
		case idempotency.Replayed:
			return kept, true, nil
		case idempotency.Conflict:
			x.tellIdempotency(metrics.Conflict)
			return kept, false, lasting(errorf(fasthttp.StatusConflict, "idempotency_error", "conflict",
				"This Idempotency-Key was used for another request less than %.0f minutes ago. Send each request under a key of its own, and the same body when it is sent again.", idempotencyTime.Minutes()))
		case idempotency.NotKept:
			x.tellIdempotency(metrics.NotKept)
			return kept, false, lasting(errorf(fasthttp.StatusConflict, "idempotency_error", "executed_nonreplayable",
				"The request of this Idempotency-Key was served, and its answer was not kept: it was too long, or there was no room for it. Send it under another key to have it served once more."))
		case idempotency.Full:
			x.tellIdempotency(metrics.Exhausted)
			return kept, false, errorf(errOverloaded.Status, errOverloaded.Type, errOverloaded.Code,
				"As many requests with an Idempotency-Key are under way as can be noted, or of this API key while others need room. Try again soon, or without the header.")
		}
		if !x.waitFor(claim, time.Until(due)) {
			x.tellIdempotency(metrics.WaitTimeout)
			x.retryAfter = comeBack
			return kept, false, errorf(fasthttp.StatusConflict, "idempotency_error", "wait_timeout",
				"The first request with this Idempotency-Key is still being served. Send this one again later, under the same key.")
		}
	}
}

// waitFor waits until the first request has ended; false if that takes too long, or the
// client leaves before.
func (x *exchange) waitFor(first *idempotency.Claim, limit time.Duration) bool {
	ctx, release := x.call.Context()
	defer release()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-first.Done():
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// replay answers with what the first request was told, and takes the exchange back.
func (x *exchange) replay(kept idempotency.Answer) *codec.Error {
	if err := x.holding.Hold(budget.Answer, len(kept.Body)); err != nil {
		refused, is := errors.AsType[*budget.Refused](err)
		if !is {
			return errOverloaded
		}
		return noRoom(refused)
	}
	x.tellIdempotency(metrics.Replayed)
	header := &x.ctx.Response.Header
	x.ctx.SetStatusCode(kept.Status)
	header.SetContentType(kept.ContentType)
	header.Set(fasthttp.HeaderXContentTypeOptions, noSniff)
	if x.stream {
		header.Set(fasthttp.HeaderCacheControl, "no-cache")
	}
	x.ctx.Response.SwapBody(append(x.ctx.Response.SwapBody(nil)[:0], kept.Body...))
	x.end(kept.Status)
	return nil
}

// keepAnswer keeps an answer that is handed to the client whole.
func (x *exchange) keepAnswer(status int, body []byte) {
	x.first.Add(body)
	x.first.Whole(status, string(x.ctx.Response.Header.ContentType()))
}

// keepRefusal keeps what a provider said of a mistake in the request: it would say the
// same again. Whatever else went wrong may go well the next time.
func (x *exchange) keepRefusal(e *codec.Error) {
	if x.first == nil || x.made == 0 || e.Class != codec.ClientMistake {
		return
	}
	switch e.Status {
	case fasthttp.StatusBadRequest, fasthttp.StatusRequestEntityTooLarge, fasthttp.StatusUnprocessableEntity:
		x.keepAnswer(e.Status, x.ctx.Response.Body())
	}
}

func (x *exchange) tellIdempotency(status metrics.Idempotent) {
	x.ctx.Response.Header.Set(idempotencyStatusHeader, status.String())
	x.server.counters.Idempotent[status].Add(1)
}

// idempotencySum is the key of a client at an endpoint.
func (x *exchange) idempotencySum(line []byte) idempotency.Sum {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(x.key.Key), []byte(x.label), x.ctx.URI().QueryString(), line} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return idempotency.Sum(h.Sum(nil))
}

func isIdempotencyKey(line []byte) bool {
	if len(line) == 0 || len(line) > mostIdempotencyKey {
		return false
	}
	for _, c := range line {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}
