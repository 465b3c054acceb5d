package server

import (
	"io"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/trigger"
	"uniapi/pool"
)

// receive takes an answer that passes as it comes: JSON whole, so that an error in it can go to another channel,
// anything else from its first bytes on. What has no tokens in its answer has no stream either: where an upstream
// serves all at one address, that would be a conversation whose words nobody pays for.
func (a *attempt) receive(answer *pool.Response, whole bool) error {
	a.contentType = append(a.contentType[:0], answer.Header.ContentType()...)
	a.Censor(a.contentType)
	kind := rawKindOf(a.contentType)
	if kind == rawEvents && a.inputOnly() {
		answer.Close()
		return &codec.Error{Status: fasthttp.StatusNotFound, Class: codec.NotFound, Message: "the upstream answers with a stream, of which this endpoint has none: it may have taken the request for another"}
	}
	if kind != rawEvents {
		answer.Begin()
	}
	if whole {
		body, err := a.readWhole(answer)
		if err == nil {
			a.usage, err = codec.CheckObject(body)
		}
		return err
	}
	first, err := answer.Next()
	if kind == rawEvents {
		var lead []byte
		for err == nil && onlyComments(first) && len(first) < maxLead {
			lead = append(lead[:0], first...)
			var more []byte
			more, err = answer.Next()
			first = append(lead, more...)
		}
	}
	if err != nil {
		answer.Close()
		if err == io.EOF {
			return trigger.ErrEmpty
		}
		return err
	}
	answer.Begin()
	flow := &rawStream{kind: kind, clean: a.clean}
	if flow.kind != rawBytes {
		if err := rawFailure(flow.kind, first); err != nil {
			answer.Close()
			return err
		}
	}
	a.first, _ = flow.Push(first)
	a.answer, a.flow = answer, flow
	a.live.mu.Lock()
	a.stream = true
	a.live.mu.Unlock()
	return nil
}

// passType keeps the client's own Content-Type, whose boundary the body needs.
func (a *attempt) passType() {
	a.setHeader(fasthttp.HeaderContentType, string(a.ctx.Request.Header.ContentType()))
}
