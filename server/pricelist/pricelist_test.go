package pricelist

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uniapi/config"
)

func list(model string) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range 12 {
		fmt.Fprintf(&b, `"%s-%d": {"litellm_provider": "openai", "input_cost_per_token": 1e-6},`, model, i)
	}
	return strings.TrimSuffix(b.String(), ",") + "}"
}

func TestFetchIsBounded(t *testing.T) {
	var plain, safe *httptest.Server
	answer := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			for range mostBytes>>20 + 1 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		case "/to-plain":
			http.Redirect(w, r, plain.URL+"/list", http.StatusFound)
		case "/to-safe":
			http.Redirect(w, r, safe.URL+"/list", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/list":
			if r.Header.Get("Referer") != "" {
				w.WriteHeader(http.StatusTeapot)
			}
			io.WriteString(w, list("m"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
	plain, safe = httptest.NewServer(http.HandlerFunc(answer)), httptest.NewTLSServer(http.HandlerFunc(answer))
	defer plain.Close()
	defer safe.Close()
	transport := client.Transport
	client.Transport = safe.Client().Transport
	defer func() { client.Transport = transport }()
	for _, test := range []struct{ address, wrong string }{
		{plain.URL + "/list", ""},
		{safe.URL + "/list", ""},
		{safe.URL + "/to-safe?key=secret", ""},
		{safe.URL + "/to-plain?key=secret", "not https"},
		{plain.URL + "/to-safe", "not https"},
		{plain.URL + "/to-plain", "not https"},
		{safe.URL + "/round", "more than 5 times"},
		{plain.URL + "/large", "more than 16 MiB"},
		{plain.URL + "/nothing", "the server answered 404 Not Found"},
		{"http://127.0.0.1:1/x?key=secret", "refused"},
	} {
		data, err := fetch(t.Context(), test.address)
		switch {
		case test.wrong == "" && (err != nil || string(data) != list("m")):
			t.Errorf("%s: %v", test.address, err)
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v, want %q", test.address, err, test.wrong)
		}
	}
}

func TestKeptIsNoPipeAndNothingLarge(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, mostBytes+1); err != nil {
		t.Fatal(err)
	}
	for path, wrong := range map[string]string{dir: "is no file", large: "more than 16 MiB", filepath.Join(dir, "none"): "no such file"} {
		if _, _, err := Kept("", config.PriceSource{File: path}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v, want %q", path, err, wrong)
		}
	}
}

// TestUseChangesTheSourceWhileItIsRead has sources come and go while one is slow: the last of them is in force.
func TestUseChangesTheSourceWhileItIsRead(t *testing.T) {
	asked := make(chan bool, 10)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		<-r.Context().Done()
	}))
	defer slow.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "prices.json")
	if err := os.WriteFile(path, []byte(list("file")), 0o600); err != nil {
		t.Fatal(err)
	}
	k := New(filepath.Join(dir, Folder), slog.New(slog.DiscardHandler), func() { t.Error("nothing has changed") })
	k.Look() // nobody is looking yet
	k.Use(config.PriceSource{URL: slow.URL})
	<-asked
	k.Use(config.PriceSource{File: path})
	if s := k.State(); s.Prices != 12 || s.Failure != "" || s.Source != path {
		t.Errorf("of the file: %+v", s)
	}
	k.Use(config.PriceSource{URL: slow.URL})
	<-asked
	if s := k.State(); s.Prices != 12 {
		t.Errorf("until the other is there: %+v", s)
	}
	k.Use(config.PriceSource{})
	if s := k.State(); s.Prices < 500 || s.Source != "" || k.List() != nil {
		t.Errorf("without: %+v", s)
	}
	k.Close()
	if news, changed := k.took(func() context.Context { c, end := context.WithCancel(t.Context()); end(); return c }(), config.PriceSource{}, nil, nil, nil); news || changed {
		t.Error("what came too late is in force")
	}
}
