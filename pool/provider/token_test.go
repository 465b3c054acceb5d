package provider

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
)

// tokenMaker counts fetches, each of which takes a second.
type tokenMaker struct {
	mu   sync.Mutex
	made int
	life time.Duration
	err  error
}

func (m *tokenMaker) fetch() (*oauth2.Token, error) {
	time.Sleep(time.Second) // of the bubble
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	if m.err != nil {
		return nil, m.err
	}
	return &oauth2.Token{AccessToken: strings.Repeat("t", m.made), Expiry: time.Now().Add(m.life)}, nil
}

func (m *tokenMaker) account() *account { return &account{now: time.Now, fetch: m.fetch} }

func TestTokenIsFetchedOnceAndRenewedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker := &tokenMaker{life: time.Hour}
		account := maker.account()
		want := func(access string, wait time.Duration) {
			t.Helper()
			begun := time.Now()
			got, err := account.token(new(pool.Call))
			if err != nil || got.access != access || time.Since(begun) != wait {
				t.Errorf("%v, %v after %v; want %q after %v", got, err, time.Since(begun), access, wait)
			}
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { want("t", time.Second) })
		}
		all.Wait()
		time.Sleep(50 * time.Minute)
		want("t", 0)
		time.Sleep(6 * time.Minute)
		want("t", 0) // the old one still holds, and the new one is on its way
		time.Sleep(2 * time.Second)
		want("tt", 0)
		if maker.made != 2 {
			t.Errorf("%d tokens were made", maker.made)
		}
	})
}

func TestShortTokenIsNotRenewedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker := &tokenMaker{life: 4 * time.Minute}
		account := maker.account()
		for range 150 {
			if _, err := account.token(new(pool.Call)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if maker.made != 1 {
			t.Errorf("%d tokens in two and a half minutes", maker.made)
		}
	})
}

func TestTokenThatCannotBeRenewedServesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker := &tokenMaker{life: time.Hour}
		account := maker.account()
		if _, err := account.token(new(pool.Call)); err != nil {
			t.Fatal(err)
		}
		maker.err = errors.New("invalid_grant")
		time.Sleep(57 * time.Minute)
		for range 3 {
			if got, err := account.token(new(pool.Call)); err != nil || got.access != "t" {
				t.Fatalf("%v, %v", got, err)
			}
			time.Sleep(2 * time.Second)
		}
		time.Sleep(4 * time.Minute)
		for range 2 {
			if _, err := account.token(new(pool.Call)); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
				t.Errorf("after its end: %v", err)
			}
		}
		if maker.made != 3 {
			t.Errorf("the token server was asked %d times", maker.made)
		}
	})
}

func TestCallThatIsCanceledWaitsForNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := (&tokenMaker{life: time.Hour}).account()
		call := new(pool.Call)
		time.AfterFunc(100*time.Millisecond, call.Cancel)
		begun := time.Now()
		if _, err := account.token(call); !errors.Is(err, pool.ErrCanceled) || time.Since(begun) > 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(2 * time.Second)
	})
}

// rsaKey makes a service account's key, as its JSON file has it.
func rsaKey(t testing.TB) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

var vertexAsk = Ask{Endpoint: Chat, Model: "gemini-x", Key: -1}

