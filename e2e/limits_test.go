package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
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
	{section: "providers[].preferences", key: "api_key_rate_limit", set: "{api_key_rate_limit: 1 tokens/day}",
		play: func(s *stage) string { s.chats(3); return s.asked() }, without: "a a a", with: "a b b"},
	{section: "providers[].preferences", key: "api_key_rate_limit", set: "{api_key_rate_limit: {m: 1/day}}",
		play: func(s *stage) string { s.chats(3); return s.asked() }, without: "a a a", with: "a b b"},
	{section: "providers[].preferences", key: "api_key_rate_limit", set: "{api_key_rate_limit: 1/tpr}", play: oneChat, without: "a", with: "b"},

	{section: "api_keys[].preferences", key: "credits", set: "{credits: 2.5}", play: func(s *stage) string { return s.chats(2) }, without: "200 200", with: "200 429"},
	{section: "api_keys[].preferences", key: "created_at", set: "{created_at: 2100-01-01}", file: file{keyPreferences: "{credits: 2.5}"},
		play: func(s *stage) string { return s.chats(2) }, without: "200 429", with: "200 200"},
	{section: "api_keys[].preferences", key: "expires_at", set: "{expires_at: 2020-01-01 @ Europe/Berlin}", play: entered, without: "200 200 200", with: "401 401 401"},
	{section: "api_keys[].preferences", key: "allow_ips", set: "{allow_ips: [192.0.2.0/24, '2001:db8::1']}", play: entered, without: "200 200 200", with: "403 403 403"},
	{section: "api_keys[].preferences", key: "disabled", set: "{disabled: true}", play: entered, without: "200 200 200", with: "401 401 401"},
	{section: "providers[].preferences", key: "model_price", set: `{model_price: {m: "5,7", default: "1,1"}}`, play: cost, without: "3", with: "12"},
	{section: "preferences", key: "model_price", set: `{model_price: {m: "5,7", default: "1,1"}}`, play: cost, without: "3", with: "12"},

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

// cost is what the gateway says that a request has cost, in dollars.
func cost(s *stage) string {
	s.chat()
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

func TestAKeyIsToldWhatItsLimitsHaveLeft(t *testing.T) {
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
