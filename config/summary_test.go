package config

import (
	"strings"
	"testing"
)

func TestSummaryTellsWhoIsAnAdmin(t *testing.T) {
	const file = "providers:\n  - {provider: p, base_url: 'http://h.example/v1', model: [m]}\n"
	for _, test := range []struct{ keys, want string }{
		{"[{api: sk-0123456789abcdef}]", "admin: sk-…cdef, since it is the only key and has no role"},
		{"[{api: sk-0123456789abcdef, role: user}]", "admin: nobody; give a key a role"},
		{"[{api: sk-0123456789abcdef}, {api: sk-1123456789abcdef}]", "admin: nobody; give a key a role"},
		{"[{api: sk-0123456789abcdef, role: admin}, {api: sk-1123456789abcdef}, {api: sk-2123456789abcdef, role: the-other-admin}]", "admin: admin, the-other-admin\n"},
	} {
		c, err := Parse("api.yaml", []byte(file+"api_keys: "+test.keys+"\n"), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Summary(nil); !strings.Contains(got, "\n"+test.want) {
			t.Errorf("there is no %q in\n%s", test.want, got)
		}
	}
}

func TestSummaryTellsOfIsolatedKeys(t *testing.T) {
	const file = "providers:\n  - {provider: p, base_url: 'http://h.example/v1', model: [m]OWN}\napi_keys: [{api: sk-0123456789abcdef}]\nALL"
	for _, test := range []struct {
		own, all string
		want     []string
	}{
		{"", "", []string{"    isolate_keys: false\n"}},
		{"", "preferences: {isolate_keys: true}\n", []string{"    isolate_keys: true\n"}},
		{", preferences: {isolate_keys: true}", "", []string{"model: m\n    isolate_keys: true\n", "    isolate_keys: false\n"}},
		{", preferences: {isolate_keys: false}", "preferences: {isolate_keys: true}\n", []string{"model: m\n    isolate_keys: false\n", "    isolate_keys: true\n"}},
	} {
		c, err := Parse("api.yaml", []byte(strings.NewReplacer("OWN", test.own, "ALL", test.all).Replace(file)), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Summary(nil)
		if n := strings.Count(got, "isolate_keys"); n != len(test.want) {
			t.Errorf("told %d times in\n%s", n, got)
		}
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("there is no %q in\n%s", want, got)
			}
		}
	}
}

func TestSummarySaysWhatWasUnderstoodWithoutSecrets(t *testing.T) {
	_, c := full(t)
	got := c.Summary(nil)
	for _, want := range []string{
		"providers: 7\n",
		"  northwind: https://api.northwind.example/v1/chat/completions\n",
		"    model: gpt-4o, gpt-4o-dated (gpt-4o-2024-11-20), o3-mini-high (o3-mini), o3-mini-low (o3-mini-2025), 1234\n",
		"    proxy: socks5h://…@proxy.example:1080\n",
		"    model_timeout: gpt-4o 40s; o3 5m0s; default 1m30s\n",
		"    api_key_rate_limit: gpt-4o-dated 10/minute,500/day; gpt-4o 15/minute; default 4/minute\n",
		"    api: …aaaa …bbbb …10 (random)\n",
		"    model: as the provider lists them\n",
		"api_keys: 3\n",
		"  admin: sk-…wxyz\n",
		"    model: northwind/* (weight 5), tidewater/sonnet (weight 3), <vendor/claude-with-slash>, gpt-4o, sk-…wxyz/*\n",
		"    SCHEDULING_ALGORITHM: weighted_round_robin\n",
		"    AUTO_RETRY: 3\n",
		"    queue: 30s\n",
		"    credits: 12.5\n",
		"preferences:\n",
		"    cooldown_period: 5m0s\n",
		"    queue: 20s\n",
		"    model_price: gpt-4o 2.5,10,1.25,0; claude-sonnet 3,15,3,3; gemini 0.3,2.5,0.3,0.3; deepseek 1.32,3.96,1.32,1.32; off-peak (sun-fri 10:00-01:00, sat-sun 00:00-24:00 UTC) 0.66,1.98,0.66,0.66; default 0.3,1,0.3,0.3\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing: %s", want)
		}
	}
	secrets := []string{"password", "pass%40word", "invented", "MII", "session-token", "video-"}
	for _, p := range c.Providers {
		secrets = append(secrets, p.Keys...)
	}
	for _, k := range c.APIKeys {
		secrets = append(secrets, k.Key)
	}
	for _, s := range secrets {
		if strings.Contains(got, s) {
			t.Errorf("the summary shows %q", s)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}
