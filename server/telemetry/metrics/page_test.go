package metrics

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/conn"
	"uniapi/server/idempotency"
	"uniapi/server/queue"
	"uniapi/server/servertest"
)

// twoAtOnce is a collector that sees whether it is asked by two at once.
type twoAtOnce struct {
	inside atomic.Int32
	two    chan struct{}
}

func (*twoAtOnce) Describe(chan<- *prometheus.Desc) {}

func (c *twoAtOnce) Collect(chan<- prometheus.Metric) {
	if c.inside.Add(1) == 2 {
		close(c.two)
	}
	defer c.inside.Add(-1)
	select {
	case <-c.two:
	case <-time.After(50 * time.Millisecond): // nobody has come
	}
}

// A page of metrics takes some times its size, and is as long as there are models.
func TestPagesOfMetricsAreMadeOneAtATime(t *testing.T) {
	p, _ := newPage(t)
	c := &twoAtOnce{two: make(chan struct{})}
	p.registry.MustRegister(c)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { textOf(p) })
	}
	all.Wait()
	select {
	case <-c.two:
		t.Error("two pages were made at once")
	default:
	}
}

func TestPageTellsHowTheGatewayStands(t *testing.T) {
	p, g := newPage(t)
	g.now = Now{
		Connected: 9, Serving: 4, Streams: 3, Conns: conn.Counts{Strangers: 2, StrangersSent: 5, IdleSent: 6}, Upstream: pool.Stats{Open: 8, Idle: 7, Dials: 10, Strays: 1},
		InFlight: 4, LimitCounters: 11, Refused: 12, Unconnected: 13, Memory: 14, MemoryTaken: 15, MemoryHighest: 16, MemoryRefused: 17, LinesDropped: 18, RequestsDropped: 22,
		AlertsSent: 23, AlertsLost: 24, SpansLost: 36, StrangersUnwritten: map[string]int64{"log": 37, "traces": 38},
		Idempotent: idempotency.Stats{Entries: 32, Bytes: 33, Forgotten: 34},
		Waiting:    queue.Stats{Waiting: 28, Ended: [...]int64{29, 30, 0, 0, 0}, Waited: 31 * time.Second},
	}
	g.status = []balancer.ProviderStatus{{Name: "p", Channels: []balancer.ChannelStatus{{Model: "m", Status: balancer.Status{Resting: true}}}, Keys: []balancer.KeyStatus{{}, {}}}}
	g.stale = true
	g.config.LeftOut = config.Problems{{Item: config.ItemModel}, {Item: config.ItemModel}}
	c := p.Counters
	c.Answered(200)
	c.Answered(7)
	c.Limited[CreditsLimit].Add(19)
	c.Lacks.Count("p", LackCut)
	c.Drops.Add("p", 20)
	c.Unpriced.Add("p", 21)
	c.AffinityKept.Add("p", 22)
	c.AffinityLost.Add("p", 23)
	c.Hedged.Add(24)
	c.HedgesWon.Add(25)
	c.Continued.Add(26)
	c.Retries.Add(27)
	c.Idempotent[Replayed].Add(35)
	c.Outcomes.Count(Labels{"p", "m", chatLabel, 499})
	c.Failures.Count(Failure{"p", "m", "server"}, 1500*time.Millisecond)
	c.Failures.Count(Failure{"p", "m", "server"}, 500*time.Millisecond)
	c.Failures.Count(Failure{"p", "m", "rate_limit"}, -time.Second)
	page := textOf(p)
	m, err := servertest.ReadMetrics(page)
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	for _, test := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"uniapi_client_connections", []string{"state", "serving"}, 4}, {"uniapi_client_connections", []string{"state", "waiting"}, 5},
		{"uniapi_client_connections_strangers", nil, 2}, {"uniapi_client_connections_evicted_total", []string{"owner", "stranger"}, 5},
		{"uniapi_client_connections_evicted_total", []string{"owner", "key"}, 6}, {"uniapi_upstream_connections", []string{"state", "busy"}, 1},
		{"uniapi_upstream_connections", []string{"state", "idle"}, 7}, {"uniapi_upstream_dials_total", nil, 10}, {"uniapi_upstream_strays_total", nil, 1},
		{"uniapi_waiting_requests", nil, 28}, {"uniapi_waited_requests_total", []string{"end", "admitted"}, 29}, {"uniapi_waited_requests_total", nil, 59}, {"uniapi_waited_seconds_total", nil, 31},
		{"uniapi_requests_in_flight", nil, 4}, {"uniapi_streams_in_flight", nil, 3}, {"uniapi_limit_counters", nil, 11}, {"uniapi_requests_refused_total", nil, 12},
		{"uniapi_client_connections_refused_total", nil, 13}, {"uniapi_request_memory_limit_bytes", nil, 14}, {"uniapi_request_memory_bytes", nil, 15},
		{"uniapi_request_memory_highest_bytes", nil, 16}, {"uniapi_request_memory_refused_total", nil, 17}, {"uniapi_log_lines_dropped_total", nil, 18},
		{"uniapi_idempotency_answers", nil, 32}, {"uniapi_idempotency_bytes", nil, 33}, {"uniapi_idempotency_forgotten_total", nil, 34},
		{"uniapi_idempotency_requests_total", []string{"status", "replayed"}, 35}, {"uniapi_idempotency_requests_total", []string{"status", "capacity-exhausted"}, 0},
		{"uniapi_request_log_dropped_total", nil, 22}, {"uniapi_alerts_sent_total", nil, 23}, {"uniapi_alerts_lost_total", nil, 24}, {"uniapi_trace_spans_lost_total", nil, 36},
		{"uniapi_strangers_unwritten_total", []string{"to", "log"}, 37}, {"uniapi_strangers_unwritten_total", []string{"to", "traces"}, 38},
		{"uniapi_channel_resting", []string{"provider", "p", "model", "m"}, 1}, {"uniapi_provider_keys", []string{"provider", "p"}, 2},
		{"uniapi_config_last_reload_successful", nil, 0}, {"uniapi_config_left_out", []string{"item", "model"}, 2}, {"uniapi_config_left_out", nil, 2},
		{"uniapi_http_responses_total", []string{"status", "200"}, 1}, {"uniapi_http_responses_total", []string{"status", "500"}, 1},
		{"uniapi_limited_requests_total", []string{"limit", "credits"}, 19}, {"uniapi_limited_requests_total", nil, 19},
		{"uniapi_usage_lacking_total", []string{"provider", "p", "reason", "cut"}, 1}, {"uniapi_usage_lacking_total", nil, 1},
		{"uniapi_stream_events_dropped_total", nil, 20}, {"uniapi_default_price_requests_total", nil, 21},
		{"uniapi_affinity_tokens_total", []string{"routing", "kept"}, 22}, {"uniapi_affinity_tokens_total", []string{"routing", "lost"}, 23},
		{"uniapi_attempt_failures_total", []string{"provider", "p", "model", "m", "reason", "server"}, 2}, {"uniapi_attempt_failures_total", nil, 3},
		{"uniapi_attempt_failed_seconds_total", []string{"reason", "server"}, 2}, {"uniapi_attempt_failed_seconds_total", nil, 2},
		{"uniapi_hedged_attempts_total", nil, 24}, {"uniapi_hedged_attempts_won_total", nil, 25}, {"uniapi_streams_continued_total", nil, 26}, {"uniapi_retries_total", nil, 27},
		{"uniapi_requests_total", []string{"provider", "p", "model", "m", "endpoint", chatLabel, "status", "499"}, 1}, {"uniapi_build_info", []string{"version", "v0-test"}, 1},
	} {
		if got := m.Total(test.name, test.labels...); got != test.want {
			t.Errorf("%s%v is %v, want %v", test.name, test.labels, got, test.want)
		}
	}
}

// What a provider calls its models may be a piece of a secret.
func TestNoSecretIsInAPage(t *testing.T) {
	p, g := newPage(t)
	g.status = []balancer.ProviderStatus{{Name: "p", Channels: []balancer.ChannelStatus{{Model: servertest.UpstreamKey}}}}
	p.Counters.Outcomes.Count(Labels{"p", servertest.ClientKey, chatLabel, 200})
	for _, secret := range []string{servertest.ClientKey, servertest.UpstreamKey} {
		if page := textOf(p); strings.Contains(page, secret) || !strings.Contains(page, "uniapi_channel_resting{") {
			t.Errorf("%s is in\n%s", secret, page)
		}
	}
}
