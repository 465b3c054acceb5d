// Package config turns api.yaml into a validated, immutable Config: where the file comes from, what may stand in it,
// what is wrong with it and where, and when it changed.
package config

import (
	"cmp"
	"encoding/json"
	"time"

	"uniapi/codec/capability"
	"uniapi/config/price"
)

// Config is one parsed and validated api.yaml. It is never changed after Parse or Load has returned it.
type Config struct {
	Providers   []*Provider // in file order; two may share a name
	APIKeys     []*APIKey   // in file order; at least one
	Preferences Preferences

	// Warnings are what a running server can live with but the author of the file did not mean: unknown keys,
	// rules that name nothing, unset environment variables. Those whose severity is Error do not do what they say.
	Warnings []Problem

	// Advice is what the author may have meant and should not: client keys that others know or can guess.
	Advice []Problem

	// LeftOut are the errors of a file that was read leniently: each costs its Item, and the rest serves.
	LeftOut Problems
	left    left

	// Hash is of the file's bytes and of every value that ${NAME} put in them. Equal hash: nothing to reload.
	Hash [32]byte
	// Proxies are those of the environment, for what has no proxy in the file.
	Proxies EnvProxies

	environment []Secret // of variables that the file does not name

	priceList *price.List // in the place of the one that the program has with it; nil is that one

	source []byte // the file as it was written

	timeout time.Duration // env TIMEOUT; 0 = DefaultTimeout
}

// Provider is one upstream account, also called a channel.
type Provider struct {
	Name    string
	BaseURL string // never empty: the fixed address of Vertex or Cloudflare is filled in where none is given
	Engine  string // forced wire format; "" = detect from BaseURL and model

	Keys   []string // `api`; may be empty (AWS, Vertex service accounts, open upstreams)
	Models []Model  // in file order, aliases unique; nil = ask the provider what it has

	ProjectIDs  []string // Vertex; a list is aligned with Keys
	PrivateKey  string   // Vertex service account, PEM
	ClientEmail string
	TokenURI    string   // where a service account's token is fetched; "" = Google's
	Regions     []string // Vertex locations or AWS regions, used in turn

	CFAccountID     string
	AWSAccessKey    string
	AWSSecretKey    string
	AWSSessionToken string

	Tools bool // default true; false: tools are taken out of requests
	Image bool // default true; false: image parts are taken out of requests

	// Exclusions, from the provider and its preferences together.
	ExcludeEndpoints    []string // request paths, with a leading and without a trailing slash
	ExcludeRequestTypes []string
	OnlyRequestTypes    []string
	ExcludeRules        []ExcludeRule

	Preferences ProviderPreferences

	at       Problem // where it is written; its Message is empty
	engineAt Problem // where its engine is
}

// Problem is one that shows only when the provider is to be used, at the provider's place in the file.
func (p *Provider) Problem(message string) Problem {
	problem := p.at
	problem.Message = message
	return problem
}

// EngineProblem is one of its engine.
func (p *Provider) EngineProblem(message string) Problem {
	problem := p.engineAt
	problem.Message = message
	return problem
}

// Problems are the warnings and the advice together, in the order of the file's lines.
func (c *Config) Problems() Problems {
	all := append(append(Problems{}, c.Warnings...), c.Advice...)
	all.Sort()
	return all
}

// Model is one model of a provider: clients ask for Alias, the provider is asked for Upstream.
type Model struct{ Upstream, Alias string }

// ExcludeRule keeps requests away from a provider when all its conditions hold.
type ExcludeRule struct {
	Match  []Condition
	Reason string // for logs; may be empty
}

// Condition holds for a field of a request when one of Values fits it, ignoring case: "*" fits anything but an empty
// field, a trailing "*" fits a prefix.
type Condition struct {
	Field  string
	Values []string
}

// Header is one HTTP header to send upstream.
type Header struct{ Name, Value string }

// Override is one entry of post_body_parameter_overrides: a body field, a model name with a block of fields, or
// "__remove__". Value is JSON with the order of members and the spelling of numbers as in the file.
type Override struct {
	Key   string
	Value json.RawMessage
}

