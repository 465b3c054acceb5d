package server

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/usage"
)

// asAdmin lets only admin keys through, and no secret back.
func (s *Server) asAdmin(next func(*fasthttp.RequestCtx, *clientKey)) fasthttp.RequestHandler {
	return s.asRevealing(func(ctx *fasthttp.RequestCtx, key *clientKey) {
		next(ctx, key)
		s.withoutSecrets(ctx)
	})
}

// asRevealing is asAdmin for what is there to show secrets.
func (s *Server) asRevealing(next func(*fasthttp.RequestCtx, *clientKey)) fasthttp.RequestHandler {
	return s.asKey(func(ctx *fasthttp.RequestCtx, key *clientKey) {
		if !key.admin {
			writeError(ctx, errNotAdmin)
			return
		}
		next(ctx, key)
	})
}

// asKey lets any key through.
func (s *Server) asKey(next func(*fasthttp.RequestCtx, *clientKey)) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		setID(ctx, s.appendID(nil, ctx))
		key, denied := s.keyOf(ctx)
		if denied != nil {
			writeError(ctx, denied)
			return
		}
		next(ctx, key)
	}
}

func badQuery(format string, args ...any) *codec.Error {
	return errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_query", format, args...)
}

// mostHours is uni-api's limit of /v1/stats.
const mostHours = 720

// stats serves GET /v1/stats?hours=24.
func (s *Server) stats(ctx *fasthttp.RequestCtx, _ *clientKey) {
	hours := 24
	if text := string(ctx.QueryArgs().Peek("hours")); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostHours {
			writeError(ctx, badQuery("hours must be a number from 1 to %d, not %q", mostHours, clip(text)))
			return
		}
		hours = n
	}
	writeJSON(ctx, fasthttp.StatusOK, s.books.Stats(hours))
}

// tokenUsage serves GET /v1/token_usage: an admin sees all keys,
// or the one it names, and any other key itself.
func (s *Server) tokenUsage(ctx *fasthttp.RequestCtx, key *clientKey) {
	query := ctx.QueryArgs()
	from, to, bad := timeRange(query, 30)
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	secret, filter := key.Key, "self"
	if asked := string(query.Peek("api_key_param")); key.admin {
		if secret, filter = asked, "all"; asked != "" {
			filter = config.Mask(asked)
		}
	} else if asked != "" && asked != key.Key {
		writeError(ctx, errNotAdmin)
		return
	}
	model := string(query.Peek("model"))
	details := map[string]any{
		"start_datetime": from.UTC().Format(time.RFC3339), "end_datetime": to.UTC().Format(time.RFC3339),
		"api_key_filter": filter, "model_filter": or(model, "all"), "credits": "$None", "total_cost": "$None", "balance": nil,
	}
	if state, known := s.books.State(secret); secret != "" && known {
		details["credits"], details["total_cost"] = "$-1", usage.Dollars(state.Spent)
		if state.Credits >= 0 {
			details["credits"] = usage.Dollars(state.Granted)
			details["balance"], details["credits_from"] = usage.Dollars(state.Balance), state.CreatedAt
		}
	}
	used := s.books.TokenUsage(secret, model, from, to)
	if secret != "" {
		details["limits"] = s.limitsOf(secret, model, used)
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"usage": used, "query_details": details})
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// timeRange reads start_datetime and end_datetime, or last_n_days.
func timeRange(query *fasthttp.Args, days int) (from, to time.Time, bad *codec.Error) {
	now := time.Now()
	from, to = now.AddDate(0, 0, -days), now
	start, end, last := string(query.Peek("start_datetime")), string(query.Peek("end_datetime")), string(query.Peek("last_n_days"))
	if last != "" {
		n, err := strconv.Atoi(last)
		switch {
		case start != "" || end != "":
			return from, to, badQuery("last_n_days cannot be used together with start_datetime or end_datetime")
		case err != nil || n <= 0:
			return from, to, badQuery("last_n_days must be a positive number, not %q", clip(last))
		}
		return now.AddDate(0, 0, -min(n, 100_000)), now, nil
	}
	for t, text := range map[*time.Time]string{&from: start, &to: end} {
		if text == "" {
			continue
		}
		moment, ok := readTime(text)
		if !ok {
			return from, to, badQuery("%q is no time: write 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970", clip(text))
		}
		*t = moment
	}
	if to.Before(from) {
		return from, to, badQuery("end_datetime is before start_datetime")
	}
	return from, to, nil
}

