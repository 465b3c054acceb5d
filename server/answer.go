package server

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/pool"
	"uniapi/server/budget"
)

const (
	maxAnswer  = 256 << 20 // of a plain answer; images come inside JSON
	maxFailure = 64 << 10  // of an upstream's error page
)

// readFailure turns an answer that is not 200 into an error.
func (x *exchange) readFailure(answer *pool.Response, from codec.Format) error {
	body, err := x.failurePage(answer)
	defer x.holding.Hold(budget.Answer, 0)
	if x.call.Canceled() {
		answer.Close()
		return err
	}
	// Whatever else kept the page from coming whole, and be it want of room: what came of it, or the status, says enough.
	e := from.DecodeError(answer.Status, string(answer.Header.ContentType()), body)
	failure := &upstreamError{said: e, status: answer.Status, retryAfter: max(retryAfter(&answer.Header, e.Message), delayIn(e.Raw))}
	answer.Close()
	return failure
}

// failurePage is what an upstream says of its failure, up to maxFailure.
func (x *exchange) failurePage(answer *pool.Response) ([]byte, error) {
	if err := x.holdInflater(answer); err != nil {
		return nil, err
	}
	answer.Memory = &failureRoom{x.holding}
	return answer.AppendBody(nil, maxFailure)
}

// blanks is how long an answer in JSON may begin with white space, by which some providers keep a connection open while a request waits for its turn.
func (x *exchange) blanks() time.Duration {
	return max(x.limits.FirstByte, x.server.options.longestSearch)
}

// readAnswer reads a plain answer to its end, into the client's response, and
// looks whether it is one: some upstreams say 200 and mean an error.
func (x *exchange) readAnswer(answer *pool.Response, from codec.Format) error {
	kept := x.ctx.Response.SwapBody(nil)
	answer.Memory, answer.Blanks = (*answerRoom)(x.holding), x.blanks()
	body, err := answer.AppendBody(kept[:0], maxAnswer)
	answer.Close()
	x.ctx.Response.SwapBody(body)
	if err != nil {
		return err
	}
	if x.untranslated() {
		x.usage, err = x.face.check(x, body)
		return err
	}
	if err := x.holdAnswer(body); err != nil {
		x.unread(body)
		return err
	}
	whole, err := from.DecodeResponse(body)
	if err != nil {
		x.unread(body)
		return err
	}
	return x.writeWhole(whole)
}

// writeWhole puts a decoded answer into the client's response, in its format.
func (x *exchange) writeWhole(whole *codec.Response) error {
	x.usage = whole.Usage
	if err := checkResponse(whole, x.triggers()); err != nil {
		return err
	}
	request, err := x.decodedRequest()
	if err != nil {
		return err
	}
	body := x.format.EncodeResponse(nil, whole, request) // what is decoded may point into the old one
	x.ctx.Response.SwapBody(body)
	return x.holding.Hold(budget.Answer, beyondKept(body))
}

// collectAnswer serves a client that asked for no stream from an upstream that
// streams all the same.
func (x *exchange) collectAnswer(answer *pool.Response, from codec.Format) error {
	decoder := from.NewStreamDecoder()
	defer func() { x.dropped(droppedBy(decoder)) }()
	var c codec.Collector
	var events []codec.Event
	k := keeping{logprobs: true}
	said := int64(0)
	for {
		in, err := answer.Next()
		switch err {
		case nil:
			if events, err = decoder.Push(events[:0], in); err == nil && hasEnded(decoder) {
				err = io.EOF
			}
			if k.came(in, len(events)); len(events) > 0 {
				answer.Begin()
			}
		case io.EOF:
			events, err = decoder.End(events[:0])
			if err == nil {
				err = io.EOF
			}
		}
		for i := range events {
			k.event(&events[i])
			said += events[i].Said()
			c.Add(&events[i])
		}
		if cap(events) > mostEvents {
			events = nil
		}
		if n := k.bytes(); n > budget.Free && err == nil {
			err = x.holding.Hold(budget.Answer, n)
		}
		if err == io.EOF {
			err = x.writeWhole(c.Response())
			answer.CloseLater()
			return err
		}
		if err != nil {
			if answer.Close(); x.unused(err) {
				x.cut(c.Response().Usage, said)
			}
			return err
		}
	}
}

