package server

import (
	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/limit/told"
	"uniapi/codec"
	"uniapi/pool"
	"uniapi/server/budget"
)

// maxFailure is how much is read of an upstream's error page, in bytes.
const maxFailure = 64 << 10

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

// judgeBroken is judge for a stream that the client has begun to read.
func judgeBroken(err error, limits pool.Deadlines) (balancer.Outcome, *codec.Error) {
	outcome, told := judge(err, limits)
	if outcome.Verdict != balancer.Over && !isOurs(err) {
		outcome.Verdict = balancer.Broken
	}
	return outcome, told
}
