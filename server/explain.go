package server

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/admin"
	"uniapi/server/entry"
	"uniapi/server/telemetry"
)

// explanation finds the key by its secret or its alias.
func (snap *snapshot) explanation(q admin.Question) (admin.Explained, *codec.Error) {
	for _, k := range snap.config.APIKeys {
		if k.Key != q.Key && k.Alias != q.Key {
			continue
		}
		balance := snap.table.Key(k.Key)
		in, bad := inboundOf(q, &clientKey{APIKey: k, balance: balance, limitsTokens: limitsTokens(k.Preferences.RateLimit), queue: snap.config.Queue(k)})
		if bad != nil {
			return admin.Explained{}, bad
		}
		if in.model == "" {
			return admin.Explained{}, badQuery("no model is given; name it (--model, or model= in the address), or give a body that does (--body)")
		}
		attributes := balancer.Attributes{Model: in.model}
		if in.route = balance.Find(in.model); in.route != nil {
			attributes = in.attributes()
		}
		e, routed := balance.Explain(attributes)
		if !routed {
			return admin.Explained{}, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_found", "key %s may use no channel for model %q; it may use: %s",
				k.Alias, in.model, strings.Join(balance.Models(), ", "))
		}
		if over := k.Preferences.Access.Over(time.Now()); over != config.NotDenied {
			e.Refused = denialTold(over, netip.Addr{}).Message
		} else if long := in.tooLong(); long != nil {
			e.Refused = long.Message
		} else if refused := balance.WouldRefuse(in.model); refused != nil {
			e.Refused = limitTold(refused).Message
			if in.key.waitsFor(refused) {
				e.Refused = fmt.Sprintf("it would wait for %v at most (queue), and be told then: %s", in.key.queue, e.Refused)
			}
		}
		if in.endpoint == provider.Chat {
			snap.tellRecovery(k, e.Steps)
		}
		return admin.Explained{Explanation: e, Known: snap.known(in, e.Steps)}, nil
	}
	return admin.Explained{}, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_found", "there is no key or role like the one given")
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

// inboundOf is the request as the endpoint reads it, so that what is explained is what would be served.
func inboundOf(q admin.Question, key *clientKey) (*inbound, *codec.Error) {
	path := cmp.Or(q.Endpoint, "/v1/chat/completions")
	in := &inbound{origin: origin{ctx: new(fasthttp.RequestCtx)}, key: key, body: q.Body}
	in.ctx.Request.Header.SetMethod(fasthttp.MethodPost)
	in.ctx.Request.SetRequestURI(path)
	path = string(entry.Path(in.ctx.Path()))
	in.ctx.Request.URI().SetPath(path)
	route, known := routeAt(path)
	if !known {
		return nil, badQuery("there is no endpoint %s for models; it is a path such as /v1/chat/completions or /v1/embeddings", clip(path))
	}
	in.wish = at(route)
	in.model = route.Inbound.Address(in.ctx.Path())
	if len(bytes.TrimSpace(q.Body)) == 0 {
		in.body = []byte("{}")
	} else if err := in.readHead(); err != nil {
		_, told := judge(err, pool.Deadlines{})
		return nil, told
	}
	in.model = cmp.Or(q.Model, in.model)
	return in, nil
}

// Explain prints what a configuration alone says about a request. Models that a
// running gateway would discover are not known to it.
func Explain(w io.Writer, cfg *config.Config, q admin.Question) error {
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
	e.Print(&said)
	_, err := io.WriteString(w, secrets.Clean(said.String()))
	return err
}

// known finds what is known for each step. What is no conversation asks for nothing
// that a table is needed for.
func (snap *snapshot) known(in *inbound, steps []balancer.Step) []admin.Known {
	if in.endpoint != provider.Chat {
		return nil
	}
	list := make([]admin.Known, len(steps))
	for i, step := range steps {
		for j, p := range snap.table.Providers {
			if channel := snap.backends[j].channel; channel != nil && p.Config.Name == step.Provider {
				format := channel.Format(provider.Ask{Endpoint: in.endpoint, Client: in.speaks.Format(in).Name(), Model: step.Upstream})
				if k := knownOf(snap.backends[j].suits, format, step.Upstream); k.Format != "" {
					list[i] = k
				}
			}
		}
	}
	return list
}

// knownOf is what is known of one model.
func knownOf(all suits, format, upstream string) (k admin.Known) {
	for model := range all {
		for _, s := range all.of(model) {
			if s.upstream == format && s.target.Model == upstream {
				k.Format, k.Findings = s.target.Format, s.target.Findings
			}
		}
	}
	return k
}
