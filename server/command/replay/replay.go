// Package replay sends the client's request of a capture once more through the gateway, and says what is another on the
// wire.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"uniapi/config"
	"uniapi/server"
	"uniapi/server/capture"
)

// Play is what is to be sent, and with which configuration.
type Play struct {
	File    *capture.File
	Config  string        // the api.yaml; "" is one that is made of the capture
	Key     string        // the role of the client key that asks; "" is the first one
	Against string        // the name of a provider that is asked itself; "" has the upstreams played as they were captured
	Within  time.Duration // for all of it
}

// Run plays it and writes the differences. It returns how many requests and answers differ.
func (p *Play) Run(ctx context.Context, out io.Writer) (different int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Within, fmt.Errorf("it has not ended within %v", p.Within))
	defer cancel()
	if err := p.playable(); err != nil {
		return 0, err
	}
	cfg, err := p.config(ctx)
	if err != nil {
		return 0, err
	}
	got, err := p.through(ctx, cfg)
	if err != nil {
		return 0, err
	}
	view := capture.Exact
	if p.Against != "" {
		view = capture.Forms
	}
	return differences(out, p.File.Sections(view), got.Sections(view)), nil
}

// playable says why a capture has not all that is needed.
func (p *Play) playable() error {
	request := p.File.Client.Request
	if !strings.HasPrefix(request.URL, "/") { // behind the gateway's address it could be the rest of another: http://127.0.0.1:8000@another
		return fmt.Errorf("the client's request is for %q, which is no path that begins with /", request.URL)
	}
	if request.Cut {
		return errors.New("the client's request was too long to be captured whole, so it cannot be sent again")
	}
	if kind := headerOf(request, "content-type"); strings.HasPrefix(kind, "multipart/") {
		return errors.New("the client sent a form, of which a capture has no more than its size, so it cannot be sent again")
	}
	for i := range p.File.Attempts {
		a := &p.File.Attempts[i]
		if p.Against == "" && a.Answer != nil && a.Answer.Cut {
			return fmt.Errorf("the answer to attempt %d was too long to be captured whole, so it cannot be played; --against PROVIDER asks a provider itself", i+1)
		}
		if p.Against == "" && a.Answer != nil && (a.Answer.Status < 100 || a.Answer.Status > 999) {
			return fmt.Errorf("the answer to attempt %d has the status %d, which none has, so it cannot be played", i+1, a.Answer.Status)
		}
	}
	return nil
}

// config is that of the gateway, without what it does beside serving.
func (p *Play) config(ctx context.Context) (cfg *config.Config, err error) {
	if p.Config == "" && p.Against == "" {
		cfg, err = configOf(p.File)
	} else {
		environment := os.Getenv
		if p.Against == "" {
			environment = getenv(p.Config)
		}
		cfg, err = config.Resolve(p.Config, environment).Start(ctx)
	}
	if err != nil {
		return nil, err
	}
	cfg.Preferences.RequestLog.Level, cfg.Preferences.Alerts, cfg.Preferences.PriceSource = config.RequestLogOff, config.Alerts{}, config.PriceSource{}
	if p.Against != "" {
		others := func(of *config.Provider) bool { return of.Name != p.Against }
		var names []string
		for _, of := range cfg.Providers {
			names = append(names, of.Name)
		}
		if cfg.Providers = slices.DeleteFunc(cfg.Providers, others); len(cfg.Providers) == 0 {
			return nil, fmt.Errorf("there is no provider %q; there are: %s", p.Against, strings.Join(names, ", "))
		}
	}
	for _, of := range cfg.Providers {
		if of.Models == nil { // which it has is not asked
			of.Models = p.models()
		}
	}
	return cfg, nil
}

// models are those of a provider that would be asked which it has.
func (p *Play) models() []config.Model {
	asked := modelOf(p.File.Client.Request)
	models := []config.Model{{Alias: asked, Upstream: asked}}
	for i := range p.File.Attempts {
		if name := p.File.Attempts[i].Upstream; !slices.ContainsFunc(models, func(m config.Model) bool { return m.Alias == name }) {
			models = append(models, config.Model{Alias: name, Upstream: name})
		}
	}
	return models
}

