package pool

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
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
type upstream struct {
	addr     string
	accepted atomic.Int64
	open     atomic.Int64
	mu       sync.Mutex
	conns    map[net.Conn]bool
	ln       net.Listener
	wg       sync.WaitGroup
}

// peer is the upstream's end of one connection.
type peer struct {
	net.Conn
	br  *bufio.Reader
	nth int64 // 1 for the upstream's first connection
}

// listen starts an upstream; serve runs for each connection, which is closed when it returns.
func listen(t testing.TB, serve func(*peer)) *upstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{addr: ln.Addr().String(), ln: ln, conns: map[net.Conn]bool{}}
	u.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			u.mu.Lock()
			u.conns[c] = true
			u.mu.Unlock()
			u.open.Add(1)
			nth := u.accepted.Add(1)
			u.wg.Go(func() {
				serve(&peer{c, bufio.NewReader(c), nth})
				_ = c.Close()
				u.mu.Lock()
				delete(u.conns, c)
				u.mu.Unlock()
				u.open.Add(-1)
			})
		}
	})
	t.Cleanup(u.stop)
	return u
}

func (u *upstream) stop() {
	_ = u.ln.Close()
	u.mu.Lock()
	for c := range u.conns {
		_ = c.Close()
	}
	u.mu.Unlock()
	u.wg.Wait()
}

// request reads one request with its body; false when there is none.
func (p *peer) request() (*http.Request, []byte, bool) {
	req, err := http.ReadRequest(p.br)
	if err != nil {
		return nil, nil, false
	}
	body, err := io.ReadAll(req.Body)
	return req, body, err == nil
}

func (p *peer) say(s string) { _, _ = io.WriteString(p.Conn, s) }

// hangUp waits until the other side has closed the connection.
func (p *peer) hangUp() { _, _ = io.Copy(io.Discard, p.br) }

// reset closes the connection by an RST, without a word of TLS.
func (p *peer) reset() {
	c := p.Conn
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

// always answers every request of a connection alike.
func always(answer string) func(*peer) {
	return func(p *peer) {
		for {
			if _, _, ok := p.request(); !ok {
				return
			}
			p.say(answer)
		}
	}
}

func newPool(t testing.TB, o Options) *Pool {
	p := New(o)
	t.Cleanup(p.Close)
	return p
}

func target(t testing.TB, p *Pool, scheme, addr, proxyURL string) *Target {
	t.Helper()
	tg, err := p.Target(scheme, addr, proxyURL)
	if err != nil {
		t.Fatal(err)
	}
	return tg
}

// direct is a target of a new pool.
func direct(t testing.TB, u *upstream) *Target {
	t.Helper()
	return target(t, newPool(t, Options{}), "http", u.addr, "")
}

var post = &Request{Method: "POST", Path: "/v1/x", Header: []byte("Content-Type: application/json\r\n"), Body: [][]byte{[]byte(`{"a":`), []byte(`1}`)}}

var patient = Deadlines{FirstByte: 10 * time.Second, Idle: 10 * time.Second}

// fetch does one exchange to its end.
func fetch(tg *Target, req *Request, d Deadlines) (status int, body string, err error) {
	var call Call
	resp, err := tg.Do(&call, req, d)
	if err != nil {
		return 0, "", err
	}
	defer resp.Close()
	b, err := resp.AppendBody(nil, 0)
	return resp.Status, string(b), err
}

func mustFetch(t testing.TB, tg *Target) {
	t.Helper()
	if status, _, err := fetch(tg, post, patient); err != nil || status != 200 {
		t.Fatalf("status %d, error %v", status, err)
	}
}

// kindOf is the kind of a pool error, 0 for no error.
func kindOf(t testing.TB, err error) Kind {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%T is not an *Error: %v", err, err)
	}
	return e.Kind
}

// eventually waits for what another goroutine or the kernel is about to do.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// authority is a certificate authority of the test's own and a server certificate for 127.0.0.1 and example.test.
func authority(t testing.TB) (roots *x509.CertPool, server *tls.Config) {
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
func overTLS(config *tls.Config, serve func(*peer)) func(*peer) {
	return func(p *peer) {
		c := tls.Server(p.Conn, config)
		if c.Handshake() == nil {
			serve(&peer{c, bufio.NewReader(c), p.nth})
		}
		_ = c.Close()
	}
}

func clientTLS(roots *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: roots} }
