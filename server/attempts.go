package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/breaker"
	"uniapi/codec"
)

// trial is one attempt as the log line and X-Debug-Attempts tell it.
type trial struct {
	provider, upstream string
	key                int
	status             int
	took               time.Duration
	leftOut            []string // of the request
	broke              bool     // its answer broke off, and another went on with it
}

// note adds the attempt that has just ended, as long after it began.
func (x *exchange) note(status int, took time.Duration) {
	a := &x.at.chosen
	x.tries = append(x.tries, trial{provider: a.Provider.Config.Name, upstream: a.Upstream, key: a.Key, status: status, took: took, leftOut: x.at.leftOut})
	if status != fasthttp.StatusOK { // else its answer goes on
		x.at.tell(status, x.ttft)
	}
}

// trail words the attempts: provider/model, which of the provider's keys, what
// it answered, after how long, and what of the request it could not be told.
func trail(tries []trial) string {
	var text []byte
	for i, r := range tries {
		if i > 0 {
			text = append(text, "; "...)
		}
		text = fmt.Appendf(text, "%s/%s", r.provider, r.upstream)
		if r.key >= 0 {
			text = fmt.Appendf(text, " key %d", r.key+1)
		}
		if r.status == statusOutrun {
			text = fmt.Appendf(text, " outrun %dms", r.took.Milliseconds())
			continue
		}
		text = fmt.Appendf(text, " %d %dms", r.status, r.took.Milliseconds())
		if len(r.leftOut) > 0 {
			text = fmt.Appendf(text, " without %s", strings.Join(r.leftOut, ", "))
		}
		if r.broke {
			text = append(text, " broke off"...)
		}
	}
	return string(text)
}

// showAttempts tells an admin key which channel has answered, and with
// X-Debug-Attempts: 1 what was tried before.
func (x *exchange) showAttempts() {
	if x.key == nil || !x.key.admin {
		return
	}
	if x.at.chosen.Number > 0 {
		x.ctx.Response.Header.Set("X-Uni-Api-Channel", x.at.chosen.Provider.Config.Name+"/"+x.at.chosen.Upstream)
	}
	if string(x.ctx.Request.Header.Peek("X-Debug-Attempts")) != "1" {
		return
	}
	x.ctx.Response.Header.Set("X-Debug-Attempts", trail(x.tries))
}

// next is the plan's next attempt. Where all that could serve rests and another request is finding out whether it is fit again, this one waits
// for what that finds.
func (x *exchange) next(plan *balancer.Plan) (balancer.Attempt, bool) {
	for waited := time.Duration(0); ; waited += lookEvery {
		attempt, more := plan.Next()
		if more && !x.confirm(&attempt) {
			continue
		}
		if more || !plan.Probed() || waited >= longestFollow || x.call.Wait(lookEvery) != nil {
			return attempt, more
		}
	}
}

// confirm asks whether the plan's attempt may be made, where others have a say in it.
func (x *exchange) confirm(chosen *balancer.Attempt) bool {
	return x.plan.Confirm(context.Background(), chosen)
}

// After breaker.Patience a request that waits asks as well. Of many that do one does then, so some wait for longer.
const (
	lookEvery     = 25 * time.Millisecond
	longestFollow = 2 * breaker.Patience
)

// mostTold is how many attempts an error names.
const mostTold = 8

// tellWhere adds to an error of the gateway's own how many channels were asked, and where the time went. What a provider says of a failure stays as it is.
func (x *exchange) tellWhere(e *codec.Error) {
	if len(x.tries) < 2 || e.Raw != nil || e.Code != codeTimeout && e.Code != codeUnreachable && e.Code != codeBadGateway {
		return
	}
	text := fmt.Appendf(nil, "%s. %d attempts were made at %d channels in %.1f seconds: ", strings.TrimRight(e.Message, "."), len(x.tries), x.plan.Tried(), time.Since(x.began).Seconds())
	for i, r := range x.tries[:min(len(x.tries), mostTold)] {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = fmt.Appendf(text, "%s %.1f s (%d)", r.provider, r.took.Seconds(), r.status)
	}
	if more := len(x.tries) - mostTold; more > 0 {
		text = fmt.Appendf(text, " and %d more", more)
	}
	e.Message = string(text)
}
