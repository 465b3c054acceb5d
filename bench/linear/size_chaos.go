//go:build chaos && !race

package linear

// Small and Large are the sizes of inputs in bytes.
const (
	Small = 64 << 10
	Large = Growth * Small
)
