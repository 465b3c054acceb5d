package server

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"sync/atomic"
	"uniapi/server/telemetry"
	"unsafe"

	"github.com/valyala/fasthttp"
)

const requestIDHeader = "X-Request-Id"

// Names as fasthttp keeps them, for where every request is looked at: it would
// bring them into that form each time.
var (
	canonicalRequestID = []byte(requestIDHeader)
	canonicalOrigin    = []byte(fasthttp.HeaderOrigin)
)

// requestIDs makes ids that no other process makes: a random part of the
// process and a number.
type requestIDs struct {
	process string
	next    *atomic.Uint64
}

func newRequestIDs() requestIDs {
	var random [6]byte
	rand.Read(random[:])
	return requestIDs{process: hex.EncodeToString(random[:]) + "-", next: new(atomic.Uint64)}
}

// appendID appends the client's own id if it sent one that is fit to be repeated
// in a header and a log, else a new one.
func (s *Server) appendID(dst []byte, ctx *fasthttp.RequestCtx) []byte {
	if id := ctx.Request.Header.PeekCanonical(canonicalRequestID); len(id) > 0 && len(id) <= 128 && visible(id) {
		return append(dst, id...)
	}
	return s.ids.append(dst)
}

// append appends a new id.
func (r *requestIDs) append(dst []byte) []byte {
	return strconv.AppendUint(append(dst, r.process...), r.next.Add(1), 36)
}

// made says that an id is one of ours, or so like one that it has no room for a
// piece of a secret.
func (r *requestIDs) made(id []byte) bool {
	return len(id) < len(r.process)+telemetry.SecretRun && strings.HasPrefix(unsafe.String(unsafe.SliceData(id), len(id)), r.process)
}

func visible(id []byte) bool {
	for _, c := range id {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

func setID(ctx *fasthttp.RequestCtx, id []byte) {
	ctx.Response.Header.SetCanonical(canonicalRequestID, id)
}
