package pool

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"uniapi/config"
)

func channelOf(t *testing.T, p config.Provider) *Channel {
	t.Helper()
	pool := New(Options{})
	t.Cleanup(pool.Close)
	c, err := pool.Channel(&config.Config{}, &p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVertexAddresses(t *testing.T) {
	express := config.Provider{BaseURL: "https://aiplatform.googleapis.com", Keys: []string{"AQ.1", "AQ.2"}, ProjectIDs: []string{"p1", "p2"}}
	alone := config.Provider{BaseURL: "https://us-east5-aiplatform.googleapis.com/", Keys: []string{"AQ.1"}}
	gateway := config.Provider{BaseURL: "https://gateway.ai.cloudflare.com/v1/a/g/google-vertex-ai", Keys: []string{"AQ.1"}, ProjectIDs: []string{"p"}, Regions: []string{"us-central1"}}
	forced := config.Provider{BaseURL: "https://x.example/v", Engine: "vertex-claude", Keys: []string{"AQ.1"}, ProjectIDs: []string{"p"}}
	for _, test := range []struct {
		name               string
		provider           config.Provider
		ask                Ask
		host, path, format string
	}{
		{"a key without a project", alone, Ask{Endpoint: Chat, Model: "gemini-2.5-pro"}, "us-east5-aiplatform.googleapis.com:443",
			"/v1/publishers/google/models/gemini-2.5-pro:generateContent", "gemini-vertex"},
		{"a key with its project", express, Ask{Endpoint: Chat, Model: "gemini-3", Key: 1, Stream: true}, "aiplatform.googleapis.com:443",
			"/v1/projects/p2/locations/global/publishers/google/models/gemini-3:streamGenerateContent?alt=sse", "gemini-vertex"},
		{"Claude", express, Ask{Endpoint: Chat, Model: "claude-sonnet-4-5@20250929"}, "aiplatform.googleapis.com:443",
			"/v1/projects/p1/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict", "anthropic-vertex"},
		{"Claude streamed, by a gateway", gateway, Ask{Endpoint: Chat, Model: "claude-x", Stream: true}, "gateway.ai.cloudflare.com:443",
			"/v1/a/g/google-vertex-ai/v1/projects/p/locations/us-central1/publishers/anthropic/models/claude-x:streamRawPredict", "anthropic-vertex"},
		{"an open model", express, Ask{Endpoint: Chat, Model: "meta/llama-4-maas"}, "aiplatform.googleapis.com:443",
			"/v1/projects/p1/locations/global/endpoints/openapi/chat/completions", "openai"},
		{"tokens", gateway, Ask{Endpoint: CountTokens, Model: "gemini-x"}, "gateway.ai.cloudflare.com:443",
			"/v1/a/g/google-vertex-ai/v1/projects/p/locations/us-central1/publishers/google/models/gemini-x:countTokens", "gemini-vertex"},
		{"what has a verb of its own", gateway, Ask{Endpoint: Embeddings, Model: "text-embedding-005", Verb: "predict"}, "gateway.ai.cloudflare.com:443",
			"/v1/a/g/google-vertex-ai/v1/projects/p/locations/us-central1/publishers/google/models/text-embedding-005:predict", "gemini-vertex"},
		{"an engine that names the publisher", forced, Ask{Endpoint: Chat, Model: "opus"}, "x.example:443",
			"/v/v1/projects/p/locations/global/publishers/anthropic/models/opus:rawPredict", "anthropic-vertex"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := channelOf(t, test.provider)
			var req Request
			target, err := c.Address(new(Call), &req, test.ask)
			if err != nil {
				t.Fatal(err)
			}
			if req.Path != test.path || c.Format(test.ask) != test.format || target.addr != test.host {
				t.Errorf("%s %s as %s; want %s %s as %s", target.addr, req.Path, c.Format(test.ask), test.host, test.path, test.format)
			}
			if want := "X-Goog-Api-Key: " + test.provider.Keys[test.ask.Key] + "\r\n"; !strings.Contains(string(req.Header), want) {
				t.Errorf("header %q lacks %q", req.Header, want)
			}
		})
	}
	c := channelOf(t, express)
	for _, ask := range []Ask{{Endpoint: Speech, Model: "gemini-x"}, {Endpoint: CountTokens, Model: "claude-x"}, {Endpoint: Embeddings, Model: "a/b"}} {
		if _, err := c.Address(new(Call), new(Request), ask); !errors.Is(err, ErrNoEndpoint) {
			t.Errorf("%+v: %v", ask, err)
		}
	}
}

func TestBedrockAddresses(t *testing.T) {
	aws := config.Provider{BaseURL: "https://bedrock-runtime.us-east-1.amazonaws.com", AWSAccessKey: "AKIDEXAMPLE", AWSSecretKey: "secret",
		AWSSessionToken: "session", Regions: []string{"us-west-2", "eu-central-1"}}
	key := config.Provider{BaseURL: "https://bedrock-runtime.us-east-1.amazonaws.com", Keys: []string{"k"}}
	for _, test := range []struct {
		name         string
		provider     config.Provider
		ask          Ask
		path, format string
		header       []string
	}{
		{"Claude", aws, Ask{Endpoint: Chat, Model: "us.anthropic.claude-x-v1:0", Key: -1}, "/model/us.anthropic.claude-x-v1%3A0/invoke", "bedrock-invoke",
			[]string{"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-west-2/bedrock/aws4_request", "X-Amz-Date: 20260102T030405Z\r\n", "X-Amz-Security-Token: session\r\n"}},
		{"Claude streamed", key, Ask{Endpoint: Chat, Model: "anthropic.claude-x", Stream: true}, "/model/anthropic.claude-x/invoke-with-response-stream", "bedrock-invoke",
			[]string{"Authorization: Bearer k\r\n"}},
		{"another", key, Ask{Endpoint: Chat, Model: "amazon.nova-pro-v1:0"}, "/model/amazon.nova-pro-v1%3A0/converse", "bedrock-converse", nil},
		{"a profile, streamed", key, Ask{Endpoint: Chat, Model: "arn:aws:bedrock:us-east-1:1:application-inference-profile/a", Stream: true},
			"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fa/converse-stream", "bedrock-converse", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := channelOf(t, test.provider)
			c.dialect.(*bedrock).now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
			req := Request{Body: [][]byte{[]byte("{"), []byte("}")}}
			if _, err := c.Address(nil, &req, test.ask); err != nil {
				t.Fatal(err)
			}
			if req.Path != test.path || c.Format(test.ask) != test.format {
				t.Errorf("%s as %s, want %s as %s", req.Path, c.Format(test.ask), test.path, test.format)
			}
			for _, want := range test.header {
				if !strings.Contains(string(req.Header), want) {
					t.Errorf("header %q lacks %q", req.Header, want)
				}
			}
		})
	}
	c := channelOf(t, aws)
	var hosts []string
	for range 3 {
		target, err := c.Address(nil, new(Request), Ask{Endpoint: Chat, Model: "m", Key: -1})
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, target.addr)
	}
	if hosts[0] != "bedrock-runtime.us-west-2.amazonaws.com:443" || hosts[1] != "bedrock-runtime.eu-central-1.amazonaws.com:443" || hosts[2] != hosts[0] {
		t.Errorf("regions do not take turns: %v", hosts)
	}
}

