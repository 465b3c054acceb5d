package server

import (
	"errors"
	"strings"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"uniapi/config"
)

// unaskedOf is whether a provider's streams are not asked for their usage. What was
// learnt stays over reloads.
func (s *Server) unaskedOf(p *config.Provider) *atomic.Bool {
	known, _ := s.unasked.LoadOrStore(p.Name+"\x00"+p.BaseURL, new(atomic.Bool))
	return known.(*atomic.Bool)
}

// refusesOptions says of an attempt's error that the provider refuses the
// stream_options by which the gateway asks for a stream's usage, and remembers it:
// such streams have none, and their tokens are estimated. What a client asks for
// itself is its own affair.
func (x *exchange) refusesOptions(err error) bool {
	refused, is := errors.AsType[*upstreamError](err)
	if !is || !x.stream || !x.asksUsage || x.head.IncludeUsage {
		return false
	}
	if s := refused.said.Status; s != fasthttp.StatusBadRequest && s != fasthttp.StatusUnprocessableEntity {
		return false
	}
	if m := refused.said.Message + refused.said.Param; !strings.Contains(m, "stream_options") && !strings.Contains(m, "include_usage") {
		return false
	}
	x.trace = nil
	if x.backend().unasked.Swap(true) {
		return true // another request has told
	}
	x.server.log.Warn("this provider refuses stream_options; its streams are not asked for their usage any more, and their tokens are estimated",
		"provider", x.attempt.Provider.Config.Name, "id", string(x.id))
	return true
}
