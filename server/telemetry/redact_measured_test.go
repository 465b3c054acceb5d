//go:build !race

package telemetry

import (
	"net/url"
	"strings"
	"testing"

	"uniapi/bench/linear"
)

// TestRedactingCostsLinearTime is for texts as a provider may send them to keep the gateway busy.
func TestRedactingCostsLinearTime(t *testing.T) {
	r := NewRedactor(secretsOf(upstreamKeyText, oddSecret))
	for _, unit := range []string{`\`, "%25", "%", "&amp;", "&", "&#38;", "&#", "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", `\u005c`, `\ud83d`, "Bearer ", "Bearer ya29.a0AfH6SMBx-ZyXwVuTsRqPoNmLkJiHgFeDcBastuv ",
		"Bearer%20ya29.a0AfH6SMBx-ZyXwVuTsRqPoNmLkJiHgFeDcBastuv ", upstreamKeyText, each("&#%d;")(upstreamKeyText), upstreamKeyText[:13], url.QueryEscape(url.QueryEscape(oddSecret)), "x"} {
		t.Run(unit[:min(len(unit), 20)], func(t *testing.T) {
			linear.Check(t, func(size int) func() {
				text := strings.Repeat(unit, size/len(unit)+1)
				return func() { r.Clean(text) }
			})
		})
	}
}
