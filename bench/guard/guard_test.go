package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const baseline = `goos: linux
pkg: uniapi/bench
BenchmarkRoute/1KB-2    	     200	       817.3 ns/op	1381.32 MB/s	     210 B/op	       0 allocs/op
BenchmarkRoute/1KB-2    	     200	       801.0 ns/op	1381.32 MB/s	     210 B/op	       1 allocs/op
BenchmarkSplice-2       	     200	        55.00 ns/op	       1 B/op	       3 allocs/op
PASS
pkg: uniapi/pool
BenchmarkSplice-2       	     200	        55.00 ns/op	       1 B/op	       7 allocs/op
ok  	uniapi/pool	1.278s
`

func TestAllocationsAreCompared(t *testing.T) {
	for _, tt := range []struct {
		name, old, now string
		code           int
		want           []string
	}{
		{"the same", "", "", 0, []string{"Nothing got worse among 3."}},
		{"fewer in one run only", "801.0 ns/op	1381.32 MB/s	     210 B/op	       1 allocs", "801.0 ns/op	1381.32 MB/s	     210 B/op	       0 allocs", 0, []string{"Nothing got worse among 3."}},
		{"with other cores", "-2 ", "-16 ", 0, []string{"Nothing got worse among 3."}},
		{"more", "3 allocs/op", "4 allocs/op", 1, []string{"WORSE:", "uniapi/bench BenchmarkSplice: 4 allocs/op, it had 3", "make bench-baseline"}},
		{"more in some runs only", "1381.32 MB/s	     210 B/op	       0 allocs/op", "1 MB/s	     210 B/op	       0 allocs/op", 0, []string{"Nothing got worse among 3."}},
		{"fewer", "7 allocs/op", "6 allocs/op", 0, []string{"better", "uniapi/pool BenchmarkSplice: 6 allocs/op, it had 7", "make bench-baseline"}},
		{"another name", "BenchmarkRoute/1KB", "BenchmarkRoute/1MB", 1, []string{"GONE", "uniapi/bench BenchmarkRoute/1KB\n", "new", "uniapi/bench BenchmarkRoute/1MB\n"}},
		{"none", "Benchmark", "Nothing", 2, []string{"has no benchmark"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out := guard(t, "allocs", baseline, strings.ReplaceAll(baseline, tt.old, tt.now))
			expect(t, code, out, tt.code, tt.want)
		})
	}
}

const costs = `{"scenarios":[{"name":"plain","sections":[
 {"load":"saturated","rows":[{"peer":"nginx","model":"gpt-4o","figures":{"times_nginx":1}},{"peer":"uni-api","model":"gpt-4o","figures":{"times_nginx":1.40}}]},
 {"load":"light","rows":[{"peer":"uni-api","model":"gpt-4o","figures":{"times_nginx":2.00}}]}]},
 {"name":"paced-2000","sections":[{"load":"paced","rows":[{"peer":"uni-api","model":"gpt-4o","figures":{"times_nginx":1.10}}]}]}]}`

func TestRatiosAreComparedWithAMargin(t *testing.T) {
	for _, tt := range []struct {
		name, old, now string
		code           int
		want           []string
	}{
		{"the same", "", "", 0, []string{"Nothing got worse among 2."}},
		{"within the margin", "1.40", "1.53", 0, []string{"Nothing got worse among 2."}},
		{"above it", "1.40", "1.55", 1, []string{"WORSE:", "plain gpt-4o: 1.55 × nginx's CPU, it had 1.40", "make bench-peers"}},
		{"below it", "1.10", "0.90", 0, []string{"better", "paced-2000 gpt-4o: 0.90"}},
		{"at a light load", "2.00", "4.00", 0, []string{"Nothing got worse among 2."}},
		{"not measured", `"load":"paced"`, `"load":"other"`, 1, []string{"GONE", "paced-2000 gpt-4o"}},
		{"without nginx", "times_nginx", "other", 2, []string{"no figures beside nginx"}},
		{"not JSON", "{", "", 2, []string{"reading "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out := guard(t, "ratios", costs, strings.ReplaceAll(costs, tt.old, tt.now))
			expect(t, code, out, tt.code, tt.want)
		})
	}
}

func TestArgumentsThatSayNothing(t *testing.T) {
	for _, args := range [][]string{nil, {"allocs", "a"}, {"both", "a", "b"}, {"allocs", "/nonexistent", "b"}} {
		if code := run(args, new(bytes.Buffer), new(bytes.Buffer)); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

// guard runs a comparison of two texts and returns all that it said.
func guard(t *testing.T, command, before, after string) (code int, out string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"before": before, "after": after} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	code = run([]string{command, filepath.Join(dir, "before"), filepath.Join(dir, "after")}, &said, &said)
	return code, said.String()
}

func expect(t *testing.T, code int, out string, wantCode int, want []string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("no %q in\n%s", w, out)
		}
	}
}
