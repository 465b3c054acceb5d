package pool

import (
	"errors"

	"github.com/valyala/fasthttp"
)

// judge decides whether what came over a connection that has served before can be the answer to this request. If not, the request is sent again
// over a new one; so is one whose connection proved dead before a byte had come.
func (t *Target) judge(call *Call, req *Request, d Deadlines, c *conn, resp *Response, err error) (*Response, error) {
	counts := &t.pool.counts
	switch {
	case err == nil && c.strays != t.strays.Load():
		// Since it was sent, another connection turned out to be off by one: so may this be.
		c.dispose()
		counts.doubted.Add(1)
		return t.ask(call, req, d)
	case err == nil && c.took() < req.Pace.tooShort(resp.refusal()):
		counts.doubted.Add(1)
		return t.compare(call, req, d, c)
	case err == nil:
		c.step.suspects(c.took(), req.Pace, resp.refusal())
		c.believe(req.Pace)
		counts.reused.Add(1)
		resp.Reused = true
		return resp, nil
	}
	c.dispose()
	switch k := kind(err); {
	case k == Protocol:
		counts.doubted.Add(1)
		if resp, err = t.ask(call, req, d); err == nil {
			t.stray(Unasked) // what was no answer was not meant to be this one
		}
		return resp, err
	case (k == Reset || k == Write) && !c.answered && !timedOut(err):
		counts.resent.Add(1)
		return t.ask(call, req, d)
	}
	return nil, err
}

// compare asks over a new connection what was answered too soon over an old one, to find out which it was: an answer to somebody else's request, or
// one of the channel's own, made faster than ever. The caller gets the second answer in both cases.
func (t *Target) compare(call *Call, req *Request, d Deadlines, old *conn) (*Response, error) {
	refused, took := old.resp.refusal(), old.took()
	least, _ := req.Pace.shortest(refused)
	if !refused {
		old.dispose() // the upstream may be at work for it
	}
	resp, err := t.ask(call, req, d)
	if refused {
		twice := old.answersTwice()
		old.dispose()
		switch {
		case twice:
			t.stray(Early)
		case old.resp.Status != fasthttp.StatusRequestTimeout: // which is the end of an idle connection that the request crossed
			req.Pace.learn(true, took)
		}
		return resp, err
	}
	// If the second took no less than any before it, the first had no reason to.
	if err == nil && !resp.refusal() && resp.c.took() >= least {
		t.stray(Early)
	}
	return resp, err
}

// answersTwice says whether a second answer has come behind the one whose head was read. Nothing is waited for. The connection is of no use
// afterwards.
func (c *conn) answersTwice() bool {
	if !c.tls {
		c.rw = c.sock
	}
	c.sock.polling = true
	for range endOfRefusal {
		ended := c.resp.drain()
		_, err := c.br.Peek(1)
		if ended {
			return c.trailing() == unasked
		}
		if err != nil {
			break
		}
	}
	return false
}

// endOfRefusal is how many reads a refusal may take, of a read buffer each. It is a page of text.
const endOfRefusal = 16

// kind is the kind of an error, 0 if it has none.
func kind(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}
