package server

import (
	"strings"
	"time"

	"uniapi/server/admin"
)

// look tells how far the request is; false if there is none.
func (u *underWay) look() (r admin.Live, is bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x := u.x.Load()
	if x == nil {
		return r, false
	}
	r = admin.Live{ID: string(x.id), Since: x.start, FirstByte: time.Duration(u.firstByte.Load()), Bytes: u.written.Load()}
	if u.read.Load() {
		r.Key, r.Model, r.Endpoint, r.Stream = x.key.Alias, strings.Clone(x.model), x.label, x.stream
	}
	if x.at.chosen.Number > 0 {
		r.Provider, r.Upstream, r.Attempt = x.at.chosen.Provider.Config.Name, x.at.chosen.Upstream, x.at.chosen.Number
	}
	return r, true
}

// connections counts those of clients, of these the ones on which a request for
// an answer is under way, and of these the streams.
func (s *Server) connections() (all, serving, streams int) {
	for _, c := range s.conns.All() {
		all++
		live := &c.Session.(*session).live
		live.mu.Lock()
		if x := live.x.Load(); x != nil {
			serving++
			if live.read.Load() && x.stream {
				streams++
			}
		}
		live.mu.Unlock()
	}
	return all, serving, streams
}

// liveRequests are the requests for answers that are under way, in no order. It
// may be called at any time.
func (s *Server) liveRequests() []admin.Live {
	var all []admin.Live
	for _, c := range s.conns.All() {
		if r, is := c.Session.(*session).live.look(); is {
			all = append(all, r)
		}
	}
	return all
}
