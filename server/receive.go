package server

import (
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/conn"
	"uniapi/server/entry"
)

// read finds out who asks for what. The body is read once it is known that the
// key, and the model if the address names it, are good.
func (x *exchange) read() (err *codec.Error) {
	if x.key, err = x.server.keyOf(x.ctx, x.snap); x.key != nil {
		x.stages |= x.key.stages
	}
	if err != nil {
		return err
	}
	if x.server.inFlight.Refuses(x.key.share, x.key.only) {
		return x.server.tooManyOfKey() // before it sends a body
	}
	if x.model = x.speaks.Address(x.ctx.Path()); x.model != "" {
		if err = x.foresee(x.model); err != nil {
			return err
		}
	}
	if err = x.receiveBody(); err != nil {
		return err
	}
	if encoding := entry.EncodingOf(x.ctx.Request.Header.ContentEncoding(), x.body); encoding != "" {
		if err = x.inflate(encoding); err != nil {
			return err
		}
	}
	if x.snap.keepsBodies || x.server.captures.Some() {
		x.listenIn()
	}
	if x.counted = true; !x.server.inFlight.Take(x.key.share, x.key.only) {
		return x.server.tooManyOfKey()
	}
	if bad := x.readHead(); bad != nil {
		_, err = judge(bad, pool.Deadlines{})
		return err
	}
	x.live.read.Store(true)
	return nil
}

// keyIndex finds client keys by their SHA-256, so that the time of a look-up
// tells nothing about how much of a guess was right.
type keyIndex map[[sha256.Size]byte]*clientKey

func (keys keyIndex) add(k *clientKey) { keys[sha256.Sum256([]byte(k.Key))] = k }

// keyHeaders carry a client's key. Which one a client uses depends on the
// provider it believes it talks to: OpenAI, Anthropic, Gemini, Azure.
var keyHeaders = [][]byte{[]byte(fasthttp.HeaderAuthorization), []byte("X-Api-Key"), []byte("X-Goog-Api-Key"), []byte("Api-Key")}

// find returns the key a request carries, nil if it carries none that is known.
// Clients that send several headers (an SDK's placeholder besides the real one)
// are let in by any of them.
func (keys keyIndex) find(ctx *fasthttp.RequestCtx) *clientKey {
	h := &ctx.Request.Header
	for i, name := range keyHeaders {
		token := h.PeekCanonical(name)
		if i == 0 {
			token = entry.Bearer(token)
		}
		if len(token) == 0 {
			continue
		}
		if k := keys[sha256.Sum256(token)]; k != nil {
			return k
		}
	}
	if in := spokenBy(ctx).Properties().KeyQuery; in != "" { // as Google's SDKs of old have it
		return keys[sha256.Sum256(ctx.QueryArgs().Peek(in))]
	}
	return nil
}

// keyOf is the key that a request carries, in whose name it may hold memory from now on, and whose its connection is.
// The error is that it carries none that is known, or one that may not be used.
func (s *Server) keyOf(ctx *fasthttp.RequestCtx, snap *snapshot) (*clientKey, *codec.Error) {
	key := snap.keys.find(ctx)
	if key == nil {
		return nil, errNoKey
	}
	if key.stages&withAccess != 0 {
		if denied := s.denied(ctx, key); denied != nil {
			return key, denied
		}
	}
	client := conn.Of(ctx.Conn())
	client.BelongsTo(key.share)
	client.Holding.Begin(s.budget, key.share)
	return key, nil
}

// receiveBody reads the request's body. fasthttp has read no more of it than came with the head, so that whoever has no
// key makes the gateway hold nothing; the rest is kept in steps, as it comes.
func (x *exchange) receiveBody() *codec.Error {
	if announced := x.ctx.Request.Header.ContentLength(); announced > prefetched || announced < 0 { // it is not here yet
		defer x.server.sending.Give(x.key.share)
		if !x.server.sending.Take(x.key.share, x.key.only) {
			x.ctx.SetConnectionClose() // what is on its way is not waited for
			return x.server.tooManySending()
		}
	}
	body, err := x.server.appendBody(x.ctx, x.incoming[:0])
	if x.incoming, x.body = body, body; err != nil {
		x.ctx.SetConnectionClose()
	}
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
	client := conn.Of(ctx.Conn())
	session := client.Session.(*session)
	announced := ctx.Request.Header.ContentLength() // -1 in chunks
	if announced > s.options.MaxBody {
		return buf, s.tooLarge()
	}
	g := pool.Growing{B: buf, Own: true, Memory: (*bodyRoom)(&client.Holding)}
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
	client := conn.Of(ctx.Conn())
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
func (s *Server) leaveUnread(ctx *fasthttp.RequestCtx, client *conn.Conn) {
	if ctx.RequestBodyStream() == nil {
		return
	}
	client.Linger()
	if ctx.Request.Header.ContentLength() > maxUnread {
		ctx.SetConnectionClose()
	}
}

// expect answers a client that asks before it sends its body: one without a key
// need not send it.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	_, e := s.keyOf(ctx, s.snapshot.Load())
	switch {
	case e != nil:
	case ctx.Request.Header.ContentLength() > s.options.MaxBody:
		e = s.tooLarge()
	default:
		return fasthttp.StatusContinue
	}
	conn.Of(ctx.Conn()).Linger() // it may have sent it all the same
	s.turnAway(ctx, e)
	s.counters.Answered(ctx.Response.StatusCode())
	return e.Status
}

// readHead finds out which model is asked for, and whether for a stream. A model that
// stands in the address is known before.
func (in *inbound) readHead() error {
	if in.path.ReadsWhole && in.holding != nil { // else it is explained and not served
		defer in.holding.Hold(budget.Request, 0)
		if err := in.holdDecoding(); err != nil {
			return err
		}
	}
	h := &in.head
	h.Model = in.model
	if err := in.speaks.ReadHead(in.body, in, h); err != nil {
		return err
	}
	if h.Turned != nil {
		in.speaks = h.Turned
	}
	if h.Body != nil {
		in.body = h.Body
	}
	if in.endpoint == provider.CountTokens {
		h.Stream = false
	}
	in.model, in.stream, in.choosing = h.Model, h.Stream, h.Choosing
	switch {
	case in.model != "":
	case in.endpoint == provider.Moderations:
		in.model = in.moderator()
	default:
		if in.model = in.path.Fallback; in.model == "" {
			return codec.BadRequest("model", "you must provide a model parameter")
		}
	}
	return nil
}
