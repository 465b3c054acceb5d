package provider

import (
	"errors"
	"net/url"
	"strings"
	"sync/atomic"

	"uniapi/config"
	"uniapi/pool"
)

const (
	vertexDomain = "aiplatform.googleapis.com"
	everywhere   = "global"
)

// vertex is Google Cloud: Gemini, Claude, and the open models behind its OpenAI-compatible door. Who asks is a service
// account, or an express key.
type vertex struct {
	provider  *config.Provider
	engine    Engine
	locations []vertexLocation
	older     map[string][]vertexLocation // of Claude's models that the place that is everywhere does not have, where no region is named
	turn      atomic.Uint32

	headers [][]byte // by key index, of express keys
	account *account // nil with express keys
	bearer  atomic.Pointer[bearerLines]
}

type vertexLocation struct {
	target *pool.Target
	roots  []string // by project: the path up to the publisher
}

// bearerLines are the header lines with a token.
type bearerLines struct {
	token *accessToken
	lines []byte
}

func vertexChannel(s *source) (*Channel, error) {
	d := &vertex{provider: s.Provider, engine: s.engine}
	if err := d.locate(s); err != nil {
		return nil, err
	}
	switch {
	case s.PrivateKey == "" && len(s.Keys) == 0:
		return nil, errors.New("a Vertex provider needs client_email and private_key of a service account, or express keys under api")
	case s.PrivateKey == "":
		d.headers = perKey(s.Provider, func(key string) []config.Header {
			return []config.Header{{Name: "X-Goog-Api-Key", Value: key}}
		})
	case len(s.ProjectIDs) == 0:
		return nil, errors.New("a Vertex provider needs project_id beside the service account")
	default:
		var err error
		if d.account, err = s.account(); err != nil {
			return nil, err
		}
	}
	return &Channel{Engine: s.engine, AskUsage: true, dialect: d}, nil
}

// locate finds the addresses: those that region names, else the one in the host's name, else the place that is
// everywhere. A host that is not Google's, of a gateway, serves them all.
func (d *vertex) locate(s *source) error {
	host, path := strings.ToLower(s.base.Hostname()), strings.TrimRight(s.base.EscapedPath(), "/")
	google := strings.HasSuffix(host, vertexDomain)
	names := s.Regions
	if region, is := strings.CutSuffix(host, "-"+vertexDomain); is && len(names) == 0 {
		names = []string{region}
	} else if len(names) == 0 {
		names = []string{everywhere}
	}
	versioned := strings.HasSuffix(path, "/v1") || strings.HasSuffix(path, "/v1beta1")
	switch {
	case google && !versioned:
		path = "/v1"
	case !versioned:
		path += "/v1"
	}
	at := func(names []string) (locations []vertexLocation, err error) {
		for _, name := range names {
			at := s.base
			if google {
				at = &url.URL{Scheme: "https", Host: vertexHost(name)}
			}
			target, err := s.target(at)
			if err != nil {
				return nil, err
			}
			locations = append(locations, vertexLocation{target, vertexRoots(path, name, s.ProjectIDs)})
		}
		return locations, nil
	}
	var err error
	if d.locations, err = at(names); err != nil || len(names) > 1 || names[0] != everywhere || len(s.Regions) > 0 {
		return err
	}
	d.older = make(map[string][]vertexLocation, len(olderRegions))
	for _, o := range olderRegions {
		if d.older[o.model], err = at(o.regions); err != nil {
			return err
		}
	}
	return nil
}

// olderRegions are where Claude's models are that were there before the place that is everywhere was: the regions that
// uni-api asks in turn. The first that begins a model's name counts.
var olderRegions = []struct {
	model   string
	regions []string
}{
	{"claude-3-5-sonnet", []string{"us-east5", "europe-west1"}},
	{"claude-3-7-sonnet", []string{"us-east5", "europe-west1"}},
	{"claude-3-sonnet", []string{"us-east5", "us-central1", "asia-southeast1"}},
	{"claude-3-haiku", []string{"us-east5", "us-central1", "europe-west1", "europe-west4"}},
	{"claude-3", []string{"us-east5"}},
}

