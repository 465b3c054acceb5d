package doctor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
)

// between is what stands between the client and the gateway, by the headers that it adds. The gateway itself adds none
// of these.
type between struct{ seen []string }

func (b *between) see(h http.Header) {
	add := func(name string) {
		if name = short(name); name != "" && !slices.Contains(b.seen, name) {
			b.seen = append(b.seen, name)
		}
	}
	add(h.Get("Server"))
	for _, via := range h.Values("Via") {
		if _, by, ok := strings.Cut(via, " "); ok {
			via = by
		}
		add(via)
	}
	if h.Get("Cf-Ray") != "" && !b.has("cloudflare") {
		add("Cloudflare")
	}
	if h.Get("X-Amz-Cf-Id") != "" {
		add("CloudFront")
	}
	if h.Get("X-Envoy-Upstream-Service-Time") != "" && !b.has("envoy") {
		add("Envoy")
	}
}

func (b *between) has(name string) bool {
	return slices.ContainsFunc(b.seen, func(s string) bool { return strings.Contains(strings.ToLower(s), name) })
}

// name is what is said of who stands between.
func (b *between) name() string {
	if len(b.seen) == 0 {
		return "what stands between"
	}
	return strings.Join(b.seen, " and ")
}

// unbuffer is what makes it pass a stream on at once.
func (b *between) unbuffer() string {
	switch {
	case b.has("nginx"):
		return "in nginx's location for the gateway: proxy_buffering off; proxy_http_version 1.1; and no proxy_ignore_headers X-Accel-Buffering, nor gzip for text/event-stream"
	case b.has("caddy"):
		return "in Caddy's reverse_proxy: flush_interval -1; and no encode for text/event-stream"
	case b.has("apache"):
		return "in Apache: ProxyPass … flushpackets=on, and no mod_deflate for text/event-stream"
	case b.has("cloudflare"):
		return "at Cloudflare: no compression, caching, or rule that looks at the body, for the gateway's paths"
	case b.has("cloudfront"):
		return "at CloudFront: a cache policy that caches nothing and compresses nothing, for the gateway's paths"
	}
	return "turn response buffering and compression off in the proxy, for the gateway's paths. If there is none, it is the provider that sends all at once; asked directly, past the proxy, doctor tells which"
}

// wait is what makes it wait longer for the gateway.
func (b *between) wait() string {
	const ours = "or let the gateway send signs of life (keepalive_interval)"
	switch {
	case b.has("nginx"):
		return "in nginx's location for the gateway: proxy_read_timeout 600s; " + ours
	case b.has("apache"):
		return "in Apache: ProxyTimeout 600; " + ours
	}
	return "a longer idle timeout in the proxy, 600 s, " + ours
}

// unreachable is why no answer came at all.
func (e *examination) unreachable(err error) verdict {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	text := short(err.Error())
	if cause := errors.Unwrap(err); cause != nil { // without the method and the address
		text = short(cause.Error())
	}
	switch {
	case errors.As(err, &dns):
		return failed("the name in --url, or the DNS entry", "%s is not found: %s", e.base.Hostname(), text)
	case errors.As(err, &cert):
		return failed("a certificate that the client trusts; Claude Code and Gemini CLI take one more authority from NODE_EXTRA_CA_CERTS, Codex from SSL_CERT_FILE", "the certificate is not trusted: %s", text)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return failed("http:// in --url, or give the gateway a certificate: --tls-cert and --tls-key", "no HTTPS is spoken there")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed("start the gateway, or mend the port in --url; in a container 127.0.0.1 is the container itself", "nobody listens at %s", e.base.Host)
	case e.base.Scheme == "http" && errors.Is(err, io.EOF):
		return failed("https:// in --url, if the gateway has a certificate", "the connection is closed without an answer")
	case isTimeout(err):
		return failed(e.between.wait(), "no answer came in time: %s", text)
	}
	return failed("look at the gateway's log, and at that of what stands between", "the connection broke: %s", text)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// refused is what an answer with another status than 200 means.
func (e *examination) refused(a *answer) verdict {
	if a.err != nil {
		return e.unreachable(a.err)
	}
	said := fmt.Sprintf("%d: %s", a.status, a.message())
	if !isJSON(a.body) {
		return e.foreign(a)
	}
	switch lower := strings.ToLower(said); {
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return failed("the key, or what it may do: it must stand under api_keys of the gateway, with the model among its own", "the gateway refuses the key, %s", said)
	case a.status == http.StatusNotFound && !strings.Contains(lower, "model"):
		return failed("--url: it is the gateway's address, and not that of an API below it", "nothing is served at this path, %s", said)
	case a.status == http.StatusNotFound:
		return failed("--model: one that the key may use", "%s", said)
	case a.status == http.StatusTooManyRequests:
		return failed("wait, or raise the limit: the message says whether it is the gateway's or the provider's", "%s", said)
	case a.status == http.StatusBadRequest && (strings.Contains(lower, "beta") || strings.Contains(lower, "extra inputs")):
		return failed("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1 for the client, or a provider that takes Anthropic's betas", "%s", said)
	case a.status == http.StatusBadRequest && strings.Contains(lower, "max_tokens"):
		return failed("CLAUDE_CODE_MAX_OUTPUT_TOKENS for the client, or post_body_parameter_overrides for the provider: fewer than the model's most", "%s", said)
	case a.status >= 500:
		return failed("look at the gateway's log, or at the answer's X-Request-Id on its dashboard: the provider fails", "%s", said)
	}
	return failed("what the message says; uni-api explain and X-Debug-Attempts tell which provider was asked", "%s", said)
}

// foreign is an answer that is not the gateway's, by its form.
func (e *examination) foreign(a *answer) verdict {
	who := e.between.name()
	switch {
	case a.status/100 == 3:
		return failed("the address that it leads to, in --url and in the client: clients lose a POST's body on the way", "%s leads to %s", who, short(a.header.Get("Location")))
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return failed("let the gateway's paths through there without a login of its own: the client sends the gateway's key only", "%s refuses with %d, and not the gateway", who, a.status)
	case a.status == http.StatusRequestEntityTooLarge:
		return failed(e.between.larger(), "%s refuses the body as too large (413)", who)
	case a.status == http.StatusGatewayTimeout || a.status == http.StatusRequestTimeout || a.status == 524:
		return failed(e.between.wait(), "%s did not wait for the gateway, %d after %s", who, a.status, seconds(a.took))
	case a.status >= 500:
		return failed("the address of the gateway in its configuration", "%s does not reach the gateway, %d", who, a.status)
	case a.status == http.StatusNotFound:
		return failed("--url, or pass all paths on to the gateway there", "%s answers 404 itself, and not the gateway", who)
	case a.status == http.StatusOK:
		return failed("--url: something else answers there", "what came is not the gateway's, but %s: %s", short(a.header.Get("Content-Type")), a.message())
	}
	return failed("pass the request on to the gateway as it is", "%s answers %d itself: %s", who, a.status, a.message())
}

func (b *between) larger() string {
	if b.has("nginx") {
		return "in nginx's location for the gateway: client_max_body_size 0; (it takes 1 MB without that, and a conversation of an agent is longer)"
	}
	return "let bodies of 64 MB through: a conversation of an agent grows, and has images"
}

func isJSON(body []byte) bool {
	text := strings.TrimSpace(string(body))
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}