// readFirstEvent waits for a stream's first event. Until it has come, nothing
// has been promised to the client.
func (x *exchange) readFirstEvent(answer *pool.Response, from codec.Format) error {
	if err := x.openFlow(from); err != nil {
		answer.Close()
		return err
	}
	for !x.flow.Started() {
		in, err := answer.Next()
		if err == io.EOF {
			x.first, err = x.flow.End()
		} else if err == nil {
			if x.first, err = x.flow.Push(in); err == nil {
				err = x.holdFlow()
			}
		}
		if err != nil {
			answer.Close()
			return err
		}
	}
	answer.Begin()
	x.answer = answer
	return nil
}

// openFlow prepares what the stream goes through.
func (x *exchange) openFlow(from codec.Format) error {
	x.encoder = nil
	if x.untranslated() {
		x.flow = x.face.pass(x, x.upstream)
		return nil
	}
	request, err := x.decodedRequest()
	if err != nil {
		return err
	}
	x.encoder = x.format.NewStreamEncoder(request)
	x.mixed.reset(from.NewStreamDecoder(), x.encoder, x.triggers())
	x.mixed.censor = x
	x.flow = &x.mixed
	return nil
}

// replayAnswer serves a client that asked for a stream from an upstream that
// answered at once.
func (x *exchange) replayAnswer(answer *pool.Response, from codec.Format) error {
	answer.Memory, answer.Blanks = (*answerRoom)(x.holding), x.blanks()
	body, err := answer.AppendBody(nil, maxAnswer)
	answer.Close()
	if err != nil {
		x.said = max(estimate.Answer(body), 1)
		return err
	}
	if err = x.holdAnswer(body); err != nil {
		x.unread(body)
		return err
	}
	whole, err := from.DecodeResponse(body)
	if err != nil {
		x.unread(body)
		return err
	}
	x.usage = whole.Usage
	if err := checkResponse(whole, x.triggers()); err != nil {
		return err
	}
	request, err := x.decodedRequest()
	if err != nil {
		return err
	}
	encoder := x.format.NewStreamEncoder(request)
	if x.usage = whole.Usage; x.usage.Gaps != 0 || x.usage.Zero() {
		x.said = estimate.Answer(body)
	}
	x.first = nil
	for _, e := range whole.Events(nil) {
		x.first = encoder.Append(x.first, &e)
		if err := x.holding.Hold(budget.Stream, beyondKept(x.first)); err != nil {
			return err
		}
	}
	x.first = encoder.End(x.first)
	return x.holding.Hold(budget.Stream, beyondKept(x.first))
}

func (x *exchange) triggers() []string { return x.snap.config.Preferences.ErrorTriggers }

// isWhole and isEvents tell what an upstream sends by its content type; some
// send the one where the other was asked for.
func isWhole(h *fasthttp.ResponseHeader) bool {
	return bytes.HasPrefix(h.ContentType(), []byte("application/json"))
}

func isEvents(h *fasthttp.ResponseHeader) bool {
	kind := h.ContentType()
	return bytes.HasPrefix(kind, []byte("text/event-stream")) || bytes.HasPrefix(kind, []byte("application/vnd.amazon.eventstream"))
}

// judgeBroken is judge for a stream that the client has begun to read.
func judgeBroken(err error, limits pool.Deadlines) (balancer.Outcome, *codec.Error) {
	outcome, told := judge(err, limits)
	if outcome.Verdict != balancer.Over && !isOurs(err) {
		outcome.Verdict = balancer.Broken
	}
	return outcome, told
}

// errClient is an error in writing to the client.
var errClient = errors.New("writing to the client")
