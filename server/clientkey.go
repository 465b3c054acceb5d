package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"time"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/server/budget"
	"uniapi/server/relay"
	"uniapi/usage"
)

// clientKey is one of api_keys with what a request under it may use.
type clientKey struct {
	*config.APIKey
	id      string // tells it from others of the same alias: see keyID
	balance *balancer.Key
	routes  *balancer.Routes
	admin   bool
	book    *usage.Key
	share   *budget.Share // of the memory and the places for requests; stands for the key among connections, too
	hedges  *relay.HedgeShare
	only    bool // there is no other key

	stages       stages        // of its requests
	limitsTokens bool          // some rate_limit of the key has a tpr
	queue        time.Duration // for which its requests wait for a limit that they have reached; 0 is not at all
}

// keyID is what a key is called where its alias may not tell it from another one: the beginning of its SHA-256.
func keyID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:6])
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
