package main

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
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
		{[]string{"--bin", os.Args[0], "--before", "/nonexistent/old"}, 1, "--before /nonexistent/old"},
		{[]string{"--bin", "x", "--scenarios", "none"}, 1, `no scenario "none"`},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), tt.args, &stdout, &stderr); code != tt.code || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: exit code %d: %s", tt.args, code, stderr.String())
		}
	}
}
