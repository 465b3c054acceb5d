package server

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// liveRequest is a request under way, as it stood at one moment.
type liveRequest struct {
	ID        string
	Key       string // alias; this and what follows, up to Stream, is empty until the request has been read
	Model     string // that the client asks for
	Endpoint  string
	Stream    bool
	Provider  string // of the attempt; "" before the first
	Upstream  string // the model's name there
	Attempt   int    // 1 for the first
	Since     time.Time
	FirstByte time.Duration // from Since to the first answer byte; 0 is not yet
	Bytes     int64         // of a stream, written to the client
}

// underWay is the place on a client's connection where the request that is under
// way there can be seen by others. It costs a request two locks that nobody else
// wants, unless somebody looks.
//
// Others read of an exchange what was set before it came here, what was set
// before it was read, and what is changed under the lock alone: its attempt, and
// whether it is a stream.
type underWay struct {
	mu        sync.Mutex // held by who looks, by an exchange for such changes, and when it leaves
	x         atomic.Pointer[exchange]
	read      atomic.Bool // who asks for what is known
	firstByte atomic.Int64
	written   atomic.Int64
}

// enter shows a request that begins on the connection.
func (u *underWay) enter(x *exchange) {
	u.read.Store(false)
	u.firstByte.Store(0)
	u.written.Store(0)
	u.x.Store(x)
}

// leave takes the request back: nobody looks at it any more.
func (u *underWay) leave() {
	u.mu.Lock()
	u.x.Store(nil)
	u.mu.Unlock()
}

// look tells how far the request is; false if there is none.
func (u *underWay) look() (r liveRequest, is bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x := u.x.Load()
	if x == nil {
		return r, false
	}
	r = liveRequest{ID: string(x.id), Since: x.start, FirstByte: time.Duration(u.firstByte.Load()), Bytes: u.written.Load()}
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
		live := &sessionOf(c).live
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
func (s *Server) liveRequests() []liveRequest {
	var all []liveRequest
	for _, c := range s.conns.All() {
		if r, is := sessionOf(c).live.look(); is {
			all = append(all, r)
		}
	}
	return all
}
