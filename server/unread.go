package server

import (
	"bufio"
	"bytes"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/conn"
)

// tooSlow is the error of a client that took too long.
func (s *Server) tooSlow() *codec.Error {
	times := s.options.readTimes
	return errorf(fasthttp.StatusRequestTimeout, "invalid_request_error", "request_timeout",
		"The request came too slowly: at most %v may pass without any of it, and it must come at %d bytes/s.",
		times.Stall, time.Second/times.PerByte)
}

// onUnread answers a request whose head could not be read.
func (s *Server) onUnread(ctx *fasthttp.RequestCtx, err error) {
	client := conn.Of(ctx.Conn())
	if client.IsSentAway() {
		ctx.SetConnectionClose() // what is written does not leave any more
		return
	}
	defer s.counters.Answered(ctx.Response.StatusCode())
	if client.Late() {
		s.turnAway(ctx, s.tooSlow())
		ctx.SetConnectionClose()
		return
	}
	if errors.Is(err, conn.ErrTooLarge) {
		client.Linger()
		// fasthttp has forgotten whose request it is and what it is for. If that cannot be read again it is told to
		// somebody unknown.
		ctx.Request.Header.Read(bufio.NewReaderSize(bytes.NewReader(client.TooLarge()), conn.MaxHead))
		s.turnAway(ctx, s.tooLarge())
		ctx.SetConnectionClose()
		return
	}
	if refused := client.Malformed(); refused != nil {
		client.Linger()
		err = refused
	}
	s.onProtocolError(ctx, err)
}
