package openai

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/bytedance/sonic/decoder"

	"uniapi/codec/rawjson"
)

// chatBody is a request body of about size bytes: a conversation of prose with the escapes that prose has.
func chatBody(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4o","stream":true,"temperature":0.7,"messages":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"role":"user","content":"%s"}`, strings.Repeat(`He said \"no\" to the first 25 of them,\nand then went on. `, 8))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// toolBody is a body of the kind that scanners like least: many small tokens.
func toolBody(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"tools":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"function","function":{"name":"tool_%d","description":"does something","parameters":{"type":"object",`+
			`"properties":{"path":{"type":"string"},"depth":{"type":"integer","minimum":0},"all":{"type":"boolean"}},"required":["path"]}}}`, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func BenchmarkReadHead(b *testing.B) {
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"prose 1KB", chatBody(1 << 10)}, {"prose 100KB", chatBody(100 << 10)}, {"prose 1MB", chatBody(1 << 20)},
		{"tools 100KB", toolBody(100 << 10)},
		{"image 1MB", []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("iVBORw0K", 1<<17) + `"}]}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				if _, err := ReadHead(c.body); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+" sonic Skip", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				if start, _ := decoder.Skip(c.body); start < 0 {
					b.Fatal("not skipped")
				}
			}
		})
		b.Run(c.name+" rawjson One", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				if _, err := rawjson.One(c.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An event of 200 bytes, as OpenAI sends it.
func ordinaryEvent(text string) string {
	return `data: {"id":"chatcmpl-BpJBM4XqgLRpLxmTeun39ES","object":"chat.completion.chunk","created":1751568164,"model":"gpt-4o",` +
		`"choices":[{"index":0,"delta":{"content":"` + text + `"},"finish_reason":null}]}` + "\n\n"
}

func BenchmarkPassthrough(b *testing.B) {
	var burst []byte
	for i := range 50 {
		burst = append(burst, ordinaryEvent(fmt.Sprintf(" w%d", i))...)
	}
	one := []byte(ordinaryEvent(" word"))
	escaped := []byte(ordinaryEvent(`\n\"x\"`))
	counted := []byte(strings.Replace(string(one), `null}]}`, `null}],"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":13}}`, 1))
	for _, c := range []struct {
		name   string
		p      []byte
		events int
	}{{"one event a push", one, 1}, {"one event with escapes", escaped, 1}, {"50 events a push", burst, 50}, {"usage in every event", counted, 1}} {
		b.Run(c.name, func(b *testing.B) {
			var s pass
			s.Reset(true)
			b.ReportAllocs()
			b.SetBytes(int64(len(c.p)))
			for b.Loop() {
				if out, err := s.Push(c.p); err != nil || len(out) != len(c.p) {
					b.Fatal(len(out), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.events), "ns/event")
		})
	}
	b.Run("no event like the one before", func(b *testing.B) {
		other := []byte(strings.Replace(string(one), "1751568164", "1751568165", 1))
		var s pass
		s.Reset(true)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Push(one)
			_, _ = s.Push(other)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2), "ns/event")
	})
}
