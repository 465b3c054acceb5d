package server

import (
	"bytes"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/valyala/fasthttp"

	"uniapi/usage"
)

// metricsType is Prometheus' text form.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// metrics serves GET /metrics to an admin key.
func (s *Server) metrics(ctx *fasthttp.RequestCtx, _ *clientKey) {
	ctx.SetContentType(metricsType)
	ctx.SetBody(s.metricsPage())
}

// metricsOf is what /metrics is made of: what the gateway counts, the Go runtime
// and the process.
func metricsOf(s *Server) *prometheus.Registry {
	all := prometheus.NewRegistry()
	all.MustRegister(collected{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return all
}

// metricsPage is what /metrics tells. Labels are names of providers, models and
// endpoints, which api.yaml bounds, and words of this file: never what a client or
// a provider says, and no key. A provider may have many thousands of models: one page
// is made at a time, each family is searched for secrets by itself, and what is told
// apart is bounded (apart).
func (s *Server) metricsPage() []byte {
	s.telling.Lock()
	defer s.telling.Unlock()
	families, err := s.registry.Gather()
	if err != nil { // of what could not be told; the rest is there
		s.log.Error("some metrics cannot be told", "error", err)
	}
	secrets := s.secrets.Load()
	var page []byte
	var text bytes.Buffer
	for i, f := range families {
		text.Reset()
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			s.log.Error("a metric cannot be told", "metric", f.GetName(), "error", err)
		}
		families[i] = nil                                    // what it took is free for the others
		page = append(page, secrets.Clean(text.String())...) // a provider that was asked for its models may have said anything
	}
	return page
}

// collected hands what the gateway counts to the library, which asks when it is
// asked itself.
type collected struct{ *Server }

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
func (s *Server) tellTraffic(ch chan<- prometheus.Metric) {
	totals, attempts := s.books.Totals()
	s.apart.admit(totals)
	requests := counter("uniapi_requests_total", "Requests for answers that have ended, by the provider of the last attempt and the status. Those refused before a provider was asked have none; 499 is a client that left.")
	s.counters.outcomes.all(func(of outcome, n int64) {
		model := s.apart.modelAt(of.provider, of.model, of.endpoint, of.status)
		requests.add(float64(n), "provider", of.provider, "model", model, "endpoint", of.endpoint, "status", strconv.Itoa(of.status))
	})
	requests.collect(ch)

	for _, of := range totalFamilies {
		f := counter(of.name, of.help)
		for i := range totals {
			t := &totals[i]
			f.add(of.value(t), "provider", t.Provider, "model", s.apart.modelAt(t.Provider, t.Model, t.Endpoint, 0), "endpoint", t.Endpoint)
		}
		f.collect(ch)
	}
	firstByte := histogramOf("uniapi_first_byte_seconds", "Time from a request's arrival to the first byte of its answer, of requests that succeeded.")
	duration := histogramOf("uniapi_request_seconds", "Time from a request's arrival to the end of its answer, of requests that succeeded.")
	for i := range totals {
		t := &totals[i]
		model := s.apart.model(t.Provider, t.Model)
		firstByte.add(&t.FirstByte, t.FirstByteSum, "provider", t.Provider, "model", model)
		duration.add(&t.Duration, t.DurationSum, "provider", t.Provider, "model", model)
	}
	firstByte.collect(ch)
	duration.collect(ch)

	tried := counter("uniapi_attempts_total", "Requests sent to a provider.")
	failed := counter("uniapi_attempt_failures_total", "Requests sent to a provider that failed before their answer began.")
	for i := range attempts {
		t := &attempts[i]
		model := s.apart.model(t.Provider, t.Model)
		tried.add(float64(t.Requests), "provider", t.Provider, "model", model)
		failed.add(float64(t.Failures), "provider", t.Provider, "model", model)
	}
	tried.collect(ch)
	failed.collect(ch)
	counter("uniapi_hedged_attempts_total", "Attempts begun beside one of the same request that was slow.").of(float64(s.counters.hedges[hedgeBegun].Load())).collect(ch)
	counter("uniapi_hedged_attempts_won_total", "Those of them that answered first.").of(float64(s.counters.hedges[hedgeWon].Load())).collect(ch)
	counter("uniapi_streams_continued_total", "Streams that broke off, and that another channel went on with.").of(float64(s.counters.continued.Load())).collect(ch)
	counter("uniapi_retries_total", "Attempts that followed a failed one of the same request, or were begun beside one.").of(float64(s.counters.retries.Load())).collect(ch)
}

// tellChannels tells what rests.
func (s *Server) tellChannels(ch chan<- prometheus.Metric) {
	channels := gauge("uniapi_channel_resting", "1 while a provider's model rests for all client keys after a failure; of models that are not told apart, how many do.")
	channelsAlone := gauge("uniapi_channel_resting_alone", "Client keys for which alone a provider's model rests, since no other has met a failure.")
	keys := gauge("uniapi_provider_keys", "Keys of a provider.")
	resting := gauge("uniapi_provider_keys_resting", "Keys of a provider that rest for all client keys after a failure.")
	restingAlone := gauge("uniapi_provider_keys_resting_alone", "Pairs of a provider's key that rests and the client key for which alone it does.")
	forModel := gauge("uniapi_provider_key_models_resting", "Pairs of a provider's key and a model for which it rests, for all client keys, after a limit or a quota.")
	providers := s.state.Overview(s.snapshot.Load().table)
	all := 0
	for _, p := range providers {
		all += len(p.Channels)
	}
	few := all <= s.apart.most/linesOfModel
	for _, p := range providers {
		for _, c := range p.Channels {
			model := c.Model
			if !few && !s.apart.has(p.Name, model) { // that a provider lists takes no place from what is used
				model = otherModels
			}
			channels.add(oneIf(c.Resting), "provider", p.Name, "model", model)
			channelsAlone.add(float64(len(c.Alone)), "provider", p.Name, "model", model)
		}
		for _, k := range p.Keys {
			keys.add(1, "provider", p.Name)
			resting.add(oneIf(k.Resting), "provider", p.Name)
			restingAlone.add(float64(len(k.Alone)), "provider", p.Name)
			n := 0
			for _, m := range k.Models {
				n += int(oneIf(m.Resting))
			}
			forModel.add(float64(n), "provider", p.Name)
		}
	}
	for _, f := range []*numbers{channels, channelsAlone, keys, resting, restingAlone, forModel} {
		f.collect(ch)
	}
}

// tellGateway tells of the gateway itself: what is under way, and what was
// refused.
func (s *Server) tellGateway(ch chan<- prometheus.Metric) {
	answers := counter("uniapi_http_responses_total", "HTTP answers of every kind, by status.")
	for status := range s.counters.answers {
		if n := s.counters.answers[status].Load(); n > 0 {
			answers.add(float64(n), "status", strconv.Itoa(status))
		}
	}
	lacking := counter("uniapi_usage_lacking_total", "Answers whose tokens are not as their provider counted them, by why. All are estimated but zero, which is believed.")
	for _, p := range s.snapshot.Load().config.Providers { // from the beginning: an alert sees no rise to a series' first value
		for _, why := range lackNames {
			lacking.add(0, "provider", p.Name, "reason", why)
		}
	}
	s.lacks.all(func(provider string, why lack, n int64) {
		lacking.add(float64(n), "provider", provider, "reason", lackNames[why])
	})
	dropped := counter("uniapi_stream_events_dropped_total", "Events of streams that could not be read and were left out of the answer.")
	for _, p := range s.snapshot.Load().config.Providers {
		dropped.add(0, "provider", p.Name)
	}
	s.drops.all(func(provider string, n int64) { dropped.add(float64(n), "provider", provider) })
	unpriced := counter("uniapi_default_price_requests_total", "Requests that cost the default price: neither api.yaml nor the list prices have one for their model.")
	for _, p := range s.snapshot.Load().config.Providers {
		unpriced.add(0, "provider", p.Name)
	}
	s.unpriced.all(func(provider string, n int64) { unpriced.add(float64(n), "provider", provider) })
	affine := counter("uniapi_affinity_tokens_total", "Of requests with affinity: kept are tokens of prompts read from a provider's cache where the conversation belongs, lost those not read from one where it was served elsewhere.")
	for routing, counts := range map[string]*perProvider{"kept": &s.affinity.kept, "lost": &s.affinity.lost} {
		for _, p := range s.snapshot.Load().config.Providers {
			affine.add(0, "provider", p.Name, "routing", routing)
		}
		counts.all(func(provider string, n int64) { affine.add(float64(n), "provider", provider, "routing", routing) })
	}
	limited := counter("uniapi_limited_requests_total", "Requests refused by a limit that api.yaml sets.")
	for kind, name := range limitNames {
		limited.add(float64(s.counters.limited[kind].Load()), "limit", name)
	}
	connected, serving, streams := s.connections()
	clients := gauge("uniapi_client_connections", "Connections of clients: serving, while a request for an answer is under way, or waiting.")
	clients.add(float64(serving), "state", "serving")
	clients.add(float64(connected-serving), "state", "waiting")
	evicted := counter("uniapi_client_connections_evicted_total", "Connections closed for others to have room: strangers', on which no valid key has been shown, and idle ones of the key that had the most.")
	conns := s.conns.Count()
	evicted.add(float64(conns.StrangersSent), "owner", "stranger")
	evicted.add(float64(conns.IdleSent), "owner", "key")
	pool := s.pool.Stats()
	upstream := gauge("uniapi_upstream_connections", "Connections to providers.")
	upstream.add(float64(pool.Open-pool.Idle), "state", "busy")
	upstream.add(float64(pool.Idle), "state", "idle")
	version := gauge("uniapi_build_info", "Always 1.")
	version.add(1, "version", s.options.Version)

	for _, f := range []*numbers{
		version, answers, limited, lacking, dropped, unpriced, affine,
		gauge("uniapi_limit_counters", "Pairs of a limit's subject and a model that are being counted.").of(float64(s.state.LimitCounters())),
		gauge("uniapi_requests_in_flight", "Requests for answers that are under way.").of(float64(s.inFlight.Load())),
		gauge("uniapi_streams_in_flight", "Of these, streams.").of(float64(streams)),
		counter("uniapi_requests_refused_total", "Requests refused because as many were under way as may be, or requests held as much memory. Those that would fit at no time are none of them.").of(float64(s.overloaded.total.Load())),
		gauge("uniapi_request_memory_limit_bytes", "What requests may hold together.").of(float64(s.budget.Limit())),
		gauge("uniapi_request_memory_bytes", "What they hold.").of(float64(s.budget.Taken())),
		gauge("uniapi_request_memory_highest_bytes", "The most they have held.").of(float64(s.budget.Highest())),
		counter("uniapi_request_memory_refused_total", "What was refused because there was no room for it.").of(float64(s.budget.Refused())),
		counter("uniapi_log_lines_dropped_total", "Lines of the log that were lost because it could not be written, or not soon enough.").of(float64(s.access.Dropped())),
		clients,
		gauge("uniapi_client_connections_strangers", "Of these, those on which no valid key has been shown.").of(float64(conns.Strangers)),
		evicted,
		counter("uniapi_client_connections_refused_total", "Connections refused because as many were open as may be.").of(float64(s.unconnected.total.Load())),
		upstream,
		counter("uniapi_upstream_dials_total", "Connections to providers that were begun, those that failed included.").of(float64(pool.Dials)),
		counter("uniapi_upstream_reused_total", "Answers over a connection that had served before.").of(float64(pool.Reused)),
		counter("uniapi_upstream_resent_total", "Requests sent again because the idle connection they were sent over had been closed.").of(float64(pool.Resent)),
		counter("uniapi_upstream_doubted_total", "Requests sent again because what came over a connection that had served before may have been the answer to another one.").of(float64(pool.Doubted)),
		counter("uniapi_upstream_strays_total", "How often a provider sent what it was not asked for, after which connections to it serve one request each for ten minutes.").of(float64(pool.Strays)),
	} {
		f.collect(ch)
	}
}

// tellLedger tells how the ledger stands.
func (s *Server) tellLedger(ch chan<- prometheus.Metric) {
	ledger := s.books.Ledger()
	for _, f := range []*numbers{
		gauge("uniapi_ledger_writable", "0 while the ledger cannot be written and usage is kept in memory.").of(oneIf(ledger.Err == nil)),
		gauge("uniapi_ledger_pending_rows", "Rows that are not in the ledger yet.").of(float64(ledger.Pending)),
		gauge("uniapi_ledger_lag_seconds", "Time since the last fold that left nothing behind: about a second if all is well.").of(ledger.Lag.Seconds()),
		gauge("uniapi_ledger_fold_rows", "Rows that the last fold wrote.").of(float64(ledger.Rows)),
		gauge("uniapi_ledger_fold_seconds", "Time that the last fold took.").of(ledger.Took.Seconds()),
		gauge("uniapi_ledger_damaged_rows", "Rows of the ledger that could not be read and were set aside in it.").of(float64(ledger.Damaged)),
		gauge("uniapi_ledger_size_bytes", "Size of the ledger's file, 0 without one.").of(float64(ledger.Size)),
	} {
		f.collect(ch)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
