package server

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
)

// What serve leaves out is what check complains about, in the same words.
func TestCheckFindsWhatServeLeavesOut(t *testing.T) {
	const at = "  - provider: p\n    base_url: https://p.example/v1\n    model: [m]\n"
	for name, more := range map[string]string{
		"nothing":                          "    api: k\n",
		"an engine that is not served":     "    api: k\n    engine: lingjing\n",
		"an engine that there is not":      "    api: k\n    engine: gtp\n",
		"translation, by its address":      "    api: k\n    base_url: https://ark.cn-beijing.volces.com/api/v3/responses\n",
		"Vertex without credentials":       "    engine: vertex\n",
		"Vertex without a project":         "    engine: vertex\n    client_email: a@b.example\n    private_key: not a key\n",
		"a private key that is none":       "    engine: vertex\n    project_id: p\n    client_email: a@b.example\n    private_key: \"-----BEGIN PRIVATE KEY-----\\nsecret-of-the-key\\n-----END PRIVATE KEY-----\"\n",
		"a token_uri that is no address":   "    engine: vertex\n    project_id: p\n    client_email: a@b.example\n    private_key: " + pemOfAKey(t) + "\n    token_uri: ftp://x\n",
		"Bedrock without credentials":      "    engine: aws\n",
		"a proxy with a password too long": "    api: k\n    preferences: {proxy: \"socks5://user:" + strings.Repeat("p", 300) + "@proxy.example\"}\n",
		"an override that cannot be used":  "    api: k\n    preferences: {post_body_parameter_overrides: {m: 5}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			section := at
			if strings.Contains(more, "base_url:") {
				section = strings.Replace(at, "    base_url: https://p.example/v1\n", "", 1)
			}
			g := start(t, section+more, keyed(""))
			cfg := g.snapshot.Load().config
			var found []string
			for _, p := range append(cfg.Warnings, LeftOut(cfg)...) {
				found = append(found, p.String())
			}
			var logged []string
			for text := range strings.Lines(g.log.String()) {
				var line struct{ Level, Error string }
				if json.Unmarshal([]byte(text), &line) == nil && line.Level == "ERROR" {
					logged = append(logged, line.Error)
				}
			}
			if len(found) != len(logged) || (len(found) == 0) != (name == "nothing") {
				t.Fatalf("check says %q, serve %q", found, logged)
			}
			for i := range found {
				if !strings.HasPrefix(found[i], "api.yaml:") || !strings.HasSuffix(found[i], logged[i]) || strings.Contains(found[i], "secret-of-the-key") {
					t.Errorf("check says %q, serve %q", found[i], logged[i])
				}
			}
		})
	}
}

// pemOfAKey is the private key of a service account, as YAML.
func pemOfAKey(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}
