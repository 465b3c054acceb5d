package provider

import (
	"net/url"
	"strings"

	"uniapi/config"
	"uniapi/pool"
)

// claude is Anthropic's Messages API, or a server that speaks it. The address
// in base_url ends in /v1/messages and is used as it is.
type claude struct {
	target     *pool.Target
	path       string
	countPath  string
	modelsPath string
	headers    [][]byte // by key index
}

// anthropicVersion is the version of the API that codec/formats/anthropic speaks; there
// has been no other since 2023.
const anthropicVersion = "2023-06-01"

func claudeChannel(s *source) (*Channel, error) {
	target, err := s.target(s.base)
	if err != nil {
		return nil, err
	}
	path := strings.TrimRight(s.base.EscapedPath(), "/")
	switch {
	case strings.HasSuffix(path, "/messages"):
	case strings.HasSuffix(path, "/v1"):
		path += "/messages"
	case s.Engine == "" || !strings.HasSuffix(path, "/chat/completions"): // which is of another shape, but an endpoint all the same
		path += "/v1/messages"
	}
	d := &claude{
		target: target, path: withQuery(path, s.base), countPath: withQuery(path+"/count_tokens", s.base),
		modelsPath: strings.TrimSuffix(path, "/messages") + "/models",
	}
	d.headers = perKey(s.Provider, func(key string) []config.Header {
		h := []config.Header{{Name: "Anthropic-Version", Value: anthropicVersion}}
		if key != "" {
			h = append(h, config.Header{Name: "X-Api-Key", Value: key})
		}
		return h
	})
	return &Channel{Engine: s.engine, dialect: d}, nil
}

func (*claude) Format(Ask) string { return "anthropic" }

func (d *claude) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	switch ask.Endpoint {
	case Chat:
		req.Path = d.path
	case CountTokens:
		req.Path = d.countPath
	default:
		return nil, ErrNoEndpoint
	}
	req.Method, req.Header = "POST", d.headers[max(ask.Key, 0)]
	return d.target, nil
}

// models asks for the list.
func (d *claude) models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error) {
	path := d.modelsPath + "?limit=1000"
	return fetchModels(call, d.target, &pool.Request{Method: "GET", Path: path, Header: d.headers[key]}, limits)
}

// withQuery keeps the query that a base_url has.
func withQuery(path string, base *url.URL) string {
	if base.RawQuery != "" {
		path += "?" + base.RawQuery
	}
	return path
}
