package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/config"
)

var everything = []config.Alert{config.AlertCredit80, config.AlertCredit100, config.AlertBreakerOpen, config.AlertReloadRefused}

// watched is Alerts whose queue is looked at instead of being sent.
func watched(holding *[]Condition) *Alerts {
	a := New(Options{Log: slog.New(slog.DiscardHandler), Look: func() []Condition { return *holding }, Name: "here"})
	a.Use(&config.Alerts{Webhook: "http://127.0.0.1:1/", On: everything})
	return a
}

func TestWhatLastsIsToldOnceAndWhatComesBackAfterAWhile(t *testing.T) {
	credit, breaker := Condition{config.AlertCredit80, "k", "80"}, Condition{config.AlertBreakerOpen, "p/m", "open"}
	unasked := Condition{config.AlertPriceMissing, "p", "price"}
	for _, c := range []struct {
		name  string
		holds func(minute int) []Condition
		want  string // the minutes at which something was told
	}{
		{"nothing", func(int) []Condition { return nil }, ""},
		{"at once", func(int) []Condition { return []Condition{credit} }, "0 credit_80"},
		{"a breaker after five minutes", func(int) []Condition { return []Condition{breaker} }, "5 breaker_open_5m"},
		{"a breaker that closes before", func(m int) []Condition { return []Condition{breaker}[:min(1, 4-m%5)] }, ""},
		{"what is not asked for", func(int) []Condition { return []Condition{unasked} }, ""},
		{"what comes and goes", func(m int) []Condition { return []Condition{credit}[:m/5%2] }, "5 credit_80, 65 credit_80, 125 credit_80"},
		{"two", func(int) []Condition { return []Condition{credit, {config.AlertCredit80, "other", ""}} }, "0 credit_80, 0 credit_80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var holding []Condition
			a := watched(&holding)
			var told []string
			start := time.Now()
			for tick := range 6 * 150 {
				minute := tick / 6
				holding = c.holds(minute)
				a.look(start.Add(time.Duration(tick) * lookEvery))
				for m, there := a.take(); there; m, there = a.take() {
					told = append(told, fmt.Sprintf("%d %s", minute, m.Kind))
				}
			}
			if got := strings.Join(told, ", "); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhatIsRememberedAndWhatWaitsIsBounded(t *testing.T) {
	var holding []Condition
	for i := range 2 * mostKnown {
		holding = append(holding, Condition{config.AlertCredit80, fmt.Sprint("k", i), ""})
	}
	a := watched(&holding)
	now := time.Now()
	a.look(now)
	if len(a.known) > mostKnown || len(a.queue) > mostWaiting {
		t.Errorf("%d are remembered, %d wait", len(a.known), len(a.queue))
	}
	if _, lost := a.Counts(); lost == 0 {
		t.Error("nothing was counted as lost")
	}
	holding = nil
	a.look(now.Add(2 * again))
	if len(a.known) > 0 {
		t.Errorf("%d are still remembered when all has ended", len(a.known))
	}
}

// receiver is a webhook that answers with one status after the other, the last one for ever.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []http.Header
	body []string
}

func receive(t *testing.T, statuses ...int) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		status := statuses[min(len(r.got), len(statuses)-1)]
		r.got, r.body = append(r.got, q.Header), append(r.body, string(body))
		r.mu.Unlock()
		switch status {
		case 0:
			panic(http.ErrAbortHandler)
		case 302:
			w.Header().Set("Location", "/elsewhere")
		case 429:
			w.Header().Set("Retry-After", "77")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestAlertsAreSignedAndTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses []int
		pauses   []time.Duration
		taken    bool
	}{
		{"taken", []int{200}, nil, true},
		{"taken without content", []int{204}, nil, true},
		{"taken at the third try", []int{500, 503, 200}, usualPauses[:2], true},
		{"the connection breaks", []int{0, 200}, usualPauses[:1], true},
		{"told to wait", []int{429, 200}, []time.Duration{77 * time.Second}, true},
		{"refused", []int{404}, nil, false},
		{"sent elsewhere", []int{302}, nil, false},
		{"never", []int{502}, usualPauses, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := receive(t, c.statuses...)
			d := newDeliverer()
			var pauses []time.Duration
			d.sleep = func(_ context.Context, p time.Duration) error { pauses = append(pauses, p); return nil }
			s := &config.Alerts{Webhook: r.URL, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
			err := d.untilTaken(t.Context(), s, &message{Kind: config.AlertCredit80, Subject: "k", Text: "a text", Time: time.Now()})
			if (err == nil) != c.taken || !slices.Equal(pauses, c.pauses) {
				t.Errorf("%v after pauses of %v", err, pauses)
			}
			if err != nil && strings.Contains(err.Error(), r.URL) {
				t.Errorf("the error tells the address: %v", err)
			}
			for i, h := range r.got {
				if want := "v1," + Sign(s.Secret, r.got[0].Get("Webhook-Id"), h.Get("Webhook-Timestamp"), []byte(r.body[i])); h.Get("Webhook-Signature") != want {
					t.Errorf("signed as %q, want %q", h.Get("Webhook-Signature"), want)
				}
				var said map[string]any
				if json.Unmarshal([]byte(r.body[i]), &said) != nil || said["type"] != "credit_80" || said["text"] != "a text" || said["content"] != "a text" {
					t.Errorf("said %s", r.body[i])
				}
			}
		})
	}
}

// The example of the specification of Standard Webhooks.
func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	got := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signed as %s, want %s", got, want)
	}
}

func TestRunTellsAWebhookThatFailsAtFirst(t *testing.T) {
	r := receive(t, 200)
	a := New(Options{Log: slog.New(slog.DiscardHandler), Look: func() []Condition { return []Condition{{config.AlertReloadRefused, "api.yaml", "why"}} }})
	a.Use(&config.Alerts{Webhook: r.URL, On: everything})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { a.Run(ctx); close(ended) }()
	a.look(time.Now())
	for sent := int64(0); sent == 0; sent, _ = a.Counts() {
		select {
		case <-t.Context().Done():
			t.Fatal("nothing was sent")
		case <-time.After(time.Millisecond):
		}
	}
	end()
	<-ended
	if len(r.got) != 1 || r.got[0].Get("Webhook-Signature") != "" {
		t.Errorf("sent %d, the first with %v", len(r.got), r.got[0])
	}
	a.Use(&config.Alerts{})
	a.look(time.Now().Add(3 * again))
	if _, there := a.take(); there {
		t.Error("something is told although nobody is to be told")
	}
}