// timeForms are those of ISO 8601 that people write; without a zone it is UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"}

func readTime(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 1e12 {
		return time.Unix(int64(seconds), 0), true
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// keyStates serves GET /v1/api_keys_states: by how a key is shown, or with reveal=true by the key itself, as uni-api has it.
func (s *Server) keyStates(ctx *fasthttp.RequestCtx, key *clientKey) {
	reveal := string(ctx.QueryArgs().Peek("reveal")) == "true"
	if reveal {
		s.log.Warn("the states of the keys were shown with the keys", "key", key.Alias, "client", s.clientIP(ctx).String())
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"api_keys_states": s.books.KeyStates(reveal)})
	if !reveal {
		s.withoutSecrets(ctx)
	}
}

// keyRankings serves GET /v1/channel_key_rankings?provider_name=P.
func (s *Server) keyRankings(ctx *fasthttp.RequestCtx, _ *clientKey) {
	query := ctx.QueryArgs()
	from, to, bad := timeRange(query, 1)
	provider := string(query.Peek("provider_name"))
	if provider == "" && bad == nil {
		bad = badQuery("provider_name is missing")
	}
	if bad != nil {
		writeError(ctx, bad)
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"rankings": s.books.KeyRankings(provider, from, to), "query_details": map[string]any{
		"provider_name": provider, "start_datetime": from.UTC().Format(time.RFC3339), "end_datetime": to.UTC().Format(time.RFC3339)}})
}

// generateKey serves GET /v1/generate-api-key. The key is stored nowhere: it is
// for the admin to put into api.yaml.
func (s *Server) generateKey(ctx *fasthttp.RequestCtx, _ *clientKey) {
	writeJSON(ctx, fasthttp.StatusOK, map[string]string{"api_key": NewKey()})
}

// NewKey makes a client key as uni-api does: sk- and 48 letters and digits.
func NewKey() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	key := []byte("sk-")
	var b [1]byte
	for len(key) < len("sk-")+48 {
		rand.Read(b[:])
		if i := int(b[0]) & 63; i < len(alphabet) { // the others would favour some letters
			key = append(key, alphabet[i])
		}
	}
	return string(key)
}

// apiConfig serves GET /v1/api_config: the file as JSON, its secrets masked unless
// reveal=true asks for them.
func (s *Server) apiConfig(ctx *fasthttp.RequestCtx, key *clientKey) {
	reveal := string(ctx.QueryArgs().Peek("reveal")) == "true"
	if reveal {
		s.log.Warn("the configuration was shown with its secrets", "key", key.Alias, "client", s.clientIP(ctx).String())
	}
	shown, err := s.snapshot.Load().config.JSON(reveal)
	if err != nil {
		writeError(ctx, errorf(fasthttp.StatusInternalServerError, "server_error", "internal_error", "%v", err))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"api_config": json.RawMessage(shown)})
	if !reveal {
		s.withoutSecrets(ctx)
	}
}

var (
	errNoProviders = errorf(fasthttp.StatusUnprocessableEntity, "invalid_request_error", "bad_config",
		"nothing was changed: providers is empty, so that nothing could be served any more. Send the whole list as it is to be; "+
			"leave providers out to change only api_keys or preferences.")
	errLockedOut = errorf(fasthttp.StatusConflict, "invalid_request_error", "locked_out",
		"nothing was changed: the API key of this request would not be an admin's any more, so that you could not undo it here. "+
			"Keep the key in api_keys, with admin in its role if there are other keys, neither disabled nor expired, and your address among its allow_ips if it has some. To replace it, add the new admin key first, and take the old one out with that.")
)

// staysAdmin refuses a configuration in which a key that is an admin's would not
// be one, or could not be used from where it is used now.
func staysAdmin(key string, client netip.Addr) func(*config.Config) error {
	return func(next *config.Config) error {
		for _, k := range next.APIKeys {
			if k.Key == key && next.IsAdmin(k) && k.Preferences.Access.Denies(time.Now(), client) == config.NotDenied {
				return nil
			}
		}
		return errLockedOut
	}
}

// changesOf are the members of an object, nil for anything else and for one that
// has a member twice.
func changesOf(body []byte) map[string]json.RawMessage {
	changes := map[string]json.RawMessage{}
	if !json.Valid(body) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, _ := d.Token(); open != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, _ := d.Token()
		text, _ := name.(string)
		var value json.RawMessage
		if _, twice := changes[text]; twice || d.Decode(&value) != nil {
			return nil
		}
		changes[text] = value
	}
	return changes
}

