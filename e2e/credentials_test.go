package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"uniapi/loadtest/scripted"
)

// credentialRows are the keys that say who asks a provider, and where.
var credentialRows = []row{
	{section: "providers[]", key: "api", set: "{api: [sk-1, sk-2]}", unset: "{api: sk-1}", play: func(s *stage) string { s.chats(2); return s.a.keys() }, without: "sk-1 sk-1", with: "sk-1 sk-2"},
	{section: "providers[]", key: "project_id", set: "{project_id: my-project}", file: onVertex, play: pathAsked,
		without: "/google-vertex-ai/v1/publishers/google/models/m:generateContent",
		with:    "/google-vertex-ai/v1/projects/my-project/locations/global/publishers/google/models/m:generateContent"},
	{section: "providers[]", key: "region", set: "{region: [us-east5, europe-west1]}", unset: "{region: us-east5}", file: onVertex.in("{project_id: p}"), play: locationsAsked,
		without: "us-east5 us-east5", with: "us-east5 europe-west1"},
	{section: "providers[]", key: "region", set: "{region: eu-central-1}", file: onBedrock, play: func(s *stage) string { return scope(s, 2) }, without: "us-east-1", with: "eu-central-1"},
	{section: "providers[]", key: "private_key", set: "{private_key: " + privateKey() + ", client_email: robot@p.example, project_id: p, token_uri: $SIDE/token, api: null}",
		file: onVertex, play: bearer, without: keyOfA, with: "the-access-token"},
	{section: "providers[]", key: "client_email", set: "{client_email: robot@p.example}", unset: "{client_email: other@p.example}", file: withAccount,
		play: issuer, without: "other@p.example", with: "robot@p.example"},
	{section: "providers[]", key: "token_uri", set: "{token_uri: $SIDE/its/token}", unset: "{token_uri: $SIDE/token}", file: withAccount,
		play: func(s *stage) string { s.chat(); return s.side.last().URL.Path }, without: "/token", with: "/its/token"},
	{section: "providers[]", key: "cf_account_id", set: "{cf_account_id: 0123abcd}", file: file{a: "{engine: cloudflare, base_url: $A}"}, play: pathAsked,
		without: "/chat/completions", with: "/client/v4/accounts/0123abcd/ai/v1/chat/completions"},
	{section: "providers[]", key: "aws_access_key", set: "{aws_access_key: AKIAEXAMPLE, aws_secret_key: a-secret}", unset: "{aws_access_key: AKIAOTHER, aws_secret_key: a-secret}", file: onBedrock,
		play: func(s *stage) string { return scope(s, 0) }, without: "AKIAOTHER", with: "AKIAEXAMPLE"},
	{section: "providers[]", key: "aws_secret_key", set: "{aws_secret_key: " + scripted.SecretKey("AKIAEXAMPLE") + "}", unset: "{aws_secret_key: another-secret}", file: onBedrock,
		play: func(s *stage) string {
			strict := scripted.Handler()
			s.a.answer = func(w http.ResponseWriter, r seen) {
				r.Body = http.NoBody
				again := r.Clone(r.Context())
				again.Body = body(r.body)
				strict.ServeHTTP(w, again)
			}
			return fmt.Sprint(s.chat().StatusCode, " ", s.asked())
		}, without: "200 a b", with: "200 a"},
	{section: "providers[]", key: "aws_session_token", set: "{aws_session_token: a-token}", file: onBedrock,
		play: func(s *stage) string { s.chat(); return s.a.last().Header.Get("X-Amz-Security-Token") }, without: "", with: "a-token"},

	{section: "providers[].preferences", key: "oaix_routing_attempt_id", set: "{oaix_routing_attempt_id: true}",
		play: func(s *stage) string {
			s.chat()
			first := s.a.last().Header.Get("X-Oaix-Routing-Attempt-Id")
			s.chat()
			second := s.a.last().Header.Get("X-Oaix-Routing-Attempt-Id")
			return fmt.Sprint(first != "", second != first)
		}, without: "false false", with: "true true"},
	{section: "providers[].preferences", key: "gemini_key_in_query", set: "{gemini_key_in_query: true}", file: file{a: "{engine: gemini, base_url: $A/v1beta}"},
		play: func(s *stage) string {
			s.chat()
			r := s.a.last()
			return r.URL.RawQuery + "," + r.Header.Get("X-Goog-Api-Key")
		}, without: "," + keyOfA, with: "key=" + keyOfA + ","},
	{section: "providers[].preferences", key: "proxy", set: "{proxy: $SIDE}", play: throughProxy, without: "0 a", with: "1 a"},
	{section: "preferences", key: "proxy", set: "{proxy: $SIDE}", play: throughProxy, without: "0 a", with: "1 a"},
	{section: "providers[].preferences", key: "isolate_keys", set: "{isolate_keys: true}", file: twoClients, play: connections, without: "1 connection", with: "2 connections"},
	{section: "preferences", key: "isolate_keys", set: "{isolate_keys: true}", file: twoClients, play: connections, without: "1 connection", with: "2 connections"},
	{section: "preferences", key: "connection_max_age", set: "{connection_max_age: 0.000001}", file: twoClients, play: connections, without: "1 connection", with: "5 connections"},
	{section: "providers[].preferences", key: "headers", set: "{headers: {X-Team: research, User-Agent: ours}}",
		play: func(s *stage) string {
			s.chat()
			h := s.a.last().Header
			return h.Get("X-Team") + ", " + h.Get("User-Agent")
		},
		without: ", uni-api", with: "research, ours"},
	{section: "providers[].preferences", key: "passthrough_request_headers", set: "{passthrough_request_headers: [X-Session, Authorization, Cookie]}",
		play: func(s *stage) string {
			s.post(chat, said(), "X-Session", "s1", "Cookie", "c=1", "X-Other", "o")
			h := s.a.last().Header
			return strings.Join([]string{h.Get("X-Session"), h.Get("X-Other"), h.Get("Cookie"), h.Get("Authorization")}, ",")
		}, without: ",,,Bearer " + keyOfA, with: "s1,,,Bearer " + keyOfA},
}

