//go:build !chaos

package server

// A little of what the tag chaos makes much of.
const (
	strayRequests = 3_000
	strayClients  = 8
)
