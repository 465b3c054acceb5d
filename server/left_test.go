package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestKeyIsToldWhatIsLeftOfItsCreditsAndLimits(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)), paidKeys("10", "      expires_at: 2999-01-01T00:00:00Z\n      rate_limit: {m: \"5/hour, 3 concurrent\", default: \"9/day @ Asia/Tokyo, 1000000 tokens/day @ UTC, 4 usd/hour\"}\n"), bookPrices)
	type limits []struct {
		Model            *string
		Of               string
		Limit, Remaining float64
		Window           int64   `json:"window_seconds"`
		RenewedAt        *string `json:"renewed_at"`
		InPart           bool    `json:"in_part"`
	}
	told := func(l limits) string {
		var lines []string
		for _, x := range l {
			model, renewed := "all", "unknown"
			if x.Model != nil {
				model = *x.Model
			}
			if x.RenewedAt != nil {
				at, err := time.Parse(time.RFC3339, *x.RenewedAt)
				if renewed = "whole"; x.InPart {
					renewed = "in part"
				}
				if left := time.Until(at); err != nil || left < -time.Minute || left > time.Duration(x.Window)*time.Second*61/60+time.Minute { // a sixtieth of it leaves at once
					t.Errorf("renewed at %s, of a window of %d s", *x.RenewedAt, x.Window)
				}
			}
			lines = append(lines, fmt.Sprintf("%s: %v of %v %s in %d s, %s", model, x.Remaining, x.Limit, x.Of, x.Window, renewed))
		}
		return strings.Join(lines, "\n")
	}
	var usage struct {
		Details struct {
			Balance string
			From    string `json:"credits_from"`
			Limits  limits
		} `json:"query_details"`
	}
	g.do("GET", "/v1/token_usage", "", asClient...).into(t, &usage)
	const fresh = "all: 1e+06 of 1e+06 tokens in 86400 s, whole\nall: 4 of 4 usd in 3600 s, unknown\nm: 3 of 3 concurrent in 0 s, unknown\nm: 5 of 5 requests in 3600 s, unknown"
	if got := told(usage.Details.Limits); got != fresh || usage.Details.Balance != "$10.00" {
		t.Errorf("before the first request: %+v\n%s", usage.Details, got)
	}
	for range 2 {
		if a := g.chat(plainRequest); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	g.settled(2)
	g.do("GET", "/v1/token_usage", "", asClient...).into(t, &usage)
	u := g.used()
	var spent float64
	fmt.Sscanf(u.Cost, "$%g", &spent)
	tokens := u.Prompt + u.Completion
	if tokens == 0 || spent == 0 {
		t.Fatalf("used %+v", u)
	}
	want := fmt.Sprintf("all: %v of 1e+06 tokens in 86400 s, whole\nall: %v of 4 usd in 3600 s, in part\nm: 3 of 3 concurrent in 0 s, unknown\nm: 3 of 5 requests in 3600 s, in part", float64(1e6-tokens), 4-spent)
	if got := told(usage.Details.Limits); got != want || usage.Details.From == "" {
		t.Errorf("after two requests: %+v\n%s\nnot\n%s", usage.Details, got, want)
	}
	var subscription struct {
		Until  int64 `json:"access_until"`
		Limits limits
	}
	for _, base := range []string{"/dashboard/billing", "/v1/dashboard/billing"} {
		g.do("GET", base+"/subscription", "", asClient...).into(t, &subscription)
		if got := told(subscription.Limits); got != want || subscription.Until != time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC).Unix() {
			t.Errorf("%d\n%s", subscription.Until, got)
		}
	}
	var others struct {
		Details struct{ Limits *limits } `json:"query_details"`
	}
	g.admin("GET", "/v1/token_usage", "").into(t, &others)
	if others.Details.Limits != nil {
		t.Error("limits of all keys together")
	}
	if g.admin("GET", "/v1/token_usage?api_key_param="+clientKeyText, "").into(t, &others); others.Details.Limits == nil || told(*others.Details.Limits) != want {
		t.Errorf("an admin is told %+v", others.Details.Limits)
	}
}
