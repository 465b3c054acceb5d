//go:build !amd64 && !arm64

package respond

import (
	"bytes"
	"encoding/json"
)

// marshal writes what sonic would: without escapes that only HTML needs, and no line end.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
