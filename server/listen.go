package server

import (
	"context"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listen returns what to serve on: the sockets that the service manager has
// opened for this process (LISTEN_FDS), which outlive it, so that nobody is
// refused while it is restarted; if there are none, one on address. With reusePort,
// other processes may listen on the same address, and the kernel spreads
// connections over them.
func Listen(address string, reusePort bool) ([]*net.TCPListener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("taking the service manager's sockets: %w", err)
	}
	var listeners []*net.TCPListener
	for i, ln := range passed {
		tcp, ok := ln.(*net.TCPListener)
		if !ok {
			return nil, fmt.Errorf("socket %d of the service manager is not a listening TCP socket; its ListenStream= must be an address and a port", i+1)
		}
		listeners = append(listeners, tcp)
	}
	if listeners != nil {
		return listeners, nil
	}
	var config net.ListenConfig
	if reusePort {
		config.Control = setReusePort
	}
	ln, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return []*net.TCPListener{ln.(*net.TCPListener)}, nil
}
