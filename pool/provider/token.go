package provider

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"uniapi/codec"
	"uniapi/pool"
)

const (
	cloudScope     = "https://www.googleapis.com/auth/cloud-platform"
	googleTokenURI = "https://oauth2.googleapis.com/token"
	tokenLifetime  = time.Hour        // asked for: the longest that Google gives
	renewBefore    = 5 * time.Minute  // of its end a token is renewed, in the background
	tokenTooOld    = 30 * time.Second // before its end a token is of no more use: a request may be long on its way
	renewalPause   = 5 * time.Second  // after a fetch that failed
	maxToken       = 64 << 10         // of the token server's answer; Google's is about 1 KB
)

// tokenLimits bound a fetch, beside the pool's limit for connecting.
var tokenLimits = pool.Deadlines{FirstByte: 15 * time.Second, Idle: 5 * time.Second}

// account is a service account with its access token. The token is renewed ahead of its end, so that no request waits
// for one but the first.
type account struct {
	fetch func() (*oauth2.Token, error)
	now   func() time.Time

	current atomic.Pointer[accessToken]

	mu   sync.Mutex
	last *fetching // under way, or ended; nil before the first
}

type accessToken struct {
	access      string
	renew, ends time.Time // when it is time for another, and when it is of no more use
}

// fetching is one fetch, which all who need its token wait for.
type fetching struct {
	done  chan struct{}
	again time.Time // there is no reason for another fetch before; zero while this one is under way
	token *accessToken
	err   error
}

type accountKey struct{ email, key, uri, proxy string }

// account returns the provider's service account. The error is of its private_key or token_uri.
func (s *source) account() (*account, error) {
	if !isRSAKey(s.PrivateKey) {
		return nil, errors.New("private_key is not an RSA key in PEM form; copy it whole from the service account's JSON file")
	}
	uri, err := url.Parse(cmp.Or(s.TokenURI, googleTokenURI))
	if err != nil {
		return nil, fmt.Errorf("token_uri is not an address: %w", err)
	}
	target, err := s.target(uri)
	if err != nil {
		return nil, fmt.Errorf("token_uri: %w", err)
	}
	a := &account{now: time.Now, fetch: fetchBy(target, &jwt.Config{
		Email: s.ClientEmail, PrivateKey: []byte(s.PrivateKey), Scopes: []string{cloudScope}, TokenURL: uri.String(), Expires: tokenLifetime,
	})}
	known, _ := s.accounts.LoadOrStore(accountKey{s.ClientEmail, s.PrivateKey, uri.String(), s.cfg.ProxyFor(s.Provider, uri)}, a)
	return known.(*account), nil
}

// isRSAKey finds a wrong key when the configuration is loaded, and not when the first request comes.
func isRSAKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return true
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	_, is := key.(*rsa.PrivateKey)
	return err == nil && is
}

// token returns a token that can be used. It waits only if there is none, at most until the call is over. The error is
// a *codec.Error if the account was refused, and an *Error if the token server was not reached.
func (a *account) token(call *pool.Call) (*accessToken, error) {
	now := a.now()
	token := a.current.Load()
	if token != nil && now.Before(token.renew) {
		return token, nil
	}
	f := a.renewal(now)
	if token != nil && now.Before(token.ends) {
		return token, nil
	}
	ctx, release := call.Context()
	defer release()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, call.Err()
	}
}

// renewal is the fetch that is under way, or has just ended; if there is none, one begins.
func (a *account) renewal(now time.Time) *fetching {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.last; f != nil && (f.again.IsZero() || now.Before(f.again)) {
		return f
	}
	f := &fetching{done: make(chan struct{})}
	a.last = f
	go func() {
		token, err := a.fetch()
		a.mu.Lock()
		defer a.mu.Unlock()
		now := a.now()
		if err != nil {
			f.err, f.again = err, now.Add(renewalPause)
		} else {
			f.token = newToken(token, now)
			f.again = f.token.renew
			a.current.Store(f.token)
		}
		close(f.done)
	}()
	return f
}

// newToken plans the life of a token: for a short one the times before its end are short too.
func newToken(t *oauth2.Token, now time.Time) *accessToken {
	ends := t.Expiry
	if ends.IsZero() {
		ends = now.Add(tokenLifetime)
	}
	life := ends.Sub(now)
	return &accessToken{t.AccessToken, ends.Add(-min(renewBefore, life/4)), ends.Add(-min(tokenTooOld, life/10))}
}

// fetchBy asks a token server for tokens.
func fetchBy(target *pool.Target, config *jwt.Config) func() (*oauth2.Token, error) {
	return func() (*oauth2.Token, error) {
		way := &tokenTransport{target: target}
		token, err := config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: way})).Token()
		if refused, is := errors.AsType[*oauth2.RetrieveError](err); is {
			return nil, accountRefused(refused.Response.StatusCode, refused.Body)
		}
		switch {
		case way.err != nil: // the library keeps its text only
			return nil, &pool.Error{Kind: pool.Dial, Op: "getting an access token for the service account", Err: way.err}
		case err != nil:
			return nil, fmt.Errorf("getting an access token for the service account from %s: %w", target, err)
		}
		return token, nil
	}
}

// accountRefused is the error for an account that the token server answers with a failure.
func accountRefused(status int, body []byte) *codec.Error {
	var said struct {
		Error       string
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		said.Error = "no reason given"
	}
	e := &codec.Error{Status: status, Class: codec.Auth, Message: "no access token for the service account (client_email, private_key): " + said.Error}
	if said.Description != "" {
		e.Message += ": " + said.Description
	}
	if status == http.StatusTooManyRequests || status >= 500 {
		e.Class = codec.Unready
	}
	return e
}

// tokenTransport lets the oauth2 package use the pool, and so the provider's proxy, like every request to the provider.
type tokenTransport struct {
	target *pool.Target
	err    error
}

var tokenHeader = []byte("User-Agent: uni-api\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n")

// RoundTrip implements http.RoundTripper.
func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, status, err := t.exchange(r)
	if err != nil {
		t.err = err
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func (t *tokenTransport) exchange(r *http.Request) (body []byte, status int, err error) {
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, 0, err
	}
	req := &pool.Request{Method: r.Method, Path: r.URL.RequestURI(), Header: tokenHeader, Body: [][]byte{form}, Alone: true}
	answer, err := t.target.Do(new(pool.Call), req, tokenLimits)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Close()
	body, err = answer.AppendBody(nil, maxToken)
	return body, answer.Status, err
}
