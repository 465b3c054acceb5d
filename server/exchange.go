package server

import (
	"time"

	"uniapi/balancer"
	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/server/idempotency"
	"uniapi/server/relay"
	"uniapi/server/telemetry"
)

// exchange is one client request on its way through the gateway: what is asked,
// the attempts to have it answered, and the answer on its way to the client. It is
// reused from request to request, so that a request allocates next to nothing.
type exchange struct {
	inbound
	searching
	answering
	bill

	at   *attempt // the one in hand, or the one that has answered
	lone attempt  // at, as long as there is one at a time
	plan balancer.Plan
	line telemetry.Line // of the log
}

// searching is what is known of the attempts together.
type searching struct {
	began      time.Time    // when the first attempt did
	within     time.Time    // when what is done must be over, whatever its channel says; zero is never
	failure    *codec.Error // what the client is told if no attempt follows
	retryAfter time.Duration
	final      bool      // failure is what no further attempt is to follow
	tries      []trial   // that are over, and the one that has answered
	made       int       // attempts
	runners    []*runner // those that have run beside others
}

// answering is the answer as the client gets it.
type answering struct {
	delivery  relay.Delivery     // where it is a stream
	continued int                // how often another channel went on with that
	first     *idempotency.Claim // by which this answer is kept for the next request of its Idempotency-Key; nil if it is not
	ttft      time.Duration      // from the request's arrival to the first answer byte ready for the client
}

// bill is what the request costs.
type bill struct {
	counted     bool       // among those in flight
	need        limit.Need // what it may take of limits and credits, where they ask for that
	admission   balancer.Admission
	moderation  limit.Need // what the gateway's own requests for it came to
	reserved    int64      // of the key's credits, nano-dollars
	hasReserved bool
	spent       codec.Usage // by attempts that failed, or broke off
	paid        int64       // for that, nano-dollars
	answeredBy  string      // the model of those that the request names which the provider says it answered by, as clients call it; "" if it does not
}
