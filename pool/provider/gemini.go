package provider

import (
	"net/url"
	"strings"

	"uniapi/config"
	"uniapi/pool"
)

// gemini is Google's Generative Language API. The key goes into a header, not
// into the address, where it would end in the logs of others, unless a relay reads it there only.
type gemini struct {
	target  *pool.Target
	prefix  string // up to and with /models
	query   string // of the base_url, behind our own
	headers [][]byte
	queries []string // by key index, where the key goes into the address; nil = into a header
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
		if key != "" && !s.Preferences.GeminiKeyInQuery {
			h = append(h, config.Header{Name: "X-Goog-Api-Key", Value: key})
		}
		return h
	})
	if s.Preferences.GeminiKeyInQuery {
		for _, key := range s.Keys {
			d.queries = append(d.queries, d.query+"&key="+url.QueryEscape(key))
		}
	}
	return &Channel{Engine: s.engine, dialect: d}, nil
}

// queryOf is what stands behind our own query for a key.
func (d *gemini) queryOf(key int) string {
	if len(d.queries) > 0 {
		return d.queries[max(key, 0)]
	}
	return d.query
}

func (*gemini) Format(Ask) string { return "gemini" }

func (d *gemini) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	verb, ok := geminiVerb(ask)
	if !ok {
		return nil, ErrNoEndpoint
	}
	if query := d.queryOf(ask.Key); query != "" && strings.Contains(verb, "?") {
		verb += query
	} else if query != "" {
		verb += "?" + query[1:]
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
	ids, err := fetchModels(call, d.target, &pool.Request{Method: "GET", Path: d.prefix + "?pageSize=1000" + d.queryOf(key), Header: d.headers[key]}, limits)
	for i, id := range ids {
		ids[i] = strings.TrimPrefix(id, "models/")
	}
	return ids, err
}