func TestWhatACloudNeedsIsNamed(t *testing.T) {
	pool := New(Options{})
	defer pool.Close()
	for word, p := range map[string]config.Provider{
		"client_email":   {BaseURL: "https://aiplatform.googleapis.com"},
		"project_id":     {BaseURL: "https://aiplatform.googleapis.com", ClientEmail: "a@b", PrivateKey: "x"},
		"aws_access_key": {BaseURL: "https://bedrock-runtime.us-east-1.amazonaws.com"},
	} {
		if _, err := pool.Channel(&config.Config{}, &p); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}

// tokenMaker counts fetches and answers when it is let.
type tokenMaker struct {
	mu   sync.Mutex
	made int
	err  error
}

func (m *tokenMaker) fetch(context.Context) (*oauth2.Token, error) {
	time.Sleep(time.Second) // of the bubble
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	if m.err != nil {
		return nil, m.err
	}
	return &oauth2.Token{AccessToken: strings.Repeat("t", m.made), Expiry: time.Now().Add(time.Hour)}, nil
}

func (m *tokenMaker) tokens() *tokens {
	return &tokens{now: time.Now, fetch: m.fetch, made: func(access string) []byte { return []byte(access) }}
}

func TestATokenIsFetchedOnceAndRenewedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker := &tokenMaker{}
		tokens := maker.tokens()
		want := func(token string, wait time.Duration) {
			t.Helper()
			begun := time.Now()
			got, err := tokens.header(new(Call))
			if err != nil || string(got) != token || time.Since(begun) != wait {
				t.Fatalf("%q, %v after %v; want %q after %v", got, err, time.Since(begun), token, wait)
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

func TestATokenThatCannotBeRenewedServesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker := &tokenMaker{}
		tokens := maker.tokens()
		if _, err := tokens.header(new(Call)); err != nil {
			t.Fatal(err)
		}
		maker.err = errors.New("invalid_grant")
		time.Sleep(57 * time.Minute)
		for range 3 {
			if got, err := tokens.header(new(Call)); string(got) != "t" || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			time.Sleep(2 * time.Second)
		}
		time.Sleep(4 * time.Minute)
		if _, err := tokens.header(new(Call)); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("after its end: %v", err)
		}
		if maker.made > 4 {
			t.Errorf("the token server was asked %d times", maker.made)
		}
	})
}

func TestACallThatIsCanceledWaitsForNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := (&tokenMaker{}).tokens()
		call := new(Call)
		time.AfterFunc(100*time.Millisecond, call.Cancel)
		begun := time.Now()
		if _, err := tokens.header(call); !errors.Is(err, ErrCanceled) || time.Since(begun) > 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(2 * time.Second)
	})
}

func TestARefusedServiceAccountIsToldWithoutItsKey(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
	}))
	defer server.Close()
	p := config.Provider{BaseURL: "https://aiplatform.googleapis.com", ClientEmail: "a@b", PrivateKey: "no key at all", ProjectIDs: []string{"p"}, TokenURI: server.URL}
	c := channelOf(t, p)
	_, err := c.Address(new(Call), new(Request), Ask{Endpoint: Chat, Model: "gemini-x", Key: -1})
	if err == nil || strings.Contains(err.Error(), "no key at all") || !strings.Contains(err.Error(), "private_key") {
		t.Error(err)
	}
}

func BenchmarkSigningTenKilobytes(b *testing.B) {
	pool := New(Options{})
	defer pool.Close()
	c, err := pool.Channel(&config.Config{}, &config.Provider{BaseURL: "https://bedrock-runtime.us-east-1.amazonaws.com", AWSAccessKey: "AKIDEXAMPLE", AWSSecretKey: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	req := Request{Body: [][]byte{make([]byte, 10<<10)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Address(nil, &req, Ask{Endpoint: Chat, Model: "anthropic.claude-x", Key: -1}); err != nil {
			b.Fatal(err)
		}
	}
}
