// Package metrics is what the gateway counts of itself, and the page of Prometheus' that
// tells it, on the gateway's own address and on one for it alone.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/conn"
	"uniapi/server/idempotency"
	"uniapi/server/queue"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// Options say what a page tells, and whom it asks for it.
type Options struct {
	Log      *slog.Logger
	Version  string
	Lines    int // of models
	Counters *Counters
	Books    *usage.Books
	Gateway  Gateway
}

// Gateway is what a page asks of the gateway as it stands.
type Gateway interface {
	Secrets() *telemetry.Redactor
	// Config is the configuration in force, LeftOut what was left out of it, and Reloaded
	// says whether it is what was read last.
	Config() *config.Config
	LeftOut() config.Problems
	Reloaded() bool
	// Status is who rests.
	Status() []balancer.ProviderStatus
	Now() Now
}

// Now is what is under way, and what was counted elsewhere.
type Now struct {
	Connected, Serving, Streams int // connections of clients, of these with a request, and of these with a stream
	Conns                       conn.Counts
	Upstream                    pool.Stats
	InFlight                    int64 // requests for answers
	Waiting                     queue.Stats
	LimitCounters               int
	Refused, Unconnected        int64 // requests and connections, for want of room

	Memory, MemoryTaken, MemoryHighest, MemoryRefused int64 // of requests

	Idempotent idempotency.Stats

	ListPrices        int // in force
	PriceSourceFailed bool

	LinesDropped    int64 // of the log
	RequestsDropped int64 // of the log of requests

	StrangersUnwritten map[string]int64 // of requests without a valid key, by where

	ClusterAway time.Duration // for which the Redis of preferences.cluster has not answered; 0 if it does, and of an instance that is alone

	AlertsSent, AlertsLost int64
	SpansLost              int64 // of traces
}

// Page makes the pages. Use New.
type Page struct {
	Options
	registry *prometheus.Registry
	telling  sync.Mutex // held while a page is made, which takes some times its size
	apart    apart      // under telling

	mu     sync.Mutex
	served []*http.Server // by Serve
}

