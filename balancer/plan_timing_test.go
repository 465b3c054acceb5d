package balancer

import (
	"fmt"
	"testing"

	"uniapi/config"
)

// large is a configuration of the size of the largest that are in use: 5,000
// models in the lists of 50 providers, each model at two of them, and 1,000 keys.
// rules are those of the key with a number.
func large(rules func(key int) []string) *config.Config {
	cfg := &config.Config{}
	for i := range 50 {
		p := &config.Provider{Name: fmt.Sprint("provider-", i), Keys: []string{"a", "b"}}
		for j := range 200 {
			name := fmt.Sprint("vendor/model-", (i*100+j)%5000)
			p.Models = append(p.Models, config.Model{Upstream: name, Alias: name})
		}
		cfg.Providers = append(cfg.Providers, p)
	}
	for i := range 1000 {
		k := &config.APIKey{Key: fmt.Sprint("sk-", i), Preferences: config.KeyPreferences{AutoRetry: config.RetryAll}}
		for _, text := range rules(i) {
			k.Rules = append(k.Rules, accessRule(text))
		}
		cfg.APIKeys = append(cfg.APIKeys, k)
	}
	return cfg
}

func BenchmarkBuild(b *testing.B) {
	for _, shape := range []struct {
		name  string
		rules func(key int) []string
	}{
		{"all keys alike", func(int) []string { return []string{"all"} }},
		{"ten rule sets", func(key int) []string { return []string{fmt.Sprintf("provider-%d/*", key%10), "all"} }},
		{"a thousand rule sets", func(key int) []string {
			return []string{fmt.Sprintf("provider-%d/*", key%50), fmt.Sprintf("<vendor/model-%d>", key), "all"}
		}},
	} {
		b.Run(shape.name, func(b *testing.B) {
			cfg := large(shape.rules)
			state := NewState()
			b.ReportAllocs()
			for b.Loop() {
				Build(cfg, state, func(i int) []config.Model { return cfg.Providers[i].Models })
			}
		})
	}
}
