//go:build amd64 || arm64

package requestlog

import "github.com/bytedance/sonic"

// unmarshal is sonic's, where sonic is.
func unmarshal(data []byte, v any) error { return sonic.Unmarshal(data, v) }
