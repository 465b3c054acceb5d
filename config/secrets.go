package config

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Secret is a text that nobody may be shown, or a piece of it.
type Secret struct {
	Text string
	// Public is how many bytes at the beginning give nothing away by themselves: what all keys of a provider begin
	// with, the name before a password, the scheme before a token.
	Public int
}

// A secret, or a piece of one, has more than so many different characters, and does not repeat itself after so many:
// else it cannot be told from what any text may hold, such as numbers with rows of zeros, lines, and what stands for a
// key in an example.
const (
	rowCharacters = 3
	rowPeriod     = 4
)

// IsRow says of a text that it is no secret to be looked for, since it is made of so few characters.
func IsRow(text string) bool { return hasFewCharacters(text) || repeats(text) }

func hasFewCharacters(text string) bool {
	var seen [rowCharacters]byte
	n := 0
	for i := range len(text) {
		if slices.Contains(seen[:n], text[i]) {
			continue
		}
		if n == rowCharacters {
			return false
		}
		seen[n] = text[i]
		n++
	}
	return true
}

func repeats(text string) bool {
	for period := 1; period <= rowPeriod; period++ {
		if len(text) > 2*period && text[period:] == text[:len(text)-period] {
			return true
		}
	}
	return false
}

// keyPrefix is what all keys of a provider begin with, where that is long enough to be read as a piece of a secret.
var keyPrefix = regexp.MustCompile(`^sk-ant-[a-z]+[0-9]{2}-`)

// publicParameters are those of a URL's query that hold no secret. Any other may.
var publicParameters = []string{"alt", "api-version", "deployment", "location", "model", "project", "region", "version"}

// publicHeaders are the headers of `headers` that hold no secret. Any other may.
var publicHeaders = []string{
	"accept", "accept-encoding", "accept-language", "anthropic-beta", "anthropic-version", "connection", "content-type", "http-referer",
	"openai-beta", "origin", "referer", "user-agent", "x-title",
}

// Secrets are the texts that nobody may be shown: keys of clients and of providers, private keys, credentials of AWS
// and of video engines, the Cloudflare account, values of headers, what base_url and proxies have of passwords and
// queries, and what the environment has of the database and the collector. There may be repetitions, and texts too
// short to be told from others.
func (c *Config) Secrets() []Secret {
	var s secrets
	for _, k := range slices.Concat(c.APIKeys, c.left.ofKeys) {
		s.add(k.Key)
	}
	s.url(c.Preferences.Proxy)
	s.webhook(c.Preferences.Alerts.Webhook)
	s.add(c.Preferences.Alerts.Secret)
	s.redis(c.Preferences.Cluster)
	for _, proxy := range [...]string{c.Proxies.HTTP, c.Proxies.HTTPS, c.Proxies.All} {
		s.url(proxy)
	}
	for _, p := range slices.Concat(c.Providers, c.left.ofProviders) {
		s.add(p.Keys...)
		s.add(p.AWSAccessKey, p.AWSSecretKey, p.AWSSessionToken, p.CFAccountID, p.Preferences.AccessKey, p.Preferences.SecretKey)
		s.pem(p.PrivateKey)
		s.url(p.BaseURL)
		s.url(p.Preferences.Proxy)
		for _, h := range p.Preferences.Headers {
			s.header(h)
		}
	}
	return append(s.found, c.environment...)
}

// secrets collects them.
type secrets struct{ found []Secret }

func (s *secrets) add(texts ...string) {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			s.found = append(s.found, Secret{text, len(keyPrefix.FindString(text))})
		}
	}
}

// behind adds what stands behind something public, and where that is too short to be looked for alone, both.
func (s *secrets) behind(public int, whole, rest string) {
	if s.add(rest); len(rest) < scrubMinimum && rest != "" {
		s.found = append(s.found, Secret{whole, public})
	}
}

// pem adds a private key, line by line and without the breaks between them, which get lost.
func (s *secrets) pem(text string) {
	var whole strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
			whole.WriteString(line)
			s.add(line)
		}
	}
	s.add(whole.String())
}

func (s *secrets) header(h Header) {
	if slices.Contains(publicHeaders, strings.ToLower(h.Name)) {
		return
	}
	value := strings.TrimSpace(h.Value)
	scheme, token, two := strings.Cut(value, " ")
	if !two || !slices.Contains(schemes, strings.ToLower(scheme)) {
		s.add(value)
	}
	if !two {
		return
	}
	s.behind(len(scheme)+1, value, token)
	if plain, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "Basic") {
		s.pair(string(plain))
	}
}

// schemes stand before a token.
var schemes = []string{"basic", "bearer", "token", "key", "apikey", "api-key", "digest", "negotiate"}

// url adds the secrets in a URL, as they stand there and as they are meant.
func (s *secrets) url(raw string) {
	u, err := url.Parse(raw)
	if raw == "" || err != nil {
		return
	}
	if u.User != nil {
		name := u.User.Username()
		if password, has := u.User.Password(); has {
			s.pair(u.User.String())
			s.pair(name + ":" + password)
		} else {
			s.add(u.User.String(), name)
		}
	}
	for name, values := range u.Query() {
		if !slices.Contains(publicParameters, strings.ToLower(name)) {
			s.add(values...)
		}
	}
}

// webhook adds what a webhook's address has behind its host: who knows that may send to it. The host is none: a
// provider may have the same one.
func (s *secrets) webhook(raw string) {
	s.url(raw)
	scheme, rest, is := strings.Cut(raw, "://")
	if !is {
		s.add(raw)
		return
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		public := len(scheme) + len("://") + slash + 1
		s.behind(public, raw, raw[public:])
	}
}

// pair adds the secrets of NAME:PASSWORD, of which the name is none.
func (s *secrets) pair(pair string) {
	name, password, _ := strings.Cut(pair, ":")
	s.behind(len(name)+1, pair, password)
}
