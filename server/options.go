package server

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/config"
)

// asking is whether the streams of a model at a provider are asked for their usage:
// 0 as long as nobody knows, takesOptions once such a stream was served, and else
// until when they are not asked, in Unix nanoseconds.
type asking struct {
	atomic.Int64
	refused atomic.Pointer[refusal] // what else of the gateway's own is left out
	took    atomic.Bool             // a request was served with all that is always added
}

const takesOptions = -1

// unaskedFor is how long a refusal is believed. Whoever was the first to ask may have
// brought it about.
const unaskedFor = time.Hour

// is says whether streams are asked at a time.
func (a *asking) is(at time.Time) bool {
	until := a.Load()
	return until <= 0 || until < at.UnixNano()
}

// served notes that a stream that was asked for its usage was served.
func (a *asking) served() {
	if a.Load() != takesOptions {
		a.Store(takesOptions)
	}
}

// askingOf are those of a provider's models, by the names that clients have for them.
// What was learnt stays over reloads.
func (s *Server) askingOf(p *config.Provider, models []config.Model) map[string]*asking {
	all := make(map[string]*asking, len(models))
	for _, m := range models {
		known, _ := s.asking.LoadOrStore(p.Name+"\x00"+p.BaseURL+"\x00"+m.Upstream, new(asking))
		all[m.Alias] = known.(*asking)
	}
	return all
}

// asks says whether the attempt asks for a stream's usage by the gateway's own
// stream_options.
func (a *attempt) asks() bool {
	return !a.forgoes && a.backend.asking[a.model].is(a.began)
}

// refusesOptions says of an attempt's error that the provider may refuse the
// stream_options by which the gateway asks for a stream's usage. An error can repeat
// what the client has made up, and what is not asked for is cheaper: so nobody who is
// known to take them is believed to refuse them. What a client asks for itself is its
// own affair.
func (a *attempt) refusesOptions(err error) bool {
	refused, is := errors.AsType[*upstreamError](err)
	if !is || !a.stream || !a.asksUsage || a.head.IncludeUsage || a.backend.asking[a.model].Load() == takesOptions {
		return false
	}
	if s := refused.said.Status; s != fasthttp.StatusBadRequest && s != fasthttp.StatusUnprocessableEntity {
		return false
	}
	m := refused.said.Message + refused.said.Param
	return strings.Contains(m, "stream_options") || strings.Contains(m, "include_usage")
}

// askWithout asks once more without them. If that is served it was they that were
// refused: such streams have no usage, and their tokens are estimated.
func (a *attempt) askWithout() error {
	a.trace, a.forgoes = nil, true
	if err := a.ask(); err != nil {
		return err
	}
	state := a.backend.asking[a.model]
	if known := state.Load(); known == takesOptions || !state.is(a.began) || !state.CompareAndSwap(known, a.began.Add(unaskedFor).UnixNano()) {
		return nil // another request has told
	}
	a.server.log.Warn("this provider refuses stream_options; streams of the model are not asked for their usage for an hour, and their tokens are estimated",
		"provider", a.chosen.Provider.Config.Name, "upstream_model", a.chosen.Upstream, "id", string(a.id))
	return nil
}
