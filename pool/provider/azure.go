package provider

import (
	"encoding/base64"
	"net/url"
	"strings"

	"uniapi/config"
	"uniapi/pool"
)

// defaultAzureVersion is what uni-api's README promises.
const defaultAzureVersion = "2024-10-21"

// azure is OpenAI's format at Azure's addresses: a deployment of its own for
// each model, the /models endpoint of AI Foundry, or the newer /openai/v1.
type azure struct {
	target  *pool.Target
	path    func(endpoint Endpoint, model string) string // "" where there is none
	list    string                                       // "" where models cannot be listed
	headers [][]byte
}

func azureChannel(s *source) (*Channel, error) {
	target, err := s.target(s.base)
	if err != nil {
		return nil, err
	}
	d := &azure{target: target}
	d.path, d.list = azurePaths(s.base)
	d.headers = perKey(s.Provider, func(key string) (h []config.Header) {
		if key != "" {
			h = append(h, config.Header{Name: "Api-Key", Value: key})
		}
		return h
	})
	return &Channel{Engine: s.engine, AskUsage: true, dialect: d}, nil
}

// azurePaths tells the forms of address apart by what is given:
// whatever names an endpoint whole is kept, with its api-version.
func azurePaths(base *url.URL) (path func(endpoint Endpoint, model string) string, list string) {
	given := strings.TrimRight(base.EscapedPath(), "/")
	query := base.RawQuery
	if !base.Query().Has("api-version") {
		query = strings.TrimPrefix(query+"&api-version="+defaultAzureVersion, "&")
	}
	switch {
	case strings.Contains(given, "/openai/v1"):
		prefix, _, _ := strings.Cut(given, "/openai/v1")
		return func(e Endpoint, _ string) string {
			return withQuery(prefix+"/openai/v1/"+string(e), base) // it needs no version
		}, prefix + "/openai/v1/models"
	case strings.HasSuffix(given, "/chat/completions"):
		prefix := strings.TrimSuffix(given, string(Chat))
		return func(e Endpoint, _ string) string { return prefix + string(e) + "?" + query }, ""
	}
	return func(e Endpoint, model string) string {
		return "/openai/deployments/" + url.PathEscape(model) + "/" + string(e) + "?" + query
	}, ""
}

func (*azure) Format(Ask) string { return "openai" }

func (d *azure) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	path := d.path(ask.Endpoint, ask.Model)
	if path == "" || ask.Endpoint == CountTokens || ask.Endpoint == Compact {
		return nil, ErrNoEndpoint
	}
	req.Method, req.Path, req.Header = "POST", path, d.headers[max(ask.Key, 0)]
	return d.target, nil
}

func (d *azure) models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error) {
	if d.list == "" {
		return nil, errNameModels
	}
	return fetchModels(call, d.target, &pool.Request{Method: "GET", Path: d.list, Header: d.headers[key]}, limits)
}

// databricksChannel is OpenAI's format at a serving endpoint for each model.
func databricksChannel(s *source) (*Channel, error) {
	target, err := s.target(s.base)
	if err != nil {
		return nil, err
	}
	d := &azure{target: target}
	d.path = func(e Endpoint, model string) string {
		if e != Chat && e != Embeddings && e != Completions { // what a serving endpoint can be for
			return ""
		}
		return "/serving-endpoints/" + url.PathEscape(model) + "/invocations"
	}
	d.headers = perKey(s.Provider, func(key string) []config.Header {
		basic := base64.StdEncoding.EncodeToString([]byte("token:" + key))
		return []config.Header{{Name: "Authorization", Value: "Basic " + basic}}
	})
	return &Channel{Engine: s.engine, AskUsage: true, dialect: d}, nil
}

// cloudflareChannel is Workers AI by its OpenAI-compatible endpoint.
func cloudflareChannel(s *source) (*Channel, error) {
	base := *s.base
	if s.CFAccountID != "" {
		base.Path = strings.TrimRight(base.Path, "/") + "/client/v4/accounts/" + url.PathEscape(s.CFAccountID) + "/ai/v1"
	}
	at := *s
	at.base = &base
	return openAIChannel(&at)
}
