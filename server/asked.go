package server

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/trigger"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/discovery"
	"uniapi/server/telemetry"
	"uniapi/server/telemetry/metrics"
)

// Asked is a small request to a provider with one of its keys, and what came of it.
type Asked struct {
	Provider string
	Key      string // as it may be shown; "" for a provider without keys
	Model    string // the upstream's name for it
	LeftOut  string // why nothing was asked; "" if it was
	Status   int    // that the provider answered with; 0 if it did not
	Took     time.Duration
	Address  string // that was asked, as it may be shown, and by way of which proxy
	Wrong    string // "" is nothing

	index, key, model int // of the provider, of its key, -1 for none, and of its model
	way               smallRequest
	empty             bool // the answer said nothing
}

// How many providers and keys are asked at a time.
const (
	mostAsked        = 16
	mostAskedOfOne   = 4 // provider, many of which count what an address has under way
	smallestAnswer   = 1
	roomierForAnswer = 1024 // tokens, for models that think before they say anything, and providers that want more than one
)

// AskAll sends one small request to each provider of a configuration, with each of its keys, as a server of it would
// send one that a client asks for, on the account of the first client key, but without its plan: nobody rests, and
// nothing is tried again elsewhere. Each may take so long. plan is told what will be asked before anything is, tell
// what came of it, in the same order.
func AskAll(cfg *config.Config, within time.Duration, plan func([]Asked), tell func(Asked)) error {
	listed, failed := listModels(cfg, within)
	s, err := New(Options{Config: listed})
	if err != nil {
		return err
	}
	defer s.pool.Close()
	snap := s.snapshot.Load()
	all := snap.smallRequests(failed)
	plan(all)
	s.askEach(snap, snap.keys[sha256.Sum256([]byte(cfg.APIKeys[0].Key))], all, within, time.Time{}, tell)
	return nil
}

// listModels is the configuration with the models that providers list for whom it names none, and what was wrong with
// the lists, by the index of the provider.
func listModels(cfg *config.Config, within time.Duration) (*config.Config, map[int]string) {
	p := pool.New(pool.Options{})
	defer p.Close()
	snap := fromFile(p, cfg, func(*config.Provider, error) {})
	secrets := telemetry.NewRedactor(cfg.Secrets())
	listed := *cfg
	listed.Providers = slices.Clone(cfg.Providers)
	type list struct {
		index int
		ids   []string
		err   error
	}
	lists, asked := make(chan list), 0
	places := make(chan struct{}, mostAsked)
	for i, of := range cfg.Providers {
		if channel := snap.backends[i].channel; of.Models == nil && channel != nil {
			asked++
			go func() {
				places <- struct{}{}
				defer func() { <-places }()
				call := new(pool.Call)
				call.Until(time.Now().Add(within))
				ids, err := channel.Models(call, pool.Deadlines{FirstByte: within, Idle: within})
				ids, _ = discovery.NamesOnly(ids, secrets.Has)
				lists <- list{i, ids, err}
			}()
		}
	}
	failed := map[int]string{}
	for range asked {
		l := <-lists
		own := *cfg.Providers[l.index]
		own.Models = make([]config.Model, len(l.ids)) // not nil, or the server would look for them as well
		for i, id := range l.ids {
			own.Models[i] = config.Model{Upstream: id, Alias: id}
		}
		if listed.Providers[l.index] = &own; l.err != nil {
			failed[l.index] = "its list of models could not be read: " + l.err.Error()
		}
	}
	return &listed, failed
}

// smallRequests are those to be made: for each provider and each of its keys. failed are providers whose models are not
// known, and why.
func (snap *snapshot) smallRequests(failed map[int]string) (all []Asked) {
	for i, p := range snap.table.Providers {
		of := Asked{Provider: p.Config.Name, index: i, key: -1}
		of.model, of.way = smallestOf(p.Engine, p.Models)
		switch {
		case snap.backends[i].channel == nil:
			of.LeftOut = "left out of the configuration, as the error says"
		case failed[i] != "":
			of.Wrong = snap.secrets.Clean(failed[i])
		case len(p.Models) == 0:
			of.LeftOut = "not asked: it has no model"
		case of.way.body == nil:
			of.LeftOut = "not asked: its models are for " + of.way.purpose + " alone"
		default:
			of.Model = p.Models[of.model].Upstream
		}
		if len(p.Config.Keys) == 0 || of.LeftOut != "" || of.Wrong != "" {
			all = append(all, of)
			continue
		}
		for key, secret := range p.Config.Keys {
			of.key, of.Key = key, config.Mask(secret)
			if len(p.Config.Keys) > 1 {
				of.Key = fmt.Sprintf("key %d %s", key+1, of.Key) // two may look alike
			}
			all = append(all, of)
		}
	}
	return all
}

