package admin

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/server/respond"
	"uniapi/usage"
)

// turns has what costs many rows of the ledger done for one request of a client key at a time, and no more than a
// quarter of the time, so that no key takes the processor from others by asking what it has used.
type turns struct {
	mu   sync.Mutex
	keys map[*usage.Key]*turn // as many as there are
}

type turn struct {
	sync.Mutex
	asking atomic.Int32
	until  time.Time // nothing more is done for the key before
}

// turnRest is how many times as long as its turn has taken a key leaves to others, if it is no admin's.
const turnRest = 3

// mostAsking are the requests of a key that take turns.
const mostAsking = 16

var errTooManyAtOnce = respond.Errorf(fasthttp.StatusServiceUnavailable, "server_error", "overloaded",
	"%d requests of this API key for its usage are under way; more are not taken at a time.", mostAsking)

// begin waits for the key's turn, which lasts until done is called. full says that too many wait already.
func (t *turns) begin(key *usage.Key, admin bool) (done func(), full bool) {
	t.mu.Lock()
	own := t.keys[key]
	if own == nil {
		if t.keys == nil {
			t.keys = map[*usage.Key]*turn{}
		}
		own = new(turn)
		t.keys[key] = own
	}
	t.mu.Unlock()
	if own.asking.Add(1) > mostAsking {
		own.asking.Add(-1)
		return nil, true
	}
	own.Lock()
	time.Sleep(time.Until(own.until))
	began := time.Now()
	return func() {
		ended := time.Now()
		if !admin {
			own.until = ended.Add(turnRest * ended.Sub(began))
		}
		own.Unlock()
		own.asking.Add(-1)
	}, false
}

// inTurn has something served in the turn of the key that asks for it.
func (a *API) inTurn(serve Handler) Handler {
	return func(ctx *fasthttp.RequestCtx, by *Caller) {
		done, full := a.turns.begin(by.Book, by.Admin)
		if full {
			a.Gateway.WriteError(ctx, errTooManyAtOnce)
			return
		}
		defer done()
		serve(ctx, by)
	}
}

// holds takes memory for an answer; false has answered that there is none.
func (a *API) holds(ctx *fasthttp.RequestCtx, bytes int) bool {
	if err := a.Gateway.Hold(ctx, bytes); err != nil {
		a.Gateway.WriteError(ctx, err)
		return false
	}
	return true
}

// usedLine is what a line of a key's usage, and of what is left of its limits, takes beside the model's name, which it
// may hold four times: in both, as a value and in JSON.
const usedLine = 1500

// roomFor is what an answer takes that tells them.
func roomFor(used []usage.TokenUsage) (bytes int) {
	for i := range used {
		bytes += usedLine + 4*len(used[i].Model)
	}
	return bytes
}
