package server

import (
	"bytes"
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/limit/told"
	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/front"
	"uniapi/codec/toolid"
	"uniapi/codec/trigger"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

const (
	maxAnswer  = 256 << 20 // of a plain answer; images come inside JSON
	maxFailure = 64 << 10  // of an upstream's error page
)

// readFailure turns an answer that is not 200 into an error.
func (a *attempt) readFailure(answer *pool.Response, from codec.Format) error {
	body := a.failurePage(answer)
	defer a.holding.Hold(budget.Answer, 0)
	if a.call.Canceled() { // the page may be there all the same
		answer.Close()
		return a.call.Err()
	}
	// Whatever else kept the page from coming whole, and be it want of room: what came of it, or the status, says
	// enough.
	e := from.DecodeError(answer.Status, string(answer.Header.ContentType()), body)
	failure := &upstreamError{said: e, status: answer.Status, retryAfter: max(retryAfter(&answer.Header, e.Message), delayIn(e.Raw))}
	if failure.retryAfter == 0 && answer.Status == fasthttp.StatusTooManyRequests {
		t := told.By(answer.Header.All())
		failure.retryAfter = t.Wait()
	}
	answer.Close()
	return failure
}

// failurePage is what comes of what an upstream says of its failure, up to maxFailure.
func (a *attempt) failurePage(answer *pool.Response) []byte {
	if a.holding.Hold(budget.Inflater, answer.Inflating()) != nil {
		return nil
	}
	answer.Memory = &failureRoom{a.holding}
	page, _ := answer.AppendBody(nil, maxFailure)
	return page
}

// readWhole reads an answer to its end, into memory that the client's connection
// keeps, where no other attempt has it.
func (a *attempt) readWhole(answer *pool.Response) ([]byte, error) {
	if a.whole == nil {
		a.whole = a.ctx.Response.SwapBody(nil)
	}
	// Some providers keep a connection open by white space before the JSON, while a request waits for its turn.
	answer.Memory, answer.Blanks = (*answerRoom)(a.holding), max(a.limits.FirstByte, a.server.options.longestSearch)
	body, err := answer.AppendBody(a.whole[:0], maxAnswer)
	answer.Close()
	a.whole = body
	return body, err
}

// readAnswer reads a plain answer to its end and looks whether it is one: some
// upstreams say 200 and mean an error.
func (a *attempt) readAnswer(answer *pool.Response, from codec.Format) error {
	body, err := a.readWhole(answer)
	if err != nil {
		return err
	}
	if a.untranslated {
		switch a.endpoint {
		case provider.CountTokens:
			return a.checkCount(body)
		case provider.Moderations:
			return a.checkVerdict(body)
		}
		var anew []byte
		a.usage, anew, err = a.speaks.Check(body, front.From{
			Format: a.to, Endpoint: a.endpoint, Triggers: a.snap.config.Preferences.ErrorTriggers, ItemIDs: a.namer != nil,
		}, a)
		if err == nil && anew != nil {
			a.whole = anew
			err = a.holding.Hold(budget.Answer, budget.Beyond(anew))
		}
		return err
	}
	if err := a.holdAnswer(body); err != nil {
		a.unread(body)
		return err
	}
	whole, err := from.DecodeResponse(body)
	if err != nil {
		a.unread(body)
		return err
	}
	return a.writeWhole(whole)
}

// writeWhole makes the client's answer of a decoded one, in its format.
func (a *attempt) writeWhole(whole *codec.Response) error {
	a.usage = whole.Usage
	unwrapWhole(whole, a.wrapped)
	if err := trigger.Check(whole, a.snap.config.Preferences.ErrorTriggers); err != nil {
		return err
	}
	request, err := a.decodedRequest()
	if err != nil {
		return err
	}
	a.cleanWhole(whole)
	a.names.Response(whole)
	new(toolid.Distinct).Response(whole)
	a.supply(whole)
	body := a.format.EncodeResponse(nil, whole, request) // what is decoded may point into the old one
	a.whole = body
	return a.holding.Hold(budget.Answer, budget.Beyond(body))
}

// collectAnswer serves a client that asked for no stream from an upstream that
// streams all the same.
func (a *attempt) collectAnswer(answer *pool.Response, from codec.Format) error {
	decoder := from.NewStreamDecoder()
	defer func() { a.dropped(droppedBy(decoder)) }()
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
			err = a.holding.Hold(budget.Answer, n)
		}
		if err == io.EOF {
			err = a.writeWhole(c.Response())
			answer.CloseLater()
			return err
		}
		if err != nil {
			if answer.Close(); a.unused(err) {
				a.cut(c.Response().Usage, said)
			}
			return err
		}
	}
}

