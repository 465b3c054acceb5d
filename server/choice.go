package server

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/formats"
	"uniapi/codec/rawjson"
)

// A request may name models beside the one that it asks for, which hosts of many
// models fall back to or ask as well (codec/choice). Each must be one that the key
// may use, and each channel gets it by the name that it has there. What an
// override of api.yaml names is the operator's own, and is not looked at.

// permit looks whether the key may use every model that the request names.
func (in *inbound) permit() *codec.Error {
	names, err := choice.Names(in.body, in.format.Properties().Addressed)
	if err != nil {
		if bad, is := errors.AsType[*codec.Error](err); is {
			return bad
		}
	}
	for _, n := range names {
		model, may := in.mayName(n.Text)
		if !may {
			return errorf(fasthttp.StatusForbidden, "permission_error", "model_not_allowed",
				"This API key may not use the model %s, which the request names in '%s'. GET /v1/models lists what it may use.", n.Text, n.In)
		}
		if model != in.model && !slices.Contains(in.beside, model) { // there are 64 at most
			in.beside = append(in.beside, model)
		}
	}
	return nil
}

// mayName says whether some provider has a model of that name for the key, and by
// what name clients have it.
func (in *inbound) mayName(name string) (model string, may bool) {
	for _, p := range in.snap.table.Providers {
		if _, model, may = in.calledAt(name, p); may {
			return model, true
		}
	}
	return "", false
}

// calledAt is what a provider calls a model that the request names, and what clients
// do. Google puts the kind of thing before the name, and it stays there.
func (in *inbound) calledAt(name string, p *balancer.Provider) (upstream, model string, ok bool) {
	upstream, model, ok = in.key.balance.Named(name, p, in.client())
	if at := strings.LastIndex(name, googlesModels); !ok && at >= 0 {
		at += len(googlesModels)
		upstream, model, ok = in.key.balance.Named(name[at:], p, in.client())
		upstream = name[:at] + upstream
	}
	return upstream, model, ok
}

const googlesModels = "models/"

// notHere is the failure of an attempt at a provider that lacks a model which the
// request names: another may have it.
type notHere struct{ told *codec.Error }

func (e *notHere) Error() string { return e.told.Message }

// withNames is a body as the attempt's provider gets it: with its own names for the
// models that the request names. The body itself, if they are the same.
func (a *attempt) withNames(body []byte, format string) ([]byte, error) {
	names, err := choice.Names(body, formats.Properties(format).Addressed)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b choice.Name) int { return cmp.Compare(a.Value.Start, b.Value.Start) })
	var out []byte
	done := 0
	for _, n := range names {
		upstream, _, ok := a.calledAt(n.Text, a.chosen.Provider)
		switch written := n.Value.Kind != rawjson.Missing; {
		case !ok || upstream != n.Text && !written:
			return nil, &notHere{errorf(fasthttp.StatusBadRequest, "invalid_request_error", "model_not_here",
				"The model %s, which the request names in '%s', is at no provider of %s that could be asked.", n.Text, n.In, a.model)}
		case upstream != n.Text:
			out = append(out, body[done:n.Value.Start]...)
			out = rawjson.AppendString(out, upstream)
			done = n.Value.End
		}
	}
	if done == 0 {
		return body, nil
	}
	return append(out, body[done:]...), nil
}
