package config

import (
	"slices"
	"testing"
)

func TestEverySecretOfAFileIsKnown(t *testing.T) {
	cfg, err := Parse("api.yaml", []byte(`
providers:
  - provider: p
    base_url: https://user:pass%40word@api.example.com/v1?token=query-token
    api: [sk-first, "${SECOND}"]
    preferences:
      proxy: socks5://proxyuser:proxypass@proxy:1080
      headers: {X-Team: team-secret, Authorization: Bearer header-token, Proxy-Authorization: Basic YmFzaWN1c2VyOmJhc2ljcGFzcw==, Anthropic-Version: 2023-06-01, User-Agent: agent/1}
      access_key: video-id
      secret_key: video-secret
  - {provider: v, project_id: project, client_email: a@b.example, private_key: "-----BEGIN PRIVATE KEY-----\\nfirst-line\\nsecond-line\\n-----END PRIVATE KEY-----\\n"}
  - {provider: a, base_url: "https://token-only@bedrock.example.com", engine: aws, aws_access_key: aws-id, aws_secret_key: aws-secret, aws_session_token: aws-session}
  - {provider: c, cf_account_id: account, api: cf-key}
api_keys: [{api: sk-client, role: user}]
preferences: {proxy: "http://:globalpass@proxy:80"}
`), func(name string) string { return map[string]string{"SECOND": "sk-second"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.Secrets()
	for _, want := range []string{
		"sk-first", "sk-second", "sk-client", "pass@word", "user:pass@word", "user:pass%40word", "query-token", "proxypass", "team-secret", "Bearer header-token", "header-token", "basicpass",
		"basicuser:basicpass", "video-id", "video-secret", "first-line", "second-line", "token-only", "aws-id", "aws-secret", "aws-session", "account", "cf-key", "globalpass",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	for _, not := range []string{"2023-06-01", "agent/1", "", "user", "p", "-----BEGIN PRIVATE KEY-----", "a@b.example"} {
		if slices.Contains(got, not) {
			t.Errorf("%q is no secret", not)
		}
	}
}
