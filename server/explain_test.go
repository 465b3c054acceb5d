package server

import (
	"bytes"
	"strings"
	"testing"
)

func TestExplainTellsTheOrderAndWhoIsLeftOut(t *testing.T) {
	broken := listen(t, says(reply(500, jsonKind, `{"error":{"message":"broken down"}}`)))
	g := start(t, provider("p", broken), provider("q", listen(t, both)), keyed("SCHEDULING_ALGORITHM: fixed_priority"))
	g.chat(plainRequest)
	a := g.do("GET", "/v1/explain?key=admin&model=m", "", "Authorization", "Bearer "+clientKeyText)
	for _, word := range []string{`"Provider":"p"`, "broken down", `"Provider":"q"`, "fixed_priority"} {
		if !strings.Contains(a.body, word) {
			t.Errorf("%d %s lacks %s", a.StatusCode, a.body, word)
		}
	}
	var out bytes.Buffer
	if err := ExplainLive(&out, "http://"+g.addr, clientKeyText, "admin", "m"); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "1. p/m") || !strings.Contains(text, "left out: rests for another") || !strings.Contains(text, "2. q/m") {
		t.Errorf("printed %s", text)
	}
	if err := ExplainLive(&out, "http://"+g.addr, "sk-wrong", "admin", "m"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with a wrong key: %v", err)
	}
}

func TestExplainOfAFileAloneNeedsNoGateway(t *testing.T) {
	cfg := parseConfig(t, provider("p", listen(t, both)), keyed(""))
	var out bytes.Buffer
	if err := Explain(&out, cfg, clientKeyText, "m"); err != nil || !strings.Contains(out.String(), "1. p/m: the only channel") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := Explain(&out, cfg, clientKeyText, "x"); err == nil || !strings.Contains(err.Error(), "it may use: m") {
		t.Errorf("of an unknown model: %v", err)
	}
	if err := Explain(&out, cfg, "sk-nobody", "m"); err == nil || strings.Contains(err.Error(), "sk-nobody") {
		t.Errorf("of an unknown key: %v", err)
	}
}

func TestExplainIsForAdmins(t *testing.T) {
	g := start(t, provider("p", listen(t, both)), "api_keys:\n  - {api: "+clientKeyText+", role: user}\n  - {api: sk-other-0123456789abcdefghij}\n")
	g.do("GET", "/v1/explain?key=user&model=m", "", "Authorization", "Bearer "+clientKeyText).failure(t, 403, "admin_required")
	g.do("GET", "/v1/explain?key=user&model=m", "").failure(t, 401, "invalid_api_key")
}
