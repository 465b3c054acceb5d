package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/respond"
)

// apiConfig serves GET /v1/api_config: the file as JSON, its secrets masked unless
// reveal=true asks for them.
func (a *API) apiConfig(ctx *fasthttp.RequestCtx, key *Caller) {
	reveal := string(ctx.QueryArgs().Peek("reveal")) == "true"
	if reveal {
		a.Log.Warn("the configuration was shown with its secrets", "key", key.Alias, "client", a.Gateway.ClientIP(ctx).String())
	}
	shown, err := a.Gateway.Config().JSON(reveal)
	if err != nil {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusInternalServerError, "server_error", "internal_error", "%v", err))
		return
	}
	respond.JSON(ctx, fasthttp.StatusOK, map[string]any{"api_config": json.RawMessage(shown)})
	if !reveal {
		a.Gateway.Clean(ctx)
	}
}

var (
	errNoProviders = respond.Errorf(fasthttp.StatusUnprocessableEntity, "invalid_request_error", "bad_config",
		"nothing was changed: providers is empty, so that nothing could be served any more. Send the whole list as it is to be; "+
			"leave providers out to change only api_keys or preferences.")
	errLockedOut = respond.Errorf(fasthttp.StatusConflict, "invalid_request_error", "locked_out",
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
func (a *API) warningsOf(cfg *config.Config) (lines []string) {
	if cfg == nil {
		return nil
	}
	for _, p := range append(cfg.Problems(), a.Gateway.LeftOutOf(cfg)...) {
		lines = append(lines, p.String())
	}
	return lines
}

// updateConfig serves POST /v1/api_config/update: the top-level members of the
// body take the place of those in the file, which is checked before it is written.
// What would leave the gateway without providers, or without the admin who asks,
// is taken for a mistake.
func (a *API) updateConfig(ctx *fasthttp.RequestCtx, key *Caller) {
	if a.Update == nil {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusConflict, "invalid_request_error", "config_is_remote",
			"The configuration comes from a URL (CONFIG_URL); change it there."))
		return
	}
	body, unread := a.Gateway.ReadBody(ctx)
	if unread != nil {
		a.Gateway.WriteError(ctx, unread)
		return
	}
	a.judging.Lock()
	defer a.judging.Unlock()
	changes := changesOf(body)
	if len(changes) == 0 {
		a.Gateway.WriteError(ctx, badQuery("the body must be a JSON object with providers, api_keys or preferences, each of them once"))
		return
	}
	if providers, given := changes["providers"]; given && isEmptyJSON(providers) {
		a.Gateway.WriteError(ctx, errNoProviders)
		return
	}
	var next *config.Config
	err := a.Update(changes, func(cfg *config.Config) error {
		next = cfg
		if lost := a.Gateway.Loses(cfg); len(lost) > 0 {
			return lost
		}
		return staysAdmin(key.Key, a.Gateway.ClientIP(ctx))(cfg)
	})
	if told, is := errors.AsType[*codec.Error](err); is {
		a.Gateway.WriteError(ctx, told)
		return
	}
	if problems, is := errors.AsType[config.Problems](err); is {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusUnprocessableEntity, "invalid_request_error", "bad_config", "nothing was changed: %v", problems))
		return
	}
	if errors.Is(err, config.ErrNotWritten) {
		a.Log.Error("an update of the configuration was not written", "key", key.Alias, "error", err)
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusInternalServerError, "server_error", "config_not_written", "nothing was changed: %v", err))
		return
	}
	if err != nil {
		a.Gateway.WriteError(ctx, respond.Errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_config", "nothing was changed: %v", err))
		return
	}
	a.Log.Warn("the configuration was changed by the API", "key", key.Alias)
	answer := map[string]any{"message": "API config updated"}
	if warnings := a.warningsOf(next); len(warnings) > 0 {
		answer["warnings"] = warnings
	}
	respond.JSON(ctx, fasthttp.StatusOK, answer)
}
