package server

import (
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

// record is one attempt as the log line and X-Debug-Attempts tell it.
type record struct {
	provider, upstream string
	key                int
	status             int
	took               time.Duration
}

// note adds the attempt that has just ended, as long after it began.
func (x *exchange) note(status int, took time.Duration) {
	a := &x.attempt
	x.records = append(x.records, record{a.Provider.Config.Name, a.Upstream, a.Key, status, took})
	if status != fasthttp.StatusOK { // else its answer goes on
		x.tell(status)
	}
}

// trail words the attempts: provider/model, which of the provider's keys, what
// it answered, after how long.
func (x *exchange) trail() string {
	var text []byte
	for i, r := range x.records {
		if i > 0 {
			text = append(text, "; "...)
		}
		text = fmt.Appendf(text, "%s/%s", r.provider, r.upstream)
		if r.key >= 0 {
			text = fmt.Appendf(text, " key %d", r.key+1)
		}
		text = fmt.Appendf(text, " %d %dms", r.status, r.took.Milliseconds())
	}
	return string(text)
}

// showAttempts answers X-Debug-Attempts: 1 of an admin key.
func (x *exchange) showAttempts() {
	if x.key == nil || !x.key.admin || string(x.ctx.Request.Header.Peek("X-Debug-Attempts")) != "1" {
		return
	}
	x.ctx.Response.Header.Set("X-Debug-Attempts", x.trail())
}
