// Package fetch gets what clients name by an address, images and files, and refuses addresses
// that lead to where the gateway alone can reach.
package fetch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"uniapi/config"
	"uniapi/pool"
)

// Fetcher gets images and files that clients name by address, for upstreams that do not read addresses. It goes to
// public addresses only, and to those that the operator allows. Any number of goroutines may use it. Unlike the rest of
// the pool it works with net/http: it is off the path that must be fast, and a redirect, a proxy or a strange server
// costs nothing but its own fetch.
type Fetcher struct {
	guard    *guard
	maxSize  int64
	timeout  time.Duration
	step     time.Duration // refusalStep
	base     *tls.Config
	cache    *Cache
	rules    string            // of guard and limits: before the addresses of what is in the cache
	resolver *net.Resolver     // nil is the system's
	proxy    *pool.ProxyServer // nil is none
	nowhere  bool
	client   *http.Client
}

// Fetched is content that was fetched.
type Content struct {
	MIME   string // by the first bytes
	Base64 string // kept like this, so that turns of a conversation share it
}

// FetchError is a fetch that failed. Its text is for the client and says what to change; what it wraps is for the log.
type Error struct {
	Address string // without query and fragment, which may hold signatures
	Reason  string
	cause   error
}

func (e *Error) Error() string { return "could not fetch " + e.Address + ": " + e.Reason }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Cause is what happened, for the log; nil if the reason says it all.
func (e *Error) Cause() error { return e.cause }

const (
	mostRedirects = 5
	longestURL    = 8 << 10
	longestShown  = 120 // bytes of an address in a message
)

// New makes a Fetcher. Zero limits mean config's defaults.
func New(rules config.ImageFetch, base *tls.Config, cache *Cache) *Fetcher {
	f := &Fetcher{
		guard: newGuard(rules), base: base, cache: cache, rules: strconv.FormatInt(made.Add(1), 36) + " ",
		maxSize: cmp.Or(rules.MaxSize, config.DefaultFetchSize), timeout: cmp.Or(rules.Timeout, config.DefaultFetchTimeout), step: refusalStep,
	}
	f.client = f.newClient()
	return f
}

// Via is the Fetcher that reaches the world through a proxy, as a provider's requests do; "" is none. It shares the
// cache.
func (f *Fetcher) Via(proxyURL string) (*Fetcher, error) {
	via := *f
	via.proxy = nil
	if proxyURL != "" {
		var err error
		if via.proxy, err = pool.ParseProxy(proxyURL, f.base); err != nil {
			return nil, err
		}
	}
	via.client = via.newClient()
	return &via, nil
}

// Nowhere is a Fetcher that looks up no name and connects to nothing, for where nothing must leave.
func (f *Fetcher) Nowhere() *Fetcher {
	to := *f
	to.nowhere = true
	to.client = to.newClient()
	return &to
}

// made counts the Fetchers that have rules of their own.
var made atomic.Int64

// MaxSize is the most bytes that one image or file may have.
func (f *Fetcher) MaxSize() int64 { return f.maxSize }

func (f *Fetcher) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:     f.dial,
			TLSClientConfig: f.base,
			// A connection that is kept was checked for another request, maybe for another name.
			DisableKeepAlives:      true,
			DisableCompression:     true, // images are compressed, and what is not could grow without end
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			if len(before) > mostRedirects {
				return refusal("it redirects more than " + strconv.Itoa(mostRedirects) + " times")
			}
			next.Header.Del("Referer") // the address may hold a signature
			return checkURL(next.URL)
		},
	}
}

// checkFetchURL looks at what an address says by itself; the dialer looks at where it leads.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refusal("only http and https addresses are fetched")
	case u.Hostname() == "":
		return refusal("it names no host")
	case u.User != nil:
		return refusal("it holds a user name or password, which are not sent; give an address without them")
	}
	return nil
}

