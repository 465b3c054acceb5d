package capture

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// shaper replaces what people and models wrote by filler of the same length. Each byte that it changes becomes a byte,
// so that pieces of a body stay where they were.
type shaper struct {
	salt       []byte          // of this file: words that become others by it are the same in all of it, and in no other
	properties map[string]bool // names of members that the tools' schemas have
}

// File makes an exchange one that may be shown to others. salt is random.
func (e *Exchange) File(salt []byte) *File {
	s := &shaper{salt: salt, properties: map[string]bool{"user_id": true}}
	for _, m := range e.messages() {
		if body, err := m.Body(); err == nil {
			s.gatherProperties(body)
		}
	}
	f := &File{Version: version, Exchange: Exchange{Client: s.sides(e.Client), More: e.More}}
	numbers := map[string]int{}
	for _, a := range e.Attempts {
		if numbers[a.Provider] == 0 {
			numbers[a.Provider] = len(numbers) + 1
		}
		shown := Attempt{Provider: fmt.Sprint("provider-", numbers[a.Provider]), Upstream: s.word(a.Upstream), Format: s.word(a.Format), Key: a.Key, Sides: s.sides(a.Sides)}
		shown.Error, shown.Failure = string(fill([]byte(a.Error))), a.Failure
		f.Attempts = append(f.Attempts, shown)
	}
	return f
}

func (s *shaper) sides(of Sides) Sides {
	return Sides{Request: s.message(of.Request), Answer: s.message(of.Answer)}
}

func (s *shaper) message(m *Message) *Message {
	if m == nil {
		return nil
	}
	out := &Message{MS: m.MS, Method: s.word(m.Method), URL: s.url(m.URL), Status: m.Status, Bytes: m.Bytes, Cut: m.Cut}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, s.header(h))
	}
	body, err := m.Body()
	if err != nil {
		return out
	}
	s.body(body)
	for i := range m.Pieces {
		part, _ := m.Pieces[i].Body() // Body has read it before
		out.Pieces = append(out.Pieces, pieceOf(m.Pieces[i].MS, body[:len(part)]))
		body = body[len(part):]
	}
	return out
}

// plainHeaders are those whose values are the same wherever they come from, or tell of limits and times only.
var plainHeaders = []string{"content-type", "accept", "accept-encoding", "content-length", "transfer-encoding", "connection", "cache-control", "expect",
	"anthropic-version", "anthropic-beta", "openai-beta", "retry-after", "retry-after-ms", "x-should-retry", "x-stainless-retry-count"}

// knownHeaders are those whose names say nothing of who runs the gateway.
var knownHeaders = []string{"host", "authorization", "x-api-key", "api-key", "x-goog-api-key", "user-agent", "date", "server", "x-request-id", "request-id",
	"x-content-type-options", "x-accel-buffering", "idempotency-key", "openai-organization", "openai-project", "anthropic-organization-id"}

func (s *shaper) header(h Header) Header {
	name := strings.ToLower(h.Name)
	switch {
	case name == "content-type":
		kind, _, _ := strings.Cut(h.Value, ";")
		return Header{h.Name, s.word(strings.TrimSpace(kind))}
	case (slices.Contains(plainHeaders, name) || strings.Contains(name, "ratelimit-")) && areWords(h.Value):
		return h
	case slices.Contains(knownHeaders, name):
		return Header{h.Name, string(fill([]byte(h.Value)))}
	}
	other := []byte("x-")
	return Header{string(append(other, s.mixed(h.Name, 8)...)), string(fill([]byte(h.Value)))}
}

// knownSegments are what paths of APIs are made of.
var knownSegments = []string{"v1", "v1beta", "v1alpha", "v2", "chat", "completions", "messages", "count_tokens", "responses", "compact", "input_tokens", "embeddings", "images", "generations",
	"edits", "audio", "speech", "transcriptions", "translations", "moderations", "rerank", "search", "models", "model", "openai", "deployments", "api", "anthropic", "inference",
	"converse", "converse-stream", "invoke", "invoke-with-response-stream", "publishers", "google", "projects", "locations", "accounts"}

// isPlainSegment says whether a segment of a path, behind others, is an API's own, or names a model.
func isPlainSegment(before []string, segment string) bool {
	if n := len(before); n > 0 && slices.Contains([]string{"models", "model", "deployments"}, before[n-1]) {
		return isWord(segment)
	}
	return slices.Contains(knownSegments, segment)
}

// url is one without its host, and without what names an account.
func (s *shaper) url(text string) string {
	if text == "" {
		return ""
	}
	rest, query, has := strings.Cut(text, "?")
	host := ""
	if scheme, after, is := strings.Cut(rest, "://"); is {
		host, rest = "https://upstream.example", ""
		if scheme == "http" {
			host = "http://upstream.example"
		}
		if slash := strings.IndexByte(after, '/'); slash >= 0 {
			rest = after[slash:]
		}
	}
	segments := strings.Split(rest, "/")
	for i, segment := range segments {
		if segment != "" && !isPlainSegment(segments[:i], segment) {
			segments[i] = string(s.mixed(segment, len(segment)))
		}
	}
	text = host + strings.Join(segments, "/")
	if !has {
		return text
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		switch name, value, _ := strings.Cut(part, "="); {
		case (name == "alt" || name == "api-version") && isWord(value):
		case name == "key":
			parts[i] = name + "=" + url.QueryEscape(hidden)
		default:
			parts[i] = string(s.mixed(name, 8)) + "=" + strings.Repeat("x", len(value))
		}
	}
	return text + "?" + strings.Join(parts, "&")
}

