package server

import (
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/server/entry"
	"uniapi/server/media"
)

// inFlightMemory is what a request in flight is reckoned to take of the half of
// the memory that is for them, in bytes. Its buffers and stacks are 48 KB, and
// what it holds without being counted is not much more; but half of what the
// collector may keep is garbage.
const inFlightMemory = 256 << 10

// maxInFlight is how many requests are served at a time if nobody says: as many
// as half of the memory holds. Without a limit of memory there is none.
func maxInFlight(memory int64) int64 {
	if memory == 0 {
		return 1<<63 - 1
	}
	return memory / 2 / inFlightMemory
}

// connectionMemory is what a connection takes while it waits for a request, in
// bytes.
const connectionMemory = 48 << 10

// maxConnections is how many connections are taken if nobody says: half of the
// descriptors, since each may need another one to a provider, and no more than a
// fifth of the memory holds, if that is limited.
func maxConnections(memory int64) int {
	most := 1 << 20
	if memory > 0 {
		most = min(most, max(int(memory/5/connectionMemory), 1))
	}
	return min(most, max(mostDescriptors()/2, 1))
}

// strangerMemory is what a stranger's connection takes at the most, in bytes: 52 KB
// with a head and as much of a body as comes with it.
const strangerMemory = 64 << 10

// mostStrangers is how many of so many connections may be strangers': a quarter,
// and no more than a sixteenth of the memory holds.
func mostStrangers(connections int, memory int64) int {
	if memory == 0 {
		memory = machineMemory()
	}
	return max(1, min(connections/4, int(memory/16/strangerMemory)))
}

// mostFetchesTogether is how many connections images and files are fetched on at a
// time: an eighth of the descriptors.
func mostFetchesTogether() int64 { return int64(max(mostDescriptors()/8, media.AtOnce)) }

var errOverloaded = errorf(fasthttp.StatusServiceUnavailable, "server_error", "overloaded",
	"The gateway has as many requests in hand as it may (--max-in-flight). Try again soon.")

// comeBack is the Retry-After of an overloaded gateway; retryLater as it is
// written.
const (
	comeBack   = time.Second
	retryLater = "1"
)

func (s *Server) tooManyRequests() *codec.Error {
	s.overloaded.count(s.log, "as many requests are in flight as may be", "limit", s.inFlight.Limit())
	e := *errOverloaded
	return &e
}

// mostSending is how many connections may be in the middle of a body at a time: three quarters, so that there is always
// room for others to come, of which a key has its part.
func mostSending(connections int) int64 { return int64(connections) * 3 / 4 }

// tooManySending refuses a request of a key that sends as many as it may.
func (s *Server) tooManySending() *codec.Error {
	s.overloaded.count(s.log, "as many requests are being sent as may be, or of one client key while so few places are left for others", "limit", s.sending.Limit())
	return errorf(errOverloaded.Status, errOverloaded.Type, errOverloaded.Code,
		"This gateway reads as many long requests at once as it may, or as many of this API key as leave connections for others (--max-connections). Try again soon.")
}

// tooManyOfKey refuses a request of a key that has its part of those in flight.
func (s *Server) tooManyOfKey() *codec.Error {
	if s.inFlight.Full() {
		return s.tooManyRequests()
	}
	s.overloaded.count(s.log, "as many requests of one client key are in flight as may be while so few places are left for others", "limit", s.inFlight.Limit())
	return errorf(errOverloaded.Status, errOverloaded.Type, errOverloaded.Code,
		"This key has as many requests in hand as it may while the gateway has so few places left for others (--max-in-flight). Try again soon.")
}

// refuse answers a request that goes no further than here, under an id.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, e *codec.Error) (id []byte) {
	writeError(ctx, e)
	if e.Status == fasthttp.StatusServiceUnavailable {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, retryLater)
	}
	id = s.ids.AppendOf(nil, ctx)
	entry.SetID(ctx, id)
	allowAnyOrigin(ctx)
	return id
}

// refusals counts what was refused for want of room. The log hears of it seldom:
// in a flood it would be part of the flood.
type refusals struct {
	total atomic.Int64
	told  atomic.Int64 // when, in Unix nanoseconds
}

// neverFits is logged of what could not be held if there were no other request.
const neverFits = "a request takes more memory with its answer than --request-memory lets any hold"

const tellEvery = 10 * time.Second

func (r *refusals) count(log *slog.Logger, why string, args ...any) {
	if total, tell := r.add(); tell {
		log.Warn(why, append(args, "refused", total)...)
	}
}

// add counts one and says how many there are, and whether the log is to hear of it.
func (r *refusals) add() (total int64, tell bool) {
	total = r.total.Add(1)
	told, now := r.told.Load(), time.Now().UnixNano()
	return total, now-told >= int64(tellEvery) && r.told.CompareAndSwap(told, now)
}

// onSentAway tells of connections that were closed for others to have room.
func (s *Server) onSentAway(owner string) {
	if total, tell := s.sentAway.add(); tell {
		s.log.Warn("connections are closed to make room for others", "owner", owner, "limit", s.options.MaxConnections,
			"limit_without_key", mostStrangers(s.options.MaxConnections, s.options.Memory), "closed", total)
	}
}

// tooMany is the answer to a connection too many: what comes before its id, and
// behind it.
var tooMany = func() [2]string {
	body := formats.Chat.EncodeError(nil, errorf(fasthttp.StatusServiceUnavailable, "server_error", "too_many_connections",
		"The gateway has as many connections as it may (--max-connections). Try again soon."))
	return [2]string{"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: " + retryLater +
		"\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\n" + entry.IDHeader + ": ", "\r\n\r\n" + string(body)}
}()

// What is spent on letting refused clients read why: closing a connection on
// which a request is about to come would reset it, answer and all.
const (
	refusalTime  = time.Second
	refusalsOpen = 128 // beyond these they are reset
)

// refuseConnection ends a connection too many. Under TLS there is nothing to be
// said before a handshake, which is what cannot be afforded.
func (s *Server) refuseConnection(c *net.TCPConn) {
	s.unconnected.count(s.log, "as many connections are open as may be", "limit", s.options.MaxConnections)
	if s.tls != nil || s.refusing.Load() >= refusalsOpen {
		c.Close()
		return
	}
	s.refusing.Add(1)
	go func() {
		defer s.refusing.Add(-1)
		defer c.Close()
		c.SetDeadline(time.Now().Add(refusalTime))
		if _, err := io.WriteString(c, tooMany[0]+string(s.ids.Append(nil))+tooMany[1]); err == nil && c.CloseWrite() == nil {
			io.Copy(io.Discard, c)
		}
	}()
}
