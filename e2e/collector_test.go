//go:build collector

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// collectorConfig has the collector listen on a port that the kernel chooses, which it logs.
const collectorConfig = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
`

var collectorListens = regexp.MustCompile(`"endpoint": "(127\.0\.0\.1:\d+)"`)

// collector runs OpenTelemetry's own collector, and returns its address, and what it has printed when it has ended.
func collector(t *testing.T) (url string, printed func() string) {
	dir := t.TempDir()
	file, output := filepath.Join(dir, "collector.yaml"), filepath.Join(dir, "output")
	if err := os.WriteFile(file, []byte(collectorConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(output)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Getenv("COLLECTOR"), "--config", file)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make test-collector builds it)", err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	text := func() string {
		text, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if found := collectorListens.FindStringSubmatch(text()); found != nil {
			url = "http://" + found[1]
			break
		}
		if time.Now().After(late) {
			t.Fatalf("the collector does not listen:\n%s", text())
		}
	}
	return url, func() string {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		return text()
	}
}

func TestOpenTelemetrysOwnCollectorReadsTracesMetricsAndExemplars(t *testing.T) {
	for _, coding := range []string{"none", "gzip"} {
		t.Run(coding, func(t *testing.T) {
			url, printed := collector(t)
			s := newStage(t)
			s.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + url, "OTEL_EXPORTER_OTLP_COMPRESSION=" + coding, "OTEL_SERVICE_NAME=the-gateway"}
			s.a.answer = fails(500, "out of order")
			s.write(file{}.text(t, inFile, ""))
			const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
			s.chat()
			s.post("/v1/chat/completions", said(), "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
			s.stop()
			text := printed()
			for _, c := range []struct {
				what  string
				times int // at least
			}{
				{"Span #", 5}, // two requests, three attempts
				{"Trace ID       : " + trace, 2},
				{"Parent ID      : 00f067aa0ba902b7", 1},
				{"-> service.name: Str(the-gateway)", 2},
				{"-> uniapi.provider: Str(b)", 2},
				{"-> gen_ai.usage.output_tokens: Int(", 1},
				{"Status code    : Error", 1},
				{"-> Name: gen_ai.server.request.duration", 1},
				{"-> Name: gen_ai.client.operation.duration", 1},
				{"-> Name: gen_ai.client.token.usage", 1},
				{"-> Trace ID: " + trace, 1}, // an exemplar
			} {
				if n := strings.Count(text, c.what); n < c.times {
					t.Errorf("the collector has understood %q %d times, not %d", c.what, n, c.times)
				}
			}
			for line := range strings.Lines(text) {
				if strings.Contains(line, "\terror\t") || strings.Contains(line, "\twarn\t") {
					t.Errorf("the collector says: %s", line)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}
