package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// limitRows are the keys that limit clients and that count what they spend.
var limitRows = []row{
	{section: "preferences", key: "rate_limit", set: "{rate_limit: 2/day}", play: func(s *stage) string { return s.chats(3) }, without: "200 200 200", with: "200 200 429"},
	{section: "api_keys[].preferences", key: "rate_limit", set: "{rate_limit: {m: 1/day, default: 9/day}}", play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "api_keys[].preferences", key: "rate_limit", set: "{rate_limit: 1/tpr}", play: func(s *stage) string { s.drawn = true; return s.chats(1) }, without: "200", with: "413"},
	{section: "preferences", key: "rate_limit", set: "{rate_limit: {m: 1/day, default: 9/day}}", play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "api_keys[].preferences", key: "rate_limit", set: `{rate_limit: "1 tokens/day"}`, play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "api_keys[].preferences", key: "rate_limit", set: `{rate_limit: "0.000001 usd/month @ Asia/Tokyo"}`, play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "api_keys[].preferences", key: "rate_limit", set: "{rate_limit: 0 concurrent}", play: func(s *stage) string { return s.chats(1) }, without: "200", with: "429"},
	{section: "api_keys[].preferences", key: "queue", set: "{queue: 30s}", file: file{keyPreferences: "{rate_limit: 1 concurrent}"}, play: waited, without: "429", with: "200"},
	{section: "preferences", key: "queue", set: "{queue: 30}", file: file{keyPreferences: "{rate_limit: 1 concurrent}"}, play: waited, without: "429", with: "200"},
	{section: "providers[].preferences", key: "api_key_rate_limit", set: "{api_key_rate_limit: 1 tokens/day}",
		play: func(s *stage) string { s.chats(3); return s.asked() }, without: "a a a", with: "a b b"},
	{section: "providers[].preferences", key: "api_key_rate_limit", set: "{api_key_rate_limit: {m: 1/day}}",
		play: func(s *stage) string { s.chats(3); return s.asked() }, without: "a a a", with: "a b b"},
	{section: "providers[].preferences", key: "api_key_rate_limit", set: "{api_key_rate_limit: 1/tpr}", play: oneChat, without: "a", with: "b"},

	{section: "api_keys[].preferences", key: "credits", set: "{credits: 2.5}", play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "api_keys[].preferences", key: "created_at", set: "{created_at: 2100-01-01}", file: file{keyPreferences: "{credits: 2.5}"},
		play: func(s *stage) string { return s.chats(2) }, without: "200 429", with: "200 200"},
	{section: "api_keys[].preferences", key: "renews", set: "{renews: monthly @ Europe/Berlin}", file: file{keyPreferences: "{credits: 2.5}"}, play: renewed, without: "200 429, never", with: "200 429, on the first"},
	{section: "api_keys[].preferences", key: "expires_at", set: "{expires_at: 2020-01-01 @ Europe/Berlin}", play: entered, without: "200 200 200", with: "401 401 401"},
	{section: "api_keys[].preferences", key: "allow_ips", set: "{allow_ips: [192.0.2.0/24, '2001:db8::1']}", play: entered, without: "200 200 200", with: "403 403 403"},
	{section: "api_keys[].preferences", key: "disabled", set: "{disabled: true}", play: entered, without: "200 200 200", with: "401 401 401"},
	{section: "providers[].preferences", key: "model_price", set: `{model_price: {m: "5,7", default: "1,1"}}`, play: cost, without: "3", with: "12"},
	{section: "preferences", key: "model_price", set: `{model_price: {m: "5,7", default: "1,1"}}`, play: cost, without: "3", with: "12"},
	{section: "preferences", key: "price_source", set: "{price_source: $SIDE/prices.json}", play: costByList, without: "3", with: "500"},
	{section: "preferences", key: "unpriced_media", set: "{unpriced_media: refuse}", play: judged, without: "200 2e-06", with: "403 0"},
	{section: "preferences", key: "unpriced_media", set: "{unpriced_media: free}", play: judged, without: "200 2e-06", with: "200 0"},
	{section: "preferences", key: "unpriced_media", set: "{unpriced_media: 0.05}", play: judged, without: "200 2e-06", with: "200 0.05"},

	{section: "api_keys[].preferences", key: "ENABLE_MODERATION", set: "{ENABLE_MODERATION: true}", file: withModeration, play: moderated, without: "200 a", with: "400 b"},
	{section: "api_keys[].preferences", key: "fail_open", set: "{fail_open: true}", file: file{b: withModeration.b, keyPreferences: "{ENABLE_MODERATION: true, AUTO_RETRY: false}"},
		play: func(s *stage) string { s.b.answer = fails(500, "no moderator"); return moderated(s) }, without: "503 b", with: "200 b a"},
}