// askEach makes the requests, several at a time, on the account of a client key, and tells what came of each in their
// order. All must be over when the time comes that they are due at; zero is never.
func (s *Server) askEach(snap *snapshot, key *clientKey, all []Asked, within time.Duration, due time.Time, tell func(Asked)) {
	places, ofOne := make(chan struct{}, mostAsked), make(map[int]chan struct{})
	done := make([]chan Asked, len(all))
	for i, a := range all {
		if done[i] = make(chan Asked, 1); a.LeftOut != "" || a.Wrong != "" {
			done[i] <- a
			continue
		}
		if ofOne[a.index] == nil {
			ofOne[a.index] = make(chan struct{}, mostAskedOfOne)
		}
		own := ofOne[a.index]
		go func() {
			own <- struct{}{}
			places <- struct{}{}
			defer func() { <-places; <-own }()
			s.askSmall(snap, key, &a, within, due)
			done[i] <- a
		}()
	}
	for _, d := range done {
		tell(<-d)
	}
}

// askSmall makes one request. A model that has used up the room for an answer before it said anything, or that is
// refused so little, is given more.
func (s *Server) askSmall(snap *snapshot, key *clientKey, a *Asked, within time.Duration, due time.Time) {
	began := time.Now()
	if own := began.Add(within); due.IsZero() || own.Before(due) {
		due = own
	}
	if within = due.Sub(began).Round(time.Second / 10); within <= 0 {
		a.LeftOut = "not asked: there was no time left"
		return
	}
	s.askWith(snap, key, a, smallestAnswer, due)
	if a.Wrong != "" && a.way.endpoint == provider.Chat && wantsRoom(a) {
		s.askWith(snap, key, a, roomierForAnswer, due)
	}
	if a.Took = time.Since(began); a.Wrong != "" && a.Status == 0 && !time.Now().Before(due) {
		a.Wrong = fmt.Sprintf("no whole answer within %v", within)
	}
}

// wantsRoom says whether what was wrong may be that the answer had too little room.
func wantsRoom(a *Asked) bool {
	wrong := strings.ToLower(a.Wrong)
	return a.empty || (a.Status == 400 || a.Status == 422) && slices.ContainsFunc([]string{
		"max_tokens", "max_completion_tokens", "max_output_tokens", "maxoutputtokens", "output limit", "max tokens", "maxtokens",
	}, func(words string) bool { return strings.Contains(wrong, words) })
}

// askWith makes one request with room for so many tokens of an answer.
func (s *Server) askWith(snap *snapshot, key *clientKey, a *Asked, tokens int, due time.Time) {
	p := snap.table.Providers[a.index]
	model := p.Models[a.model]
	call := new(pool.Call)
	call.Until(due)
	x := origin{server: s, snap: snap, call: call}.unconnected(key, routeOf(a.way.endpoint), a.way.body(model.Alias, tokens))
	defer func() { x.holding.End(); x.release() }()
	x.id, x.start, x.label = s.ids.Append(x.id[:0]), time.Now(), "POST "+x.label
	a.Status, a.Wrong, a.empty = 0, "", false
	if err := x.readHead(); err != nil {
		a.Wrong = snap.secrets.Clean(err.Error())
		return
	}
	candidate := p.Candidate(snap.config, a.model)
	x.choose(balancer.Attempt{Candidate: candidate, Key: a.key, Number: 1})
	d := candidate.Deadlines(&balancer.Attributes{Endpoint: string(x.ctx.Path()), Method: string(x.ctx.Method()), Model: x.model, Role: x.key.Role, BodyBytes: int64(len(x.body))})
	x.at.limits = pool.Deadlines{FirstByte: shorter(d.FirstByte, due), Idle: shorter(d.Idle, due)}
	if d.Total > 0 && x.start.Add(d.Total).Before(due) {
		call.Until(x.start.Add(d.Total))
	}
	x.made = 1
	err := x.at.try()
	if a.Address = snap.addressOfAsked(x.at, a); err == nil {
		a.Status, x.ttft = 200, time.Since(x.start)
		x.enterAsked(nil, x.at.sent)
		return
	}
	outcome, told := x.at.judge(err)
	x.charge(err, told)
	x.enterAsked(told, x.at.sent)
	if a.Status = outcome.Status; x.at.answered {
		a.Status = 200 // and what it said was no answer
	}
	a.empty = errors.Is(err, trigger.ErrEmpty)
	a.Wrong = clip(strings.Join(strings.Fields(snap.secrets.Clean(withDetail(told))), " "))
	x.at.answer.Close()
}

