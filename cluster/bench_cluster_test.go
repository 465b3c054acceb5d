//go:build cluster

package cluster

import (
	"context"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// BenchmarkTake is what a large limit costs a request: alone, and out of what was taken ahead.
func BenchmarkTake(b *testing.B) {
	all := table(config.Limit{Count: 1_000_000_000, Window: time.Minute})
	run := func(name string, l limit.Limiter) {
		b.Run(name, func(b *testing.B) {
			unsure := 0
			for b.Loop() {
				if g, _, ok := l.Take("m", now()); !ok {
					b.Fatal("refused")
				} else if g.Unsure() {
					unsure++
				}
			}
			b.ReportMetric(float64(unsure)/float64(b.N), "unsure/op")
		})
	}
	run("alone", limit.NewLocal().Subject("key k", all))
	r := startRedis(b)
	c, _ := r.join(b, nil)
	l := c.Limits().Subject("key k", all)
	try(c, l, time.Second)
	run("shared", l)
}

// BenchmarkHold is what quotas of all kinds cost a request: alone, and out of what was given ahead.
func BenchmarkHold(b *testing.B) {
	all := quotaTable(config.Quota{Of: config.Tokens, Count: 1e15, Window: time.Minute}, config.Quota{Of: config.Money, Count: 1e15, Window: day, Zone: "UTC"},
		config.Quota{Of: config.Concurrent, Count: 1e6})
	run := func(name string, c *Cluster, l limit.Limiter) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h, _, ok := l.Hold("m", limit.Need{Tokens: 1000, Money: 1e6}, now(), false)
				if h.Unsure() && ok {
					ctx, cancel := context.WithTimeout(b.Context(), time.Second)
					_, _, err := c.Limits().Confirm(ctx, []limit.Grant{h.Asked()})
					if cancel(); err != nil {
						b.Fatal(err)
					}
				}
				if !ok {
					b.Fatal("refused")
				}
				h.Settle(limit.Need{Tokens: 100, Money: 1e5}, now())
			}
		})
	}
	run("alone", nil, limit.NewLocal().Subject("key k", all))
	r := startRedis(b)
	c, _ := r.join(b, nil)
	run("shared", c, c.Limits().Subject("key k", all))
}

// BenchmarkAsk is what a small quota costs a request, beside a round trip to Redis.
func BenchmarkAsk(b *testing.B) {
	r := startRedis(b)
	c, _ := r.join(b, nil)
	b.Run("round trip", func(b *testing.B) {
		client := *c.client.Load()
		for b.Loop() {
			if err := client.Do(b.Context(), client.B().Ping().Build()).Error(); err != nil {
				b.Fatal(err)
			}
		}
	})
	l := c.Limits().Subject("key k", quotaTable(config.Quota{Of: config.Concurrent, Count: 8}))
	b.Run("asked", func(b *testing.B) {
		for b.Loop() {
			h, ok, _, err := begin(c, l, limit.Need{}, time.Second)
			if !ok || err != nil {
				b.Fatal(ok, err)
			}
			h.Settle(limit.Need{}, now())
		}
	})
}
