package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/telemetry"
)

// Question is the request that is to be explained.
type Question struct {
	Key   string // the key that asks, or its role
	Model string // that it asks for; "" is what Body says
	// Endpoint is the path that is asked; "" is /v1/chat/completions.
	Endpoint string
	Body     []byte // of the request; empty is one of which no more is known than its model
}

// explain serves GET and POST /v1/explain?key=K&model=M&endpoint=E to an admin key: what a request of key K (the key itself, or its alias) would
// meet at this moment. The body, if there is one, is the request's.
func (s *Server) explain(ctx *fasthttp.RequestCtx, _ *clientKey) {
	snap := s.snapshot.Load()
	query := ctx.QueryArgs()
	q := Question{Key: string(query.Peek("key")), Model: string(query.Peek("model")), Endpoint: string(query.Peek("endpoint"))}
	var err *codec.Error
	if q.Body, err = s.readBody(ctx, nil); err != nil {
		writeError(ctx, err)
		return
	}
	s.judging.Lock()
	defer s.judging.Unlock()
	e, err := snap.explanation(q)
	if err != nil {
		writeError(ctx, err)
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, e)
}

// explanation finds the key by its secret or its alias.
func (snap *snapshot) explanation(q Question) (explained, *codec.Error) {
	for _, k := range snap.config.APIKeys {
		if k.Key != q.Key && k.Alias != q.Key {
			continue
		}
		balance := snap.table.Key(k.Key)
		in, bad := q.inbound(&clientKey{APIKey: k, balance: balance, limitsTokens: limitsTokens(k.Preferences.RateLimit)})
		if bad != nil {
			return explained{}, bad
		}
		if in.model == "" {
			return explained{}, badQuery("no model is given; name it (--model, or model= in the address), or give a body that does (--body)")
		}
		facts := balancer.Facts{Model: in.model}
		if in.route = balance.Find(in.model); in.route != nil {
			facts = in.facts()
		}
		e, routed := balance.Explain(facts)
		if !routed {
			return explained{}, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_found", "key %s may use no channel for model %q; it may use: %s",
				k.Alias, in.model, strings.Join(balance.Models(), ", "))
		}
		if over := k.Preferences.Access.Over(time.Now()); over != config.NotDenied {
			e.Refused = denialTold(over, netip.Addr{}).Message
		} else if long := in.tooLong(); long != nil {
			e.Refused = long.Message
		} else if refused := balance.WouldRefuse(in.model); refused != nil {
			e.Refused = limitTold(refused).Message
		}
		if in.endpoint == provider.Chat {
			snap.tellRecovery(k, e.Steps)
		}
		return explained{e, snap.known(in, e.Steps)}, nil
	}
	return explained{}, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_found", "there is no key or role like the one given")
}

// tellRecovery adds what becomes of streams that break off.
func (snap *snapshot) tellRecovery(k *config.APIKey, steps []balancer.Step) {
	for i := range steps {
		of := func(p *config.Provider) bool { return p.Name == steps[i].Provider }
		at := slices.IndexFunc(snap.config.Providers, of)
		if at < 0 {
			continue
		}
		switch snap.config.StreamRecovery(k, snap.config.Providers[at]) {
		case config.RecoverBuffer:
			steps[i].Breaking = "it is kept back until its end was seen, and the next channel is asked (stream_recovery: buffer)"
		case config.RecoverContinue:
			steps[i].Breaking = "the next channel goes on with it, if it is text alone (stream_recovery: continue)"
		}
	}
}

