//go:build !race

package balancer

const simulatedRequests = 1_000_000
