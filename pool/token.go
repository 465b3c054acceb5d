package pool

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"uniapi/config"
)

const (
	cloudScope      = "https://www.googleapis.com/auth/cloud-platform"
	googleTokenURI  = "https://oauth2.googleapis.com/token"
	tokenPatience   = 15 * time.Second // for the token server
	renewBefore     = 5 * time.Minute  // of its end a token is renewed, in the background
	tokenTooOld     = 30 * time.Second // before its end a token is of no more use
	renewalInterval = 10 * time.Second // between attempts to renew that failed
)

// tokens are the access tokens of a service account. One is kept until shortly before it ends, and renewed ahead of that, so that no
// request waits for one but the first.
type tokens struct {
	fetch func(context.Context) (*oauth2.Token, error)
	now   func() time.Time
	made  func(access string) []byte // the header lines with a token

	current atomic.Pointer[accessToken]

	mu    sync.Mutex
	under *fetching // the fetch under way, nil if there is none
	next  time.Time // no renewal before it
}

type accessToken struct {
	header []byte
	ends   time.Time
}

type fetching struct {
	done chan struct{}
	err  error
}

// serviceAccount prepares a provider's tokens. header makes the lines of a request from one.
func serviceAccount(s *source, header func(access string) []byte) (*tokens, error) {
	uri := s.TokenURI
	if uri == "" {
		uri = googleTokenURI
	}
	account := &jwt.Config{Email: s.ClientEmail, PrivateKey: []byte(s.PrivateKey), Scopes: []string{cloudScope}, TokenURL: uri, Expires: time.Hour}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.TLSClientConfig = nil, s.pool.tls
	if s.proxy != "" {
		proxy, err := url.Parse(s.proxy)
		if err != nil {
			return nil, errors.New("proxy is not an address") // the error would repeat its password
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	client := &http.Client{Transport: transport, Timeout: tokenPatience}
	return &tokens{now: time.Now, made: header, fetch: func(ctx context.Context) (*oauth2.Token, error) {
		return account.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, client)).Token()
	}}, nil
}

// header returns the lines of a request. It waits only if there is no token that can be used.
func (t *tokens) header(call *Call) ([]byte, error) {
	now := t.now()
	token := t.current.Load()
	if token != nil && now.Before(token.ends.Add(-renewBefore)) {
		return token.header, nil
	}
	f := t.renew(now, token)
	if token != nil && now.Before(token.ends.Add(-tokenTooOld)) {
		return token.header, nil
	}
	if f == nil {
		return nil, fmt.Errorf("no access token: the last attempt to get one failed, the next is made in a few seconds")
	}
	ctx, release := call.Context()
	defer release()
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, ErrCanceled
	}
	if f.err != nil {
		return nil, f.err
	}
	return t.current.Load().header, nil
}

// renew begins to fetch a token, unless that is under way; nil if it is too soon after a failure.
func (t *tokens) renew(now time.Time, old *accessToken) *fetching {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.under != nil {
		return t.under
	}
	if t.current.Load() != old { // somebody was faster
		f := &fetching{done: make(chan struct{})}
		close(f.done)
		return f
	}
	if now.Before(t.next) {
		return nil
	}
	f := &fetching{done: make(chan struct{})}
	t.under = f
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), tokenPatience)
		defer cancel()
		token, err := t.fetch(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		if err != nil {
			f.err = fmt.Errorf("getting an access token for the service account (client_email, private_key, token_uri): %w", withoutURL(err))
			if t.current.Load() != nil {
				t.next = t.now().Add(renewalInterval)
			}
		} else {
			t.current.Store(&accessToken{header: t.made(token.AccessToken), ends: token.Expiry})
		}
		t.under = nil
		close(f.done)
	}()
	return f
}

// withoutURL takes the address off an error of net/http: it may hold the proxy's password.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// bearerLines are a provider's header lines with a bearer token.
func bearerLines(p *config.Provider, token string) []byte {
	return headerLines(p, config.Header{Name: "Authorization", Value: "Bearer " + token})
}
