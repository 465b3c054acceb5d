package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// publicHeaders are the headers of `headers` that hold no secret. Any other may.
var publicHeaders = []string{
	"accept", "accept-encoding", "accept-language", "anthropic-beta", "anthropic-version", "connection", "content-type", "http-referer",
	"openai-beta", "origin", "referer", "user-agent", "x-title",
}

// Secrets are the texts that nobody may be shown: keys of clients and of providers, private keys line by line, credentials of
// AWS and of video engines, the Cloudflare account, values of headers, and what base_url and proxies have of passwords and queries. There may be
// repetitions, and texts too short to be told from others.
func (c *Config) Secrets() (secrets []string) {
	add := func(texts ...string) {
		for _, s := range texts {
			if s = strings.TrimSpace(s); s != "" {
				secrets = append(secrets, s)
			}
		}
	}
	for _, k := range c.APIKeys {
		add(k.Key)
	}
	add(urlSecrets(c.Preferences.Proxy)...)
	for _, p := range c.Providers {
		add(p.Keys...)
		add(p.AWSAccessKey, p.AWSSecretKey, p.AWSSessionToken, p.CFAccountID, p.Preferences.AccessKey, p.Preferences.SecretKey)
		for line := range strings.Lines(p.PrivateKey) {
			if !strings.HasPrefix(line, "-----") {
				add(line)
			}
		}
		add(urlSecrets(p.BaseURL)...)
		add(urlSecrets(p.Preferences.Proxy)...)
		for _, h := range p.Preferences.Headers {
			if slices.Contains(publicHeaders, strings.ToLower(h.Name)) {
				continue
			}
			add(h.Value)
			if scheme, token, two := strings.Cut(h.Value, " "); two {
				add(token)
				if plain, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "Basic") {
					add(userSecrets(string(plain))...)
				}
			}
		}
	}
	return secrets
}

// urlSecrets are the secrets in a URL, as they stand there and as they are meant.
func urlSecrets(raw string) (secrets []string) {
	u, err := url.Parse(raw)
	if raw == "" || err != nil {
		return nil
	}
	if u.User != nil {
		name := u.User.Username()
		password, has := u.User.Password()
		secrets = append(secrets, u.User.String())
		if has {
			secrets = append(secrets, userSecrets(name+":"+password)...)
		} else {
			secrets = append(secrets, name)
		}
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	return secrets
}

// userSecrets are those of NAME:PASSWORD, of which the name is none.
func userSecrets(pair string) []string {
	_, password, _ := strings.Cut(pair, ":")
	return []string{pair, password}
}
