package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/config"
)

// explain serves GET /v1/explain?key=K&model=M to an admin key: what a request
// of key K (the key itself, or its alias) for model M would meet at this moment.
func (s *Server) explain(ctx *fasthttp.RequestCtx, _ *clientKey) {
	snap := s.snapshot.Load()
	query := ctx.QueryArgs()
	e, err := explanation(snap.config, snap.table, string(query.Peek("key")), string(query.Peek("model")))
	if err != nil {
		writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_found", "%v", err))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, e)
}

// explanation finds the key by its secret or its alias.
func explanation(cfg *config.Config, table *balancer.Table, key, model string) (balancer.Explanation, error) {
	for _, k := range cfg.APIKeys {
		if k.Key != key && k.Alias != key {
			continue
		}
		e, routed := table.Key(k.Key).Explain(model)
		if !routed {
			return e, fmt.Errorf("key %s may use no channel for model %q; it may use: %s",
				k.Alias, model, strings.Join(table.Key(k.Key).Models(), ", "))
		}
		return e, nil
	}
	return balancer.Explanation{}, fmt.Errorf("there is no key or role like the one given")
}

// Explain prints what a configuration alone says about a request. Models that a
// running gateway would discover are not known to it.
func Explain(w io.Writer, cfg *config.Config, key, model string) error {
	table := balancer.Build(cfg, balancer.NewState(), func(i int) []config.Model { return cfg.Providers[i].Models })
	e, err := explanation(cfg, table, key, model)
	if err != nil {
		return err
	}
	print(w, e)
	return nil
}

// ExplainLive prints what a running gateway says, asked with an admin key.
func ExplainLive(w io.Writer, base, admin, key, model string) error {
	query := url.Values{"key": {key}, "model": {model}}
	request, err := http.NewRequest(http.MethodGet, strings.TrimRight(base, "/")+"/v1/explain?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	client := http.Client{Timeout: 15 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the gateway: %w", errorWithoutURL(err))
	}
	defer answer.Body.Close()
	var said struct {
		balancer.Explanation
		Error struct{ Message string }
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(&said); err != nil {
		return fmt.Errorf("the gateway answered %s, which is no explanation: %w", answer.Status, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answered %s: %s", answer.Status, said.Error.Message)
	}
	print(w, said.Explanation)
	return nil
}

// errorWithoutURL takes the URL, which holds a client key, out of an error.
func errorWithoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

func print(w io.Writer, e balancer.Explanation) {
	fmt.Fprintf(w, "key %s, model %s, %s, at most %d attempts\n", e.Key, e.Model, e.Schedule, e.Attempts)
	for i, s := range e.Steps {
		fmt.Fprintf(w, "%3d. %s/%s: %s\n", i+1, s.Provider, s.Upstream, s.Why)
		fmt.Fprintf(w, "     first byte within %v\n", s.Timeout)
		for k, rests := range s.Keys {
			fmt.Fprintf(w, "     key %d: %s\n", k+1, cmp.Or(rests, "fit"))
		}
		if s.Excluded != "" {
			fmt.Fprintf(w, "     left out: %s\n", s.Excluded)
		}
	}
}
