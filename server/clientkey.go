package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/budget"
	"uniapi/usage"
)

// clientKey is one of api_keys with what a request under it may use.
type clientKey struct {
	*config.APIKey
	balance *balancer.Key
	routes  *balancer.Routes
	admin   bool
	book    *usage.Key
	share   *budget.Share // of the memory and the places for requests; stands for the key among connections, too
	only    bool          // there is no other key

	limitsTokens bool // some rate_limit of the key has a tpr
}

// limitsTokens says whether a table of limits has one on the length of prompts.
func limitsTokens(table config.ModelTable[config.RateLimit]) bool {
	for _, limit := range table.All() {
		if limit.TokensPerRequest > 0 {
			return true
		}
	}
	return false
}

// tellAdmins says in the log what follows from the rule above without anybody
// having written it. It warns where a reload has made an admin of a key that was
// none.
func (s *Server) tellAdmins(old *snapshot, cfg *config.Config) {
	only := cfg.LoneAdmin()
	switch {
	case only != nil:
		level := slog.LevelInfo
		if old != nil {
			if before := old.keys[sha256.Sum256([]byte(only.Key))]; before == nil || !before.admin {
				level = slog.LevelWarn
			}
		}
		s.log.Log(context.Background(), level, "the only key is an admin's, since it has no role; give it one if it is a user's", "key", only.Alias)
	case !slices.ContainsFunc(cfg.APIKeys, cfg.IsAdmin):
		s.log.Info("no key is an admin's: give one a role with admin in it to administrate by HTTP")
	}
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
			token = bearer(token)
		}
		if len(token) == 0 {
			continue
		}
		if k := keys[sha256.Sum256(token)]; k != nil {
			return k
		}
	}
	// Google's SDKs of old have it in the query. No log line holds a query.
	if isGoogle(ctx) {
		return keys[sha256.Sum256(ctx.QueryArgs().Peek("key"))]
	}
	return nil
}

// keyOf is the key that a request carries, whose it is from now on. The error is
// that it carries none that is known, or one that may not be used.
func (s *Server) keyOf(ctx *fasthttp.RequestCtx) (*clientKey, *codec.Error) {
	key := s.snapshot.Load().keys.find(ctx)
	if key == nil {
		return nil, errNoKey
	}
	if denied := s.denied(ctx, key); denied != nil {
		return nil, denied
	}
	s.welcome(ctx, key)
	return key, nil
}

// welcome lets a request hold memory in the name of its key, whose its connection
// is from now on.
func (s *Server) welcome(ctx *fasthttp.RequestCtx, key *clientKey) {
	conn := connOf(ctx)
	conn.BelongsTo(key.share)
	conn.Holding.Begin(s.budget, key.share)
}

// bearer returns the token of an Authorization header. The scheme's case does
// not matter.
func bearer(value []byte) []byte {
	const scheme = "bearer "
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return nil
	}
	return bytes.TrimSpace(value[len(scheme):])
}
