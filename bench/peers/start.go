//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// startName is the name under which the start is chosen.
const startName = "start"

// modelCounts are the sizes of configuration that the start is measured with.
var modelCounts = []int{10, 1000, 5000, 10000}

// startResult is how the gateway starts with a configuration of that many
// models: medians of the rounds.
type startResult struct {
	Models int     `json:"models"`
	Ready  float64 `json:"ready_ms"`   // from the start of the process to the first 200 of /readyz
	CPU    float64 `json:"cpu_ms"`     // that it took until then
	RSS    float64 `json:"rss_mb"`     // two seconds later
	Own    float64 `json:"rss_own_mb"` // of that, what is not of its binary
}

// settled is how long after the start memory is looked at.
const settled = 2 * time.Second

func (o options) measureStart(ctx context.Context, bin string, progress io.Writer) ([]startResult, error) {
	var out []startResult
	for _, models := range modelCounts {
		var ready, cpu, rss, own []float64
		for range o.rounds {
			if ctx.Err() != nil {
				return nil, errInterrupted
			}
			s, err := startOnce(bin, models, o.settle)
			if err != nil {
				return nil, fmt.Errorf("with %d models: %w", models, err)
			}
			ready, cpu, rss, own = append(ready, s.Ready), append(cpu, s.CPU), append(rss, s.RSS), append(own, s.Own)
		}
		s := startResult{models, median(ready), median(cpu), median(rss), median(own)}
		fmt.Fprintf(progress, "start with %d models: ready after %.0f ms, %.0f ms CPU, %.1f MB\n", models, s.Ready, s.CPU, s.RSS)
		out = append(out, s)
	}
	return out, nil
}

// startOnce starts the gateway with a new configuration and an empty ledger.
func startOnce(bin string, models int, settle time.Duration) (s startResult, err error) {
	dir, err := os.MkdirTemp("", "uni-api-bench-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "api.yaml")
	if err := os.WriteFile(file, manyModels(models), 0o600); err != nil {
		return s, err
	}
	listen, err := freeAddress()
	if err != nil {
		return s, err
	}
	p := &process{name: gateway, listen: listen, ended: make(chan struct{}), output: filepath.Join(dir, "log")}
	p.cmd = exec.Command(bin, "--config", file, "--listen", listen, "--data", filepath.Join(dir, "data"), "--drain-grace", "0s")
	begin := time.Now()
	if err := p.start(); err != nil {
		return s, err
	}
	defer p.stop()
	for !answersReady(listen) {
		select {
		case <-p.ended:
			return s, fmt.Errorf("the gateway ended; it said:\n%s", p.lastOutput())
		default:
		}
		if time.Since(begin) > startLimit {
			return s, fmt.Errorf("not ready within %v; it said:\n%s", startLimit, p.lastOutput())
		}
		time.Sleep(500 * time.Microsecond)
	}
	s.Ready = micros(time.Since(begin)) / 1000
	pids := []int{p.cmd.Process.Pid}
	cpu, err := cpuTime(pids)
	if err != nil {
		return s, err
	}
	s.CPU = micros(cpu) / 1000
	time.Sleep(settle)
	rss, own, err := residentOwn(pids[0])
	s.RSS, s.Own = float64(rss)/(1<<20), float64(own)/(1<<20)
	return s, err
}

// answersReady tells whether /readyz at address says 200.
func answersReady(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(startLimit))
	fmt.Fprintf(conn, "GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", address)
	status := make([]byte, len("HTTP/1.1 200"))
	_, err = io.ReadFull(conn, status)
	return err == nil && string(status) == "HTTP/1.1 200"
}

// manyModels is a configuration of that many models: providers of up to 100
// models with a name of their own each, two keys each, and 20 clients.
func manyModels(models int) []byte {
	const each = 100
	var b strings.Builder
	b.WriteString("providers:\n")
	for first := 0; first < models; first += each {
		p := first / each
		fmt.Fprintf(&b, "  - provider: provider-%d\n    base_url: https://provider-%d.example/v1/chat/completions\n    api: [sk-provider-%d-a, sk-provider-%d-b]\n    model:\n", p, p, p, p)
		for m := first; m < min(first+each, models); m++ {
			fmt.Fprintf(&b, "      - vendor/model-%d-2026-01-01: model-%d\n", m, m)
		}
	}
	b.WriteString("api_keys:\n")
	for k := range 20 {
		fmt.Fprintf(&b, "  - {api: sk-bench-client-%016d, role: client-%d, model: [all]}\n", k, k)
	}
	return []byte(b.String())
}

// machine says what the figures were taken on.
func machine() string {
	return fmt.Sprintf("%s, %s, %d cores, %s %s", kernel(), processor(), runtime.NumCPU(), runtime.Version(), runtime.GOARCH)
}