// withModeration has a provider that judges.
var withModeration = file{b: "{model: [omni-moderation-latest]}"}

func moderated(s *stage) string {
	s.drawn = true // the moderator is asked first
	return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
}

// entered tells whether the key is let in: to a model, to the list of them and to what admins see.
func entered(s *stage) string {
	s.drawn = true // nobody who is kept out is explained anything
	return fmt.Sprint(s.chat().StatusCode, s.send(http.MethodGet, "/v1/models", "").StatusCode, s.send(http.MethodGet, "/metrics", "").StatusCode)
}

// waited tells what becomes of a request while another one, a stream, takes the key's only place.
func waited(s *stage) string {
	s.drawn = true // the limit, not the provider, refuses
	over, second := make(chan bool), make(chan int, 1)
	s.a.answer = held(over)
	defer s.begin("POST", chat, said(`"stream":true`)).Body.Close()
	go func() { second <- s.chat().StatusCode }()
	for look := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case status := <-second:
			close(over)
			return fmt.Sprint(status)
		case <-look.C:
			if strings.Contains(s.send(http.MethodGet, "/metrics", "").body, "\nuniapi_waiting_requests 1\n") {
				close(over)
				return fmt.Sprint(<-second)
			}
		}
	}
}

// cost is what the gateway says that a request has cost, in dollars.
func cost(s *stage) string {
	s.chat()
	return spent(s)
}

func spent(s *stage) string {
	var said struct {
		States map[string]struct {
			Cost float64 `json:"total_cost"`
		} `json:"api_keys_states"`
	}
	json.Unmarshal([]byte(s.send(http.MethodGet, "/v1/api_keys_states", "").body), &said)
	for _, state := range said.States {
		return fmt.Sprint(state.Cost)
	}
	return "unknown"
}

// judged tells what a moderation by a model without a price comes to.
func judged(s *stage) string {
	s.drawn = true
	return fmt.Sprint(s.post("/v1/moderations", `{"model":"m","input":"hello"}`).StatusCode, " ", spent(s))
}

// renewed tells when the key is told that its credits begin anew.
func renewed(s *stage) string {
	told, when := s.chats(2), "never"
	for _, path := range []string{"/v1/token_usage?api_key_param=" + clientKey, "/dashboard/billing/subscription", "/v1/credit_history?paid_key=" + clientKey} {
		_, at, _ := strings.Cut(s.send(http.MethodGet, path, "").body, `"credits_renewed_at":`)
		switch {
		case regexp.MustCompile(`^"\d{4}-\d\d-01T00:00:00\+0[12]:00"`).MatchString(at):
			when = "on the first"
		case !strings.HasPrefix(at, "null"):
			return told + ", " + path + ": " + at
		}
	}
	return told + ", " + when
}

func TestKeyIsToldWhatItsLimitsHaveLeft(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.write(file{keyPreferences: `{rate_limit: "3/hour, 5 usd/day @ Europe/Berlin", expires_at: 2999-01-01 @ UTC, credits: 7}`}.text(t, inFile, ""))
	s.serve()
	if told := s.chats(2); told != "200 200" {
		t.Fatal(told)
	}
	for path, members := range map[string][]string{
		"/v1/token_usage?api_key_param=" + clientKey: {`"balance":"$`, `"credits_from":"2`},
		"/dashboard/billing/subscription":            {`"hard_limit_usd":7`, `"access_until":32472144000`},
	} {
		a := s.send(http.MethodGet, path, "")
		for _, member := range append(members, `"model":null,"of":"usd","limit":5,"remaining":`, `"model":"m","of":"requests","limit":3,"remaining":1,"window_seconds":3600,"renewed_at":"2`) {
			if !strings.Contains(a.body, member) {
				t.Errorf("%s has no %s: %s", path, member, a.body)
			}
		}
	}
}
