package server

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"uniapi/server/servertest"
)

// scrapeWithout asks the address of ServeMetrics, with no key.
func scrapeWithout(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestMetricsOnAnAddressOfTheirOwnNeedNoKeyUntilTheEndOfTheDrain(t *testing.T) {
	t.Parallel()
	goOn := make(chan bool)
	up := listen(t, pausing(goOn))
	g := start(t, providerOf("p", up))
	addr, err := g.ServeMetrics("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + addr.String()
	if _, err := g.ServeMetrics(addr.String()); err == nil || !strings.Contains(err.Error(), addr.String()) || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("an address in use: %v", err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		word         string
	}{
		{"GET", "/metrics", 200, "uniapi_requests_in_flight 0\n"}, {"GET", "/healthz", 200, `"status":"ok"`}, {"GET", "/v1/models", 404, ""}, {"GET", "/", 404, ""},
		{"POST", "/metrics", 405, ""},
		{"GET", "/debug/pprof/goroutine?debug=1", 200, "goroutine profile"}, {"GET", "/debug/pprof/cmdline", 404, ""},
	} {
		status, body := scrapeWithout(t, c.method, url+c.path)
		if status != c.status || !strings.Contains(body, c.word) {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
		if c.path == "/metrics" && status == 200 {
			if _, err := servertest.ReadMetrics(body); err != nil {
				t.Error(err)
			}
		}
	}
	g.do("GET", "/metrics", "").failure(t, 401, "invalid_api_key") // the address of the API still asks for one
	g.do("GET", "/debug/pprof/heap", "").failure(t, 404, "not_found")

	client := g.dial()
	client.post(streamRequest)
	client.br.Peek(1)
	over := make(chan error, 1)
	go func() { over <- g.Shutdown(t.Context()) }()
	eventually(t, "it is draining", g.draining.Load)
	if status, body := scrapeWithout(t, "GET", url+"/metrics"); status != 200 || !strings.Contains(body, "uniapi_streams_in_flight 1\n") {
		t.Errorf("during the drain: %d %s", status, body)
	}
	close(goOn)
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", addr.String()); err == nil {
		conn.Close()
		t.Error("after the end metrics are still served")
	}
}

func TestCommandServesMetricsOnAnAddressOfTheirOwn(t *testing.T) {
	c := build(t)
	c.file(t, "api.yaml", goodFile)
	s := c.serve(t, nil, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0")
	if !strings.Contains(s.log.String(), `"msg":"serving metrics"`) {
		t.Fatalf("the log does not say where metrics are:\n%s", s.log)
	}
	busy := strings.TrimPrefix(s.url, "http://")
	_, stderr, code := c.run(t, []string{"DISABLE_DATABASE=true"}, "--listen", "127.0.0.1:0", "--metrics-listen", busy)
	if code != 1 || !strings.Contains(stderr, "another --metrics-listen can") || !strings.Contains(stderr, busy) || !strings.Contains(stderr, "address already in use") {
		t.Errorf("with an address in use it ends with %d: %s", code, stderr)
	}
}
