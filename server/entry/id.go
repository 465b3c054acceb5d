package entry

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/valyala/fasthttp"

	"uniapi/server/telemetry"
)

// IDHeader is the line of a head with the request's id.
const IDHeader = "X-Request-Id"

// canonicalID is its name as fasthttp keeps it, which would bring it into that form each time.
var canonicalID = []byte(IDHeader)

// IDs makes ids that no other process makes: a random part of the
// process and a number.
type IDs struct {
	process string
	next    *atomic.Uint64
}

// NewIDs makes those of a process.
func NewIDs() IDs {
	var random [6]byte
	rand.Read(random[:])
	return IDs{process: hex.EncodeToString(random[:]) + "-", next: new(atomic.Uint64)}
}

// AppendOf appends the client's own id if it sent one that is fit to be repeated
// in a header and a log, else a new one.
func (r *IDs) AppendOf(dst []byte, ctx *fasthttp.RequestCtx) []byte {
	if id := ctx.Request.Header.PeekCanonical(canonicalID); len(id) > 0 && len(id) <= 128 && visible(id) {
		return append(dst, id...)
	}
	return r.Append(dst)
}

// Append appends a new id.
func (r *IDs) Append(dst []byte) []byte {
	return strconv.AppendUint(append(dst, r.process...), r.next.Add(1), 36)
}

// Made says that an id is one of ours, or so like one that it has no room for a
// piece of a secret.
func (r *IDs) Made(id []byte) bool {
	return len(id) < len(r.process)+telemetry.SecretRun && strings.HasPrefix(unsafe.String(unsafe.SliceData(id), len(id)), r.process)
}

// visible says whether an id has nothing in it but visible ASCII.
func visible(id []byte) bool {
	for _, c := range id {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// SetID puts an id into the answer's head.
func SetID(ctx *fasthttp.RequestCtx, id []byte) {
	ctx.Response.Header.SetCanonical(canonicalID, id)
}

// HasID says whether the answer's head has one.
func HasID(ctx *fasthttp.RequestCtx) bool {
	return len(ctx.Response.Header.PeekCanonical(canonicalID)) > 0
}
