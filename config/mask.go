package config

import (
	"net/url"
	"strings"
)

// maskMinimum is the length from which a secret's first characters may serve as its name in logs.
const maskMinimum = 24

// Mask makes a secret recognisable without giving it away: "sk-…f3a9". It shows at most four characters and at most a
// quarter of the secret; "sk-" is not part of it.
func Mask(secret string) string {
	if secret == "" {
		return ""
	}
	prefix := ""
	if rest, ok := strings.CutPrefix(secret, "sk-"); ok {
		prefix, secret = "sk-", rest
	}
	runes := []rune(secret)
	tail := min(4, len(runes)/4)
	return prefix + "…" + string(runes[len(runes)-tail:])
}

// keyAlias names a client key without a role.
func keyAlias(key string) string {
	if runes := []rune(key); len(runes) >= maskMinimum {
		return string(runes[:8])
	}
	return Mask(key)
}

// maskURL takes credentials, query and fragment out of a URL, valid or not, so that it can be shown.
func maskURL(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	if found {
		scheme += "://"
	} else {
		scheme, rest = "", raw
	}
	authority := len(rest) // of what is no URL anything before an @ may belong to a password
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			authority = end
		}
	}
	if at := strings.LastIndexByte(rest[:authority], '@'); at >= 0 {
		scheme, rest = scheme+"…@", rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, query := strings.Cut(rest, "?")
	if query {
		rest += "?…"
	}
	return scheme + rest
}

// maskRule masks the client key of a rule such as sk-K/*, or of a word that is one, if that has not been done.
func maskRule(rule string) string {
	if !strings.HasPrefix(rule, "sk-") || strings.HasPrefix(rule, "sk-…") {
		return rule
	}
	key, model, slash := strings.Cut(rule, "/")
	if !slash {
		return Mask(key)
	}
	return Mask(key) + "/" + model
}
