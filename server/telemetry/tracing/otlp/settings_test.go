package otlp

import (
	"crypto/tls"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// variables are an environment, a line for each.
func variables(text string) func(string) string {
	return func(name string) string {
		for line := range strings.Lines(text) {
			if n, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "="); n == name {
				return value
			}
		}
		return ""
	}
}

func TestSettingsOfASignalGoBeforeThoseOfAll(t *testing.T) {
	const usual = "http://localhost:4318/v1/traces"
	for _, c := range []struct {
		name, env, url string
		header         map[string]string
		gzip           bool
		timeout        time.Duration
		problem, fatal string
	}{
		{name: "nothing", url: usual},
		{name: "an address for all", env: "OTEL_EXPORTER_OTLP_ENDPOINT=https://c:1", url: "https://c:1/v1/traces"},
		{name: "one with a path", env: "OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otlp/?key=1", url: "https://c/otlp/v1/traces?key=1"},
		{name: "one for traces", env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://other\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c/x/", url: "http://c/x/"},
		{name: "one without a path", env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:2", url: "http://c:2/"},
		{name: "no address", env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:secret@c:port", fatal: "OTEL_EXPORTER_OTLP_ENDPOINT is to be an address like"},
		{name: "headers", env: "OTEL_EXPORTER_OTLP_HEADERS=a=1, B = x%2Cy%20z ,c=u=v", url: usual, header: map[string]string{"A": "1", "B": "x,y z", "C": "u=v"}},
		{name: "headers of traces alone", env: "OTEL_EXPORTER_OTLP_HEADERS=a=1\nOTEL_EXPORTER_OTLP_TRACES_HEADERS=b=2", url: usual, header: map[string]string{"B": "2"}},
		{name: "headers that are none", env: "OTEL_EXPORTER_OTLP_HEADERS=secret,a b=1,c=%zz,d=x%0Ay,e=5", url: usual, header: map[string]string{"E": "5"}, problem: "OTEL_EXPORTER_OTLP_HEADERS: 4 of the headers"},
		{name: "compressed", env: "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", url: usual, gzip: true},
		{name: "but not traces", env: "OTEL_EXPORTER_OTLP_COMPRESSION=gzip\nOTEL_EXPORTER_OTLP_TRACES_COMPRESSION=none", url: usual},
		{name: "otherwise", env: "OTEL_EXPORTER_OTLP_COMPRESSION=zstd", url: usual, problem: `OTEL_EXPORTER_OTLP_COMPRESSION is "zstd"`},
		{name: "a time", env: "OTEL_EXPORTER_OTLP_TIMEOUT=1500", url: usual, timeout: 1500 * time.Millisecond},
		{name: "no time", env: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=10s\nOTEL_EXPORTER_OTLP_TIMEOUT=5", url: usual, problem: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is a number of milliseconds"},
		{name: "of metrics", env: "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=7\nOTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://m", url: usual},
		{name: "no certificate", env: "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere", fatal: "OTEL_EXPORTER_OTLP_CERTIFICATE: open /nowhere"},
		{name: "a key alone", env: "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY=/nowhere", fatal: "each needs the other"},
	} {
		s, problem, fatal := read(variables(c.env), Traces)
		if told(problem) != c.problem && (c.problem == "" || !strings.Contains(told(problem), c.problem)) || told(fatal) != c.fatal && (c.fatal == "" || !strings.Contains(told(fatal), c.fatal)) {
			t.Errorf("%s: %v, %v", c.name, problem, fatal)
		}
		if strings.Contains(told(problem)+told(fatal), "secret") {
			t.Errorf("%s: a secret is told: %v, %v", c.name, problem, fatal)
		}
		if fatal != nil {
			continue
		}
		header := map[string]string{}
		for name := range s.header {
			header[name] = s.header.Get(name)
		}
		if c.timeout == 0 {
			c.timeout = usualTimeout
		}
		if s.url != c.url || s.gzip != c.gzip || s.timeout != c.timeout || !maps.Equal(header, c.header) {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func told(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCertificatesAreThoseOfTheFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "none"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, fatal := read(variables("OTEL_EXPORTER_OTLP_CERTIFICATE="+filepath.Join(dir, "none")), Metrics); !strings.Contains(told(fatal), "there is no certificate in PEM") {
		t.Error(fatal)
	}
	made := certificate(t, dir)
	s, _, fatal := read(variables("OTEL_EXPORTER_OTLP_CERTIFICATE="+made+".pem\nOTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE="+made+".pem\nOTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY="+made+".key"), Metrics)
	if fatal != nil || s.tls == nil || s.tls.RootCAs == nil || len(s.tls.Certificates) != 1 {
		t.Errorf("%+v, %v", s, fatal)
	}
	if s, _, fatal = read(variables("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE="+made+".pem\nOTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY="+made+".key"), Traces); fatal != nil || s.tls != nil {
		t.Errorf("%+v, %v", s, fatal)
	}
}

// TestCollectorIsReachedByTLSOnBothSides has one that wants a certificate of its clients'.
func TestCollectorIsReachedByTLSOnBothSides(t *testing.T) {
	made := certificate(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(made+".pem", made+".key")
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}, func(http.ResponseWriter, *http.Request) {})
	env := "OTEL_EXPORTER_OTLP_ENDPOINT=" + c + "\nOTEL_EXPORTER_OTLP_CERTIFICATE=" + made + ".pem"
	if _, err := send(t, env+"\nOTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE="+made+".pem\nOTEL_EXPORTER_OTLP_CLIENT_KEY="+made+".key", 0); err != nil {
		t.Error(err)
	}
	if _, err := send(t, env, time.Second); err == nil {
		t.Error("the collector took what came without a certificate")
	}
	if _, err := send(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c, time.Second); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}
