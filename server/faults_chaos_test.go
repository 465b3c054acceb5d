//go:build chaos

package server

import "time"

const (
	stormTime      = 2 * time.Minute
	stormClients   = 300
	faultyPatience = time.Second // of the gateway with a faulty provider
	draws          = 20          // of each fault, for a plain answer and for a stream
)
