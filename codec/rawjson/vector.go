//go:build amd64 || arm64

package rawjson

import "github.com/bytedance/sonic/decoder"

// skipVector finds the end of the value that data begins with by vector code. A start that is not 0 says that it found
// none.
func skipVector(data []byte) (start, end int) { return decoder.Skip(data) }
