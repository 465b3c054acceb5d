package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is a certificate of a host's own, in two files.
type authority struct{ cert, key string }

// issue writes a certificate with a serial number for 127.0.0.1.
func (a authority) issue(t *testing.T, serial int64) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gateway"}}
	cert, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{a.cert: {Type: "CERTIFICATE", Bytes: cert}, a.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		// Renewals replace files: half of one is never read.
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{RootCAs: roots, ServerName: "gateway", NextProtos: []string{"h2", "http/1.1"}}
}

func newAuthority(t *testing.T) authority {
	dir := t.TempDir()
	return authority{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// dialTLS connects and shakes hands.
func (g *gateway) dialTLS(config *tls.Config) (*client, *tls.Conn) {
	g.t.Helper()
	c := g.dial()
	secure := tls.Client(c.TCPConn, config)
	if err := secure.Handshake(); err != nil {
		g.t.Fatal(err)
	}
	c.br = bufio.NewReader(secure)
	return c, secure
}

func TestTLSServesPlainAnswersAndStreamsOverHTTP11(t *testing.T) {
	files := newAuthority(t)
	trust := files.issue(t, 1)
	g := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key}, providerOf("p", listen(t, both)))
	c, secure := g.dialTLS(trust)
	if p := secure.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("agreed on %q", p)
	}
	for request, want := range map[string]string{plainRequest: plainBodyOf("hello"), streamRequest: streamSeen, bigRequest(1 << 20): plainBodyOf("hello")} {
		if _, err := io.WriteString(secure, chatText(request)); err != nil {
			t.Fatal(err)
		}
		if a := c.answer(); a.StatusCode != 200 || a.body != want {
			t.Errorf("%d %q, want %q", a.StatusCode, a.body, want)
		}
	}
	// A client has its answer a moment before the request has ended.
	eventually(t, "nothing is counted any more", func() bool { return g.budget.Taken() == 0 })
}

func TestLargeBodiesAreCountedUnderTLS(t *testing.T) {
	files := newAuthority(t)
	trust := files.issue(t, 1)
	g := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key, RequestMemory: 1 << 20}, providerOf("p", listen(t, both)))
	c, secure := g.dialTLS(trust)
	if _, err := io.WriteString(secure, chatText(bigRequest(1<<20))); err != nil {
		t.Fatal(err)
	}
	c.answer().failure(t, 413, "request_too_large")
}

func TestClientThatLeavesUnderTLSEndsItsUpstreamRequest(t *testing.T) {
	files := newAuthority(t)
	trust := files.issue(t, 1)
	arrived, ended := make(chan bool, 1), make(chan bool, 1)
	up := listen(t, func(p *peer, _ seen) bool {
		arrived <- true
		p.gone()
		ended <- true
		return false
	})
	g := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key}, providerOf("p", up))
	_, secure := g.dialTLS(trust)
	io.WriteString(secure, chatText(plainRequest))
	receive(t, arrived, "the request at the upstream")
	secure.Close()
	receive(t, ended, "the end of the upstream's connection")
	checkGone(t, g, 1)
}

func TestConnectionThatNeverShakesHandsIsClosed(t *testing.T) {
	t.Parallel()
	files := newAuthority(t)
	files.issue(t, 1)
	g := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key, readTimes: &hasty}, providerOf("p", listen(t, both)))
	c := g.dial()
	c.send("\x16\x03\x01")
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}

func TestRenewedCertificateIsTakenUp(t *testing.T) {
	t.Parallel()
	files := newAuthority(t)
	trust := files.issue(t, 1)
	g := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key}, providerOf("p", listen(t, both)))
	serial := func(trust *tls.Config) int64 {
		_, secure := g.dialTLS(trust)
		return secure.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(trust); n != 1 {
		t.Fatalf("serial %d", n)
	}

	other := newAuthority(t)
	other.issue(t, 2)
	if err := os.Rename(other.cert, files.cert); err != nil { // the key does not belong to it yet
		t.Fatal(err)
	}
	eventually(t, "the mismatch is noticed", func() bool {
		serial(trust)
		return g.log.Count("the changed certificate cannot be used; the old one stays in force") == 1
	})
	if err := os.Rename(other.key, files.key); err != nil {
		t.Fatal(err)
	}
	whoever := trust.Clone()
	whoever.InsecureSkipVerify = true
	eventually(t, "the new one is in force", func() bool { return serial(whoever) == 2 })
	if line := g.log.Next(t, "the certificate was reloaded"); line["cert"] != files.cert {
		t.Errorf("logged %v", line)
	}
}

func TestCertificateThatCannotBeReadIsAnErrorAtTheStart(t *testing.T) {
	files := newAuthority(t)
	_, err := New(Options{Config: parseConfig(t), TLSCert: files.cert, TLSKey: files.key})
	if err == nil || !strings.Contains(err.Error(), "--tls-cert "+files.cert) {
		t.Errorf("%v", err)
	}
}

func TestPlainHTTPToATLSPortIsNotServed(t *testing.T) {
	files := newAuthority(t)
	files.issue(t, 1)
	g := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key}, providerOf("p", listen(t, both)))
	if resp, err := http.Get("http://" + g.addr + "/healthz"); err == nil {
		defer resp.Body.Close()
		if resp.StatusCode == 200 {
			t.Error("it was served")
		}
	}
}
