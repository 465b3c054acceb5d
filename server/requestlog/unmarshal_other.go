//go:build !amd64 && !arm64

package requestlog

import "encoding/json"

func unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
