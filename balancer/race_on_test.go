//go:build race

package balancer

// simulatedRequests is small where each memory access is watched.
const simulatedRequests = 150_000
