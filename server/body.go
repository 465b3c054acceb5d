package server

import (
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/pool"
	"uniapi/server/budget"
	"uniapi/server/conn"
)

// receiveBody reads the request's body. fasthttp has read no more of it than came with the head, so that whoever has no key makes the gateway hold
// nothing; the rest is kept in steps, as it comes.
func (x *exchange) receiveBody() *codec.Error {
	if announced := x.ctx.Request.Header.ContentLength(); announced > prefetched || announced < 0 { // it is not here yet
		defer x.server.sending.Give(x.key.share)
		if !x.server.sending.Take(x.key.share, x.key.only) {
			x.ctx.SetConnectionClose() // what is on its way is not waited for
			return x.server.tooManySending()
		}
	}
	body, err := x.server.readBody(x.ctx, x.incoming[:0])
	x.incoming, x.body = body, body
	if len(body) > prefetched {
		x.start = time.Now() // that the client took its time is not ours
	}
	return err
}

const (
	prefetched   = 8 << 10  // how much of a body fasthttp reads by itself
	firstBody    = 16 << 10 // what is believed of an announcement before anything has come
	mostExpected = 4 << 20  // what a connection gets at once if its last request had as much
)

// readBody appends a request's body to buf, which belongs to the caller, and
// returns the buffer in any case. A connection on which that failed is closed.
func (s *Server) readBody(ctx *fasthttp.RequestCtx, buf []byte) ([]byte, *codec.Error) {
	body, err := s.appendBody(ctx, buf)
	if err != nil {
		ctx.SetConnectionClose()
	}
	return body, err
}

func (s *Server) appendBody(ctx *fasthttp.RequestCtx, buf []byte) ([]byte, *codec.Error) {
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return buf, nil
	}
	conn := connOf(ctx)
	session := sessionOf(conn)
	announced := ctx.Request.Header.ContentLength() // -1 in chunks
	if announced > s.options.MaxBody {
		return buf, s.tooLarge()
	}
	g := pool.Growing{B: buf, Own: true, Memory: (*bodyRoom)(&conn.Holding)}
	// A conversation only grows: what the connection's last request had is not asked for in steps.
	if first := min(announced, max(firstBody, session.large)); first > 0 {
		if err := g.Room(first, 0); err != nil {
			return g.B, s.unread(ctx, err)
		}
	}
	for {
		more := max(announced-len(g.B), 0)
		if err := g.Room(1, more); err != nil {
			return g.B, s.unread(ctx, err)
		}
		n, err := stream.Read(g.B[len(g.B):cap(g.B)])
		if g.B = g.B[:len(g.B)+n]; len(g.B) > s.options.MaxBody {
			return g.B, s.tooLarge()
		}
		if err == io.EOF {
			session.unread, session.large = false, min(len(g.B), mostExpected)
			return g.B, nil
		}
		if err != nil {
			return g.B, s.unread(ctx, err)
		}
	}
}

// unread is the error of a request whose body could not be read.
func (s *Server) unread(ctx *fasthttp.RequestCtx, err error) *codec.Error {
	client := connOf(ctx)
	if refused, is := errors.AsType[*budget.Refused](err); is {
		whole := *refused // of which no more than a step was asked for
		whole.Bytes = max(whole.Bytes, int64(ctx.Request.Header.ContentLength()))
		return noRoom(&whole)
	}
	switch {
	case client.Late():
		return s.tooSlow()
	case errors.Is(err, conn.ErrTooLarge):
		return s.tooLarge()
	}
	if refused := client.Malformed(); refused != nil {
		client.Linger()
		return notHTTP(refused)
	}
	if brokenOff(err) {
		client.Call.Cancel() // nobody reads the answer
	}
	return notHTTP(err)
}

// noRoom is the error of a request for which there is no memory.
func noRoom(refused *budget.Refused) *codec.Error {
	switch {
	case !refused.Never:
		return errorf(errOverloaded.Status, errOverloaded.Type, errOverloaded.Code,
			"The requests that the gateway has in hand leave no memory for this one at the moment, or for more of this key's (--request-memory). Try again soon.")
	case refused.Use >= budget.Answer:
		return errorf(fasthttp.StatusBadGateway, "server_error", "answer_too_large",
			"The provider's answer takes at least %d bytes of memory with all that belongs to the request, and this gateway may hold %d for one (--request-memory).", refused.Bytes, refused.Most)
	}
	return errorf(fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large",
		"The request takes at least %d bytes of memory with all that belongs to it, and this gateway may hold %d for one (--request-memory). Send a smaller one, or fewer and smaller images.",
		refused.Bytes, refused.Most)
}

// maxUnread is how much of a body that nobody wanted fasthttp reads so that the connection can be used again.
const maxUnread = 256 << 10

// leaveUnread sees to it that a client whose body was not wanted gets to read why, rather than a reset.
func (s *Server) leaveUnread(ctx *fasthttp.RequestCtx, conn *conn.Conn) {
	if conn == nil || !sessionOf(conn).unread || ctx.RequestBodyStream() == nil {
		return
	}
	conn.Linger()
	if ctx.Request.Header.ContentLength() > maxUnread {
		ctx.SetConnectionClose()
	}
}

// expect answers a client that asks before it sends its body: one without a key
// need not send it.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	_, e := s.keyOf(ctx)
	switch {
	case e != nil:
	case ctx.Request.Header.ContentLength() > s.options.MaxBody:
		e = s.tooLarge()
	default:
		return fasthttp.StatusContinue
	}
	connOf(ctx).Linger() // it may have sent it all the same
	s.turnAway(ctx, e)
	s.counters.answered(ctx)
	return e.Status
}
