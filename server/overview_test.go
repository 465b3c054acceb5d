package server

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

var insights = []string{"/v1/timeline?by=provider", "/v1/timeline?by=attempts", "/v1/overview", "/v1/overview?brief=true", "/v1/live"}

func TestOnlyAdminsSeeWhatTheDashboardShows(t *testing.T) {
	g := startPaid(t, "10")
	var o overviewAnswer
	if g.admin("GET", "/v1/overview", "").into(t, &o); o.Limits["max_in_flight"] != 0 {
		t.Errorf("no limit is told as %d", o.Limits["max_in_flight"])
	}
	for _, path := range insights {
		g.do("GET", path, "").failure(t, 401, "invalid_api_key")
		g.do("GET", path, "", "Authorization", "Bearer "+otherKeyText).failure(t, 401, "invalid_api_key")
		g.do("GET", path, "", asClient...).failure(t, 403, "admin_required")
		a := g.admin("GET", path, "")
		if a.StatusCode != 200 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", path, a.StatusCode, a.Header)
		}
		for _, secret := range []string{clientKeyText, adminKeyText, upstreamKeyText} {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s tells %s", path, secret)
			}
		}
	}
}

// timelineAnswer is what GET /v1/timeline says.
type timelineAnswer struct {
	By               string
	Start, End, Step int64
	Lines            []struct {
		Name   string
		Total  map[string]float64
		Points []map[string]float64
	}
}

func TestTimelineHasALineForEachOfAGroup(t *testing.T) {
	g := startPaid(t, "10")
	for by, want := range map[string]string{"": "", "model": "m", "provider": "p", "key": "payer"} {
		var got timelineAnswer
		g.admin("GET", "/v1/timeline?by="+by, "").into(t, &got)
		if got.By != by || len(got.Lines) != 1 || got.Lines[0].Name != want || len(got.Lines[0].Points) != 1 {
			t.Fatalf("by %q: %+v", by, got)
		}
		if day := got.End - got.Start; day < 23*3600 || day > 25*3600 || got.Step != 600 {
			t.Errorf("by %q: %d seconds in steps of %d", by, day, got.Step)
		}
		total, point := got.Lines[0].Total, got.Lines[0].Points[0]
		for name, value := range map[string]float64{"requests": 1, "failures": 0, "prompt_tokens": 11, "completion_tokens": 7, "cost": 0.025} {
			if total[name] != value || point[name] != value {
				t.Errorf("by %q, %s: %v in all, %v in the point", by, name, total[name], point[name])
			}
		}
		for _, name := range []string{"time", "cached_tokens", "ttft_p50_ms", "ttft_p95_ms", "duration_p50_ms", "duration_p95_ms"} {
			if _, has := point[name]; !has {
				t.Errorf("a point has no %s: %v", name, point)
			}
		}
	}
}

func TestStepOfATimelineFitsItsRange(t *testing.T) {
	g := startPaid(t, "10")
	const day = 24 * 3600
	now := time.Now().Unix()
	for _, test := range []struct {
		name, query string
		step        int64
	}{
		{"an hour", fmt.Sprintf("start_datetime=%d", now-3600), 60},
		{"six hours", fmt.Sprintf("start_datetime=%d", now-6*3600), 120},
		{"a day", "", 600},
		{"two days, which is as long as there are minutes", "last_n_days=2", 3600},
		{"a week", "last_n_days=7", 3600},
		{"a month", "last_n_days=30", 6 * 3600},
		{"half a year", "last_n_days=182", day},
		{"two years", "last_n_days=730", 4 * day},
		{"all time", "start_datetime=0", (1 + now/(200*day)) * day},
		{"no time at all", fmt.Sprintf("start_datetime=%d&end_datetime=%d", now, now), 60},
		{"what is asked for, in seconds", "step=300", 300},
		{"what is asked for, in words", "step=2h30m", 9000},
		{"what is asked for, a year", "step=8784h", 366 * day},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got timelineAnswer
			if g.admin("GET", "/v1/timeline?"+test.query, "").into(t, &got); got.Step != test.step {
				t.Errorf("%d", got.Step)
			}
		})
	}
}

