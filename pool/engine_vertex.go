package pool

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"uniapi/config"
)

const (
	vertexDomain = "aiplatform.googleapis.com"
	everywhere   = "global"
)

// vertex is Google Cloud: Gemini, Claude, and the open models behind its OpenAI-compatible door. Who asks is a service account, or an
// express key.
type vertex struct {
	source  *source
	prefix  string // of every path, of a gateway
	fixed   *Target
	regions []string
	turn    atomic.Uint32
	targets sync.Map // by location, where the host depends on it

	tokens  *tokens
	headers [][]byte // by key index, of express keys
}

func vertexChannel(s *source) (*Channel, error) {
	d := &vertex{source: s, regions: s.Regions}
	host := strings.ToLower(s.base.Hostname())
	if !strings.HasSuffix(host, vertexDomain) { // a gateway, or a server of one's own
		target, err := s.target(s.base)
		if err != nil {
			return nil, err
		}
		d.fixed, d.prefix = target, strings.TrimRight(s.base.EscapedPath(), "/")
	} else if region, is := strings.CutSuffix(host, "-"+vertexDomain); is && len(d.regions) == 0 {
		d.regions = []string{region}
	}
	if len(d.regions) == 0 {
		d.regions = []string{everywhere}
	}
	if s.PrivateKey == "" {
		if len(s.Keys) == 0 {
			return nil, errors.New("Vertex needs client_email and private_key of a service account, or express keys under api")
		}
		d.headers = perKey(s.Provider, func(key string) []config.Header {
			return []config.Header{{Name: "X-Goog-Api-Key", Value: key}}
		})
		return &Channel{Engine: s.engine, dialect: d}, nil
	}
	if len(s.ProjectIDs) == 0 {
		return nil, errors.New("Vertex needs project_id beside the service account")
	}
	var err error
	d.tokens, err = serviceAccount(s, func(token string) []byte { return bearerLines(s.Provider, token) })
	return &Channel{Engine: s.engine, AskUsage: true, dialect: d}, err
}

// Format goes by the model's name, and by the engine where that names it.
func (d *vertex) Format(ask Ask) string {
	switch {
	case d.source.engine == "vertex-claude", strings.Contains(ask.Model, "claude") && d.source.engine != "vertex-gemini":
		return "anthropic-vertex"
	case strings.Contains(ask.Model, "/"):
		return "openai"
	}
	return "gemini-vertex"
}

func (d *vertex) Address(call *Call, req *Request, ask Ask) (*Target, error) {
	format := d.Format(ask)
	verb, ok := vertexVerb(format, ask)
	if !ok {
		return nil, ErrNoEndpoint
	}
	location := d.regions[int(d.turn.Add(1)-1)%len(d.regions)]
	target, err := d.target(location)
	if err != nil {
		return nil, err
	}
	req.Header, err = d.header(call, ask.Key)
	if err != nil {
		return nil, err
	}
	place := d.place(ask.Key, location)
	req.Method = "POST"
	switch format {
	case "anthropic-vertex":
		req.Path = d.prefix + "/v1" + place + "/publishers/anthropic/models/" + url.PathEscape(ask.Model) + verb
	case "openai":
		req.Path = d.prefix + "/v1" + place + "/endpoints/openapi/chat/completions"
	default:
		req.Path = d.prefix + "/v1" + place + "/publishers/google/models/" + url.PathEscape(ask.Model) + verb
	}
	return target, nil
}

// vertexVerb is what stands behind the model in an address.
func vertexVerb(format string, ask Ask) (verb string, ok bool) {
	switch {
	case format == "anthropic-vertex":
		if ask.Stream {
			return ":streamRawPredict", ask.Endpoint == Chat
		}
		return ":rawPredict", ask.Endpoint == Chat
	case format == "openai":
		return "", ask.Endpoint == Chat
	}
	return geminiVerb(ask)
}

// place is the part of a path between the version and the publisher. An express key needs none, but may be given a project.
func (d *vertex) place(key int, location string) string {
	project := ""
	if n := len(d.source.ProjectIDs); n > 0 {
		project = d.source.ProjectIDs[min(max(key, 0), n-1)]
	}
	if project == "" {
		return ""
	}
	return "/projects/" + url.PathEscape(project) + "/locations/" + url.PathEscape(location)
}

func (d *vertex) header(call *Call, key int) ([]byte, error) {
	if d.tokens == nil {
		return d.headers[max(key, 0)], nil
	}
	return d.tokens.header(call)
}

// target is the host for a location.
func (d *vertex) target(location string) (*Target, error) {
	if d.fixed != nil {
		return d.fixed, nil
	}
	if t, known := d.targets.Load(location); known {
		return t.(*Target), nil
	}
	host := location + "-" + vertexDomain
	switch location {
	case everywhere:
		host = vertexDomain
	case "us", "eu":
		host = "aiplatform." + location + ".rep.googleapis.com"
	}
	t, err := d.source.target(&url.URL{Scheme: "https", Host: host})
	if err == nil {
		d.targets.Store(location, t)
	}
	return t, err
}

// Models cannot be asked for: what a project may use is not on any list.
func (d *vertex) Models(*Call, Deadlines) ([]string, error) { return nil, errNameModels }
