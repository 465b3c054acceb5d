//go:build !chaos

package server

import "time"

// A few seconds of what the tag chaos makes minutes of.
const (
	stormTime      = time.Second
	stormClients   = 40
	faultyPatience = 500 * time.Millisecond // of the gateway with a faulty provider
	draws          = 1                      // of each fault, for a plain answer and for a stream
)
