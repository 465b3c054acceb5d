package server

import (
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// keepalive is how long a stream's client may go without a byte, 0 if it may go
// without for as long as it takes (keepalive_interval).
func (in *inbound) keepalive() time.Duration {
	properties := in.format.Properties()
	if !in.stream || properties.Heartbeat == nil {
		return 0
	}
	if in.route.Keepalive == 0 && (properties.Pinged || in.mayBuffer()) {
		return pingEvery // who waits for a whole answer must see that somebody is there
	}
	return in.route.Keepalive
}

// pingEvery is how often clients are shown that somebody is there where nothing is configured.
const pingEvery = 15 * time.Second

// relayBehindComments is the relay of a request with a keepalive_interval. If no
// channel has answered when it is over, the answer begins all the same, with
// comments; the attempts go on behind them.
func (x *exchange) relayBehindComments(every time.Duration) {
	result := make(chan *codec.Error, 1)
	go func() {
		defer func() { // outside the handler nothing else would catch it
			if p := recover(); p != nil {
				x.server.logPanic(x.ctx, p)
				result <- errPanic
			}
		}()
		result <- x.askChannels()
	}()
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case err := <-result:
		x.delivery.Comments = every
		if err != nil {
			x.refuse(err)
			return
		}
		x.respond()
	case <-timer.C:
		x.delivery.Comments, x.delivery.Pending = every, result
		x.beginStream()
	}
}

// setRetryAfter tells a client when to come back, in whole seconds.
func setRetryAfter(ctx *fasthttp.RequestCtx, wait time.Duration) {
	if wait > 0 {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, seconds(wait))
	}
}
