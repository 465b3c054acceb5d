package pool

import (
	"strings"

	"uniapi/config"
)

// cohere is Cohere's v2 API. What it has besides chat stands at the same host.
type cohere struct {
	target     *Target
	paths      map[Endpoint]string
	modelsPath string
	headers    [][]byte
}

func cohereChannel(s *source) (*Channel, error) {
	target, err := s.target(s.base)
	if err != nil {
		return nil, err
	}
	chat := strings.TrimRight(s.base.EscapedPath(), "/")
	switch {
	case strings.HasSuffix(chat, "/v1/chat"): // the API before this one, which uni-api used
		chat = strings.TrimSuffix(chat, "/v1/chat") + "/v2/chat"
	case !strings.HasSuffix(chat, "/chat"):
		chat += "/v2/chat"
	}
	root := strings.TrimSuffix(strings.TrimSuffix(chat, "/chat"), "/v2")
	d := &cohere{target: target, modelsPath: root + "/v1/models?endpoint=chat&page_size=1000", paths: map[Endpoint]string{
		Chat: withQuery(chat, s.base), Embeddings: root + "/compatibility/v1/embeddings", Rerank: root + "/v2/rerank",
	}}
	d.headers = perKey(s.Provider, func(key string) (h []config.Header) {
		if key != "" {
			h = append(h, config.Header{Name: "Authorization", Value: "Bearer " + key})
		}
		return h
	})
	return &Channel{Engine: s.engine, dialect: d}, nil
}

// Format is Cohere's own for chat; embeddings go through its OpenAI-compatible door, and ranking is the same everywhere.
func (*cohere) Format(ask Ask) string {
	if ask.Endpoint == Chat {
		return "cohere"
	}
	return "openai"
}

func (d *cohere) Address(_ *Call, req *Request, ask Ask) (*Target, error) {
	path, has := d.paths[ask.Endpoint]
	if !has {
		return nil, ErrNoEndpoint
	}
	req.Method, req.Path, req.Header = "POST", path, d.headers[max(ask.Key, 0)]
	return d.target, nil
}

// Models asks with the provider's first key.
func (d *cohere) Models(call *Call, limits Deadlines) ([]string, error) {
	return fetchModels(call, d.target, &Request{Method: "GET", Path: d.modelsPath, Header: d.headers[0]}, limits)
}
