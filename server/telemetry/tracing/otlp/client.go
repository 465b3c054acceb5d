package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Client sends requests of one signal to a collector. Use NewClient.
type Client struct {
	settings
	agent  string
	http   *http.Client
	ending chan struct{} // closed by Hurry
	hurry  sync.Once
}

// NewClient makes the client that the variables ask for. Those that cannot be used are told by problem, and the rest
// holds; err is one without which nothing can be sent.
func NewClient(getenv func(string) string, signal Signal, agent string) (c *Client, problem, err error) {
	s, problem, err := read(getenv, signal)
	if err != nil {
		return nil, nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	if s.tls != nil {
		transport.TLSClientConfig = s.tls
	}
	return &Client{
		settings: s, agent: agent, ending: make(chan struct{}),
		// Elsewhere the headers, which may be a password, have nothing to do.
		http: &http.Client{Transport: transport, Timeout: s.timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, problem, nil
}

// mostAnswered is how much of an answer is read.
const mostAnswered = 64 << 10

// How long a request waits that is to be sent again: each time twice as long, unless the collector asks for more.
const (
	firstWait = time.Second
	mostWait  = 10 * time.Second
)

// Send sends a request, again if the collector cannot be reached or has no time for it, until the context is over.
func (c *Client) Send(ctx context.Context, request []byte) (Partial, error) {
	body, err := c.compressed(request)
	if err != nil {
		return Partial{}, err
	}
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		partial, after, err := c.once(ctx, body)
		if err == nil || after < 0 {
			return partial, err
		}
		pause := max(after, wait/2+rand.N(wait))
		if until, is := ctx.Deadline(); is && time.Until(until) < pause {
			return Partial{}, fmt.Errorf("there is no time to try again: %w", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			continue
		case <-ctx.Done():
		case <-c.ending:
		}
		timer.Stop()
		return Partial{}, err
	}
}

// Hurry has nothing wait any more to be sent again.
func (c *Client) Hurry() { c.hurry.Do(func() { close(c.ending) }) }

// Close closes the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// writers compress. Each has a megabyte of tables.
var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails of other levels alone
	return w
}}

func (c *Client) compressed(request []byte) ([]byte, error) {
	if !c.gzip {
		return request, nil
	}
	w := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	_, err := w.Write(request)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return out.Bytes(), nil
}

// never is for a request that it is no use to send again.
const never = -1

// once sends a request once. after says after which time it may be sent again if it failed.
func (c *Client) once(ctx context.Context, body []byte) (partial Partial, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return Partial{}, never, fmt.Errorf("making a request to the collector: %w", err)
	}
	request.Header = c.header.Clone()
	request.Header.Set("User-Agent", c.agent)
	request.Header.Set("Content-Type", protobuf)
	if c.gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Partial{}, 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, mostAnswered))
	is := response.Header.Get("Content-Type") == protobuf
	if response.StatusCode/100 == 2 {
		if err != nil || !is { // it has been taken, whatever is said about that
			return Partial{}, 0, nil
		}
		if partial, err = readPartial(answer); err != nil {
			return Partial{Message: "its answer cannot be read: " + err.Error()}, 0, nil
		}
		return partial, 0, nil
	}
	said := strings.TrimSpace(string(answer))
	if is {
		said = readStatus(answer)
	}
	err = fmt.Errorf("the collector answered %s: %q", response.Status, said)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Partial{}, retryAfter(response.Header.Get("Retry-After"), time.Now()), err
	}
	return Partial{}, never, err
}

const protobuf = "application/x-protobuf"

// retryAfter reads a header of that name: seconds, or a date. 0 if it is neither, or past.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(n, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
