package pool

import (
	"errors"
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

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
func direct(t testing.TB, u *pooltest.Upstream) *Target {
	t.Helper()
	return target(t, newPool(t, Options{}), "http", u.Addr, "")
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
