// Package provider makes the channels of the providers in api.yaml: for each engine an adapter,
// which knows at which address, with which headers and in which format a provider is asked.
package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
)

// Engine names a dialect that a provider may speak, as the `engine` key of
// api.yaml does.
type Engine string

// The engines.
const (
	EngineGPT        Engine = "gpt"
	EngineOpenRouter Engine = "openrouter"
	EngineResponses  Engine = "responses"
	EngineClaude     Engine = "claude"
	EngineGemini     Engine = "gemini"
	EngineVertex     Engine = "vertex"
	EngineAzure      Engine = "azure"
	EngineDatabricks Engine = "azure-databricks"
	EngineAWS        Engine = "aws"
	EngineCohere     Engine = "cohere"
	EngineCloudflare Engine = "cloudflare"
	EngineSearch     Engine = "search"

	// engineTranslation is known, so that it is not asked as if it were another, and not served.
	engineTranslation Engine = "doubao-translation"
)

// DetectEngine finds the dialect of a provider from its address, as uni-api
// does, but for two of its mistakes: a base_url ending in plain
// /v1 is OpenAI's, and the model's name never overrules what the address says.
// `engine` in the configuration goes before all of it.
func DetectEngine(p *config.Provider) (Engine, error) {
	if p.Engine != "" {
		return Engine(strings.ToLower(p.Engine)), nil
	}
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return "", fmt.Errorf("base_url is not an address: %w", err)
	}
	host, path := strings.ToLower(u.Hostname()), strings.TrimRight(u.Path, "/")
	switch {
	case within(host, "volces.com") && strings.HasSuffix(path, "/api/v3/responses"):
		return engineTranslation, nil
	case config.Searches(u):
		return EngineSearch, nil
	case strings.Contains(path, "/v1beta/openai"): // the OpenAI-compatible door of Google and of Cloudflare's gateway
		return EngineGPT, nil
	case strings.HasSuffix(path, "/v1beta"), host == "generativelanguage.googleapis.com":
		return EngineGemini, nil
	case strings.HasSuffix(host, "aiplatform.googleapis.com"), strings.Contains(path, "google-vertex-ai"),
		strings.Contains(path, "aiplatform.googleapis.com"):
		return EngineVertex, nil
	case host == "models.inference.ai.azure.com": // GitHub's models: OpenAI's format, a bearer token
		return EngineGPT, nil
	case within(host, "azure.com"):
		return EngineAzure, nil
	case within(host, "azuredatabricks.net"):
		return EngineDatabricks, nil
	case host == "api.cloudflare.com":
		return EngineCloudflare, nil
	case host == "api.anthropic.com", strings.HasSuffix(path, "v1/messages"):
		return EngineClaude, nil
	case strings.HasSuffix(path, "v1/responses"):
		return EngineResponses, nil
	case strings.HasPrefix(host, "bedrock") && strings.Contains(host, ".amazonaws.com"):
		return EngineAWS, nil
	case host == "api.cohere.com":
		return EngineCohere, nil
	}
	return EngineGPT, nil
}

// within says whether a host is of a domain.
func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Endpoint is which of a provider's services a request is for.
type Endpoint = codec.Endpoint

// The endpoints.
const (
	Chat           = codec.Chat
	CountTokens    = codec.CountTokens
	Compact        = codec.Compact
	Completions    = codec.Completions
	Embeddings     = codec.Embeddings
	Images         = codec.Images
	ImageEdits     = codec.ImageEdits
	Transcriptions = codec.Transcriptions
	Translations   = codec.Translations
	Speech         = codec.Speech
	Moderations    = codec.Moderations
	Rerank         = codec.Rerank
	Search         = codec.Search
)

// Ask is what a request asks a channel for.
type Ask struct {
	Endpoint Endpoint
	// Client names the wire format that the client speaks, for providers that
	// speak several.
	Client string
	Model  string // the upstream's name for it
	Stream bool
	Key    int // index into the provider's keys, -1 for a provider without keys
	// Verb is what Google has behind the colon of a model's address, for what is
	// no conversation.
	Verb string
}

// ErrNoEndpoint says that a provider does not have the endpoint that was asked
// for. Another provider may.
var ErrNoEndpoint = errors.New("the provider has no such endpoint")

// Channel is a provider made ready to be asked. Everything that can be prepared
// is, once, when the configuration is loaded.
type Channel struct {
	Engine Engine
	// AskUsage says that the upstream reports usage in a stream only if the
	// request asks for it (stream_options.include_usage).
	AskUsage bool
	// Search is whose search of the web it is, "jina" or "tavily"; "" if it is none.
	Search string

	isolate bool // connections are not shared among client keys
	paces   *paces
	keys    int          // how many the provider has
	lister  atomic.Int32 // the key that the model list came by last
	dialect
}

// Models asks the provider which models it has: with the key that the list came by last, at first with the first, then
// with the others in their order until one brings it. The error is that of the first that was asked. Where no key would
// help the others are not asked.
func (c *Channel) Models(call *pool.Call, limits pool.Deadlines) (ids []string, err error) {
	first, begun := int(c.lister.Load()), time.Now()
	for i := range max(c.keys, 1) {
		key := (first + i) % max(c.keys, 1)
		ids, failure := c.models(call, key, limits)
		if failure == nil {
			c.lister.Store(int32(key))
			return ids, nil
		}
		if err == nil {
			err = failure
		}
		if call.Err() != nil || !isKeys(failure) || time.Since(begun) > mostForAList {
			break
		}
	}
	return nil, err
}