var (
	onVertex    = file{a: "{engine: vertex, base_url: $A/google-vertex-ai}"}
	onBedrock   = file{a: "{engine: aws, base_url: $A, aws_access_key: AKIAEXAMPLE, aws_secret_key: a-secret, api: null}"}
	withAccount = onVertex.in("{private_key: " + privateKey() + ", client_email: robot@p.example, project_id: p, token_uri: $SIDE/token, api: null}")
)

// in is the file with more keys of the first provider.
func (f file) in(a string) file {
	f.a = strings.TrimSuffix(f.a, "}") + ", " + strings.TrimPrefix(a, "{")
	return f
}

// privateKey is the key of a service account, as YAML.
var privateKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	text, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	return string(text)
})

// bearer is the access token or the key that a request has.
func bearer(s *stage) string {
	s.chat()
	h := s.a.last().Header
	return strings.TrimPrefix(h.Get("Authorization"), "Bearer ") + h.Get("X-Goog-Api-Key")
}

// issuer is who asked for the access token.
func issuer(s *stage) string {
	s.chat()
	form, _ := url.ParseQuery(s.side.last().body)
	parts := strings.Split(form.Get("assertion"), ".")
	if len(parts) != 3 {
		return "no assertion"
	}
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct{ Iss string }
	json.Unmarshal(claims, &said)
	return said.Iss
}

// locationsAsked are the locations in the paths of two requests.
func locationsAsked(s *stage) string {
	s.chats(2)
	var names []string
	for _, r := range s.a.requests() {
		_, rest, _ := strings.Cut(r.URL.Path, "/locations/")
		name, _, _ := strings.Cut(rest, "/")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// scope is a part of what the signature of a request is for: the access key, the day, the region.
func scope(s *stage, part int) string {
	s.chat()
	_, credential, _ := strings.Cut(s.a.last().Header.Get("Authorization"), "Credential=")
	return strings.Split(credential+"////", "/")[part]
}

var twoClients = file{other: "{}"}

// connections are those over which the requests of two client keys came. The other one asks when it is known how long
// answers take.
func connections(s *stage) string {
	s.a.server.Config.SetKeepAlivesEnabled(true)
	for _, key := range []string{clientKey, clientKey, clientKey, otherKey, clientKey} {
		s.post(chat, said(), "Authorization", "Bearer "+key)
	}
	from := map[string]bool{}
	for _, r := range s.a.requests() {
		from[r.RemoteAddr] = true
	}
	if len(from) == 1 {
		return "1 connection"
	}
	return fmt.Sprint(len(from), " connections")
}

// throughProxy has the side pass on what it is asked as a proxy, and counts that.
func throughProxy(s *stage) string {
	s.side.answer = forward
	s.chat()
	return fmt.Sprint(len(s.side.requests()), " ", s.asked())
}
