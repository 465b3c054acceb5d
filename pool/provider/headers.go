package provider

import (
	"fmt"
	"slices"
	"strings"

	"uniapi/config"
)

// headerLines prepares the header of requests to a provider: ours, the
// engine's, and over both the provider's `headers`.
func headerLines(p *config.Provider, engine ...config.Header) []byte {
	all := []config.Header{
		{Name: "User-Agent", Value: "uni-api"},
		{Name: "Accept", Value: "*/*"},
		{Name: "Accept-Encoding", Value: "identity"}, // events must not wait in a compressor
		{Name: "Content-Type", Value: "application/json"},
	}
	for _, h := range append(engine, p.Preferences.Headers...) {
		same := func(o config.Header) bool { return strings.EqualFold(o.Name, h.Name) }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = h
		} else {
			all = append(all, h)
		}
	}
	var lines []byte
	for _, h := range all {
		lines = fmt.Appendf(lines, "%s: %s\r\n", h.Name, h.Value)
	}
	return lines
}

// perKey prepares header lines for each of a provider's keys; one entry, for
// the key "", if it has none.
func perKey(p *config.Provider, engine func(key string) []config.Header) [][]byte {
	keys := p.Keys
	if len(keys) == 0 {
		keys = []string{""}
	}
	lines := make([][]byte, len(keys))
	for i, key := range keys {
		lines[i] = headerLines(p, engine(key)...)
	}
	return lines
}