func TestTimelineThatMakesNoSenseIsRefused(t *testing.T) {
	g := startPaid(t, "10")
	for query, names := range map[string]string{
		"by=colour":               "model, provider, key or attempts",
		"step=0":                  "step",
		"step=-60":                "step",
		"step=soon":               "step",
		"step=90":                 "whole minutes",
		"step=1ms":                "whole minutes",
		"step=9999h":              "at most a year",
		"step=99999999999999999":  "at most a year",
		"step=60&last_n_days=30":  "2000",
		"start_datetime=tomorrow": "tomorrow",
		"start_datetime=2026-02-01&end_datetime=2026-01-01": "end_datetime",
		"last_n_days=0": "last_n_days",
	} {
		if message := g.admin("GET", "/v1/timeline?"+query, "").failure(t, 400, "bad_query"); !strings.Contains(message, names) {
			t.Errorf("%s: %s", query, message)
		}
	}
}

// overviewAnswer is what GET /v1/overview says.
type overviewAnswer struct {
	Now       float64
	Version   string
	Uptime    float64 `json:"uptime_seconds"`
	Draining  bool
	Ledger    string `json:"ledger_error"`
	Limits    map[string]int64
	Clients   int `json:"client_connections"`
	Providers []struct {
		Name, Engine string
		Usable       bool
		Channels     []struct {
			Model    string
			Upstream string `json:"upstream_model"`
			standingAnswer
		}
		Keys []struct {
			Key            string
			Served, Failed int64
			standingAnswer
		}
	}
}

type standingAnswer struct {
	Resting bool
	Until   float64 `json:"resting_until"`
	Alone   []struct {
		Key, Reason string
		Until       float64
	} `json:"resting_alone"`
	Error   string  `json:"last_error"`
	ErrorAt float64 `json:"last_error_at"`
}

