package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/redis/rueidis"
)

// What a connection may take of memory, and how long it may be silent when an answer is due.
const (
	readBuffer = 64 << 10
	ringScale  = 8 // 2^8 commands at once in a connection
	dialWithin = 2 * time.Second
	silentFor  = 2 * time.Second
)

// connect makes the client, which then connects again by itself. It does not end before Redis has been reached, or
// could not be.
func (c *Cluster) connect(ctx context.Context) error {
	s := c.server
	option := rueidis.ClientOption{
		InitAddress: s.Addresses, Username: s.Username, Password: s.Password, SelectDB: s.Database, ClientName: "uni-api",
		DisableRetry: true,                         // what was sent may have been recorded
		DisableCache: true, AlwaysPipelining: true, // so that it is noticed when it hangs up
		ConnWriteTimeout: silentFor, Dialer: net.Dialer{Timeout: dialWithin, KeepAlive: 15 * time.Second},
		ReadBufferEachConn: readBuffer, WriteBufferEachConn: readBuffer, RingScaleEachConn: ringScale, BlockingPoolSize: 4, PipelineMultiplex: -1,
		DialCtxFn:         dial,
		ForceSingleClient: s.Master == "" && len(s.Addresses) == 1 && s.Database != 0,
	}
	if s.TLS {
		var err error
		if option.TLSConfig, err = trusting(s.CA); err != nil {
			return err
		}
	}
	if s.Master != "" {
		option.Sentinel = rueidis.SentinelOption{
			MasterSet: s.Master, Username: s.Username, Password: s.Password, ClientName: "uni-api", TLSConfig: option.TLSConfig, Dialer: option.Dialer,
		}
	}
	type made struct {
		client rueidis.Client
		err    error
	}
	done := make(chan made, 1)
	go func() {
		client, err := rueidis.NewClient(option)
		done <- made{client, err}
	}()
	select {
	case m := <-done:
		if m.err != nil {
			return m.err
		}
		c.client.Store(&m.client)
		return nil
	case <-ctx.Done():
		go func() { // it ends by the deadlines of its own
			if m := <-done; m.err == nil {
				m.client.Close()
			}
		}()
		return errors.New("it cannot be reached in time")
	}
}

// trusting is TLS with servers whose certificates somebody has signed: whom the system trusts, or who stands in a file.
func trusting(file string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the certificates of cluster's ca cannot be read: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("cluster's ca, %s, has no certificate in PEM", file)
	}
	return cfg, nil
}