// Fetch gets what is at an http or https address. Memory is asked for the room of its base64, in steps as it comes; nil
// is no bound. kinds are the types that will do: whole types, or beginnings such as "image/". The error is a
// *FetchError, Memory's, or ctx's when that has ended.
func (f *Fetcher) Fetch(ctx context.Context, address string, memory pool.Memory, kinds ...string) (Content, error) {
	u, err := url.Parse(address)
	switch {
	case len(address) > longestURL:
		err = refusal("the address is longer than " + strconv.Itoa(longestURL) + " bytes")
	case err != nil:
		err = refusal("it is no valid address")
	default:
		err = checkURL(u)
	}
	if err != nil {
		return Content{}, &Error{Address: shownAddress(address), Reason: err.Error()}
	}
	u.Fragment, u.RawFragment = "", ""
	content, found := f.cache.get(f.rules + u.String())
	if found && typeOfKind(content.MIME, kinds) {
		if memory != nil { // it may leave the cache while it is in use
			err = memory.Hold(len(content.Base64))
		}
		return content, err
	}
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	var dialled atomic.Int64
	content, err = f.get(context.WithValue(limited, lastDial{}, &dialled), u.String(), memory, kinds)
	full, is := errors.AsType[*noRoom](err)
	switch {
	case err == nil:
		return content, nil
	case is:
		return Content{}, full.cause
	case ctx.Err() != nil:
		return Content{}, ctx.Err()
	case isHidden(err):
		f.settle(ctx, processBegan.Add(time.Duration(dialled.Load())))
		return Content{}, &Error{shownAddress(address), notPublic, err}
	case limited.Err() != nil:
		return Content{}, &Error{shownAddress(address), "it took longer than " + f.timeout.String(), err}
	}
	return Content{}, &Error{shownAddress(address), reasonOf(err), err}
}

// refusalStep is what the time of a refusal is a multiple of: how long it took to look up a name tells whether it is
// one of the gateway's own network.
const refusalStep = time.Second

// settle waits until a refusal may be told. The time counts from when the last host was looked up: a site that
// redirects there could otherwise answer just before a second is over, and see whether the lookup took longer than the
// rest of it.
func (f *Fetcher) settle(ctx context.Context, begun time.Time) {
	timer := time.NewTimer(f.step - time.Since(begun)%f.step)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (f *Fetcher) get(ctx context.Context, address string, memory pool.Memory, kinds []string) (Content, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Content{}, err
	}
	req.Header.Set("User-Agent", "uni-api")
	req.Header.Set("Accept", "*/*")
	resp, err := f.client.Do(req)
	if err != nil {
		return Content{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Content{}, refusal("its server answered " + strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
	}
	content, err := f.read(resp, memory, kinds)
	if err == nil && !strings.Contains(strings.ToLower(resp.Header.Get("Cache-Control")), "no-store") {
		f.cache.put(f.rules+address, content)
	}
	return content, err
}

// read reads the body, no further than is needed to refuse it.
func (f *Fetcher) read(resp *http.Response, memory pool.Memory, kinds []string) (Content, error) {
	tooLarge := refusal("it has more than " + strconv.FormatInt(f.maxSize, 10) + " bytes (preferences.image_fetch.max_size)")
	if resp.ContentLength > f.maxSize {
		return Content{}, tooLarge
	}
	var head [sniffed]byte
	n, err := io.ReadFull(resp.Body, head[:])
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return Content{}, err
	}
	mime := typeOf(head[:n])
	if !typeOfKind(mime, kinds) {
		return Content{}, refusal("what is there is none of " + namesOfKinds(kinds))
	}
	text := base64Text{Growing: pool.Growing{Own: true, Memory: memory}, announced: base64.StdEncoding.EncodedLen(int(max(resp.ContentLength, 0)))}
	encoder := base64.NewEncoder(base64.StdEncoding, &text)
	size, err := io.Copy(encoder, io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), resp.Body), f.maxSize+1))
	if err == nil {
		err = encoder.Close()
	}
	if err != nil {
		return Content{}, err
	}
	if size > f.maxSize {
		return Content{}, tooLarge
	}
	return Content{MIME: mime, Base64: unsafe.String(unsafe.SliceData(text.B), len(text.B))}, nil
}

// base64Text grows as it is written, and asks for room first.
type base64Text struct {
	pool.Growing
	announced int // of it, 0 if it is not known
}

func (t *base64Text) Write(p []byte) (int, error) {
	if err := t.Room(len(p), max(t.announced-len(t.B)-len(p), 0)); err != nil {
		return 0, &noRoom{err}
	}
	t.B = append(t.B, p...)
	return len(p), nil
}

// noRoom carries Memory's error past what makes a FetchError of errors.
type noRoom struct{ cause error }

func (e *noRoom) Error() string { return e.cause.Error() }

// fetchReason words an error for the client, without names and addresses of the network that the gateway is in.
func reasonOf(err error) string {
	if r, ok := errors.AsType[refusal](err); ok {
		return string(r)
	}
	if _, ok := errors.AsType[*pool.Error](err); ok {
		return "the gateway's proxy does not reach it"
	}
	if isHidden(err) {
		return notPublic
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not valid: " + certificate.Err.Error()
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "its server refuses the connection"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "its server broke off"
	}
	return "its server was not reached, or does not speak HTTP"
}

// shownAddress is an address as messages show it.
func shownAddress(address string) string {
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		address = scheme + "://" + rest[strings.LastIndexByte(host, '@')+1:]
	}
	if len(address) > longestShown {
		address = strings.ToValidUTF8(address[:longestShown], "") + "…"
	}
	return address
}