// New says what pages are made of: what the gateway counts, the Go runtime and the
// process.
func New(o Options) *Page {
	p := &Page{Options: o, registry: prometheus.NewRegistry(), apart: roomFor(o.Lines)}
	p.Counters.Outcomes.most = min(mostOutcomes, p.apart.most/2)
	p.Counters.Failures.most = min(mostOutcomes, p.apart.most/2)
	p.Counters.Exemplars.most = p.apart.most / linesOfModel
	p.registry.MustRegister(collected{p}, ofGo(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p
}

// ofGo tells of the process, whichever of its servers is asked.
var ofGo = sync.OnceValue(func() prometheus.Collector { return collectors.NewGoCollector() })

// collected hands what the gateway counts to the library, which asks when it is
// asked itself.
type collected struct{ *Page }

// Describe tells nothing: which labels there are depends on what happens.
func (collected) Describe(chan<- *prometheus.Desc) {}

// Collect tells it all.
func (c collected) Collect(ch chan<- prometheus.Metric) {
	c.tellTraffic(ch)
	c.tellChannels(ch)
	c.tellGateway(ch)
	c.tellLedger(ch)
	c.tellConfiguration(ch)
}

// totalFamilies are the families of what the books count of requests, by provider,
// model and endpoint.
var totalFamilies = []struct {
	name, help string
	value      func(t *usage.Total) float64
}{
	{"uniapi_request_failures_total", "Requests that were sent to a provider and not answered well.", func(t *usage.Total) float64 { return float64(t.Failures) }},
	{"uniapi_prompt_tokens_total", "Tokens of prompts, those from and to a cache included.", func(t *usage.Total) float64 { return float64(t.Tokens.Prompt) }},
	{"uniapi_cached_tokens_total", "Tokens of prompts that were read from a provider's cache.", func(t *usage.Total) float64 { return float64(t.Tokens.Cached) }},
	{"uniapi_cache_write_tokens_total", "Tokens of prompts that were written to a provider's cache.", func(t *usage.Total) float64 { return float64(t.Tokens.CacheWrite) }},
	{"uniapi_completion_tokens_total", "Tokens of answers, those of reasoning included.", func(t *usage.Total) float64 { return float64(t.Tokens.Completion) }},
	{"uniapi_reasoning_tokens_total", "Tokens of reasoning.", func(t *usage.Total) float64 { return float64(t.Tokens.Reasoning) }},
	{"uniapi_cost_dollars_total", "What answers cost, by model_price.", func(t *usage.Total) float64 { return float64(t.Cost) / 1e9 }},
}

// tellTraffic tells of requests and attempts that have ended.
func (p *Page) tellTraffic(ch chan<- prometheus.Metric) {
	examples := p.Counters.Exemplars.all() // before what counts them, so that each is counted
	totals, attempts := p.Books.Totals()
	p.apart.admit(totals)
	requests := counter("uniapi_requests_total", "Requests for answers that have ended, by the provider of the last attempt and the status. Those refused before a provider was asked have none; 499 is a client that left.")
	p.Counters.Outcomes.all(func(of Labels, n int64) {
		model := p.apart.modelAt(of.Provider, of.Model, of.Endpoint, of.Status)
		requests.add(float64(n), "provider", of.Provider, "model", model, "endpoint", of.Endpoint, "status", strconv.Itoa(of.Status))
	})
	requests.collect(ch)

	for _, of := range totalFamilies {
		f := counter(of.name, of.help)
		for i := range totals {
			t := &totals[i]
			f.add(of.value(t), "provider", t.Provider, "model", p.apart.modelAt(t.Provider, t.Model, t.Endpoint, 0), "endpoint", t.Endpoint)
		}
		f.collect(ch)
	}
	firstByte := histogramOf("uniapi_first_byte_seconds", "Time from a request's arrival to the first byte of its answer, of requests that succeeded.")
	duration := histogramOf("uniapi_request_seconds", "Time from a request's arrival to the end of its answer, of requests that succeeded.")
	for i := range totals {
		t := &totals[i]
		model := p.apart.model(t.Provider, t.Model)
		firstByte.add(&t.FirstByte, t.FirstByteSum, "provider", t.Provider, "model", model)
		duration.add(&t.Duration, t.DurationSum, "provider", t.Provider, "model", model)
	}
	for _, of := range examples {
		model := p.apart.model(of.provider, of.model)
		firstByte.illustrate(of.firstByte, "provider", of.provider, "model", model)
		duration.illustrate(of.duration, "provider", of.provider, "model", model)
	}
	firstByte.collect(ch)
	duration.collect(ch)

	tried := counter("uniapi_attempts_total", "Requests sent to a provider.")
	for i := range attempts {
		t := &attempts[i]
		tried.add(float64(t.Requests), "provider", t.Provider, "model", p.apart.model(t.Provider, t.Model))
	}
	tried.collect(ch)
	p.tellFailures(ch)
	counter("uniapi_hedged_attempts_total", "Attempts begun beside one of the same request that was slow.").of(float64(p.Counters.Hedged.Load())).collect(ch)
	counter("uniapi_hedged_attempts_won_total", "Those of them that answered first.").of(float64(p.Counters.HedgesWon.Load())).collect(ch)
	counter("uniapi_streams_continued_total", "Streams that broke off, and that another channel went on with.").of(float64(p.Counters.Continued.Load())).collect(ch)
	counter("uniapi_retries_total", "Attempts that followed a failed one of the same request, or were begun beside one.").of(float64(p.Counters.Retries.Load())).collect(ch)
}

// tellFailures tells why attempts failed, and what that has cost.
func (p *Page) tellFailures(ch chan<- prometheus.Metric) {
	failures := counter("uniapi_attempt_failures_total", "Requests sent to a provider that failed before their answer began, by why.")
	seconds := counter("uniapi_attempt_failed_seconds_total", "Time that they took together, which their requests have lost.")
	p.Counters.Failures.all(func(of Failure, n failed) {
		model := p.apart.modelOf(of)
		failures.add(float64(n.attempts), "provider", of.Provider, "model", model, "reason", of.Reason)
		seconds.add(n.took.Seconds(), "provider", of.Provider, "model", model, "reason", of.Reason)
	})
	failures.collect(ch)
	seconds.collect(ch)
}

// tellChannels tells what rests.
func (p *Page) tellChannels(ch chan<- prometheus.Metric) {
	channels := gauge("uniapi_channel_resting", "1 while a provider's model rests for all client keys after a failure; of models that are not told apart, how many do.")
	channelsAlone := gauge("uniapi_channel_resting_alone", "Client keys for which alone a provider's model rests, since no other has met a failure.")
	keys := gauge("uniapi_provider_keys", "Keys of a provider.")
	resting := gauge("uniapi_provider_keys_resting", "Keys of a provider that rest for all client keys after a failure.")
	restingAlone := gauge("uniapi_provider_keys_resting_alone", "Pairs of a provider's key that rests and the client key for which alone it does.")
	forModel := gauge("uniapi_provider_key_models_resting", "Pairs of a provider's key and a model for which it rests, for all client keys, after a limit or a quota.")
	spent := gauge("uniapi_provider_key_models_spent", "Pairs of a provider's key and a model for which other keys are asked first, since by the headers of the provider's answers nothing is left to it.")
	providers := p.Gateway.Status()
	all := 0
	for _, of := range providers {
		all += len(of.Channels)
	}
	few := all <= p.apart.most/linesOfModel
	for _, of := range providers {
		for _, c := range of.Channels {
			model := c.Model
			if !few && !p.apart.has(of.Name, model) { // that a provider lists takes no place from what is used
				model = OtherModels
			}
			channels.add(oneIf(c.Resting), "provider", of.Name, "model", model)
			channelsAlone.add(float64(len(c.Alone)), "provider", of.Name, "model", model)
		}
		for _, k := range of.Keys {
			keys.add(1, "provider", of.Name)
			resting.add(oneIf(k.Resting), "provider", of.Name)
			restingAlone.add(float64(len(k.Alone)), "provider", of.Name)
			n := 0
			for _, m := range k.Models {
				n += int(oneIf(m.Resting))
			}
			forModel.add(float64(n), "provider", of.Name)
			spent.add(float64(len(k.Spent)), "provider", of.Name)
		}
	}
	for _, f := range []*numbers{channels, channelsAlone, keys, resting, restingAlone, forModel, spent} {
		f.collect(ch)
	}
}

// tellGateway tells of the gateway itself: what is under way, and what was
// refused.
func (p *Page) tellGateway(ch chan<- prometheus.Metric) {
	now, providers := p.Gateway.Now(), p.Gateway.Config().Providers
	answers := counter("uniapi_http_responses_total", "HTTP answers of every kind, by status.")
	for status := range p.Counters.answers {
		if n := p.Counters.answers[status].Load(); n > 0 {
			answers.add(float64(n), "status", strconv.Itoa(status))
		}
	}
	lacking := counter("uniapi_usage_lacking_total", "Answers whose tokens are not as their provider counted them, by why. All are estimated but zero, which is believed.")
	for _, of := range providers { // from the beginning: an alert sees no rise to a series' first value
		for _, why := range LackNames {
			lacking.add(0, "provider", of.Name, "reason", why)
		}
	}
	p.Counters.Lacks.All(func(provider string, why Lack, n int64) {
		lacking.add(float64(n), "provider", provider, "reason", LackNames[why])
	})
	dropped := counter("uniapi_stream_events_dropped_total", "Events of streams that could not be read and were left out of the answer.")
	for _, of := range providers {
		dropped.add(0, "provider", of.Name)
	}
	p.Counters.Drops.Each(func(provider string, n int64) { dropped.add(float64(n), "provider", provider) })
	unpriced := counter("uniapi_default_price_requests_total", "Requests that cost the default price: neither api.yaml nor the list prices have one for their model.")
	for _, of := range providers {
		unpriced.add(0, "provider", of.Name)
	}
	p.Counters.Unpriced.Each(func(provider string, n int64) { unpriced.add(float64(n), "provider", provider) })
	affine := counter("uniapi_affinity_tokens_total", "Of requests with affinity: kept are tokens of prompts read from a provider's cache where the conversation belongs, lost those not read from one where it was served elsewhere.")
	for routing, counts := range map[string]*PerProvider{"kept": &p.Counters.AffinityKept, "lost": &p.Counters.AffinityLost} {
		for _, of := range providers {
			affine.add(0, "provider", of.Name, "routing", routing)
		}
		counts.Each(func(provider string, n int64) { affine.add(float64(n), "provider", provider, "routing", routing) })
	}
	limited := counter("uniapi_limited_requests_total", "Requests refused by a limit that api.yaml sets.")
	idempotent := counter("uniapi_idempotency_requests_total", "Requests with an Idempotency-Key, by what became of them.")
	for status := range idempotentCount {
		idempotent.add(float64(p.Counters.Idempotent[status].Load()), "status", status.String())
	}
	for kind, name := range limitNames {
		limited.add(float64(p.Counters.Limited[kind].Load()), "limit", name)
	}
	waited := counter("uniapi_waited_requests_total", "Requests that have waited for a limit (queue), by how it ended: admitted, full (as many wait as may), late, left (the client) or closed (the gateway).")
	for outcome, n := range now.Waiting.Ended {
		waited.add(float64(n), "end", queue.Ending(outcome).String())
	}
	clients := gauge("uniapi_client_connections", "Connections of clients: serving, while a request for an answer is under way, or waiting.")
	clients.add(float64(now.Serving), "state", "serving")
	clients.add(float64(now.Connected-now.Serving), "state", "waiting")
	evicted := counter("uniapi_client_connections_evicted_total", "Connections closed for others to have room: strangers', on which no valid key has been shown, and idle ones of the key that had the most.")
	evicted.add(float64(now.Conns.StrangersSent), "owner", "stranger")
	evicted.add(float64(now.Conns.IdleSent), "owner", "key")
	upstream := gauge("uniapi_upstream_connections", "Connections to providers.")
	upstream.add(float64(now.Upstream.Open-now.Upstream.Idle), "state", "busy")
	upstream.add(float64(now.Upstream.Idle), "state", "idle")
	unwritten := counter("uniapi_strangers_unwritten_total", "Requests without a valid key that were too many to be written to the log, the request log or the traces.")
	for to, n := range now.StrangersUnwritten {
		unwritten.add(float64(n), "to", to)
	}
	version := gauge("uniapi_build_info", "Always 1.")
	version.add(1, "version", p.Version)

	for _, f := range []*numbers{
		version, answers, limited, waited, lacking, dropped, unpriced, affine,
		gauge("uniapi_limit_counters", "Pairs of a limit's subject and a model that are being counted.").of(float64(now.LimitCounters)),
		gauge("uniapi_waiting_requests", "Requests that wait for a limit (queue).").of(float64(now.Waiting.Waiting)),
		counter("uniapi_waited_seconds_total", "Time for which requests have waited for a limit, together.").of(now.Waiting.Waited.Seconds()),
		gauge("uniapi_requests_in_flight", "Requests for answers that are under way.").of(float64(now.InFlight)),
		gauge("uniapi_streams_in_flight", "Of these, streams.").of(float64(now.Streams)),
		counter("uniapi_requests_refused_total", "Requests refused because as many were under way as may be, or requests held as much memory. Those that would fit at no time are none of them.").of(float64(now.Refused)),
		gauge("uniapi_request_memory_limit_bytes", "What requests may hold together.").of(float64(now.Memory)),
		gauge("uniapi_request_memory_bytes", "What they hold.").of(float64(now.MemoryTaken)),
		gauge("uniapi_request_memory_highest_bytes", "The most they have held.").of(float64(now.MemoryHighest)),
		counter("uniapi_request_memory_refused_total", "What was refused because there was no room for it.").of(float64(now.MemoryRefused)),
		idempotent,
		gauge("uniapi_idempotency_answers", "Answers that are kept for requests with an Idempotency-Key, and such requests under way.").of(float64(now.Idempotent.Entries)),
		gauge("uniapi_idempotency_bytes", "What they take.").of(float64(now.Idempotent.Bytes)),
		counter("uniapi_idempotency_forgotten_total", "Answers that went before their time, for want of room.").of(float64(now.Idempotent.Forgotten)),
		counter("uniapi_log_lines_dropped_total", "Lines of the log that were lost because it could not be written, or not soon enough.").of(float64(now.LinesDropped)),
		counter("uniapi_request_log_dropped_total", "Requests that request_log was to keep and that the disk did not take.").of(float64(now.RequestsDropped)),
		unwritten,
		counter("uniapi_alerts_sent_total", "Alerts that the webhook took.").of(float64(now.AlertsSent)),
		counter("uniapi_alerts_lost_total", "Alerts that were given up, since the webhook did not take them.").of(float64(now.AlertsLost)),
		counter("uniapi_trace_spans_lost_total", "Spans that the OpenTelemetry collector has not got: too many were waiting, or it did not take them.").of(float64(now.SpansLost)),
		clients,
		gauge("uniapi_client_connections_strangers", "Of these, those on which no valid key has been shown.").of(float64(now.Conns.Strangers)),
		evicted,
		counter("uniapi_client_connections_refused_total", "Connections refused because as many were open as may be.").of(float64(now.Unconnected)),
		upstream,
		counter("uniapi_upstream_dials_total", "Connections to providers that were begun, those that failed included.").of(float64(now.Upstream.Dials)),
		counter("uniapi_upstream_reused_total", "Answers over a connection that had served before.").of(float64(now.Upstream.Reused)),
		counter("uniapi_upstream_resent_total", "Requests sent again because the idle connection they were sent over had been closed.").of(float64(now.Upstream.Resent)),
		counter("uniapi_upstream_doubted_total", "Requests sent again because what came over a connection that had served before may have been the answer to another one.").of(float64(now.Upstream.Doubted)),
		counter("uniapi_upstream_strays_total", "How often a provider sent what it was not asked for, after which connections to it serve one request each for ten minutes.").of(float64(now.Upstream.Strays)),
	} {
		f.collect(ch)
	}
}

// tellLedger tells how the ledger stands.
func (p *Page) tellLedger(ch chan<- prometheus.Metric) {
	ledger := p.Books.Ledger()
	for _, f := range []*numbers{
		gauge("uniapi_ledger_writable", "0 while the ledger cannot be written and usage is kept in memory.").of(oneIf(ledger.Err == nil)),
		gauge("uniapi_ledger_pending_rows", "Rows that are not in the ledger yet.").of(float64(ledger.Pending)),
		gauge("uniapi_ledger_lag_seconds", "Time since the last flush that left nothing behind: about a second if all is well.").of(ledger.Lag.Seconds()),
		gauge("uniapi_ledger_away_seconds", "For how long the PostgreSQL of the ledger has not answered; 0 if it does, and without one.").of(ledger.AwayFor().Seconds()),
		gauge("uniapi_ledger_fold_rows", "Rows that the last flush wrote.").of(float64(ledger.Rows)),
		gauge("uniapi_ledger_fold_seconds", "Time that the last flush took.").of(ledger.Took.Seconds()),
		gauge("uniapi_ledger_damaged_rows", "Rows of the ledger that could not be read and were set aside in it.").of(float64(ledger.Damaged)),
		gauge("uniapi_ledger_size_bytes", "Size of the ledger's file, 0 without one.").of(float64(ledger.Size)),
	} {
		f.collect(ch)
	}
}

// leftItems are all kinds of what may be left out, so that each has its metric from the beginning.
var leftItems = []config.Item{
	config.ItemProvider, config.ItemProviderKey, config.ItemModel, config.ItemOverride, config.ItemKey, config.ItemRule, config.ItemWeight, config.ItemPrice,
	config.ItemPreference,
}

// tellConfiguration tells how the configuration in force was read.
func (p *Page) tellConfiguration(ch chan<- prometheus.Metric) {
	left := gauge("uniapi_config_left_out", "What was left out of the configuration in force because of an error in it, by what it is.")
	counts := map[config.Item]int{}
	for _, problem := range p.Gateway.LeftOut() {
		counts[problem.Item]++
	}
	for _, item := range leftItems {
		left.add(float64(counts[item]), "item", string(item))
	}
	left.collect(ch)
	gauge("uniapi_config_last_reload_successful", "0 while the configuration cannot be read again, and the one before it is in force.").of(oneIf(p.Gateway.Reloaded())).collect(ch)
	now := p.Gateway.Now()
	gauge("uniapi_list_prices", "Models in the list of prices in force.").of(float64(now.ListPrices)).collect(ch)
	gauge("uniapi_price_source_successful", "0 while price_source cannot be used, and the list of prices before it is in force.").of(oneIf(!now.PriceSourceFailed)).collect(ch)
	gauge("uniapi_cluster_away_seconds", "For how long the Redis of preferences.cluster has not answered; 0 if it does, and without one.").of(now.ClusterAway.Seconds()).collect(ch)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
