package provider

import (
	"net/url"
	"strings"

	"uniapi/config"
	"uniapi/pool"
)

// search is Jina's or Tavily's search of the web, at one address.
type search struct {
	target  *pool.Target
	path    string
	headers [][]byte // by key index
}

// searchModel is what a search asks for where it names no other: the model of a provider for which api.yaml names none.
const searchModel = "search"

// The services, as Channel.Search names them.
const (
	searchJina   = "jina"
	searchTavily = "tavily"
)

func searchChannel(s *source) (*Channel, error) {
	base := s.base
	if base.Host == "" {
		base = &url.URL{Scheme: "https", Host: "s.jina.ai"}
	}
	target, err := s.target(base)
	if err != nil {
		return nil, err
	}
	service, path := searchJina, strings.TrimRight(base.EscapedPath(), "/")
	if host := strings.ToLower(base.Hostname()); !strings.Contains(host, searchJina) && (strings.Contains(host, searchTavily) || strings.HasSuffix(path, "/search")) {
		service, path = searchTavily, strings.TrimSuffix(path, "/search")+"/search"
	} else if path == "" {
		path = "/"
	}
	d := &search{target: target, path: withQuery(path, base)}
	d.headers = perKey(s.Provider, func(key string) []config.Header {
		h := []config.Header{{Name: "Accept", Value: "application/json"}} // Jina writes a text for whoever does not say so
		if key != "" {
			h = append(h, config.Header{Name: "Authorization", Value: "Bearer " + key})
		}
		return h
	})
	return &Channel{Engine: s.engine, Search: service, dialect: d}, nil
}

// Format is that of errors alone; what is asked and answered package codec/search translates.
func (*search) Format(Ask) string { return "openai" }

func (d *search) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	if ask.Endpoint != Search {
		return nil, ErrNoEndpoint
	}
	req.Method, req.Path, req.Header = "POST", d.path, d.headers[max(ask.Key, 0)]
	return d.target, nil
}

// models are one, without asking.
func (*search) models(*pool.Call, int, pool.Deadlines) ([]string, error) {
	return []string{searchModel}, nil
}
