//go:build !race

package linear

const instrumented = 1
