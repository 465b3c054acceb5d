package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/pool"
	"uniapi/server/budget"
	"uniapi/server/conn"
	"uniapi/server/entry"
)

// inflate makes x.body plain, which came compressed. The limit is on the inflated
// size. If the model can be seen before that is known, it is judged first.
func (x *exchange) inflate(encoding string) *codec.Error {
	in := entry.Inflation{Encoding: encoding, Body: x.body, Limit: x.server.options.MaxBody, Holding: x.holding}
	var refused *codec.Error
	if x.model == "" {
		finder := rawjson.NewFinder("model")
		in.Look = func(p []byte) (goOn bool) {
			if !finder.Push(p) {
				return true
			}
			in.Look = nil
			if model, found := finder.Text(); found {
				refused = x.foresee(model)
			}
			return refused == nil
		}
	}
	plain, err := in.Whole()
	switch {
	case refused != nil:
		return refused
	case errors.Is(err, conn.ErrTooLarge):
		return x.server.tooLarge()
	case errors.Is(err, entry.ErrEncoding):
		return errorf(fasthttp.StatusUnsupportedMediaType, "invalid_request_error", "unsupported_encoding",
			"Content-Encoding %q is not known here; gzip, br and zstd are.", clip(encoding))
	}
	if full, is := errors.AsType[*budget.Refused](err); is {
		return noRoom(full)
	}
	if err != nil {
		return errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_encoding",
			"The request's body is not what its Content-Encoding %q says: %v", clip(encoding), err)
	}
	pool.Recycle(x.incoming)
	x.incoming, x.body = plain, plain
	x.holding.Hold(budget.Body, 0)
	return nil
}
