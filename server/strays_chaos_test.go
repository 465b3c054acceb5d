//go:build chaos

package server

const (
	strayRequests = 100_000
	strayClients  = 16 // of each provider, half of them with either key
)
