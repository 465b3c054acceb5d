// Package pooltest has upstreams and proxies for tests, on real sockets.
package pooltest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// upstream is a TCP server that does what a test says, byte for byte.
type Upstream struct {
	Addr     string
	Accepted atomic.Int64
	Open     atomic.Int64
	mu       sync.Mutex
	conns    map[net.Conn]bool
	ln       net.Listener
	serve    func(*Peer)
	wg       sync.WaitGroup
}

// peer is the upstream's end of one connection.
type Peer struct {
	net.Conn
	Reader *bufio.Reader
	Nth    int64 // 1 for the upstream's first connection
}

// Listen starts an upstream; serve runs for each connection, which is closed when it returns.
func Listen(t testing.TB, serve func(*Peer)) *Upstream {
	t.Helper()
	u := new(Upstream)
	u.Start(t, serve)
	return u
}

// Start has an upstream listen, for whoever has to know it before its first connection does.
func (u *Upstream) Start(t testing.TB, serve func(*Peer)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Addr, u.ln, u.conns, u.serve = ln.Addr().String(), ln, map[net.Conn]bool{}, serve
	u.wg.Go(func() { u.accept(ln) })
	t.Cleanup(func() {
		u.hangUp()
		// A test that failed may never have told its upstream to go on.
		if !t.Failed() {
			u.wg.Wait()
		}
	})
}

// Go does something beside the connections, whose end Stop waits for.
func (u *Upstream) Go(do func()) { u.wg.Go(do) }

// accept serves what comes to a listener.
func (u *Upstream) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns[c] = true
		u.mu.Unlock()
		u.Open.Add(1)
		nth := u.Accepted.Add(1)
		u.wg.Go(func() {
			u.serve(&Peer{c, bufio.NewReader(c), nth})
			_ = c.Close()
			u.mu.Lock()
			delete(u.conns, c)
			u.mu.Unlock()
			u.Open.Add(-1)
		})
	}
}

// Deafen ends the listening, so that connections are refused; those that are open stay.
func (u *Upstream) Deafen() {
	u.mu.Lock()
	defer u.mu.Unlock()
	_ = u.ln.Close()
}

// Hear listens again, where it did.
func (u *Upstream) Hear(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", u.Addr)
	if err != nil {
		t.Fatal(err)
	}
	u.mu.Lock()
	u.ln = ln
	u.mu.Unlock()
	u.wg.Go(func() { u.accept(ln) })
}

// Stop ends the listening and every connection.
func (u *Upstream) Stop() {
	u.hangUp()
	u.wg.Wait()
}

func (u *Upstream) hangUp() {
	u.Deafen()
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close()
	}
}

// request reads one request with its body; false when there is none.
func (p *Peer) Request() (*http.Request, []byte, bool) {
	req, err := http.ReadRequest(p.Reader)
	if err != nil {
		return nil, nil, false
	}
	body, err := io.ReadAll(req.Body)
	return req, body, err == nil
}

func (p *Peer) Say(s string) { _, _ = io.WriteString(p.Conn, s) }

// hangUp waits until the other side has closed the connection.
func (p *Peer) HangUp() { _, _ = io.Copy(io.Discard, p.Reader) }

// reset closes the connection by an RST, without a word of TLS.
func (p *Peer) Reset() {
	c := p.Conn
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

const OKAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

// always answers every request of a connection alike.
func Always(answer string) func(*Peer) {
	return func(p *Peer) {
		for {
			if _, _, ok := p.Request(); !ok {
				return
			}
			p.Say(answer)
		}
	}
}

// eventually waits for what another goroutine or the kernel is about to do.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// authority is a certificate authority of the test's own and a server certificate for 127.0.0.1 and example.test.
func Authority(t testing.TB) (roots *x509.CertPool, server *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"example.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return roots, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}}
}

// overTLS wraps what a peer does in TLS.
func OverTLS(config *tls.Config, serve func(*Peer)) func(*Peer) {
	return func(p *Peer) {
		c := tls.Server(p.Conn, config)
		if c.Handshake() == nil {
			serve(&Peer{c, bufio.NewReader(c), p.Nth})
		}
		_ = c.Close()
	}
}

func ClientTLS(roots *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: roots} }
