package otlp

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve is a collector, with TLS if there is a configuration for it.
func serve(t *testing.T, with *tls.Config, answer http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if s.TLS = with; with != nil {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL
}

// send sends something as the variables say, for so long at most.
func send(t *testing.T, env string, most time.Duration) (Partial, error) {
	t.Helper()
	c, problem, err := NewClient(variables(env), Traces, "test/1")
	if problem != nil || err != nil {
		t.Fatal(problem, err)
	}
	defer c.Close()
	ctx := t.Context()
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	return c.Send(ctx, []byte(strings.Repeat("spans ", 100)))
}

// certificate makes one for loopback, in two files of that name.
func certificate(t *testing.T, dir string) (name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(dir, "made")
	for end, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name+end, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

func TestRequestsAreWhatTheVariablesSay(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		var got *http.Request
		var body []byte
		c := serve(t, nil, func(_ http.ResponseWriter, r *http.Request) {
			got = r
			from := io.Reader(r.Body)
			if r.Header.Get("Content-Encoding") == "gzip" {
				plain, err := gzip.NewReader(r.Body)
				if err != nil {
					t.Error(err)
					return
				}
				from = plain
			}
			body, _ = io.ReadAll(from)
		})
		if _, err := send(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c+"\nOTEL_EXPORTER_OTLP_HEADERS=x-token=sesame\nOTEL_EXPORTER_OTLP_COMPRESSION="+compression, 0); err != nil {
			t.Fatal(err)
		}
		if string(body) != strings.Repeat("spans ", 100) || got.Method != "POST" || got.URL.Path != "/v1/traces" || got.Header.Get("X-Token") != "sesame" || got.Header.Get("Content-Type") != "application/x-protobuf" ||
			got.Header.Get("User-Agent") != "test/1" || (got.Header.Get("Content-Encoding") == "gzip") != (compression == "gzip") || got.ContentLength <= 0 {
			t.Errorf("%s: %+v %q", compression, got, body)
		}
	}
}

func TestRequestIsSentAgainWhereThatIsOfUse(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		again  bool
		want   string
	}{
		{name: "too many", status: 429, again: true},
		{name: "bad gateway", status: 502, again: true},
		{name: "busy", status: 503, again: true},
		{name: "timeout", status: 504, again: true},
		{name: "with a time", status: 503, header: map[string]string{"Retry-After": "1"}, again: true},
		{name: "with a date that is past", status: 503, header: map[string]string{"Retry-After": "Mon, 02 Jan 2006 15:04:05 GMT"}, again: true},
		{name: "with a time that nobody has", status: 503, header: map[string]string{"Retry-After": "3600"}, body: "later", want: `there is no time to try again: the collector answered 503 Service Unavailable: "later"`},
		{name: "wrong", status: 400, header: map[string]string{"Content-Type": protobuf}, body: "\x08\x03\x12\x03bad", want: `the collector answered 400 Bad Request: "bad"`},
		{name: "failed", status: 500, body: " oh ", want: `the collector answered 500 Internal Server Error: "oh"`},
		{name: "elsewhere", status: 307, header: map[string]string{"Location": "http://127.0.0.1:1/"}, want: "the collector answered 307"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			at := serve(t, nil, func(w http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err != nil || len(body) != 600 {
					t.Errorf("%d bytes came: %v", len(body), err)
				}
				if asked.Add(1) > 1 {
					return
				}
				for name, value := range c.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			_, err := send(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+at, time.Minute)
			if n := asked.Load(); (n == 2) != c.again || (err == nil) != c.again || !c.again && !strings.Contains(told(err), c.want) {
				t.Errorf("asked %d times: %v", n, err)
			}
		})
	}
}

func TestCollectorThatIsAwayIsAskedAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hung := make(chan struct{})
	go func() { // the first connection is cut, the second answered
		first, _ := ln.Accept()
		first.Close()
		close(hung)
		http.Serve(ln, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}()
	defer ln.Close()
	if _, err := send(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+ln.Addr().String(), time.Minute); err != nil {
		t.Error(err)
	}
	<-hung
}

func TestNobodyWaitsToSendAgainInAHurry(t *testing.T) {
	asked := make(chan struct{}, 1)
	at := serve(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(503)
		asked <- struct{}{}
	})
	c, _, err := NewClient(variables("OTEL_EXPORTER_OTLP_ENDPOINT="+at), Traces, "test/1")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Send(context.Background(), nil)
		ended <- err
	}()
	<-asked
	c.Hurry()
	c.Hurry()
	if err := <-ended; !strings.Contains(told(err), "503") {
		t.Error(err)
	}
}

func TestRequestThatWasTakenIsTakenWhateverIsSaid(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		want             Partial
	}{
		{name: "nothing"},
		{name: "partly", kind: protobuf, body: "\x0a\x06\x08\x05\x12\x02no", want: Partial{5, "no"}},
		{name: "a page", kind: "text/html", body: "<html>"},
		{name: "nonsense", kind: protobuf, body: "<html>", want: Partial{0, "its answer cannot be read: no protobuf message"}},
		{name: "a flood", kind: "text/html", body: strings.Repeat("x", 4*mostAnswered)},
	} {
		at := serve(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			io.WriteString(w, c.body)
		})
		if p, err := send(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+at, 0); p.Rejected != c.want.Rejected || !strings.HasPrefix(p.Message, c.want.Message) || err != nil {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
}
