package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"
)

// alertRows are the keys of alerts.
var alertRows = []row{
	{section: "preferences", key: "alerts", set: "{alerts: {webhook: $SIDE/hook}}", play: alarmed, without: "nobody was told", with: "reload_refused"},
	{section: "alerts", key: "webhook", set: "{alerts: {webhook: $SIDE/hook}}", unset: "{}", play: alarmed, without: "nobody was told", with: "reload_refused"},
	{section: "alerts", key: "secret", set: "{alerts: {webhook: $SIDE/hook, secret: s}}", unset: "{alerts: {webhook: $SIDE/hook}}", play: alarmed,
		without: "reload_refused", with: "reload_refused, signed"},
	{section: "alerts", key: "on", set: "{alerts: {webhook: $SIDE/hook, on: [credit_80]}}", unset: "{alerts: {webhook: $SIDE/hook}}", play: alarmed,
		without: "reload_refused", with: "nobody was told"},
}

// alarmed tells what the side was told when a configuration could not be read again.
func alarmed(s *stage) string {
	s.drawn = true // nothing is asked of a model
	told := make(chan seen, 10)
	s.side.answer = func(w http.ResponseWriter, r seen) { told <- r }
	text, err := os.ReadFile(s.path)
	if err != nil {
		s.Fatal(err)
	}
	s.serve()
	if err := os.WriteFile(s.path, []byte("providers: ["), 0o600); err != nil {
		s.Fatal(err)
	}
	s.log.await(s, "the changed configuration cannot be used; the old one stays in force")
	wait := patience
	if !strings.Contains(string(text), "webhook") || strings.Contains(string(text), "credit_80") {
		wait = time.Second / 2 // it comes at once if it comes
	}
	select {
	case r := <-told:
		var said struct{ Type, Text string }
		if err := json.Unmarshal([]byte(r.body), &said); err != nil || r.URL.Path != "/hook" || said.Text == "" {
			s.Fatalf("%s %s: %v", r.URL, r.body, err)
		}
		if strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,") {
			said.Type += ", signed"
		}
		return said.Type
	case <-time.After(wait):
		return "nobody was told"
	}
}
