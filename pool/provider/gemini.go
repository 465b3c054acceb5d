package provider

import (
	"net/url"
	"strings"

	"uniapi/config"
	"uniapi/pool"
)

// gemini is Google's Generative Language API. The key goes into a header, never
// into the address, where it would end in logs.
type gemini struct {
	target  *pool.Target
	prefix  string // up to and with /models
	query   string // of the base_url, behind our own
	headers [][]byte
}

func geminiChannel(s *source) (*Channel, error) {
	target, err := s.target(s.base)
	if err != nil {
		return nil, err
	}
	path, _, _ := strings.Cut(s.base.EscapedPath(), "/models")
	path = strings.TrimRight(path, "/")
	if path == "" {
		path = "/v1beta"
	}
	d := &gemini{target: target, prefix: path + "/models"}
	if s.base.RawQuery != "" {
		d.query = "&" + s.base.RawQuery
	}
	d.headers = perKey(s.Provider, func(key string) (h []config.Header) {
		if key != "" {
			h = append(h, config.Header{Name: "X-Goog-Api-Key", Value: key})
		}
		return h
	})
	return &Channel{Engine: s.engine, dialect: d}, nil
}

func (*gemini) Format(Ask) string { return "gemini" }

func (d *gemini) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	verb, ok := geminiVerb(ask)
	if !ok {
		return nil, ErrNoEndpoint
	}
	if d.query != "" && strings.Contains(verb, "?") {
		verb += d.query
	} else if d.query != "" {
		verb += "?" + d.query[1:]
	}
	req.Method, req.Header = "POST", d.headers[max(ask.Key, 0)]
	req.Path = d.prefix + "/" + url.PathEscape(ask.Model) + verb
	return d.target, nil
}

// geminiVerb is what stands behind a model in an address, and false if there is no
// such endpoint.
func geminiVerb(ask Ask) (verb string, ok bool) {
	switch {
	case ask.Endpoint == CountTokens:
		return ":countTokens", true
	case ask.Endpoint == Chat && ask.Stream:
		return ":streamGenerateContent?alt=sse", true
	case ask.Endpoint == Chat:
		return ":generateContent", true
	}
	return ":" + ask.Verb, ask.Verb != ""
}

// models asks for the list. Google's pages hold 50 models
// unless told otherwise, and 1000 is more than it has.
func (d *gemini) models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error) {
	ids, err := fetchModels(call, d.target, &pool.Request{Method: "GET", Path: d.prefix + "?pageSize=1000" + d.query, Header: d.headers[key]}, limits)
	for i, id := range ids {
		ids[i] = strings.TrimPrefix(id, "models/")
	}
	return ids, err
}
