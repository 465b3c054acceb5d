package balancer_test

import (
	"fmt"

	"uniapi/balancer"
	"uniapi/config"
)

// A plan gives one attempt after the other until one is reported as served.
func ExamplePlan() {
	cfg, err := config.Parse("api.yaml", []byte(`
providers:
  - {provider: first, base_url: https://first.example/v1, api: up-1, model: [m]}
  - {provider: second, base_url: https://second.example/v1, api: up-2, model: [m]}
api_keys:
  - {api: sk-0123456789abcdef, model: [all]}
`), func(string) string { return "" })
	if err != nil {
		fmt.Println(err)
		return
	}
	table := balancer.Build(cfg, balancer.NewState(balancer.Stores{}), func(i int) []config.Model { return cfg.Providers[i].Models })
	key := table.Key("sk-0123456789abcdef")
	var plan balancer.Plan
	plan.Start(key, key.Find("m"))
	for attempt, more := plan.Next(); more; attempt, more = plan.Next() {
		outcome := balancer.Outcome{Verdict: balancer.Served}
		if attempt.Number == 1 {
			outcome = balancer.Outcome{Verdict: balancer.Unavailable, Reason: "status 503"}
		}
		fmt.Println(attempt.Provider.Config.Name, outcome.Reason)
		plan.Report(attempt, outcome)
		if outcome.Verdict == balancer.Served {
			break
		}
	}
	// Output:
	// first status 503
	// second
}
