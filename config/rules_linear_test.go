//go:build !race

package config

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/bench/linear"
)

func TestRulesCostLinearTime(t *testing.T) {
	provider := func(i int, models string) string {
		return fmt.Sprintf("  - {provider: p%d, base_url: https://h.example/v1, api: sk-provider-%012d, model: [%s]}\n", i, i, models)
	}
	list := func(n int, format string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(items, ", ")
	}
	key := func(i int, rules string) string {
		return fmt.Sprintf("  - {api: sk-client-%012d, model: [%s]}\n", i, rules)
	}
	for name, file := range map[string]func(n int) string{
		"that name nothing, of many models": func(n int) string {
			return "providers:\n" + provider(0, list(n, "model-%06d")) + "api_keys:\n" + key(0, list(n, "modle-%06d"))
		},
		"that name nothing of a provider": func(n int) string {
			return "providers:\n" + provider(0, list(n, "model-%06d")) + "api_keys:\n" + key(0, list(n, "p0/modle-%06d"))
		},
		"that name providers that are not there": func(n int) string {
			file := "providers:\n"
			for i := range n / 4 {
				file += provider(i, "m")
			}
			return file + "api_keys:\n" + key(0, list(n, "q%d/*"))
		},
		"that name the last of many providers": func(n int) string {
			file := "providers:\n"
			for i := range n / 4 {
				file += provider(i, fmt.Sprintf("m%d", i))
			}
			return file + "api_keys:\n" + key(0, list(n/4, "p%[1]d/m%[1]d"))
		},
		"of many keys": func(n int) string {
			file := "providers:\n" + provider(0, "m") + "api_keys:\n"
			for i := range n / 4 {
				file += key(i, "m, nothing")
			}
			return file
		},
		"that name a key of many rules": func(n int) string {
			return "providers:\n" + provider(0, list(n/2, "model-%06d")) + "api_keys:\n" + key(0, list(n/2, "model-%06d")) + key(1, list(n/4, "sk-client-000000000000/model-%06d"))
		},
		"that are incomplete, beside many keys of providers": func(n int) string {
			file := "providers:\n"
			for i := range n / 4 {
				file += provider(i, "m")
			}
			return file + "api_keys:\n" + key(0, list(n/4, "/x%d"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			linear.Check(t, func(size int) func() {
				data := []byte(file(size / 30))
				return func() { Parse("api.yaml", data, env()) }
			})
		})
	}
}