// ProviderPreferences is how one provider is used.
type ProviderPreferences struct {
	Proxy   string // http, https, socks5 or socks5h URL, or Direct; "" = the global one
	Headers []Header

	ModelTimeout      ModelTable[time.Duration]
	KeepaliveInterval ModelTable[time.Duration]
	TimeoutPolicy     TimeoutPolicy
	Cooldown          *time.Duration // of the channel; nil = the global one, 0 = off

	KeySchedule          string                // round_robin (default), random, fixed_priority, smart_round_robin, least_busy
	KeyRateLimit         ModelTable[RateLimit] // per provider key and upstream model
	KeyCooldown          time.Duration         // of a key that failed; 0 = off
	KeyQuotaCooldown     time.Duration         // of a key whose quota is used up; default 6 h
	KeyRateLimitCooldown time.Duration         // of a key the provider rate-limited without saying for how long; 0 = as a channel that failed

	Overrides          []Override
	PassthroughHeaders []string // client headers copied upstream
	MaxRequestBody     int64    // bytes; 0 = no limit

	ResponsesCommit      string          // real_output (default) or completed_usage
	NormalizeToolCallIDs []string        // models whose ids of items in Responses are made OpenAI's; "*" = all
	SearchDefaults       json.RawMessage // object; nil = none
	ModelPrice           []ModelPrice    // as the global one, before which it goes
	AccessKey, SecretKey string          // of video engines
	OAIXRoutingAttemptID bool            // send X-OAIX-Routing-Attempt-ID upstream

	GeminiKeyInQuery bool // the key is sent as ?key=, for relays that read no header

	IsolateKeys *bool    // nil = the global one
	Affinity    *bool    // of the choice among its keys; nil = the client key's
	Recovery    Recovery // "" = the global one
	Hedging     *Hedging // nil = the global one
	Retries     ProviderRetries

	Capabilities []capability.Rule // of this provider's models, behind the global ones
}

// APIKey is one key that clients present.
type APIKey struct {
	Key         string
	Alias       string // what logs show: the role, else the first 8 characters of a long key, else the masked key; unique unless roles are not
	Role        string
	Rules       []Rule // in file order
	Preferences KeyPreferences
}

// RuleKind is the form of an access rule.
type RuleKind int

// The forms of an access rule.
const (
	RuleAll           RuleKind = iota // all
	RuleModel                         // M or <a/b>: model M of any provider
	RuleProvider                      // P/*
	RuleProviderModel                 // P/M
	RuleKey                           // sk-K/*: whatever client key K may use
	RuleKeyModel                      // sk-K/M
)

// Rule lets a client key use providers and models. Which of the fields are set follows from Kind.
type Rule struct {
	Kind     RuleKind
	Provider string
	Model    string
	Key      string // the client key in full
	Weight   int    // 0 = none
	Text     string // as written, with a client key masked, for messages
}

// Schedule is the order in which the channels of a client key are tried.
type Schedule string

// The schedules. The same words name the orders of a provider's keys, as far as they apply to them.
const (
	FixedPriority      Schedule = "fixed_priority"
	RoundRobin         Schedule = "round_robin"
	WeightedRoundRobin Schedule = "weighted_round_robin"
	SmartRoundRobin    Schedule = "smart_round_robin"
	Lottery            Schedule = "lottery"
	Random             Schedule = "random"
	LeastLatency       Schedule = "least_latency"
	LeastBusy          Schedule = "least_busy"
	Cheapest           Schedule = "cheapest"
)

// schedules are those that api.yaml may name. What one does is in a file of balancer/schedule.
var schedules = []string{
	string(FixedPriority),
	string(RoundRobin),
	string(WeightedRoundRobin),
	string(SmartRoundRobin),
	string(Lottery),
	string(Random),
	string(LeastLatency),
	string(LeastBusy),
	string(Cheapest),
}

// RetryAll is the AutoRetry of a key that retries as often as the plan has channels and keys.
const RetryAll = -1

// KeyPreferences is how requests with one client key are served.
type KeyPreferences struct {
	Schedule   Schedule
	AutoRetry  int                   // RetryAll; 0 = off; N = at most N retries
	RateLimit  ModelTable[RateLimit] // per request model
	Queue      *time.Duration        // nil = the global one
	Moderation bool
	// FailOpen lets a request pass that could not be moderated.
	FailOpen  bool
	Credits   *int64     // nano-dollars; nil = unlimited, 0 = blocked
	CreatedAt *time.Time // credits count from here; nil = 30 days ago
	Renews    *Renewal   // when credits begin anew; nil = never
	Affinity  *bool      // nil = the global one
	Recovery  Recovery   // "" = the provider's, or the global one
	Hedging   *Hedging   // nil = likewise
	Access    Access
}

