package conn

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// secureConn is a client's connection under TLS.
type secureConn struct {
	*tls.Conn
	below *Conn
}

func (c *secureConn) Read(p []byte) (int, error) {
	c.below.hold.settle(c)
	return c.below.requests.read(c.Conn, p)
}

func (c *secureConn) Close() error {
	c.below.hold.settle(c)
	return c.Conn.Close()
}

// certificate is the server's certificate and key. It is looked at again when a
// client connects, at most once a second, so that a renewed one is in force
// without anybody having to tell.
type certificate struct {
	certPath, keyPath string
	log               *slog.Logger

	mu         sync.Mutex
	current    *tls.Certificate
	cert, key  os.FileInfo // of the files as they were when they were last read
	nextLook   time.Time
	lastFailed string // so that a failure is told once
}

const certificateLook = time.Second

// TLSConfig serves HTTP/1.1 under the certificate and key in two PEM files.
func TLSConfig(certPath, keyPath string, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{certPath: certPath, keyPath: keyPath, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		GetCertificate: c.get,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
	}, nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.After(c.nextLook) {
		c.nextLook = now.Add(certificateLook)
		c.look()
	}
	return c.current, nil
}

// look reads the files if they have changed. A renewal writes one after the
// other: until they belong together, the old ones stay.
func (c *certificate) look() {
	if sameFile(c.certPath, c.cert) && sameFile(c.keyPath, c.key) {
		return
	}
	err := c.load()
	switch {
	case err == nil:
		c.lastFailed = ""
		c.log.Info("the certificate was reloaded", "cert", c.certPath, "expires", c.current.Leaf.NotAfter)
	case err.Error() != c.lastFailed:
		c.lastFailed = err.Error()
		c.log.Error("the changed certificate cannot be used; the old one stays in force", "error", err)
	}
}

func (c *certificate) load() error {
	// Before reading: a change in between is found by the next look.
	cert, _ := os.Stat(c.certPath)
	key, _ := os.Stat(c.keyPath)
	pair, err := tls.LoadX509KeyPair(c.certPath, c.keyPath)
	if err != nil {
		return fmt.Errorf("reading --tls-cert %s and --tls-key %s: %w", c.certPath, c.keyPath, err)
	}
	c.current, c.cert, c.key = &pair, cert, key
	return nil
}

func sameFile(path string, seen os.FileInfo) bool {
	now, err := os.Stat(path)
	return err == nil && seen != nil && os.SameFile(now, seen) && now.ModTime().Equal(seen.ModTime()) && now.Size() == seen.Size()
}