// inbound is the request as the endpoint reads it, so that what is explained is what would be served.
func (q Question) inbound(key *clientKey) (*inbound, *codec.Error) {
	path := cmp.Or(q.Endpoint, "/v1/chat/completions")
	in := &inbound{origin: origin{ctx: new(fasthttp.RequestCtx)}, key: key, body: q.Body}
	in.ctx.Request.Header.SetMethod(fasthttp.MethodPost)
	in.ctx.Request.SetRequestURI(path)
	path = string(homePath(in.ctx.Path()))
	in.ctx.Request.URI().SetPath(path)
	endpoint, known := endpointOf(path)
	if !known {
		return nil, badQuery("there is no endpoint %s for models; it is a path such as /v1/chat/completions or /v1/embeddings", clip(path))
	}
	in.face, in.endpoint = endpoint.face, endpoint.endpoint
	if in.endpoint == provider.CountTokens {
		in.face = counting{in.face}
	}
	in.model = in.face.address(in)
	if len(bytes.TrimSpace(q.Body)) == 0 {
		in.body = []byte("{}")
	} else if err := in.face.read(in); err != nil {
		_, told := judge(err, pool.Deadlines{})
		return nil, told
	}
	in.model = cmp.Or(q.Model, in.model)
	return in, nil
}

// Explain prints what a configuration alone says about a request. Models that a
// running gateway would discover are not known to it.
func Explain(w io.Writer, cfg *config.Config, q Question) error {
	p := pool.New(pool.Options{})
	defer p.Close()
	var said strings.Builder
	snap := fromFile(p, cfg, func(provider *config.Provider, err error) {
		fmt.Fprintf(&said, "provider %s is left out: %v\n", provider.Name, err)
	})
	secrets := telemetry.NewRedactor(cfg.Secrets())
	e, bad := snap.explanation(q)
	if bad != nil {
		return errors.New(secrets.Clean(bad.Message))
	}
	print(&said, e)
	_, err := io.WriteString(w, secrets.Clean(said.String()))
	return err
}

// ExplainLive prints what a running gateway says, asked with an admin key.
func ExplainLive(w io.Writer, base, admin string, q Question) error {
	query := url.Values{"key": {q.Key}, "model": {q.Model}, "endpoint": {q.Endpoint}}
	request, err := http.NewRequest(http.MethodPost, strings.TrimRight(base, "/")+"/v1/explain?"+query.Encode(), bytes.NewReader(q.Body))
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
		explained
		Error struct{ Message string }
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(&said); err != nil {
		return fmt.Errorf("the gateway answered %s, which is no explanation: %w", answer.Status, err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the gateway answered %s: --url needs an admin key, in --admin-key or in the environment's UNI_API_ADMIN_KEY; --key is the one that is explained", answer.Status)
	default:
		return fmt.Errorf("the gateway answered %s: %s", answer.Status, said.Error.Message)
	}
	print(w, said.explained)
	return nil
}

// errorWithoutURL takes the URL, which holds a client key, out of an error.
func errorWithoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

func print(w io.Writer, e explained) {
	fmt.Fprintf(w, "key %s, model %s, %s, at most %d attempts\n", e.Key, e.Model, e.Schedule, e.Attempts)
	if e.Refused != "" {
		fmt.Fprintf(w, "it would be refused before any of them is asked: %s\n", e.Refused)
	}
	for i, s := range e.Steps {
		fmt.Fprintf(w, "%3d. %s/%s: %s\n", i+1, s.Provider, s.Upstream, s.Why)
		fmt.Fprintf(w, "     first byte within %v\n", s.Timeout)
		if s.FirstToken > 0 {
			fmt.Fprintf(w, "     first event within %v, as long as another channel could serve\n", s.FirstToken)
		}
		if s.Total > 0 {
			fmt.Fprintf(w, "     the whole within %v\n", s.Total)
		}
		if s.Breaking != "" {
			fmt.Fprintf(w, "     a stream that breaks off: %s\n", s.Breaking)
		}
		if s.KeyOrder != "" {
			fmt.Fprintf(w, "     keys: %s\n", s.KeyOrder)
		}
		for k, rests := range s.Keys {
			fmt.Fprintf(w, "     key %d: %s\n", k+1, cmp.Or(rests, "fit"))
		}
		if s.Excluded != "" {
			fmt.Fprintf(w, "     left out: %s\n", s.Excluded)
		}
		if i < len(e.Known) {
			e.Known[i].print(w)
		}
	}
}
