package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/pool"
)

func channelOf(t *testing.T, p config.Provider) *Channel {
	t.Helper()
	c, err := NewAdapters(openPool(t)).Channel(&config.Config{}, &p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVertexAddresses(t *testing.T) {
	express := config.Provider{BaseURL: "https://aiplatform.googleapis.com", Keys: []string{"AQ.1", "AQ.2"}, ProjectIDs: []string{"p1", "p2"}}
	alone := config.Provider{BaseURL: "https://us-east5-aiplatform.googleapis.com/", Keys: []string{"AQ.1"}}
	gateway := config.Provider{BaseURL: "https://gateway.ai.cloudflare.com/v1/a/g/google-vertex-ai", Keys: []string{"AQ.1"}, ProjectIDs: []string{"p"}, Regions: []string{"us-central1"}}
	preview := config.Provider{BaseURL: "https://aiplatform.googleapis.com/v1beta1/", Keys: []string{"AQ.1"}, ProjectIDs: []string{"p"}, Regions: []string{"eu"}}
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
		{"a model of one's own", express, Ask{Endpoint: Chat, Model: "endpoints/12"}, "aiplatform.googleapis.com:443",
			"/v1/projects/p1/locations/global/endpoints/12:generateContent", "gemini-vertex"},
		{"a version and a place of several regions", preview, Ask{Endpoint: Chat, Model: "gemini-x"}, "aiplatform.eu.rep.googleapis.com:443",
			"/v1beta1/projects/p/locations/eu/publishers/google/models/gemini-x:generateContent", "gemini-vertex"},
		{"an engine that names the publisher", forced, Ask{Endpoint: Chat, Model: "opus"}, "x.example:443",
			"/v/v1/projects/p/locations/global/publishers/anthropic/models/opus:rawPredict", "anthropic-vertex"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := channelOf(t, test.provider)
			var req pool.Request
			target, err := c.Address(new(pool.Call), &req, test.ask)
			if err != nil {
				t.Fatal(err)
			}
			if req.Path != test.path || c.Format(test.ask) != test.format || target.Addr() != test.host {
				t.Errorf("%s %s as %s; want %s %s as %s", target.Addr(), req.Path, c.Format(test.ask), test.host, test.path, test.format)
			}
			if want := "X-Goog-Api-Key: " + test.provider.Keys[test.ask.Key] + "\r\n"; !strings.Contains(string(req.Header), want) {
				t.Errorf("header %q lacks %q", req.Header, want)
			}
		})
	}
	c := channelOf(t, express)
	for _, ask := range []Ask{{Endpoint: Speech, Model: "gemini-x"}, {Endpoint: CountTokens, Model: "claude-x"}, {Endpoint: Embeddings, Model: "a/b"}} {
		if _, err := c.Address(new(pool.Call), new(pool.Request), ask); !errors.Is(err, ErrNoEndpoint) {
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
			[]string{"Authorization: Bearer k\r\n", "Accept: application/vnd.amazon.eventstream\r\n"}},
		{"another", key, Ask{Endpoint: Chat, Model: "amazon.nova-pro-v1:0"}, "/model/amazon.nova-pro-v1%3A0/converse", "bedrock-converse",
			[]string{"Accept: application/json\r\n"}},
		{"a profile, streamed", key, Ask{Endpoint: Chat, Model: "arn:aws:bedrock:us-east-1:1:application-inference-profile/a", Stream: true},
			"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fa/converse-stream", "bedrock-converse", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := channelOf(t, test.provider)
			c.dialect.(*bedrock).now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
			req := pool.Request{Body: [][]byte{[]byte("{"), []byte("}")}}
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
		target, err := c.Address(nil, new(pool.Request), Ask{Endpoint: Chat, Model: "m", Key: -1})
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, target.Addr())
	}
	if hosts[0] != "bedrock-runtime.us-west-2.amazonaws.com:443" || hosts[1] != "bedrock-runtime.eu-central-1.amazonaws.com:443" || hosts[2] != hosts[0] {
		t.Errorf("regions do not take turns: %v", hosts)
	}
}

