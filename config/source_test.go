package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFile puts a file into the test's directory and returns its path.
func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configNamed is a good file whose one provider has this name.
func configNamed(name string) string {
	return strings.Replace(withProvider(""), "provider: p", "provider: "+name, 1)
}

func nameIn(c *Config) string { return c.Providers[0].Name }

func TestResolvePrefersAValidFile(t *testing.T) {
	dir := t.TempDir()
	good := writeFile(t, filepath.Join(dir, "api.yaml"), configNamed("local"))
	other := writeFile(t, filepath.Join(dir, "other.yaml"), configNamed("other"))
	bad := writeFile(t, filepath.Join(dir, "bad.yaml"), "providers: [")
	empty := writeFile(t, filepath.Join(dir, "empty.yaml"), "")
	missing := filepath.Join(dir, "missing.yaml")
	for name, test := range map[string]struct{ flag, location, want string }{
		"the file alone":                    {good, "", good},
		"the file over CONFIG_URL":          {good, "https://h.example/api.yaml", good},
		"a path for a missing file":         {missing, other, other},
		"a file URL for a missing file":     {missing, "file://" + other, other},
		"a file URL with localhost":         {missing, "file://localhost" + other, other},
		"a path for a bad file":             {bad, other, other},
		"a URL for an empty file":           {empty, "https://u:p@h.example/api.yaml?t=k", "https://…@h.example/api.yaml?…"},
		"a bad file without CONFIG_URL":     {bad, "", bad},
		"a missing file without CONFIG_URL": {missing, " ", missing},
		"no file named":                     {"", "", "api.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Resolve(test.flag, env("CONFIG_URL", test.location)); got.String() != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestLoadNamesTheFileInItsProblems(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "my.yaml"), "providers: [")
	_, err := Source{Path: path}.Load(context.Background())
	if p, ok := errors.AsType[Problems](err); !ok || p[0].File != path {
		t.Errorf("got %v", err)
	}
	_, err = Source{Path: path + "x"}.Load(context.Background())
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("got %v", err)
	}
}

func TestLoadRefusesGiantFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxSize+1); err != nil {
		t.Fatal(err)
	}
	if _, err := (Source{Path: path}).Load(context.Background()); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestLoadFetchesURLs(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.UserAgent() == "" || user != "u" || password != "s3cret" || r.URL.Query().Get("token") != "t0ken" {
			w.WriteHeader(http.StatusForbidden)
		}
		w.Write([]byte(configNamed("remote")))
	})
	mux.Handle("/moved", http.RedirectHandler("/plain", http.StatusFound))
	mux.Handle("/ring", http.RedirectHandler("/ring", http.StatusFound))
	mux.HandleFunc("/plain", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(configNamed("moved"))) })
	mux.HandleFunc("/html", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>\n<body>log in</body></html>")) })
	mux.HandleFunc("/giant", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxSize+1)) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte("providers:"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for name, test := range map[string]struct{ url, provider, err string }{
		"with credentials":      {"http://u:s3cret@" + host + "/good?token=t0ken", "remote", ""},
		"by a redirect":         {server.URL + "/moved", "moved", ""},
		"in a ring":             {"http://u:s3cret@" + host + "/ring?token=t0ken", "", "stopped after 10 redirects"},
		"not found":             {"http://u:s3cret@" + host + "/none?token=t0ken", "", "the server answered 404 Not Found"},
		"a login page":          {server.URL + "/html?token=t0ken", "", server.URL + "/html?…:1:1: "},
		"too much":              {server.URL + "/giant", "", "larger than 16 MiB"},
		"cut":                   {server.URL + "/cut", "", "unexpected EOF"},
		"nobody there":          {"http://u:s3cret@127.0.0.1:1/?token=t0ken", "", "connection refused"},
		"a strange certificate": {strings.Replace(secure.URL, "://", "://u:s3cret@", 1) + "/plain?token=t0ken", "", "certificate"},
		"no URL at all":         {"http://u:s3cret@ho st/?token=t0ken", "", "is no valid URL"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Source{URL: test.url, Getenv: noEnv}.Load(context.Background())
			if test.err == "" {
				if err != nil || nameIn(c) != test.provider {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got %v, want %s", err, test.err)
			}
			for _, secret := range []string{"s3cret", "t0ken"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %s: %v", secret, err)
				}
			}
		})
	}
}

func TestResolveTakesTheTextOfTheEnvironmentBeforeAnAddress(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "api.yaml"), configNamed("local"))
	there := map[string]string{"API_YAML_CONTENT": configNamed("text"), "CONFIG_URL": "https://h.example/api.yaml"}
	getenv := func(name string) string { return there[name] }
	if got := Resolve(file, getenv); got.Path != file {
		t.Errorf("a valid file is passed over for %s", got)
	}
	source := Resolve(filepath.Join(dir, "missing.yaml"), getenv)
	cfg, err := source.Load(context.Background())
	if err != nil || nameIn(cfg) != "text" || source.String() != "API_YAML_CONTENT" {
		t.Errorf("%s: %v", source, err)
	}
	there["API_YAML_CONTENT"] = "providers: ["
	if _, err := Resolve(filepath.Join(dir, "missing.yaml"), getenv).Load(context.Background()); !strings.Contains(fmt.Sprint(err), "API_YAML_CONTENT:2:1:") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	source.Watch(ctx, cfg, nil, func(*Config) { t.Error("a text was read again") }, func(err error) { t.Error(err) })
}
