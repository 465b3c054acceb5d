package config

import (
	"slices"
	"testing"
)

func TestEverySecretOfAFileIsKnown(t *testing.T) {
	cfg, err := Parse("api.yaml", []byte(`
providers:
  - provider: p
    base_url: https://user:pass%40word@api.example.com/v1?token=query-token&api-version=2026-01-31-preview
    api: [sk-first, "${SECOND}", sk-ant-api03-third]
    preferences:
      proxy: socks5://proxyuser:proxypass@proxy:1080
      headers: {X-Team: team-secret, Authorization: Bearer header-token, Proxy-Authorization: Basic YmFzaWN1c2VyOmJhc2ljcGFzcw==, X-Words: two words and more, X-Short: Token short, X-Basic: Basic dGlueTpwdw==, Anthropic-Version: 2023-06-01, User-Agent: agent/1}
      access_key: video-id
      secret_key: video-secret
  - {provider: v, project_id: project, client_email: a@b.example, private_key: "-----BEGIN PRIVATE KEY-----\\nfirst-line\\nsecond-line\\n-----END PRIVATE KEY-----\\n"}
  - {provider: a, base_url: "https://token-only@bedrock.example.com", engine: aws, aws_access_key: aws-id, aws_secret_key: aws-secret, aws_session_token: aws-session}
  - {provider: c, cf_account_id: account, api: cf-key}
api_keys: [{api: sk-client, role: user}]
preferences: {proxy: "http://:globalpass@proxy:80", alerts: {webhook: "https://hooks.example/services/T0/webhook-token", secret: alert-secret}}
`), func(name string) string { return map[string]string{"SECOND": "sk-second"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, secret := range cfg.Secrets() {
		got = append(got, secret.Text)
		if public := secret.Text[:secret.Public]; !slices.Contains([]string{"", "sk-ant-api03-", "tiny:", "Token "}, public) {
			t.Errorf("%q is public in %q", public, secret.Text)
		}
	}
	for _, want := range []string{
		"sk-first", "sk-second", "sk-ant-api03-third", "sk-client", "pass@word", "pass%40word", "query-token", "proxypass", "team-secret", "header-token", "basicpass", "two words and more", "tiny:pw", "Token short",
		"video-id", "video-secret", "first-line", "second-line", "first-linesecond-line", "token-only", "aws-id", "aws-secret", "aws-session", "account", "cf-key", "globalpass", "services/T0/webhook-token", "alert-secret",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	for _, not := range []string{"https://hooks.example/services/T0/webhook-token", "2026-01-31-preview", "2023-06-01", "agent/1", "", "user", "p", "-----BEGIN PRIVATE KEY-----", "a@b.example"} {
		if slices.Contains(got, not) {
			t.Errorf("%q is no secret", not)
		}
	}
}

func TestSecretsOfTheEnvironmentAreKnown(t *testing.T) {
	variables := map[string]string{
		"DATABASE_URL":                       "postgres://ledger:data%40base-word@db:5432/uniapi?host=/var/run/postgresql&sslpassword=of-the-key-file",
		"DB_PASSWORD":                        "of-the-python-uni-api",
		"PGPASSWORD":                         "of-the-driver",
		"CONFIG_URL":                         "https://host.example/api.yaml?token=of-the-file",
		"OTEL_EXPORTER_OTLP_ENDPOINT":        "https://user:collector-word@collector.example:4318",
		"OTEL_EXPORTER_OTLP_HEADERS":         "api-key=of-all-signals,user-agent=gateway/1.2.3-agent",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS":  "Authorization=Bearer%20of-the-traces",
		"OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-tenant = of-the-metrics ,no-header-at-all",
	}
	cfg, err := Parse("api.yaml", []byte("providers: [{provider: p, base_url: 'https://h.example/v1', api: k, model: [m]}]\napi_keys: [{api: sk-client}]\n"),
		func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, secret := range cfg.Secrets() {
		got = append(got, secret.Text)
	}
	for _, want := range []string{
		"data@base-word", "data%40base-word", "of-the-key-file", "of-the-python-uni-api", "of-the-driver", "of-the-file", "collector-word", "of-all-signals",
		"Bearer%20of-the-traces", "of-the-traces", "of-the-metrics", "no-header-at-all",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	for _, not := range []string{"/var/run/postgresql", "gateway/1.2.3-agent", "ledger", ""} {
		if slices.Contains(got, not) {
			t.Errorf("%q is no secret", not)
		}
	}
}