// mostForAList is how long keys are asked one after the other: some may be left without an answer, but not each of a
// hundred.
const mostForAList = time.Minute

// isKeys says whether a list may have failed to come for the key that it was asked for with: it did not if there is
// none, or no way to it.
func isKeys(failure error) bool {
	if e, is := errors.AsType[*pool.Error](failure); is {
		return e.Kind != pool.Dial && e.Kind != pool.TLS && e.Kind != pool.Proxy
	}
	status, _ := errors.AsType[listStatus](failure)
	return status != 404 && status != 405 && status != 501 && !errors.Is(failure, errNameModels)
}

// Prepare directs req, whose body is set, to where ask is served, on behalf of a client key. The errors are the
// dialect's.
func (c *Channel) Prepare(call *pool.Call, req *pool.Request, ask Ask, clientKey string) (*pool.Target, error) {
	target, err := c.Address(call, req, ask)
	if err != nil {
		return nil, err
	}
	req.Pace, req.Whose = c.paces.of(paceKey{ask.Model, ask.Endpoint, ask.Stream}), clientKey
	if req.Owner = ""; c.isolate {
		req.Owner = clientKey
	}
	return target, nil
}

// Shown is the address that ask goes to, as it may be shown, and by way of which proxy; "" where there is none. Nothing
// is asked for it.
func (c *Channel) Shown(ask Ask) string {
	call, req := new(pool.Call), new(pool.Request)
	call.Cancel() // a token that is not there is not fetched: the path needs none
	target, _ := c.Address(call, req, ask)
	if target == nil {
		return ""
	}
	return ShownAddress(target, req.Path)
}

// ShownAddress is the address of a path at a target, as it may be shown, and by way of which proxy.
func ShownAddress(target *pool.Target, path string) string {
	path, _, query := strings.Cut(path, "?")
	if query {
		path += "?…" // it may hold a key
	}
	server, proxy, by := strings.Cut(target.String(), " via ")
	if by {
		path += " via " + proxy
	}
	return server + path
}

// dialect is what differs from engine to engine.
type dialect interface {
	// Format names the wire format that the provider takes ask in.
	Format(ask Ask) string
	// Address directs req, whose body is set, to the endpoint. The error is
	// ErrNoEndpoint if the provider has none like that. What must be asked for
	// first, such as an access token, ends with call.
	Address(call *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error)
	// models asks the provider which models it has, with one of its keys, 0 for a provider without keys. errNameModels
	// says that it has no list.
	models(call *pool.Call, key int, limits pool.Deadlines) ([]string, error)
}

// engines is where a dialect enters: how a channel of its kind is prepared. Which there are, config.Engines says.
var engines = map[Engine]func(*source) (*Channel, error){
	EngineGPT:        openAIChannel,
	"dalle":          openAIChannel, // names of uni-api's for OpenAI's other endpoints
	"whisper":        openAIChannel,
	"tts":            openAIChannel,
	"embedding":      openAIChannel,
	"moderation":     openAIChannel,
	EngineOpenRouter: openAIChannel,
	EngineResponses:  openAIChannel,
	EngineClaude:     claudeChannel,
	EngineGemini:     geminiChannel,
	EngineVertex:     vertexChannel,
	"vertex-gemini":  vertexChannel,
	"vertex-claude":  vertexChannel,
	EngineAWS:        awsChannel,
	EngineAzure:      azureChannel,
	EngineDatabricks: databricksChannel,
	EngineCohere:     cohereChannel,
	EngineCloudflare: cloudflareChannel,
	EngineSearch:     searchChannel,
}

// Adapters make the channels of a pool's providers. What they learn outlives a
// reload of the configuration: service accounts with their access tokens, and how
// soon each channel answers.
type Adapters struct {
	pool     *pool.Pool
	accounts sync.Map // accountKey → *account
	paces    sync.Map // [2]string, a provider's name and base_url → *paces
}

// NewAdapters makes the adapters of a pool.
func NewAdapters(p *pool.Pool) *Adapters { return &Adapters{pool: p} }

// source is what a dialect is made from.
type source struct {
	*config.Provider
	*Adapters
	engine Engine
	base   *url.URL
	cfg    *config.Config
}

// target is the address of a URL, by way of the provider's proxy.
func (s *source) target(u *url.URL) (*pool.Target, error) {
	return s.pool.Target(u.Scheme, u.Host, s.cfg.ProxyFor(s.Provider, u))
}

// Channel prepares a provider. Its error says what to change in api.yaml.
func (a *Adapters) Channel(cfg *config.Config, provider *config.Provider) (*Channel, error) {
	engine, err := DetectEngine(provider)
	if err != nil {
		return nil, err
	}
	if err := config.EngineError(string(engine)); err != nil {
		return nil, err
	}
	base, err := url.Parse(provider.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url is not an address: %w", err)
	}
	s := &source{Provider: provider, Adapters: a, engine: engine, base: base, cfg: cfg}
	channel, err := engines[engine](s)
	if err != nil {
		return nil, err
	}
	timed, _ := a.paces.LoadOrStore([2]string{provider.Name, provider.BaseURL}, new(paces))
	channel.paces = timed.(*paces)
	channel.keys = len(provider.Keys)
	if channel.isolate = cfg.Preferences.IsolateKeys; provider.Preferences.IsolateKeys != nil {
		channel.isolate = *provider.Preferences.IsolateKeys
	}
	return channel, nil
}