func vertexOf(t testing.TB, a *Adapters, key, tokenURI, proxy string) *Channel {
	t.Helper()
	provider := &config.Provider{BaseURL: "https://aiplatform.googleapis.com", ClientEmail: "a@b", PrivateKey: key, ProjectIDs: []string{"p"}, TokenURI: tokenURI}
	provider.Preferences.Proxy = proxy
	c, err := a.Channel(&config.Config{}, provider)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServiceAccountProvesItselfAndIsKnownAfterAReload(t *testing.T) {
	key, text := rsaKey(t)
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		assertion := r.PostFormValue("assertion")
		signed, signature, _ := cutLast(assertion, ".")
		proof, err := base64.RawURLEncoding.DecodeString(signature)
		sum := sha256.Sum256([]byte(signed))
		if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], proof) != nil {
			t.Errorf("assertion %q is not signed", assertion)
		}
		_, middle, _ := strings.Cut(signed, ".")
		payload, _ := base64.RawURLEncoding.DecodeString(middle)
		var claims struct {
			Iss, Scope, Aud string
			Iat, Exp        int64
		}
		if err := json.Unmarshal(payload, &claims); err != nil || claims.Iss != "a@b" || claims.Scope != cloudScope || claims.Aud != "http://"+r.Host+"/token?x=1" ||
			claims.Exp-claims.Iat > 3610 || r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("claims %s, %v", payload, err)
		}
		_, _ = w.Write([]byte(`{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}`))
	}))
	defer server.Close()
	p := openPool(t)
	a := NewAdapters(p)
	for range 2 { // a reload makes the channel anew
		c := vertexOf(t, a, text, server.URL+"/token?x=1", "")
		for range 2 {
			var req pool.Request
			if _, err := c.Address(new(pool.Call), &req, vertexAsk); err != nil || !strings.Contains(string(req.Header), "Authorization: Bearer ya29.x\r\n") {
				t.Fatalf("%q, %v", req.Header, err)
			}
		}
	}
	if asked != 1 {
		t.Errorf("the token server was asked %d times", asked)
	}
	if s := p.Stats(); s.Open != 0 {
		t.Errorf("the connection to the token server is kept for others: %+v", s)
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func TestTokenComesByTheProvidersProxy(t *testing.T) {
	_, text := rsaKey(t)
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
		_, _ = w.Write([]byte(`{"access_token":"a","expires_in":3599}`))
	}))
	defer proxy.Close()
	c := vertexOf(t, NewAdapters(openPool(t)), text, "http://token.example/t", strings.Replace(proxy.URL, "http://", "http://user:pass@", 1))
	if _, err := c.Address(new(pool.Call), new(pool.Request), vertexAsk); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "http://token.example/t Basic dXNlcjpwYXNz" {
		t.Errorf("the proxy was asked for %q", got)
	}
}

func TestWhyThereIsNoTokenIsTold(t *testing.T) {
	_, text := rsaKey(t)
	for _, test := range []struct {
		name   string
		status int
		body   string
		class  codec.Class
		words  string
	}{
		{"a refusal", 400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, codec.Auth, "private_key): invalid_grant: Invalid JWT Signature."},
		{"a refusal without a reason", 401, `<html>`, codec.Auth, "private_key): no reason given"},
		{"a server that fails", 503, `{"error":"backend_error"}`, codec.Unready, "backend_error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			_, err := vertexOf(t, NewAdapters(openPool(t)), text, server.URL, "").Address(new(pool.Call), new(pool.Request), vertexAsk)
			e, is := errors.AsType[*codec.Error](err)
			if !is || e.Status != test.status || e.Class != test.class || !strings.HasSuffix(e.Message, test.words) || strings.Contains(e.Message, "BEGIN") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("a server that is not there", func(t *testing.T) {
		_, err := vertexOf(t, NewAdapters(openPool(t)), text, "http://127.0.0.1:1", "").Address(new(pool.Call), new(pool.Request), vertexAsk)
		if !dialFailed(err) || !strings.Contains(err.Error(), "access token") {
			t.Errorf("%v", err)
		}
	})
	t.Run("an answer that is none", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
		defer server.Close()
		_, err := vertexOf(t, NewAdapters(openPool(t)), text, server.URL, "").Address(new(pool.Call), new(pool.Request), vertexAsk)
		if err == nil || !strings.Contains(err.Error(), "access token") {
			t.Errorf("%v", err)
		}
	})
}

func FuzzAccountRefused(f *testing.F) {
	f.Add(400, []byte(`{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`))
	f.Add(503, []byte(`{"error":{"message":"nested"}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := accountRefused(status, body)
		if e.Status != status || !strings.HasPrefix(e.Message, "no access token") || e.Class != codec.Auth && e.Class != codec.Unready {
			t.Errorf("%+v", e)
		}
	})
}

func BenchmarkAddressOfVertexWithAToken(b *testing.B) {
	_, text := rsaKey(b)
	c := vertexOf(b, NewAdapters(openPool(b)), text, "", "")
	c.dialect.(*vertex).account = (&tokenMaker{life: time.Hour}).account()
	var req pool.Request
	call := new(pool.Call)
	if _, err := c.Address(call, &req, vertexAsk); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Address(call, &req, vertexAsk); err != nil {
			b.Fatal(err)
		}
	}
}
