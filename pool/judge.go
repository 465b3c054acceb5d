package pool

import (
	"errors"

	"github.com/valyala/fasthttp"

	"uniapi/pool/tcp"
)

// judge decides whether what came over a connection that has served before can be the answer to this request. If not,
// the request is sent again over a new one; so is one whose connection proved dead before a byte had come.
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
			t.stray() // what was no answer was not meant to be this one
		}
		return resp, err
	case (k == Reset || k == Write) && !c.answered && !timedOut(err):
		counts.resent.Add(1)
		return t.ask(call, req, d)
	}
	return nil, err
}

// compare asks over a new connection what was answered too soon over an old one, and gives the caller that answer.
// Whether the first was an answer to somebody else's request, or one of the channel's own that it made faster than
// ever, shows on the old connection: there is one more to come, or not.
func (t *Target) compare(call *Call, req *Request, d Deadlines, old *conn) (*Response, error) {
	refused, took := old.resp.refusal(), old.took()
	least, _ := req.Pace.shortest(refused)
	resp, err := t.ask(call, req, d)
	twice := old.settle()
	// If nothing has come behind it yet, it rests, and whatever comes is noticed.
	old.step.suspect, old.step.longest = true, max(old.step.longest, least)
	old.resp.call = new(Call)
	old.resp.Close()
	switch {
	case twice:
	case refused && old.resp.Status != fasthttp.StatusRequestTimeout: // which is the end of an idle connection that the request crossed
		req.Pace.learn(true, took)
	case !refused && err == nil && !resp.refusal() && resp.c.took() >= least:
		// Had the second been as quick, that would be known of the channel now. As it is, it may be so half-way.
		req.Pace.learn(false, max(took, least/2))
	}
	return resp, err
}

// settle takes in what has come of an answer, without waiting, and says whether something stands behind it.
func (c *conn) settle() bool {
	keep := c.keep
	c.sock.polling = true
	for range mostToSettle {
		ended := c.resp.drain()
		_, err := c.in.Peek(1)
		if err != nil && !errors.Is(err, tcp.ErrNothingYet) {
			keep = false
		}
		if err != nil || ended {
			break
		}
	}
	c.sock.polling = false
	c.keep = keep
	return c.resp.ended() && c.trailing() == unasked
}

// mostToSettle is how many reads are made for it, of a read buffer each. It is a page of text.
const mostToSettle = 16

// kind is the kind of an error, 0 if it has none.
func kind(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}