// locationsOf are where a model is asked for.
func (d *vertex) locationsOf(model string) []vertexLocation {
	if d.older != nil && strings.HasPrefix(model, "claude-3") {
		for _, o := range olderRegions {
			if strings.HasPrefix(model, o.model) {
				return d.older[o.model]
			}
		}
	}
	return d.locations
}

// vertexRoots are the beginnings of paths, by project. An express key needs no project.
func vertexRoots(version, location string, projects []string) []string {
	roots := make([]string, max(len(projects), 1))
	for i := range roots {
		roots[i] = version
		if i < len(projects) && projects[i] != "" {
			roots[i] += "/projects/" + url.PathEscape(projects[i]) + "/locations/" + url.PathEscape(location)
		}
	}
	return roots
}

// vertexHost is where a location is served.
func vertexHost(location string) string {
	switch location {
	case everywhere:
		return vertexDomain
	case "us", "eu":
		return "aiplatform." + location + ".rep.googleapis.com"
	}
	return location + "-" + vertexDomain
}

// tuned is what the names of models of one's own begin with; a number follows.
const tuned = "endpoints/"

// Format goes by the model's name, and by the engine where that names it.
func (d *vertex) Format(ask Ask) string {
	switch {
	case d.engine == "vertex-claude", strings.Contains(ask.Model, "claude") && d.engine != "vertex-gemini":
		return "anthropic-vertex"
	case strings.Contains(ask.Model, "/") && !strings.HasPrefix(ask.Model, tuned):
		return "openai"
	}
	return "gemini-vertex"
}

func (d *vertex) Address(call *pool.Call, req *pool.Request, ask Ask) (*pool.Target, error) {
	format := d.Format(ask)
	verb, ok := vertexVerb(format, ask)
	if !ok {
		return nil, ErrNoEndpoint
	}
	locations := d.locationsOf(ask.Model)
	at := &locations[int(d.turn.Add(1)-1)%len(locations)]
	root := at.roots[min(max(ask.Key, 0), len(at.roots)-1)]
	req.Method = "POST"
	switch id, own := strings.CutPrefix(ask.Model, tuned); {
	case format == "anthropic-vertex":
		req.Path = root + "/publishers/anthropic/models/" + url.PathEscape(ask.Model) + verb
	case format == "openai":
		req.Path = root + "/endpoints/openapi/chat/completions"
	case own:
		req.Path = root + "/endpoints/" + url.PathEscape(id) + verb
	default:
		req.Path = root + "/publishers/google/models/" + url.PathEscape(ask.Model) + verb
	}
	var err error
	req.Header, err = d.header(call, ask.Key)
	return at.target, err
}

// vertexVerb is what stands behind the model in an address.
func vertexVerb(format string, ask Ask) (verb string, ok bool) {
	switch {
	case format == "anthropic-vertex" && ask.Stream:
		return ":streamRawPredict", ask.Endpoint == Chat
	case format == "anthropic-vertex":
		return ":rawPredict", ask.Endpoint == Chat
	case format == "openai":
		return "", ask.Endpoint == Chat
	}
	return geminiVerb(ask)
}

// header returns the lines for a key, or with an access token, which may have to be fetched first.
func (d *vertex) header(call *pool.Call, key int) ([]byte, error) {
	if d.account == nil {
		return d.headers[max(key, 0)], nil
	}
	token, err := d.account.token(call)
	if err != nil {
		return nil, err
	}
	made := d.bearer.Load()
	if made == nil || made.token != token {
		made = &bearerLines{token, headerLines(d.provider, config.Header{Name: "Authorization", Value: "Bearer " + token.access})}
		d.bearer.Store(made)
	}
	return made.lines, nil
}

// models cannot be asked for: what a project may use is not on any list.
func (d *vertex) models(*pool.Call, int, pool.Deadlines) ([]string, error) { return nil, errNameModels }
