package telemetry

import (
	"fmt"
	"strings"
)

// Keys of tests.
const (
	clientKeyText   = "sk-client-0123456789abcdefghijklmn"
	upstreamKeyText = "sk-upstream-abcdefghijklmnopqrstuvwxyz"
)

func escapedJSON(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&out, `\u%04x`, c)
	}
	return out.String()
}

func percented(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}