func TestOverviewTellsWhoRestsAndWhy(t *testing.T) {
	broken := listen(t, says(reply(503, jsonKind, `{"error":{"message":"no room for `+upstreamKeyText+`","type":"server_error"}}`)))
	g := startWith(t, Options{MaxInFlight: 1000}, providerOf("broken", broken, "    model: [{away: m}]\n"), providerOf("well", listen(t, both)),
		"  - provider: claude\n    base_url: http://127.0.0.1:9/v1/messages\n    api: [sk-one-0123456789, sk-two-0123456789]\n    model: [c]\n", paidKeys("10"), "preferences:\n  cooldown_period: 300\n")
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	var o overviewAnswer
	a := g.admin("GET", "/v1/overview", "")
	a.into(t, &o)
	if now := float64(time.Now().UnixMilli()) / 1000; o.Now < now-60 || o.Now > now+1 || o.Version != "v0-test" || o.Uptime <= 0 || o.Uptime > 600 || o.Draining || o.Ledger != "" || o.Clients < 1 {
		t.Errorf("%+v", o)
	}
	if o.Limits["max_in_flight"] != 1000 || o.Limits["max_connections"] != int64(g.options.MaxConnections) || o.Limits["max_body_bytes"] != DefaultMaxBody {
		t.Errorf("%v", o.Limits)
	}
	if len(o.Providers) != 3 {
		t.Fatal(a.body)
	}
	ill, well, claude := o.Providers[0], o.Providers[1], o.Providers[2]
	if ill.Name != "broken" || ill.Engine != "gpt" || !ill.Usable || len(ill.Channels) != 1 || ill.Channels[0].Model != "m" || ill.Channels[0].Upstream != "away" {
		t.Fatalf("%+v", ill)
	}
	if c := ill.Channels[0]; c.Resting || c.Until != 0 || !strings.Contains(c.Error, "no room for") || strings.Contains(c.Error, upstreamKeyText) || c.ErrorAt > o.Now || c.ErrorAt < o.Now-60 {
		t.Errorf("%+v", c)
	}
	if alone := ill.Channels[0].Alone; len(alone) != 1 || alone[0].Key != "payer" || alone[0].Until < o.Now+280 || alone[0].Until > o.Now+300 || alone[0].Reason != ill.Channels[0].Error {
		t.Errorf("what one client key has met rests for %+v", alone)
	}
	page := string(g.metricsPage())
	for _, line := range []string{
		`uniapi_channel_resting{model="m",provider="broken"} 0`, `uniapi_channel_resting_alone{model="m",provider="broken"} 1`,
		`uniapi_provider_keys_resting{provider="broken"} 0`, `uniapi_provider_keys_resting_alone{provider="broken"} 0`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if c, k := well.Channels[0], well.Keys[0]; c.Resting || len(c.Alone) > 0 || c.Until != 0 || c.Error != "" || k.Served != 1 || k.Failed != 0 || k.Resting {
		t.Errorf("%+v", well)
	}
	if k := ill.Keys[0]; k.Served != 0 || k.Failed != 1 || strings.Contains(k.Key, "abcdefghij") || !strings.HasSuffix(k.Key, "wxyz") {
		t.Errorf("%+v", k)
	}
	if claude.Engine != "claude" || len(claude.Keys) != 2 || claude.Keys[0].Key == "" {
		t.Errorf("%+v", claude)
	}
	g.do("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer "+adminKeyText)
	if g.admin("GET", "/v1/overview", "").into(t, &o); !o.Providers[0].Channels[0].Resting || o.Providers[0].Channels[0].Until < o.Now+280 || o.Providers[0].Channels[0].Until > o.Now+300 || len(o.Providers[0].Channels[0].Alone) != 0 {
		t.Errorf("what two client keys have met stands %+v", o.Providers[0].Channels[0])
	}
}

func TestRequestIsToBeSeenWhileItIsAnswered(t *testing.T) {
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		p.gone()
		return false
	})
	g := start(t, providerOf("p", up, "    model: [{far: m}]\n"), paidKeys("10"))
	type seenLive struct {
		Now      float64
		InFlight int `json:"in_flight"`
		Streams  int
		Requests []struct {
			ID, Key, Model, Endpoint, Provider string
			Stream                             bool
			Upstream                           string `json:"upstream_model"`
			Attempt                            int
			Since                              float64
			FirstByte                          float64 `json:"first_byte_ms"`
			Bytes                              int64
		}
	}
	look := func() (l seenLive) {
		g.admin("GET", "/v1/live", "").into(t, &l)
		return l
	}
	if l := look(); l.InFlight != 0 || l.Streams != 0 || l.Requests == nil || len(l.Requests) != 0 {
		t.Errorf("before: %+v", l)
	}
	c := g.dial()
	c.post(streamRequest, "X-Request-Id", "one-to-look-at")
	c.head()
	eventually(t, "a byte was sent", func() bool { l := look(); return len(l.Requests) == 1 && l.Requests[0].Bytes > 0 })
	l := look()
	if r := l.Requests[0]; l.InFlight != 1 || l.Streams != 1 || r.ID == "" || r.Key != "payer" || r.Model != "m" || r.Upstream != "far" || r.Provider != "p" || !r.Stream || r.Attempt != 1 ||
		r.Endpoint == "" || r.FirstByte <= 0 || r.Since > l.Now || r.Since < l.Now-60 {
		t.Errorf("%+v", l)
	}
	c.Close()
	eventually(t, "it is gone", func() bool { return look().InFlight == 0 })
}

// TestProviderThatIsLeftOutIsShownWithItsKeys looks at the overview of a file with one provider that cannot be used.
func TestProviderThatIsLeftOutIsShownWithItsKeys(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both))+"  - provider: broken\n    base_url: http://127.0.0.1:1/v1\n    engine: none-such\n    api: [sk-of-the-broken-one-1234, sk-of-the-broken-two-1234]\n    model: [m]\n", paidKeys("10"))
	var o struct {
		Providers []struct {
			Name   string
			Usable bool
			Keys   []struct{ Key string }
		}
	}
	g.admin("GET", "/v1/overview", "").into(t, &o)
	if len(o.Providers) != 2 || o.Providers[1].Usable || len(o.Providers[1].Keys) != 2 || o.Providers[1].Keys[0].Key == "" {
		t.Errorf("%+v", o.Providers)
	}
}

