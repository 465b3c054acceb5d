package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/usage"
)

// What a key is told of what it has used is as long as the models that it has asked for: it takes memory as other
// answers do, and is refused where there is none.
func TestWhatAKeyHasUsedIsHeldBeforeItIsTold(t *testing.T) {
	g := startWith(t, Options{RequestMemory: 2 << 20}, providerOf("p", listen(t, both)))
	used := func(models int) {
		for i := range models {
			name := fmt.Sprintf("model-%05d%s", i, strings.Repeat("n", 200))
			g.books.Key(clientKeyText).Series("p", name, "e").Record(usage.Sample{Success: true, Tokens: usage.Tokens{Prompt: 1, Completion: 1}, Cost: 1})
		}
	}
	for _, path := range []string{"/v1/token_usage", "/v1/token_usage?last_n_days=1000&model=", "/v1/dashboard/billing/subscription", "/v1/costs", "/v1/keys", "/v1/me/timeline?all=true&by=model"} {
		if a := g.do("GET", path, "", "Authorization", "Bearer "+clientKeyText); a.StatusCode != 200 {
			t.Errorf("%s, of little: %d %.200s", path, a.StatusCode, a.body)
		}
	}
	used(100)
	if a := g.do("GET", "/v1/token_usage?api_key_param="+clientKeyText, "", "Authorization", "Bearer "+clientKeyText); a.StatusCode != 200 || strings.Count(a.body, "model-") < 100 {
		t.Errorf("of a hundred models: %d %.200s", a.StatusCode, a.body)
	}
	used(2000)
	for _, path := range []string{"/v1/token_usage", "/v1/dashboard/billing/subscription", "/v1/costs", "/v1/me/timeline?all=true&by=model"} {
		a := g.do("GET", path, "", "Authorization", "Bearer "+clientKeyText)
		if a.StatusCode < 500 || !strings.Contains(a.body, "--request-memory") {
			t.Errorf("%s, of much: %d %.200s", path, a.StatusCode, a.body)
		}
	}
	eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 })
}