var wordForm = regexp.MustCompile(`^[A-Za-z0-9_.:/+*-]{1,80}$`)

// keyForm is how keys begin that providers give out.
var keyForm = regexp.MustCompile(`(^|[^A-Za-z0-9])((sk|pk|rk|gsk|xai|hf|ghp|gho|xox[a-z])[-_]|AIza|AKIA|eyJ|(?i:bearer))`)

// isWord says whether a text may be a word of an API, or the name of a model: no address, no key, and nothing that
// anybody wrote.
func isWord(text string) bool {
	return wordForm.MatchString(text) && !strings.Contains(text, "//") && !strings.HasPrefix(text, "arn:") && !keyForm.MatchString(text) && !isDrawn(text)
}

// isDrawn says whether a part of a text is too long, and too mixed, to be made of words.
func isDrawn(text string) bool {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("-_.:/+*", r) }) {
		if len(part) >= 20 && strings.ContainsAny(part, "0123456789") {
			return true
		}
	}
	return false
}

// areWords says whether the value of a header is made of words alone.
func areWords(value string) bool {
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;=", r) }) {
		if !isWord(strings.TrimSpace(part)) {
			return false
		}
	}
	return true
}

// word is a text if it is one, else filler.
func (s *shaper) word(text string) string {
	if isWord(text) {
		return text
	}
	return string(fill([]byte(text)))
}

// mixed is another word of n characters for a word: the same for the same.
func (s *shaper) mixed(word string, n int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	var out []byte
	for block := 0; len(out) < n; block++ {
		sum := hmac.New(sha256.New, s.salt)
		fmt.Fprintf(sum, "%d %s", block, word)
		for _, c := range sum.Sum(nil) {
			out = append(out, letters[int(c)%len(letters)])
		}
	}
	return out[:n]
}

// kindsOfIDs are what may stand behind what stands first in an id, as where one is made of another.
var kindsOfIDs = []string{"msg_", "call_", "toolu_", "resp_", "fc_", "rs_", "chatcmpl-", "gen-", "item_"}

// id puts another word in the place of an id, the same in that of one that is made of it. What stands before its first
// _ or - is what kind of an id it is.
func (s *shaper) id(text []byte) {
	kind := bytes.IndexAny(text, "_-") + 1
	if kind > 10 || bytes.ContainsFunc(text[:max(kind-1, 0)], func(r rune) bool { return r < 'a' || r > 'z' }) {
		kind = 0
	}
	for _, other := range kindsOfIDs {
		if kind > 0 && bytes.HasPrefix(text[kind:], []byte(other)) {
			kind += len(other)
		}
	}
	copy(text[kind:], s.mixed(string(text[kind:]), len(text)-kind))
}

// fill puts filler in the place of a text, in place: a character for a character of the same length, and white space as
// it is.
func fill(text []byte) []byte {
	for i := 0; i < len(text); {
		r, size := decode(text[i:])
		copy(text[i:], filler(r, size))
		i += size
	}
	return text
}

// body shapes a body in place.
func (s *shaper) body(body []byte) {
	first := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(first) == 0:
	case first[0] == '{' || first[0] == '[':
		s.json(body, plain)
	case isEvents(first):
		s.events(body)
	case isFrames(body):
		s.frames(body)
	default:
		fill(body)
	}
}

// isEvents says whether a body that begins so is a stream of server-sent events.
func isEvents(first []byte) bool {
	for _, field := range []string{"data:", "event:", "id:", ":"} {
		if bytes.HasPrefix(first, []byte(field)) {
			return true
		}
	}
	return false
}

// events shapes a stream of server-sent events.
func (s *shaper) events(body []byte) {
	for len(body) > 0 {
		line := body
		if end := bytes.IndexByte(body, '\n'); end >= 0 {
			line = body[:end+1]
		}
		body = body[len(line):]
		name, value, _ := bytes.Cut(line, []byte(":"))
		text := bytes.TrimSpace(value)
		switch {
		case len(text) == 0:
		case string(name) == "data" && (text[0] == '{' || text[0] == '['):
			if string(text) != "[DONE]" {
				s.json(text, plain)
			}
		case string(name) == "event" && isWord(string(text)):
		case len(name) == 0 && slices.Contains([]string{"keepalive", "ping", "OPENROUTER PROCESSING"}, string(text)):
		case slices.Contains([]string{"data", "event", "id", "retry", ""}, string(name)):
			fill(text)
		default:
			fill(line)
		}
	}
}