func TestWhatACloudNeedsIsNamed(t *testing.T) {
	adapters := NewAdapters(openPool(t))
	for word, p := range map[string]config.Provider{
		"client_email":   {BaseURL: "https://aiplatform.googleapis.com"},
		"project_id":     {BaseURL: "https://aiplatform.googleapis.com", ClientEmail: "a@b", PrivateKey: "x"},
		"private_key":    {BaseURL: "https://aiplatform.googleapis.com", ClientEmail: "a@b", PrivateKey: "no key", ProjectIDs: []string{"p"}},
		"aws_access_key": {BaseURL: "https://bedrock-runtime.us-east-1.amazonaws.com"},
	} {
		if _, err := adapters.Channel(&config.Config{}, &p); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}

func TestRegionIsReadFromAmazonsHosts(t *testing.T) {
	for host, want := range map[string]string{
		"bedrock-runtime.us-east-1.amazonaws.com":               "us-east-1",
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com":      "us-gov-west-1",
		"bedrock-runtime.cn-north-1.amazonaws.com.cn":           "cn-north-1",
		"vpce-1-a.bedrock-runtime.eu-west-1.vpce.amazonaws.com": "eu-west-1",
		"bedrock.amazonaws.com":                                 "",
		"s3.us-east-1.amazonaws.com":                            "",
		"gateway.example":                                       "",
		"bedrock-runtime.us-east-1.example":                     "",
	} {
		if got := regionOf(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// The signature is computed anew from what came over the wire, by the rules of Signature Version 4.
func TestAmazonCanVerifyWhatIsSent(t *testing.T) {
	const secret = "a/secret+key"
	checked := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { checked <- verifySignature(r, secret) }))
	defer server.Close()
	adapters := NewAdapters(openPool(t))
	for name, token := range map[string]string{"with an access key": "", "with a session": "a session/token=="} {
		t.Run(name, func(t *testing.T) {
			c, err := adapters.Channel(&config.Config{}, &config.Provider{BaseURL: server.URL + "/a/gateway", Engine: "aws", AWSAccessKey: "AKID",
				AWSSecretKey: secret, AWSSessionToken: token, Regions: []string{"eu-west-3"}})
			if err != nil {
				t.Fatal(err)
			}
			req := pool.Request{Body: [][]byte{[]byte(`{"messages":`), nil, []byte(`[]}`)}}
			to, err := c.Address(nil, &req, Ask{Endpoint: Chat, Model: "arn:aws:bedrock:eu-west-3:1:inference-profile/eu.x-v1:0", Key: -1})
			if err != nil {
				t.Fatal(err)
			}
			if err := exchanged(to, &req); err != nil {
				t.Fatal(err)
			}
			if err := <-checked; err != nil {
				t.Error(err)
			}
		})
	}
}

func verifySignature(r *http.Request, secret string) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var credential, signedNames, signature string
	_, fields, _ := strings.Cut(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	for field := range strings.SplitSeq(fields, ", ") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			signedNames = value
		case "Signature":
			signature = value
		}
	}
	_, scope, _ := strings.Cut(credential, "/")
	digest := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	// Every segment of the path is escaped once more than it was sent.
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n\n", r.Method, strings.ReplaceAll(r.RequestURI, "%", "%25"))
	for name := range strings.SplitSeq(signedNames, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		fmt.Fprintf(&canonical, "%s:%s\n", name, value)
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", signedNames, digest(string(body)))
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") { // date, region, service, aws4_request
		key = keyed(key, part)
	}
	want := fmt.Sprintf("%x", keyed(key, "AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+digest(canonical.String())))
	token := r.Header.Get("X-Amz-Security-Token")
	switch {
	case !strings.HasSuffix(scope, "/eu-west-3/bedrock/aws4_request"):
		return fmt.Errorf("scope %q", scope)
	case token != "" && !strings.Contains(signedNames, "x-amz-security-token"):
		return errors.New("the session token is not signed")
	case signature != want:
		return fmt.Errorf("signature %s, want %s of %q", signature, want, canonical.String())
	}
	return nil
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// bedrockByProxy is a Bedrock whose control plane is what a proxy answers.
func bedrockByProxy(t *testing.T, answers map[string]string) *Channel {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, has := answers[r.Host+r.URL.Path]
		if !has || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKID/") {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(proxy.Close)
	provider := config.Provider{BaseURL: "http://bedrock-runtime.us-east-1.amazonaws.com", AWSAccessKey: "AKID", AWSSecretKey: "s", Regions: []string{"eu-west-3"}}
	provider.Preferences.Proxy = proxy.URL
	return channelOf(t, provider)
}

func TestBedrocksModelsAreThoseAndTheProfilesThatCanBeListed(t *testing.T) {
	const (
		control  = "bedrock.eu-west-3.amazonaws.com"
		models   = `{"modelSummaries":[{"modelId":"amazon.a-v1:0"},{"modelName":"nameless"}]}`
		profiles = `{"inferenceProfileSummaries":[{"inferenceProfileId":"eu.b-v1:0"}]}`
	)
	for _, test := range []struct {
		name    string
		answers map[string]string
		want    []string
	}{
		{"both", map[string]string{control + "/foundation-models": models, control + "/inference-profiles": profiles}, []string{"amazon.a-v1:0", "eu.b-v1:0"}},
		{"one is forbidden", map[string]string{control + "/inference-profiles": profiles}, []string{"eu.b-v1:0"}},
		{"nothing", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := bedrockByProxy(t, test.answers).Models(new(pool.Call), unhurried)
			if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
	if _, err := channelOf(t, config.Provider{BaseURL: "https://x.example", Engine: "aws", Keys: []string{"k"}}).Models(new(pool.Call), unhurried); !errors.Is(err, errNameModels) {
		t.Errorf("behind a gateway: %v", err)
	}
}

func FuzzBedrockModelIDs(f *testing.F) {
	f.Add([]byte(`{"modelSummaries":[{"modelId":"a"},{}],"inferenceProfileSummaries":[{"inferenceProfileId":"b"}]}`))
	f.Add([]byte(`{"modelSummaries":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if slices.Contains(bedrockModelIDs(body), "") {
			t.Error("a model without a name")
		}
	})
}

func BenchmarkSigningTenKilobytes(b *testing.B) {
	adapters := NewAdapters(openPool(b))
	c, err := adapters.Channel(&config.Config{}, &config.Provider{BaseURL: "https://bedrock-runtime.us-east-1.amazonaws.com", AWSAccessKey: "AKIDEXAMPLE", AWSSecretKey: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	req := pool.Request{Body: [][]byte{make([]byte, 10<<10)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Address(nil, &req, Ask{Endpoint: Chat, Model: "anthropic.claude-x", Key: -1}); err != nil {
			b.Fatal(err)
		}
	}
}

// What was there before the place that is everywhere is asked for in the regions that have it, in turn.
func TestClaudesOlderModelsAreAskedForWhereTheyAre(t *testing.T) {
	for _, test := range []struct {
		name     string
		provider config.Provider
		model    string
		want     []string
	}{
		{"Sonnet 3.5", config.Provider{}, "claude-3-5-sonnet@20240620", []string{"us-east5", "europe-west1", "us-east5"}},
		{"Opus 3", config.Provider{}, "claude-3-opus@20240229", []string{"us-east5", "us-east5"}},
		{"Haiku 3", config.Provider{}, "claude-3-haiku@20240307", []string{"us-east5", "us-central1", "europe-west1", "europe-west4"}},
		{"one that came later", config.Provider{}, "claude-sonnet-4-5@20250929", []string{"global", "global"}},
		{"where a region is named", config.Provider{Regions: []string{"asia-east1"}}, "claude-3-opus@20240229", []string{"asia-east1", "asia-east1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pool.New(pool.Options{})
			defer p.Close()
			test.provider.BaseURL, test.provider.Keys, test.provider.ProjectIDs = "https://aiplatform.googleapis.com/", []string{"AQ.1"}, []string{"p"}
			channel, err := NewAdapters(p).Channel(&config.Config{}, &test.provider)
			if err != nil {
				t.Fatal(err)
			}
			for _, region := range test.want {
				var req pool.Request
				target, err := channel.Address(nil, &req, Ask{Endpoint: Chat, Model: test.model})
				if err != nil {
					t.Fatal(err)
				}
				host := vertexHost(region)
				if !strings.Contains(req.Path, "/locations/"+region+"/") || !strings.Contains(target.String(), host) {
					t.Errorf("asked at %s%s, want %s", target, req.Path, region)
				}
			}
		})
	}
}