func TestKeySeesItselfOnTheDashboardAndNothingElse(t *testing.T) {
	g := startPaid(t, "10")
	g.admin("POST", "/v1/chat/completions", plainRequest)
	g.settled(2)
	for _, test := range []struct {
		path, own, others string
	}{
		{"/v1/me/timeline?by=model", `"requests":1`, `"requests":2`}, {"/v1/me/timeline?by=key&all=true", `"name":"payer"`, "admin"}, {"/v1/me/timeline", `"requests":1`, `"requests":2`},
		{"/v1/me", `"key":"payer"`, `"admin":true`}, {"/v1/keys", `"balance":9.975`, "admin-key"}, {"/v1/costs", `"cost":0.025`, `"key":"admin`},
	} {
		a := g.do("GET", test.path, "", asClient...)
		if a.StatusCode != 200 || !strings.Contains(a.body, test.own) || strings.Contains(a.body, test.others) || strings.Contains(a.body, clientKeyText) || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", test.path, a.StatusCode, a.body)
		}
		a = g.admin("GET", strings.Replace(test.path, "/me/timeline", "/timeline", 1), "")
		if a.StatusCode != 200 || test.others != "admin-key" && !strings.Contains(a.body, test.others) || strings.Contains(a.body, clientKeyText) {
			t.Errorf("an admin, %s: %d %s", test.path, a.StatusCode, a.body)
		}
	}
	if a := g.do("GET", "/v1/me/timeline", "", asClient...); strings.Contains(a.body, `"ttft_p50_ms":0,`) {
		t.Errorf("its times are not told: %s", a.body)
	}
	for _, query := range []string{"month=2026", "month=2026-13", "month=x"} {
		g.admin("GET", "/v1/costs?"+query, "").failure(t, 400, "bad_query")
	}
	if a := g.admin("GET", "/v1/costs?month=2020-01", ""); a.StatusCode != 200 || !strings.Contains(a.body, `"rows":[]`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestKeySeesWhatIsLeftOfItsLimitsForEachModelThatItHasUsed(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both), "    model: [m, n, unused]\n"), paidKeys("10", "      rate_limit: 5/day\n"), bookPrices)
	for range 2 {
		g.chat(plainRequest)
	}
	g.chat(strings.Replace(plainRequest, `"m"`, `"n"`, 1))
	g.settled(3)
	var told struct {
		Keys []struct {
			Limits []struct {
				Model     string
				Remaining float64
			}
		}
	}
	g.do("GET", "/v1/keys", "", asClient...).into(t, &told)
	left := map[string]float64{}
	for _, l := range told.Keys[0].Limits {
		left[l.Model] = l.Remaining
	}
	if want := map[string]float64{"m": 3, "n": 4}; !maps.Equal(left, want) {
		t.Errorf("%v is left, not %v", left, want)
	}
}

func TestOverviewTellsWhyAttemptsFailed(t *testing.T) {
	bad := listen(t, func(p *peer, _ seen) bool {
		p.say(reply(500, "application/json", errorBody("out of order "+upstreamKeyText)))
		return true
	})
	g := start(t, providerOf("bad", bad), providerOf("good", listen(t, both)), paidKeys("10"), bookPrices)
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	g.settled(1)
	var o struct {
		Providers []struct {
			Name     string
			Models   int
			Channels []any
			Reasons  []struct {
				Status       int
				Error, Model string
				Count        int
				At           float64
			}
		}
	}
	g.admin("GET", "/v1/overview?provider=bad", "").into(t, &o)
	if len(o.Providers) != 1 || o.Providers[0].Models != 1 || len(o.Providers[0].Channels) != 1 || len(o.Providers[0].Reasons) != 1 {
		t.Fatalf("%+v", o)
	}
	if r := o.Providers[0].Reasons[0]; !strings.Contains(r.Error, "out of order") || strings.Contains(r.Error, upstreamKeyText) || r.Status != 500 && r.Status != 502 || r.Count != 1 || r.Model != "m" || r.At == 0 {
		t.Errorf("%+v", r)
	}
	g.admin("GET", "/v1/overview?brief=true", "").into(t, &o)
	if len(o.Providers) != 2 || len(o.Providers[1].Channels) != 0 || o.Providers[1].Models != 1 {
		t.Errorf("%+v", o)
	}
	var tried, asked timelineAnswer
	g.admin("GET", "/v1/timeline?by=attempts&all=true", "").into(t, &tried)
	g.admin("GET", "/v1/timeline?by=provider", "").into(t, &asked)
	if len(tried.Lines) != 2 || tried.Lines[0].Name != "bad" || tried.Lines[0].Total["failures"] != 1 || len(asked.Lines) != 1 || asked.Lines[0].Total["failures"] != 0 {
		t.Errorf("%+v %+v", tried, asked)
	}
}
