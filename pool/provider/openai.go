package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
)

// openAI is a provider that speaks OpenAI's format at an OpenAI-like address.
type openAI struct {
	target     *pool.Target
	paths      map[Endpoint]string
	modelsPath string
	modelIDs   []string // a fixed list, for the one provider that has no endpoint for it
	headers    [][]byte // by key index
	chat       string   // format of the chat endpoint
	// responses says that a Responses client is served by the endpoint of that
	// format, which the provider is known to have beside the other.
	responses bool
}

const (
	responsesPath Endpoint = "responses"
	// inputTokensPath is where requests of that format are counted. The other has no such endpoint.
	inputTokensPath = "responses/input_tokens"
)

// openAIEndpoints are those whose paths follow from the base_url, beside what codec.PassedOn lists.
var openAIEndpoints = [...]Endpoint{Chat, responsesPath, Compact, Completions}

func openAIChannel(s *source) (*Channel, error) {
	target, err := s.target(s.base)
	if err != nil {
		return nil, err
	}
	d := &openAI{target: target, paths: make(map[Endpoint]string), modelsPath: endpointPath(s.base, "models"), chat: "openai"}
	for _, e := range openAIEndpoints {
		d.paths[e] = endpointPath(s.base, string(e))
	}
	d.paths[CountTokens] = endpointPath(s.base, inputTokensPath)
	for _, e := range codec.PassedOn {
		d.paths[e.Endpoint] = endpointPath(s.base, string(e.Endpoint))
	}
	d.responses = s.base.Hostname() == "api.openai.com"
	if s.engine == EngineOpenRouter && isEndpoint(s.base) {
		d.paths[Chat] = withQuery(strings.TrimRight(s.base.EscapedPath(), "/"), s.base)
	}
	if s.engine == EngineResponses {
		d.paths[Chat], d.chat = d.paths[responsesPath], "responses"
	}
	if s.base.Hostname() == "models.inference.ai.azure.com" {
		d.modelIDs = githubModels
	}
	d.headers = perKey(s.Provider, func(key string) (h []config.Header) {
		if key != "" {
			h = append(h, config.Header{Name: "Authorization", Value: "Bearer " + key})
		}
		if strings.Contains(s.base.Host, "openrouter.ai") { // its way of naming the application
			h = append(h, config.Header{Name: "X-Title", Value: "uni-api"})
		}
		return h
	})
	return &Channel{Engine: s.engine, AskUsage: d.chat == "openai", dialect: d}, nil
}

func (d *openAI) Format(ask Ask) string {
	switch {
	case (ask.Endpoint == Chat || ask.Endpoint == CountTokens) && d.responses && ask.Client == "responses":
		return "responses"
	case ask.Endpoint == CountTokens:
		return d.chat
	case ask.Endpoint == Compact:
		return "responses"
	case ask.Endpoint == Chat:
		return d.chat
	}
	return "openai"
}

func (d *openAI) Address(_ *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	if ask.Endpoint == Chat && d.Format(ask) == "responses" {
		ask.Endpoint = responsesPath
	}
	path, has := d.paths[ask.Endpoint]
	if !has || ask.Endpoint == Compact && d.chat != "responses" && !d.responses || ask.Endpoint == CountTokens && d.Format(ask) != "responses" {
		return nil, ErrNoEndpoint
	}
	req.Method, req.Path, req.Header = "POST", path, d.headers[max(ask.Key, 0)]
	return d.target, nil
}

// knownEndings are the endpoints that people leave at the end of a base_url.
var knownEndings = []string{
	"/chat/completions", "/responses/compact", "/responses/input_tokens", "/responses", "/images/generations", "/images/edits", "/audio/transcriptions",
	"/audio/translations", "/audio/speech", "/moderations", "/embeddings", "/models", "/completions", "/rerank", "/messages",
}

// version is the last piece of a path that endpoints stand behind.
var version = regexp.MustCompile(`^(v[0-9][0-9a-z.]*|api|openai)?$`)

// isEndpoint says of a base_url that it names an endpoint of a kind that is known nowhere, at which a provider with
// engine: openrouter is asked.
func isEndpoint(base *url.URL) bool {
	path := strings.TrimRight(base.EscapedPath(), "/")
	return strings.HasSuffix(path, "/messages") || !version.MatchString(path[strings.LastIndexByte(path, '/')+1:]) && endpointPath(base, "") == withQuery(path+"/", base)
}

// endpointPath puts an endpoint in the place of the one that the base_url ends
// in, or behind it if it ends in none. The query stays.
func endpointPath(base *url.URL, endpoint string) string {
	path := strings.TrimRight(base.EscapedPath(), "/")
	for _, ending := range knownEndings {
		if rest, found := strings.CutSuffix(path, ending); found {
			path = rest
			break
		}
	}
	path += "/" + endpoint
	return withQuery(path, base)
}

// githubModels is what GitHub's models offer; there is no list to ask for.
var githubModels = []string{
	"gpt-4o", "gpt-4.1", "gpt-4o-mini", "o4-mini", "o3", "text-embedding-3-small", "text-embedding-3-large",
}

var errNameModels = errors.New("the provider has no list of models to ask for; name its models under model")

// maxModelList bounds the answer to a model list; OpenRouter's, one of the
// longest, is about 1 MB.
const maxModelList = 16 << 20

// models asks for OpenAI's list.
func (d *openAI) models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error) {
	if d.modelIDs != nil {
		return d.modelIDs, nil
	}
	return fetchModels(call, d.target, &pool.Request{Method: "GET", Path: d.modelsPath, Header: d.headers[key]}, limits)
}

// fetchModels gets a model list. It is nobody's, so it goes over a connection of its own.
func fetchModels(call *pool.Call, target *pool.Target, req *pool.Request, limits pool.Deadlines) ([]string, error) {
	req.Alone = true
	answer, err := target.Do(call, req, limits)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	body, err := answer.AppendBody(nil, maxModelList)
	if err != nil {
		return nil, err
	}
	if answer.Status != 200 {
		return nil, fmt.Errorf("%s answered status %w; name the provider's models under model", ShownAddress(target, req.Path), listStatus(answer.Status))
	}
	return modelIDs(body)
}

// listStatus is the status in the place of a model list.
type listStatus int

func (s listStatus) Error() string { return strconv.Itoa(int(s)) }

// modelIDs reads the lists that providers give: OpenAI's data[].id, and models[]
// with an id or a name.
func modelIDs(body []byte) ([]string, error) {
	type model struct{ ID, Name string }
	var list struct{ Data, Models entries[model] }
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the model list is not the JSON it should be: %w", err)
	}
	var ids []string
	seen := make(map[string]bool)
	for _, m := range append(list.Data, list.Models...) {
		id := m.ID
		if id == "" {
			id = m.Name
		}
		if id != "" && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the model list is empty; name the provider's models under model")
	}
	return ids, nil
}
