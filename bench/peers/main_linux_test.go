package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"uniapi/loadtest"
)

// TestMain lets the test binary stand in for the gateway's: with the arguments
// that peers gives it, it is the mock upstream or a plain reverse proxy.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "mock":
			os.Exit(loadtest.Command(os.Args[2:], os.Stdout, os.Stderr))
		case "--version":
			os.Stdout.WriteString("stand-in 1\n")
			os.Exit(0)
		case "--config":
			os.Exit(standIn(os.Args[1:]))
		}
	}
	os.Exit(m.Run())
}

var baseURL = regexp.MustCompile(`base_url: (\S+)`)

func standIn(args []string) int {
	flags := flag.NewFlagSet("stand-in", flag.ExitOnError)
	config := flags.String("config", "", "")
	listen := flags.String("listen", "", "")
	flags.String("data", "", "")
	flags.String("drain-grace", "", "")
	flags.Parse(args)
	text, err := os.ReadFile(*config)
	if err != nil {
		panic(err)
	}
	upstream, err := url.Parse(baseURL.FindStringSubmatch(string(text))[1])
	if err != nil {
		panic(err)
	}
	upstream.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	proxy.FlushInterval = -1
	panic(http.ListenAndServe(*listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			return
		}
		// Read whole first: net/http closes the body when the answer begins,
		// which may be before its transport has looked for the body's end.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})))
}

func TestRunMeasuresEveryPeerAndLeavesNothingBehind(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out := filepath.Join(t.TempDir(), "results", "peers.md")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"--bin", self, "--scenarios", "plain,convert-stream,paced-500,held-5000,start", "--rounds", "2",
		"--seconds", "50ms", "--warm", "20ms", "--connections", "4", "--most", "8", "--ramp", "20ms", "--settle", "1ms", "--out", out}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for _, want := range []string{"## plain: ", "## translated: stream of 50 events", "## 500 streams", "## 5,000 open streams", "## Start", "| direct | ",
		"| uni-api | ", "| uni-api, to Gemini | ", "- uni-api: stand-in 1\n", "](peers.svg)"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, stdout.String())
		}
	}
	if written, err := os.ReadFile(out); err != nil || string(written) != stdout.String() {
		t.Errorf("the file differs from what was printed: %v", err)
	}
	var kept results
	if data, err := os.ReadFile(beside(out, ".json")); err != nil || json.Unmarshal(data, &kept) != nil || kept.gateway("plain", saturated)[perSecond] <= 0 {
		t.Errorf("the figures are not kept: %v", err)
	}
	if plot, err := os.ReadFile(beside(out, ".svg")); err != nil || xml.Unmarshal(plot, new(struct{})) != nil {
		t.Errorf("the plot is no SVG: %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	tree, err := processTree(os.Getpid())
	if err != nil || len(tree) > 1 {
		t.Errorf("processes left behind: %v, %v", tree, err)
	}
}

func TestRunExplainsWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "--bin is needed"},
		{[]string{"--help"}, 0, "-rounds"},
		{[]string{"--bin", "x", "--rounds", "0"}, 2, "--rounds"},
		{[]string{"--bin", "/nonexistent/uni-api"}, 1, "--bin /nonexistent/uni-api"},
		{[]string{"--bin", "x", "--scenarios", "none"}, 1, `no scenario "none"`},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), tt.args, &stdout, &stderr); code != tt.code || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: exit code %d: %s", tt.args, code, stderr.String())
		}
	}
}
