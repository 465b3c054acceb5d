package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Limits of reading a configuration. The times are uni-api's.
const (
	maxSize        = 16 << 20 // bytes; people list thousands of models, but not millions
	connectTimeout = 15 * time.Second
	readTimeout    = 100 * time.Second
)

// DefaultPath is the file that is used if no other is named.
const DefaultPath = "api.yaml"

// Source is where the configuration comes from: a file, an http or https URL if that is set, or the text itself, which
// never changes.
type Source struct {
	Path string
	URL  string
	Text string // of the environment's API_YAML_CONTENT

	Strict   bool                // a start refuses a file with any error in it
	Getenv   func(string) string // for ${NAME} in the file; nil = the process's environment
	Interval time.Duration       // between looks at it; 0 = 2 s for a file, 30 s for a URL
}

// Resolve finds the source at the start: the file flagPath (default DefaultPath) if it is there and can be served from,
// else what the environment has: the configuration itself in API_YAML_CONTENT, or where it is in CONFIG_URL. Without
// either it is the file, whose Load then says what is wrong. CONFIG_URL is an http or https URL, a file:// URL or a
// path. That a file is passed over is logged.
func Resolve(flagPath string, getenv func(string) string) Source {
	return findSource(flagPath, getenv, false)
}

// ResolveStrict is Resolve for a start that refuses a file with any error in it.
func ResolveStrict(flagPath string, getenv func(string) string) Source {
	return findSource(flagPath, getenv, true)
}

func findSource(flagPath string, getenv func(string) string, strict bool) Source {
	if flagPath == "" {
		flagPath = DefaultPath
	}
	if getenv == nil {
		getenv = os.Getenv
	}
	file := Source{Path: flagPath, Getenv: getenv, Strict: strict}
	other := Source{Text: getenv("API_YAML_CONTENT"), Getenv: getenv}
	variable := "API_YAML_CONTENT"
	if strings.TrimSpace(other.Text) == "" {
		location := strings.TrimSpace(getenv("CONFIG_URL"))
		if location == "" {
			return file
		}
		other, variable = fromLocation(location, getenv), "CONFIG_URL"
	}
	_, err := file.Start(context.Background())
	if err == nil {
		return file
	}
	other.Strict = strict
	if errors.Is(err, os.ErrNotExist) {
		slog.Info("no local configuration, "+variable+" is used", "file", flagPath, "source", other.String())
	} else {
		slog.Error("the local configuration is unusable, "+variable+" is used instead", "file", flagPath, "source", other.String(), "error", err)
	}
	return other
}

func fromLocation(location string, getenv func(string) string) Source {
	s := Source{Path: location, Getenv: getenv}
	switch u, err := url.Parse(location); {
	case err != nil:
		// A path with a percent sign, or a URL so broken that only its error is of use.
		if strings.Contains(location, "://") {
			s.Path, s.URL = "", location
		}
	case u.Scheme == "file":
		s.Path = u.Path
		if s.Path == "" {
			s.Path = u.Opaque // file:api.yaml
		}
	case u.Scheme == "http" || u.Scheme == "https":
		s.Path, s.URL = "", location
	}
	return s
}

// String is the path, or the URL without credentials and query, or the variable that has the text.
func (s Source) String() string {
	if s.Text != "" {
		return "API_YAML_CONTENT"
	}
	if s.URL != "" {
		return maskURL(s.URL)
	}
	return s.Path
}

// Load reads and parses the configuration. The error is Problems when the content is at fault.
func (s Source) Load(ctx context.Context) (*Config, error) {
	data, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return s.parse(bytes.NewReader(data))
}

// Start reads and parses the configuration for a start: unless the source is strict, what an error costs is left out,
// as ParseLenient says.
func (s Source) Start(ctx context.Context) (*Config, error) {
	data, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return parseFile(s.String(), data, s.Getenv, !s.Strict)
}

// Reload is Load where a configuration is in force, which it returns if the file is still the one that it is made of.
func (s Source) Reload(ctx context.Context, current *Config) (*Config, error) {
	cfg, err := s.Load(ctx)
	if current.madeOf(cfg, err) {
		return current, nil
	}
	return cfg, err
}

// parse is what a reload makes of the bytes of a file: it is good as a whole or refused.
func (s Source) parse(r io.Reader) (*Config, error) {
	data, err := readLimited(r, s.String())
	if err != nil {
		return nil, err
	}
	return Parse(s.String(), data, s.Getenv)
}

func (s Source) read(ctx context.Context) ([]byte, error) {
	if s.Text != "" {
		return readLimited(strings.NewReader(s.Text), s.String())
	}
	if s.URL != "" {
		return s.fetch(ctx)
	}
	return s.readFile(ctx)
}

func (s Source) readFile(context.Context) ([]byte, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	return readLimited(f, s.Path)
}

func readLimited(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration %s: %w", name, err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("reading the configuration %s: it is larger than %d MiB", name, maxSize>>20)
	}
	return data, nil
}

// client is for configurations only: seldom used, so it keeps no connections.
var client = &http.Client{
	Timeout: connectTimeout + readTimeout,
	Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: readTimeout,
		ForceAttemptHTTP2:     true,
		DisableKeepAlives:     true,
	},
}

func (s Source) fetch(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		// The error would quote the URL with its password.
		return nil, fmt.Errorf("fetching the configuration: CONFIG_URL %s is no valid URL", s)
	}
	req.Header.Set("User-Agent", "uni-api")
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL and the query in it
		}
		return nil, fmt.Errorf("fetching the configuration %s: %w", s, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("fetching the configuration %s: the server answered %d %s", s, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return readLimited(resp.Body, s.String())
}
