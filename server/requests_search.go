package server

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/admin"
	"uniapi/server/budget"
	"uniapi/server/capture"
	"uniapi/server/conn"
	"uniapi/server/requestlog"
	"uniapi/server/respond"
)

// Searches of the log of requests read files and take processor time: one runs at a time, for so long at most. Those of
// keys that are no admin's leave three quarters of the time to others, and take turns with each other.
const (
	longestLookup    = 5 * time.Second
	longestOwnLookup = 300 * time.Millisecond
	ownLookupRest    = 3
	longestTurn      = 10 * time.Second // that one waits for
	mostTurns        = 16               // keys that wait
	mostLookedUp     = 1000
	usualLookedUp    = 100
	mostWithBodies   = 4 // each has megabytes; they are several only if clients use an id again
)

// lookups are the searches of the log of requests.
type lookups struct {
	mu sync.Mutex // of the one that runs

	turn  chan struct{} // has one while a key that is no admin's has its turn; who waits for it is served in the order of coming
	until time.Time     // no such key may search before; of who has the turn

	asking sync.Mutex
	keys   map[string]bool // that have their turn or wait for it

	places sealedPlaces
}

func newLookups() *lookups {
	return &lookups{turn: make(chan struct{}, 1), keys: make(map[string]bool), places: newPlaces()}
}

// begin waits for the turn of a key that is no admin's, which lasts until it is told how long the search took. false is
// that it has one already, that too many wait, or that it took too long.
func (l *lookups) begin(key string) (done func(took time.Duration), ok bool) {
	l.asking.Lock()
	if ok = !l.keys[key] && len(l.keys) <= mostTurns; ok {
		l.keys[key] = true
	}
	l.asking.Unlock()
	if !ok {
		return nil, false
	}
	over := func() {
		l.asking.Lock()
		delete(l.keys, key)
		l.asking.Unlock()
	}
	late := time.NewTimer(longestTurn)
	defer late.Stop()
	select {
	case l.turn <- struct{}{}:
	case <-late.C:
		over()
		return nil, false
	}
	time.Sleep(time.Until(l.until))
	return func(took time.Duration) {
		l.until = time.Now().Add(ownLookupRest * took)
		<-l.turn
		over()
	}, true
}

// requestsFound is what GET /v1/requests answers with.
type requestsFound struct {
	Requests []requestlog.Whole `json:"requests"`
	Next     string             `json:"next,omitempty"` // from= of what follows
	State    requestsState      `json:"state"`
}

type requestsState struct {
	Level   string `json:"level"`
	Dropped int64  `json:"dropped,omitempty"` // lines that the disk did not take, since the start
	Error   string `json:"error,omitempty"`

	Strangers int64 `json:"strangers,omitempty"` // requests without a valid key that were too many to be kept, since the start
}

// listRequests serves GET /v1/requests: what admins look for, and of any other key its own requests, without who served
// them.
func (s *Server) listRequests(ctx *fasthttp.RequestCtx, key *clientKey) {
	query, bad := requestQuery(ctx.QueryArgs())
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	if s.requests == nil {
		writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "no_request_log",
			"This gateway keeps no requests: it has no data directory."))
		return
	}
	if !key.admin {
		if query.Bodies {
			writeError(ctx, errorf(fasthttp.StatusForbidden, "permission_error", "admin_only", "Only an admin key sees what was said: leave out bodies=true and capture=true."))
			return
		}
		query.KeyID, query.Provider, query.Own = key.id, "", true
		place, is := s.lookups.places.find(query.From)
		if !is {
			writeError(ctx, badQuery("from must be what \"next\" was in an answer to this key, since the gateway was started"))
			return
		}
		query.From = place
	}
	page, bad := s.lookUp(query, key)
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	room := 0
	for i := range page.Found {
		room += foundLine + 2*len(page.Found[i].Line) // as it is, and as JSON
	}
	if err := conn.Of(ctx.Conn()).Holding.Hold(budget.Answer, room); err != nil {
		writeError(ctx, s.unread(ctx, err))
		return
	}
	if ctx.QueryArgs().GetBool("capture") {
		writeCapture(ctx, page.Found)
		s.withoutSecrets(ctx)
		return
	}
	found := requestsFound{Requests: make([]requestlog.Whole, len(page.Found)), Next: page.Next}
	for i := range page.Found {
		found.Requests[i] = page.Found[i].Whole()
	}
	if !key.admin {
		found.Next = s.lookups.places.hide(page.Next)
	}
	found.State.Level = string(s.snapshot.Load().config.Preferences.RequestLog.Level)
	if state := s.requests.State(); key.admin {
		found.State.Dropped, found.State.Error = state.Dropped, state.Error
		found.State.Strangers = s.strangers.kept.unwritten()
	}
	respond.Fresh(ctx, found)
	s.withoutSecrets(ctx)
}

