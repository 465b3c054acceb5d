package balancer

import (
	"fmt"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// BenchmarkPlan is what routing costs a request that is served by its first
// channel: finding the route of one of 10,000 models, Start and one Next, with
// 200 channels. The goal is 1 µs and no allocation.
func BenchmarkPlan(b *testing.B) {
	for _, schedule := range schedules {
		b.Run(string(schedule), func(b *testing.B) {
			key := wide(schedule).table.Key("sk")
			var plan Plan
			plan.Start(key, key.Find("model-5000"))
			b.ReportAllocs()
			for b.Loop() {
				plan.Start(key, key.Find("model-5000"))
				a, _ := plan.Next()
				plan.Report(a, Outcome{Verdict: Served, Whole: time.Millisecond})
			}
		})
	}
}

func BenchmarkPlanParallel(b *testing.B) {
	for _, schedule := range schedules {
		b.Run(string(schedule), func(b *testing.B) {
			key := wide(schedule).table.Key("sk")
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var plan Plan
				for pb.Next() {
					plan.Start(key, key.Find("model-5000"))
					a, _ := plan.Next()
					plan.Report(a, Outcome{Verdict: Served, Whole: time.Millisecond})
				}
			})
		})
	}
}

// BenchmarkPlanWhileSomeRest has every tenth channel at rest.
func BenchmarkPlanWhileSomeRest(b *testing.B) {
	for _, schedule := range schedules {
		b.Run(string(schedule), func(b *testing.B) {
			f := wide(schedule)
			for i, p := range f.table.Providers {
				if i%10 == 0 {
					p.channels[0].breaker.Failed(&breaker.Pause{Began: 1, Until: never - 1, Sure: true}, nil, 0)
				}
			}
			key := f.table.Key("sk")
			var plan Plan
			plan.Start(key, key.Find("model-5000"))
			b.ReportAllocs()
			for b.Loop() {
				plan.Start(key, key.Find("model-5000"))
				a, _ := plan.Next()
				plan.Report(a, Outcome{Verdict: Served, Whole: time.Millisecond})
			}
		})
	}
}

// wide is 10,000 models, one of which 200 providers have, each with a weight. Time
// is real: asking for it is a part of the cost.
func wide(schedule config.Schedule) *fixture {
	var texts, rules []string
	for i := range 200 {
		name := fmt.Sprint("provider-", i)
		text := name + "=2:model-5000"
		for j := range 50 {
			text += fmt.Sprint(",model-", i*50+j)
		}
		texts = append(texts, text)
		rules = append(rules, fmt.Sprintf("%s/*: %d", name, 1+i%7))
	}
	f := providers(texts...).key("sk", schedule, rules...)
	f.state = NewState(Stores{})
	return f.build()
}

// BenchmarkBuild loads configurations of the size of the largest that are in use:
// 5,000 models in the lists of 50 providers, each model at two of them, and 1,000
// keys. The goal is 100 ms.
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
			f := large(shape.rules)
			b.ReportAllocs()
			for b.Loop() {
				f.build()
			}
		})
	}
}

// BenchmarkFirstRequestForAModel is what Build leaves to the first request of a
// rule set for a model: making its route.
func BenchmarkFirstRequestForAModel(b *testing.B) {
	f := large(func(int) []string { return []string{"provider-7/*", "<vendor/model-7>", "all"} }).build()
	routes := f.table.Key("sk-0").Routes
	number := routes.matcher.numbers["vendor/model-750"]
	b.ReportAllocs()
	for b.Loop() {
		routes.route(number)
	}
}

// BenchmarkListingModels is what Build leaves to the first GET /v1/models of a
// rule set.
func BenchmarkListingModels(b *testing.B) {
	f := large(func(int) []string { return []string{"provider-7/*", "<vendor/model-7>", "all"} }).build()
	b.ReportAllocs()
	for b.Loop() {
		routes := Routes{matcher: f.table.Key("sk-0").matcher, rules: f.table.Key("sk-0").rules}
		routes.Models()
	}
}

// large is the configuration of BenchmarkBuild, not built yet. rules are those of
// the key with a number.
func large(rules func(key int) []string) *fixture {
	var texts []string
	for i := range 50 {
		text := fmt.Sprint("provider-", i, "=2:")
		for j := range 200 {
			if j > 0 {
				text += ","
			}
			text += fmt.Sprint("vendor/model-", (i*100+j)%5000)
		}
		texts = append(texts, text)
	}
	f := providers(texts...)
	for i := range 1000 {
		f.key(fmt.Sprint("sk-", i), config.RoundRobin, rules(i)...)
	}
	return f
}