// readFirstEvent waits for a stream's first event. Until it has come, nothing
// has been promised to the client.
func (a *attempt) readFirstEvent(answer *pool.Response, from codec.Format) error {
	if err := a.openFlow(from); err != nil {
		answer.Close()
		return err
	}
	for !a.flow.Started() {
		in, err := answer.Next()
		if err == io.EOF {
			a.first, err = a.flow.End()
		} else if err == nil {
			if a.first, err = a.flow.Push(in); err == nil {
				err = a.holdFlow()
			}
		}
		if err != nil && a.goesOn() && len(a.first) > 0 {
			a.broken, err = err, nil // what has come of it is a part of the answer already
		}
		if err != nil {
			answer.Close()
			return err
		}
	}
	answer.Begin()
	a.answer = answer
	return nil
}

// openFlow prepares what the stream goes through.
func (a *attempt) openFlow(from codec.Format) error {
	a.encoder = nil
	joins := a.goesOn() || a.joins()
	if !joins && a.untranslated {
		a.flow = a.passing()
		return nil
	}
	request, err := a.decodedRequest()
	if err != nil {
		return err
	}
	if joins {
		a.joinFlow(from, request)
		return nil
	}
	a.encoder = a.format.NewStreamEncoder(request)
	a.mixed.reset(from.NewStreamDecoder(), a.encoder, a.snap.config.Preferences.ErrorTriggers)
	a.mixed.from, a.mixed.censor, a.mixed.names, a.mixed.unwrap = a, a, a.names, unwrapping(a.wrapped)
	a.flow = &a.mixed
	return nil
}

// replayAnswer serves a client that asked for a stream from an upstream that
// answered at once.
func (a *attempt) replayAnswer(answer *pool.Response, from codec.Format) error {
	answer.Memory, answer.Blanks = (*answerRoom)(a.holding), max(a.limits.FirstByte, a.server.options.longestSearch)
	body, err := answer.AppendBody(nil, maxAnswer)
	answer.Close()
	if err != nil {
		a.said = max(estimate.Answer(body), 1)
		return err
	}
	if err = a.holdAnswer(body); err != nil {
		a.unread(body)
		return err
	}
	whole, err := from.DecodeResponse(body)
	if err != nil {
		a.unread(body)
		return err
	}
	a.usage = whole.Usage
	unwrapWhole(whole, a.wrapped)
	if err := trigger.Check(whole, a.snap.config.Preferences.ErrorTriggers); err != nil {
		return err
	}
	request, err := a.decodedRequest()
	if err != nil {
		return err
	}
	encoder := a.format.NewStreamEncoder(request)
	if a.goesOn() {
		a.joint.begin()
		encoder = a.joint
	}
	if a.usage = whole.Usage; a.usage.Gaps != 0 || a.usage.Zero() {
		a.said = estimate.Answer(body)
	}
	a.first = nil
	a.cleanWhole(whole)
	a.names.Response(whole)
	new(toolid.Distinct).Response(whole)
	a.supply(whole)
	for _, e := range whole.Events(nil) {
		a.first = encoder.Append(a.first, &e)
		if err := a.holding.Hold(budget.Stream, budget.Beyond(a.first)); err != nil {
			return err
		}
	}
	a.first = encoder.End(a.first)
	return a.holding.Hold(budget.Stream, budget.Beyond(a.first))
}

// isEvents tells from its content type that an upstream sends a stream; some send one where none was asked for, or none
// where one was.
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
