package provider

import (
	"net/url"
	"strings"

	"uniapi/config"
	"uniapi/pool"
)

// cohere is Cohere's v2 API. What it has besides chat stands at the same host.
type cohere struct {
	target     *pool.Target
	paths      map[Endpoint]string
	modelsPath string
	headers    [][]byte
}

// cohereAddress is where Cohere is if api.yaml does not say.
var cohereAddress = &url.URL{Scheme: "https", Host: "api.cohere.com"}

func cohereChannel(s *source) (*Channel, error) {
	base := s.base
	if base.Host == "" {
		base = cohereAddress
	}
	target, err := s.target(base)
	if err != nil {
		return nil, err
	}
	given := strings.TrimRight(base.EscapedPath(), "/")
	root, whole := strings.CutSuffix(given, "/chat")
	root, first := strings.CutSuffix(root, "/v1")
	root = strings.TrimSuffix(root, "/v2")
	chat := root + "/v2/chat"
	if whole && !first { // the first API, which uni-api used, is not spoken: its address is taken for the second's
		chat = given
	}
	models := &url.URL{RawQuery: strings.TrimSuffix("endpoint=chat&page_size=1000&"+base.RawQuery, "&")}
	d := &cohere{target: target, modelsPath: withQuery(root+"/v1/models", models), paths: map[Endpoint]string{
		Chat:       withQuery(chat, base),
		Embeddings: withQuery(root+"/compatibility/v1/embeddings", base),
		Rerank:     withQuery(root+"/v2/rerank", base),
	}}
	d.headers = perKey(s.Provider, func(key string) (h []config.Header) {
		if key != "" {
			h = append(h, config.Header{Name: "Authorization", Value: "Bearer " + key})
		}
		return h
	})
	return &Channel{Engine: s.engine, dialect: d}, nil
}

// Format is Cohere's own for chat; embeddings go through its OpenAI-compatible door, and ranking is the same
// everywhere.
func (*cohere) Format(ask Ask) string {
	if ask.Endpoint == Chat {
		return "cohere"
	}
	return "openai"
}

func (d *cohere) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	path, has := d.paths[ask.Endpoint]
	if !has {
		return nil, ErrNoEndpoint
	}
	req.Method, req.Path, req.Header = "POST", path, d.headers[max(ask.Key, 0)]
	return d.target, nil
}

// models asks for the list.
func (d *cohere) models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error) {
	return fetchModels(call, d.target, &pool.Request{Method: "GET", Path: d.modelsPath, Header: d.headers[key]}, limits)
}
