package openai

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"uniapi/codec/rawjson"
)

// byName sets on s what Parts changes, for a Splicer that finds the members by their names.
func byName(s *rawjson.Splicer, h *Head, body []byte, upstreamModel string, askUsage bool) {
	s.Set("model", rawjson.AppendString(nil, upstreamModel))
	if !askUsage || !h.Stream || h.IncludeUsage {
		return
	}
	options := usageOptions
	if h.streamOptions().Kind == rawjson.Object {
		options = rawjson.With(h.streamOptions().Raw(body), "include_usage", yes)
	}
	s.Set("stream_options", options)
}

// BenchmarkSplice has the same bodies made by the places that a Head knows, and by looking for the members anew, which
// is why a Head keeps them.
func BenchmarkSplice(b *testing.B) {
	plain := func(size int) []byte {
		return []byte(`{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("lorem ipsum ", size/12) + `"}],"temperature":0.7}`)
	}
	merged := bytes.Replace(chatBody(1<<10), []byte(`"stream":true`), []byte(`"stream":true,"stream_options":{"include_obfuscation":false}`), 1)
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"plain_1KB", plain(1 << 10)}, {"plain_100KB", plain(100 << 10)}, {"plain_1MB", plain(1 << 20)},
		{"prose_100KB", chatBody(100 << 10)}, {"prose_1MB", chatBody(1 << 20)}, {"two_members_1KB", merged},
	} {
		h, err := ReadHead(c.body)
		if err != nil {
			b.Fatal(err)
		}
		var dst [][]byte
		b.Run(c.name+"/places", func(b *testing.B) {
			var scratch []byte
			b.ReportAllocs()
			for b.Loop() {
				scratch = scratch[:0]
				dst = h.Parts(dst[:0], c.body, "gpt-4o-2024-08-06", true, &scratch)
			}
		})
		want := slices.Concat(dst...)
		b.Run(c.name+"/names", func(b *testing.B) {
			var s rawjson.Splicer
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				byName(&s, &h, c.body, "gpt-4o-2024-08-06", true)
				if dst, err = s.Parts(dst[:0], c.body); err != nil {
					b.Fatal(err)
				}
			}
		})
		if got := slices.Concat(dst...); len(want) != len(got) {
			b.Errorf("%s: %d bytes by places, %d by names", c.name, len(want), len(got))
		}
	}
}
