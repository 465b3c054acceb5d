//go:build amd64 || arm64

package respond

import "github.com/bytedance/sonic"

// marshal is sonic's, where sonic is.
func marshal(v any) ([]byte, error) { return sonic.Marshal(v) }