// foundLine is what an entry that was found takes beside its line.
const foundLine = 1000

// writeCapture answers with a request that was kept with bodies, as a file that others may see.
func writeCapture(ctx *fasthttp.RequestCtx, found []requestlog.Found) {
	var e capture.Exchange
	if len(found) == 0 || found[0].Exchange() == nil || json.Unmarshal(found[0].Exchange(), &e) != nil || e.Client.Request == nil {
		writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_kept", "What was said in such a request is not kept: request_log: bodies keeps it."))
		return
	}
	text, err := e.Shown()
	if err != nil { // of our own types: never
		panic(err)
	}
	respond.Written(ctx, text)
}

// lookUp searches for a key.
func (s *Server) lookUp(query requestlog.Query, key *clientKey) (page requestlog.Page, bad *codec.Error) {
	longest, took := longestLookup, time.Duration(0)
	if !key.admin {
		done, ok := s.lookups.begin(key.Key)
		if !ok {
			return page, errorf(fasthttp.StatusTooManyRequests, "rate_limit_error", "busy",
				"Requests are being looked up for this API key already, or for many others. Try again in a second.")
		}
		defer func() { done(took) }()
		longest = longestOwnLookup
	}
	s.lookups.mu.Lock()
	defer s.lookups.mu.Unlock()
	s.requests.Flush()
	began := time.Now()
	within, end := context.WithTimeout(context.Background(), longest)
	defer end()
	page, err := requestlog.Search(within, s.options.Requests, query)
	took = time.Since(began)
	if err != nil {
		return page, badQuery("%v", err)
	}
	return page, nil
}

// requestQuery reads what is looked for.
func requestQuery(args *fasthttp.Args) (q requestlog.Query, bad *codec.Error) {
	text := func(name string) string { return string(args.Peek(name)) }
	q = requestlog.Query{ID: text("id"), Key: text("key"), KeyID: text("key_id"), Model: text("model"), Provider: text("provider"),
		Endpoint: text("endpoint"), Text: text("q"), From: text("from"), Failed: text("failed") == "true", Limit: usualLookedUp}
	var ok bool
	if q.Least, q.Most, ok = requestlog.ReadStatus(text("status")); !ok {
		return q, badQuery("status must be a number such as 429, or a class such as 5xx, not %q", clip(text("status")))
	}
	if limit := text("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > mostLookedUp {
			return q, badQuery("limit must be a number from 1 to %d, not %q", mostLookedUp, clip(limit))
		}
		q.Limit = n
	}
	if q.Bodies = text("bodies") == "true" || args.GetBool("capture"); q.Bodies {
		if q.ID == "" {
			return q, badQuery("bodies=true and capture=true need the id of one request")
		}
		q.Limit = min(q.Limit, mostWithBodies)
	}
	for name, t := range map[string]*time.Time{"start_datetime": &q.Since, "end_datetime": &q.Until} {
		if value := strings.TrimSpace(text(name)); value != "" {
			if *t, ok = admin.ReadTime(value); !ok {
				return q, badQuery("%s: %q is no time: write 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970", name, clip(value))
			}
		}
	}
	return q, nil
}
