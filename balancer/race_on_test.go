//go:build race

package balancer

// simulatedRequests is small where each memory access is watched: blame_test.go has its share.
const simulatedRequests = 150_000
