// Package bench measures what a request costs inside the gateway. What it costs
// beside nginx and haproxy is measured by bench/peers, with real processes.
package bench

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/balancer"
	"uniapi/codec/formats/openai"
	"uniapi/codec/passthrough"
	"uniapi/config"
)

// body is a chat request with about size bytes of text in it.
func body(size int, stream bool) []byte {
	return fmt.Appendf(nil, `{"model":"gpt-4o","stream":%v,"messages":[{"role":"user","content":"%s"}],"temperature":0.7,"max_tokens":512}`,
		stream, strings.Repeat("lorem ipsum ", size/12))
}

// table routes gpt-4o to the number of channels.
func table(b *testing.B, channels int) *balancer.Table {
	b.Helper()
	var file strings.Builder
	file.WriteString("providers:\n")
	for i := range channels {
		fmt.Fprintf(&file, "  - {provider: p%d, base_url: 'http://127.0.0.1:9/v1/chat/completions', api: [a, b], model: [{up-model: gpt-4o}]}\n", i)
	}
	file.WriteString("api_keys:\n  - {api: sk-bench, model: [all]}\n")
	cfg, err := config.Parse("bench.yaml", []byte(file.String()), func(string) string { return "" })
	if err != nil {
		b.Fatal(err)
	}
	return balancer.Build(cfg, balancer.NewState(balancer.Stores{}), func(i int) []config.Model { return cfg.Providers[i].Models })
}

// BenchmarkRoute is everything between the body's arrival and the first attempt:
// reading the model, finding the route, planning, taking a key.
func BenchmarkRoute(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			request := body(size, true)
			key := table(b, 3).Key("sk-bench")
			var plan balancer.Plan
			b.SetBytes(int64(len(request)))
			b.ReportAllocs()
			for b.Loop() {
				head, err := openai.ReadHead(request)
				if err != nil {
					b.Fatal(err)
				}
				plan.Start(key, key.Find(head.Model))
				attempt, more := plan.Next()
				if !more {
					b.Fatal("no attempt")
				}
				plan.Report(attempt, balancer.Outcome{Verdict: balancer.Served})
			}
		})
	}
}

// BenchmarkSplice is the making of an upstream's body: the model replaced and
// usage asked for, without copying the rest.
func BenchmarkSplice(b *testing.B) {
	request := body(100<<10, true)
	head, err := openai.ReadHead(request)
	if err != nil {
		b.Fatal(err)
	}
	var parts [][]byte
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		scratch = scratch[:0]
		parts = head.Parts(parts[:0], request, "up-model", true, &scratch)
	}
}

// BenchmarkStreamPass is a stream of 50 events on its way to the client, four
// events to a read.
func BenchmarkStreamPass(b *testing.B) {
	var reads [][]byte
	for i := range 48 {
		if i%4 == 0 {
			reads = append(reads, nil)
		}
		last := &reads[len(reads)-1]
		*last = fmt.Appendf(*last, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"up-model\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word%d\"},\"finish_reason\":null}],\"usage\":null}\n\n", i)
	}
	reads = append(reads, []byte("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"+
		"data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":48,\"total_tokens\":58}}\n\ndata: [DONE]\n\n"))
	var pass passthrough.Stream
	chat := openai.Inspector{HideUsage: true}
	scratch := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		pass.Reset(&chat)
		for _, r := range reads {
			scratch = append(scratch[:0], r...)
			if _, err := pass.Push(scratch); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := pass.End(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50, "ns/event")
}
