package relay

import (
	"io"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/trigger"
	"uniapi/pool"
)

// readRaw reads an answer that passes as it comes: JSON whole, so that an error in it can go to another channel,
// anything else from its first bytes on. What has no tokens in its answer has no stream either: where an upstream
// serves all at one address, that would be a conversation whose words nobody pays for.
func (a *Answer) readRaw(from *pool.Response, whole bool) error {
	a.ContentType = append(a.ContentType[:0], from.Header.ContentType()...)
	a.Redactor.Censor(a.ContentType)
	kind := rawKindOf(a.ContentType)
	if kind == rawEvents && a.Streamless {
		from.Close()
		return &codec.Error{Status: fasthttp.StatusNotFound, Class: codec.NotFound, Message: "the upstream answers with a stream, of which this endpoint has none: it may have taken the request for another"}
	}
	if kind != rawEvents {
		from.Begin()
	}
	if whole {
		return a.readWhole(from)
	}
	first, err := from.Next()
	if kind == rawEvents {
		var lead []byte
		for err == nil && onlyComments(first) && len(first) < maxLead {
			lead = append(lead[:0], first...)
			var more []byte
			more, err = from.Next()
			first = append(lead, more...)
		}
	}
	if err != nil {
		from.Close()
		if err == io.EOF {
			return trigger.ErrEmpty
		}
		return err
	}
	from.Begin()
	flow := &rawStream{kind: kind, clean: a.Redactor}
	if flow.kind != rawBytes {
		if err := rawFailure(flow.kind, first); err != nil {
			from.Close()
			return err
		}
	}
	a.First, _ = flow.Push(first)
	a.Open, a.Flow = from, flow
	return nil
}
