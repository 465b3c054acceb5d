package config

import (
	"strings"
	"testing"
)

func TestSummarySaysWhatWasUnderstoodWithoutSecrets(t *testing.T) {
	_, c := full(t)
	got := c.Summary()
	for _, want := range []string{
		"providers: 6\n",
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
		"    credits: 12.5\n",
		"preferences:\n",
		"    cooldown_period: 5m0s\n",
		"    model_price: gpt-4o 2.5,10,1.25,0; claude-sonnet 3,15,3,3; gemini 0.3,2.5,0.3,0.3; default 0.3,1,0.3,0.3\n",
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