// Preferences is what holds for the whole gateway.
type Preferences struct {
	Proxy             string
	ModelTimeout      ModelTable[time.Duration]
	KeepaliveInterval ModelTable[time.Duration]
	TimeoutPolicy     TimeoutPolicy
	Cooldown          *time.Duration        // of a channel that failed; nil = growing from a second, 0 = off
	MaxRetryAfter     time.Duration         // at most so long a provider's own word counts; default 600 s
	ErrorTriggers     []string              // texts that make an answer a failure
	RateLimit         RateLimit             // one budget for all requests
	Queue             time.Duration         // for which a request waits that has reached a limit; 0 = it is refused
	ModelRateLimit    ModelTable[RateLimit] // what each model has beside that, of all keys together; without a default
	ModelPrice        []ModelPrice          // in file order; what holds for a model is Config.PriceOf's to say
	UnpricedMedia     UnpricedMedia
	PriceSource       PriceSource
	ImageFetch        ImageFetch
	Hedging           *Hedging
	IsolateKeys       bool     // client keys never share a connection to a provider
	Affinity          bool     // requests of one conversation are kept where they were
	Recovery          Recovery // default RecoverError
	Retries           Retries
	ConnectionMaxAge  time.Duration // of a connection to a provider that takes another request; default 300 s, 0 = any age

	RequestLog   RequestLog
	Alerts       Alerts
	Cluster      Cluster
	Capabilities []capability.Rule // what hosts and models take, behind what the gateway knows itself
}

// Recovery is what becomes of a stream that breaks after its first event.
type Recovery string

// The ways of stream_recovery.
const (
	RecoverError    Recovery = "error"    // the client is told
	RecoverBuffer   Recovery = "buffer"   // the client gets nothing before the end was seen, so that another channel can serve
	RecoverContinue Recovery = "continue" // another channel is given the text so far, and goes on with it
)

// StreamRecovery is what holds for a client key at a provider: what the key says goes before what the provider says,
// and that before what holds for all.
func (c *Config) StreamRecovery(k *APIKey, p *Provider) Recovery {
	return cmp.Or(k.Preferences.Recovery, p.Preferences.Recovery, c.Preferences.Recovery)
}

// Queue is how long requests with a client key wait for a limit that they have reached; 0 is not at all.
func (c *Config) Queue(k *APIKey) time.Duration {
	if own := k.Preferences.Queue; own != nil {
		return *own
	}
	return c.Preferences.Queue
}

// ModelPrice is what the model that is called Prefix costs, and those whose names begin with it and that have no entry
// which fits better.
type ModelPrice struct {
	Prefix string
	Price  Price
	Line   int // of the file
}

// Price is what a model costs.
type Price = price.Price

// Limit allows Count requests in any Window.
type Limit struct {
	Count  int64
	Window time.Duration
}

// RateLimit is what a string such as "15/min,10/day" says: all Limits hold. The zero value limits nothing, which is
// also what uni-api's default of 999999/min means in practice.
type RateLimit struct {
	Limits           []Limit
	TokensPerRequest int64 // `tpr`; 0 = no limit
	// Quotas count something else than requests, or by the calendar. Tokens, Money and Concurrent of a table's default
	// hold for all models together, beside those that a model's own limit sets.
	Quotas []Quota
}

// Timeouts by phase of an attempt; nil = not said here, 0 = no limit.
type Timeouts struct {
	Connect, Write, Pool, FirstByte, Idle, Total *time.Duration

	FirstToken *time.Duration // Adaptive, which is what nil means too; 0 is no limit but that of FirstByte
}

// Adaptive is a FirstToken that follows what a channel's streams have taken so far.
const Adaptive time.Duration = -1

// TimeoutPolicy refines timeouts by what a request looks like. The rule with the most conditions that hold wins, the
// first of equals.
type TimeoutPolicy struct {
	Default Timeouts
	Rules   []TimeoutRule
}

// TimeoutRule sets Timeouts for attempts for which all conditions of Match hold.
type TimeoutRule struct {
	Match    []Condition
	Timeouts Timeouts
}