// through sends the request through a gateway on loopback, and returns what was said.
func (p *Play) through(ctx context.Context, cfg *config.Config) (*capture.Exchange, error) {
	at := slices.IndexFunc(cfg.APIKeys, func(k *config.APIKey) bool { return p.Key == "" || k.Alias == p.Key })
	if at < 0 {
		return nil, fmt.Errorf("there is no client key with the role %q", p.Key)
	}
	key := cfg.APIKeys[at]
	options := server.Options{Config: cfg}
	if p.Against == "" {
		upstreams, err := play(p.File.Attempts)
		if err != nil {
			return nil, err
		}
		defer upstreams.close()
		options.Reach = upstreams.reach
	}
	gateway, err := server.New(options)
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- gateway.Serve(listener) }()
	defer func() {
		over, cancel := context.WithCancel(context.Background())
		cancel() // nobody is waited for
		gateway.Shutdown(over)
		<-served
	}()
	want, err := gateway.CaptureNext([]*config.APIKey{key}, p.Within, p.Within)
	if err != nil {
		return nil, err
	}
	status, said, err := p.send(ctx, "http://"+listener.Addr().String(), key.Key)
	if err != nil {
		return nil, fmt.Errorf("sending the request: %w", err)
	}
	if come, _ := want.Stands(); !come && status < 400 { // said may have what only an admin is told
		return nil, fmt.Errorf("the gateway answered %s itself, so there is nothing to compare", p.File.Client.Request.URL)
	} else if !come {
		return nil, fmt.Errorf("the gateway refused the request with %d before it looked at it, so there is nothing to compare: %s", status, said)
	}
	select {
	case <-want.Done:
		_, e := want.Stands()
		return e, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Headers that a client's request does not have from the capture.
var unsent = []string{"host", "content-length", "connection", "transfer-encoding", "expect", "authorization", "x-api-key", "x-goog-api-key", "api-key", "accept-encoding", "idempotency-key"}

// send sends the client's request with a key, where its own one was, and waits for the end of the answer.
func (p *Play) send(ctx context.Context, base, key string) (status int, beginning string, err error) {
	m := p.File.Client.Request
	body, err := m.Body()
	if err != nil {
		return 0, "", err
	}
	request, err := http.NewRequestWithContext(ctx, m.Method, base+withKey(m.URL, key), bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	keyed := strings.Contains(m.URL, "key=")
	for _, h := range m.Headers {
		switch name := strings.ToLower(h.Name); {
		case name == "authorization":
			request.Header.Set(h.Name, "Bearer "+key)
			keyed = true
		case name == "x-api-key", name == "x-goog-api-key", name == "api-key":
			request.Header.Set(h.Name, key)
			keyed = true
		case !slices.Contains(unsent, name) && isHeader(h):
			request.Header.Add(h.Name, h.Value)
		}
	}
	if !keyed {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	first, err := io.ReadAll(io.LimitReader(answer.Body, 500))
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
	}
	if ctx.Err() != nil {
		return 0, "", context.Cause(ctx)
	}
	return answer.StatusCode, string(first), nil // an answer may break off
}

// withKey is an address whose key is another one.
func withKey(address, key string) string {
	path, query, has := strings.Cut(address, "?")
	if !has {
		return address
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if strings.HasPrefix(part, "key=") {
			parts[i] = "key=" + key
		}
	}
	return path + "?" + strings.Join(parts, "&")
}

func headerOf(m *capture.Message, name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// differences writes what differs between sections of the same title, and counts them.
func differences(out io.Writer, before, now []capture.Section) (different int) {
	titles := []string{}
	find := func(title string, in []capture.Section) string {
		for _, s := range in {
			if s.Title == title {
				return strings.Join(s.Lines, "\n") + "\n"
			}
		}
		return ""
	}
	for _, s := range slices.Concat(before, now) {
		if !slices.Contains(titles, s.Title) {
			titles = append(titles, s.Title)
		}
	}
	for _, title := range titles {
		was, is := find(title, before), find(title, now)
		if was == is {
			fmt.Fprintf(out, "%s: no difference\n", title)
			continue
		}
		different++
		diff := udiff.Unified("captured", "replayed", was, is)
		_, diff, _ = strings.Cut(diff, "\n+++ replayed\n")
		switch {
		case was == "":
			fmt.Fprintf(out, "%s: only now\n", title)
		case is == "":
			fmt.Fprintf(out, "%s: only in the capture\n", title)
		default:
			fmt.Fprintf(out, "%s: - captured, + replayed\n", title)
		}
		for line := range strings.Lines(diff) {
			fmt.Fprintf(out, "    %s", line)
		}
	}
	return different
}