// enterAsked writes a request of askEach into the books and the metrics, and its attempt if the provider was asked.
func (x *exchange) enterAsked(failed *codec.Error, sent bool) {
	status := fasthttp.StatusOK
	if failed != nil {
		status = failed.Status
	}
	r := x.record(status)
	if sent {
		x.attempted(failed, r.took)
	}
	x.server.counters.Outcomes.Count(metrics.Labels{Provider: r.provider, Model: x.model, Endpoint: r.endpoint, Status: metrics.Status(status)})
	x.account(&r)
}

// shorter is a time that may be taken, 0 being any, or what is left until due.
func shorter(limit time.Duration, due time.Time) time.Duration {
	left := max(time.Until(due), time.Millisecond)
	if limit <= 0 {
		return left
	}
	return min(limit, left)
}

// addressOfAsked is where the provider was asked, or would have been.
func (snap *snapshot) addressOfAsked(at *attempt, a *Asked) string {
	if at.target != nil {
		return snap.secrets.Clean(provider.ShownAddress(at.target, at.request.Path))
	}
	ask := provider.Ask{Endpoint: a.way.endpoint, Client: at.format.Name(), Model: a.Model, Key: a.key}
	return snap.secrets.Clean(snap.backends[a.index].channel.Shown(ask))
}

// smallRequest is the least that a kind of model can be asked for.
type smallRequest struct {
	purpose  string   // of the models
	names    []string // parts of the names of such models
	engines  []string // of nothing but such models
	endpoint provider.Endpoint
	body     func(model string, tokens int) []byte // nil where even the least costs too much, or there is none
}

// smallKinds are the kinds of models, in the order in which they are looked for in a name. What is none of them chats.
var smallKinds = []smallRequest{
	{purpose: "ranking", names: []string{"rerank"}, endpoint: provider.Rerank, body: smallBody(`"query":"a","documents":["a"],"top_n":1`)},
	{purpose: "embeddings", names: []string{"embed", "bge-", "gte-", "voyage-"}, engines: []string{"embedding"}, endpoint: provider.Embeddings, body: smallBody(`"input":"a"`)},
	{purpose: "moderation", names: []string{"moderation"}, engines: []string{"moderation"}, endpoint: provider.Moderations, body: smallBody(`"input":"a"`)},
	{purpose: "searching", engines: []string{string(provider.EngineSearch)}, endpoint: provider.Search, body: smallBody(`"q":"a","max_results":1`)},
	{purpose: "images", names: []string{"dall-e", "-image", "imagen", "flux", "stable-diffusion", "sdxl"}, engines: []string{"dalle"}},
	{purpose: "speech", names: []string{"tts", "whisper", "transcribe", "realtime"}, engines: []string{"tts", "whisper"}},
	{purpose: "videos", names: []string{"sora-", "veo-"}},
}

// smallChat is the least that a chat can be asked for.
var smallChat = smallRequest{endpoint: provider.Chat, body: func(model string, tokens int) []byte {
	return smallBody(fmt.Sprintf(`"messages":[{"role":"user","content":"Say hi"}],"max_tokens":%d`, tokens))(model, tokens)
}}

// smallBody is a request whose other members these are.
func smallBody(members string) func(string, int) []byte {
	return func(model string, _ int) []byte {
		return append(append(rawjson.AppendString([]byte(`{"model":`), model), ","+members...), '}')
	}
}

// smallestOf chooses the model of a provider that is asked, and how: the first that chats, else the first that is asked
// for little, else any.
func smallestOf(engine string, models []config.Model) (number int, way smallRequest) {
	best := -1
	for i, m := range models {
		kind := kindOf(engine, m)
		rank := 1
		switch {
		case kind.endpoint == provider.Chat:
			return i, kind
		case kind.body == nil:
			rank = 2
		}
		if best < 0 || rank < best {
			best, number, way = rank, i, kind
		}
	}
	return number, way
}

// kindOf is how a model is asked: as its engine says, else as its name does.
func kindOf(engine string, m config.Model) smallRequest {
	for _, kind := range smallKinds {
		if slices.Contains(kind.engines, engine) {
			return kind
		}
	}
	name := strings.ToLower(cmp.Or(m.Upstream, m.Alias))
	for _, kind := range smallKinds {
		if slices.ContainsFunc(kind.names, func(part string) bool { return strings.Contains(name, part) }) {
			return kind
		}
	}
	return smallChat
}
