package server

import (
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/usage"
)

// record is a request that has ended, as the log, the books and the metrics have it.
// It is made once, at the end, whatever that was.
type record struct {
	id     []byte
	status int
	end    time.Time
	took   time.Duration
	ttft   time.Duration // until the first answer byte was ready; 0 if none was
	key    *clientKey    // nil for somebody who has none

	endpoint string
	model    string // that was asked for, as the client has written it
	known    string // the same, if there is such a model
	stream   bool

	attempts  int // made
	continued int // times that another channel went on with a stream that broke off
	provider  string
	upstream  string // the model's name there
	tries     []trial

	usage   codec.Usage // that is charged
	tokens  usage.Tokens
	cost    int64 // nano-dollars
	failure *codec.Error
}

// record makes the record of a request that has ended now.
func (x *exchange) record(status int) record {
	r := record{
		id: x.id, status: status, end: time.Now(), ttft: x.ttft, key: x.key,
		endpoint: x.label, model: x.model, stream: x.stream, attempts: x.made, continued: x.continued, tries: x.tries, failure: x.failure,
	}
	r.took = r.end.Sub(x.start)
	if x.route != nil {
		r.known = x.route.Model
	}
	if x.at.chosen.Number > 0 {
		r.provider, r.upstream = x.at.chosen.Provider.Config.Name, x.at.chosen.Upstream
	}
	if x.key != nil {
		r.tokens, r.cost = x.tokens(status)
		r.usage = x.at.usage
	}
	return r
}

// success says whether the request was served, as far as its client let it be.
func (r *record) success() bool {
	return r.status < fasthttp.StatusBadRequest || r.status == statusClientGone && r.ttft > 0
}

// outcome is what metrics tell the request apart by.
func (r *record) outcome() outcome {
	return outcome{provider: r.provider, model: r.known, endpoint: r.endpoint, status: statusIndex(r.status)}
}
