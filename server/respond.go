package server

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/relay"
)

// respond hands the answer to fasthttp, which writes it after the handler has
// returned.
func (x *exchange) respond() {
	if x.stages&withAdmin != 0 {
		x.showAttempts()
	}
	// Browsers take what a provider answered for nothing but what its Content-Type says, and do not run it.
	x.ctx.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, noSniff)
	if len(x.at.answer.ContentType) > 0 && isDocument(x.at.answer.ContentType) {
		x.ctx.Response.Header.Set(fasthttp.HeaderContentSecurityPolicy, "sandbox; default-src 'none'")
	}
	x.ctx.SetStatusCode(fasthttp.StatusOK)
	if x.stream {
		x.beginStream()
		return
	}
	kind := relay.ContentTypeJSON
	if len(x.at.answer.ContentType) > 0 {
		kind = x.at.answer.ContentType
	}
	x.ctx.Response.Header.SetContentTypeBytes(kind)
	if x.first != nil {
		x.keepAnswer(fasthttp.StatusOK, x.at.answer.Body)
	}
	if x.at.answer.Body != nil {
		x.ctx.Response.SwapBody(x.at.answer.Body)
	}
	x.end(fasthttp.StatusOK)
}

// beginStream has the answer go to the client as a stream.
func (x *exchange) beginStream() {
	d := &x.delivery
	d.Owner, d.Call, d.Written, d.Start = x, x.call, &x.live.written, x.start
	d.Client, d.Model, d.Raw, d.Gap, d.Repeat = x.format, x.model, x.path.Raw, x.server.options.gapComments, x.first
	if x.stages&withLog != 0 {
		d.Pace = relay.NewPace()
	}
	if x.tap != nil {
		d.Record = x.tap.Answer()
	}
	d.Begin(x.ctx)
}

// Answer implements relay.Owner.
func (x *exchange) Answer() *relay.Answer { return &x.at.answer }

// Delivered implements relay.Owner.
func (x *exchange) Delivered(status int, failure *codec.Error) {
	if failure != nil {
		x.failure = failure
	}
	if x.first != nil && status == fasthttp.StatusOK {
		x.keepAnswer(fasthttp.StatusOK, nil)
	}
	x.end(status)
}

const noSniff = "nosniff"

// isDocument says whether browsers may run what is of that type.
func isDocument(contentType []byte) bool {
	kind, _, _ := bytes.Cut(bytes.ToLower(contentType), []byte{';'})
	return bytes.Contains(kind, []byte("html")) || bytes.Contains(kind, []byte("xml")) || bytes.Contains(kind, []byte("svg"))
}

// debugAttempts is the header by which an admin's request asks what was tried, and by which it is told.
const debugAttempts = "X-Debug-Attempts"

// showAttempts tells an admin key which channel has answered, and with
// X-Debug-Attempts: 1 what was tried before.
func (x *exchange) showAttempts() {
	if x.at.chosen.Number > 0 {
		x.ctx.Response.Header.Set("X-Uni-Api-Channel", x.at.chosen.Provider.Config.Name+"/"+x.at.chosen.Upstream)
	}
	if string(x.ctx.Request.Header.Peek(debugAttempts)) != "1" {
		return
	}
	x.ctx.Response.Header.Set(debugAttempts, trail(x.tries))
}

// refuse answers with an error and ends the request.
func (x *exchange) refuse(e *codec.Error) {
	if x.call.Canceled() {
		x.ctx.SetStatusCode(statusClientGone)
		x.ctx.SetConnectionClose() // nobody reads it
		x.end(statusClientGone)
		return
	}
	x.failure = e
	if e.Code == errOverloaded.Code && x.retryAfter == 0 {
		x.retryAfter = comeBack
	}
	if x.at.answer.Body != nil { // the connection keeps the memory
		x.ctx.Response.SwapBody(x.at.answer.Body[:0])
		x.at.answer.Body = nil
	}
	writeErrorIn(x.ctx, x.format, e)
	x.keepRefusal(e)
	setRetryAfter(x.ctx, x.retryAfter)
	if x.stages&withAdmin != 0 {
		x.showAttempts()
	}
	x.end(e.Status)
}