// isEmptyJSON says whether a value is null, or a list or an object without anything
// in it.
func isEmptyJSON(value json.RawMessage) bool {
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return false
	}
	text := compact.String()
	return text == "null" || text == "[]" || text == "{}"
}

// warningsOf are the lines that check prints of a configuration that can be used.
func warningsOf(cfg *config.Config) (lines []string) {
	if cfg == nil {
		return nil
	}
	for _, p := range append(cfg.Problems(), LeftOut(cfg)...) {
		lines = append(lines, p.String())
	}
	return lines
}

// updateConfig serves POST /v1/api_config/update: the top-level members of the
// body take the place of those in the file, which is checked before it is written.
// What would leave the gateway without providers, or without the admin who asks,
// is taken for a mistake.
func (s *Server) updateConfig(ctx *fasthttp.RequestCtx, key *clientKey) {
	if s.options.Update == nil {
		writeError(ctx, errorf(fasthttp.StatusConflict, "invalid_request_error", "config_is_remote",
			"The configuration comes from a URL (CONFIG_URL); change it there."))
		return
	}
	body, unread := s.readBody(ctx, nil)
	if unread != nil {
		writeError(ctx, unread)
		return
	}
	s.judging.Lock()
	defer s.judging.Unlock()
	changes := changesOf(body)
	if len(changes) == 0 {
		writeError(ctx, badQuery("the body must be a JSON object with providers, api_keys or preferences, each of them once"))
		return
	}
	if providers, given := changes["providers"]; given && isEmptyJSON(providers) {
		writeError(ctx, errNoProviders)
		return
	}
	var next *config.Config
	err := s.options.Update(changes, func(cfg *config.Config) error {
		next = cfg
		return staysAdmin(key.Key, s.clientIP(ctx))(cfg)
	})
	if told, is := errors.AsType[*codec.Error](err); is {
		writeError(ctx, told)
		return
	}
	if problems, is := errors.AsType[config.Problems](err); is {
		writeError(ctx, errorf(fasthttp.StatusUnprocessableEntity, "invalid_request_error", "bad_config", "nothing was changed: %v", problems))
		return
	}
	if errors.Is(err, config.ErrNotWritten) {
		s.log.Error("an update of the configuration was not written", "key", key.Alias, "error", err)
		writeError(ctx, errorf(fasthttp.StatusInternalServerError, "server_error", "config_not_written", "nothing was changed: %v", err))
		return
	}
	if err != nil {
		writeError(ctx, errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_config", "nothing was changed: %v", err))
		return
	}
	s.log.Warn("the configuration was changed by the API", "key", key.Alias)
	answer := map[string]any{"message": "API config updated"}
	if warnings := warningsOf(next); len(warnings) > 0 {
		answer["warnings"] = warnings
	}
	writeJSON(ctx, fasthttp.StatusOK, answer)
}

// billing serves the two addresses by which chat UIs show what is left.
func (s *Server) billingSubscription(ctx *fasthttp.RequestCtx, key *clientKey) {
	limit := 1e8 // no limit
	if state, known := s.books.State(key.Key); known && state.Credits >= 0 {
		limit = state.Credits + state.Added
	}
	now := time.Now()
	used := s.books.TokenUsage(key.Key, "", now.AddDate(0, 0, -1), now)
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"object": "billing_subscription", "has_payment_method": true,
		"soft_limit_usd": limit, "hard_limit_usd": limit, "system_hard_limit_usd": limit, "access_until": accessUntil(key), "limits": s.limitsOf(key.Key, "", used)})
}

func (s *Server) billingUsage(ctx *fasthttp.RequestCtx, key *clientKey) {
	state, _ := s.books.State(key.Key)
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"object": "list", "total_usage": state.Cost * 100}) // cents
}

// withoutSecrets takes the secrets out of an answer of our own to an admin. It is
// not for others: what they are told of an error has been seen to, and what repeats
// their own words would tell them which of these are a piece of a secret.
func (s *Server) withoutSecrets(ctx *fasthttp.RequestCtx) {
	if ctx.Response.IsBodyStream() {
		return
	}
	secrets := s.secrets.Load()
	if text := ctx.Response.Body(); secrets.HasBytes(text) {
		ctx.Response.SetBodyString(secrets.Clean(string(text)))
	}
}
