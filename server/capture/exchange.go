// Package capture is one request on its way through the gateway, with all that was said: what the client asked, what
// each upstream was asked and answered, and what the client got.
package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Exchange is such a request.
type Exchange struct {
	Client   Sides     `json:"client"`
	Attempts []Attempt `json:"attempts,omitempty"` // in the order in which upstreams were asked
	More     int       `json:"more_attempts,omitempty"`
}

// Sides are what was asked, and what was answered to it.
type Sides struct {
	Request *Message `json:"request"`
	Answer  *Message `json:"answer,omitempty"`
}

// Attempt is what an upstream was asked and answered.
type Attempt struct {
	Provider string `json:"provider"`
	Upstream string `json:"upstream_model"`
	Format   string `json:"format"`        // of its API
	Key      int    `json:"key,omitempty"` // the how-manieth of the provider's
	Sides
	Error   string `json:"error,omitempty"`   // why there is no answer, or not all of it
	Failure string `json:"failure,omitempty"` // of what kind that is, if the exchange itself failed: dial, reset, first byte timeout
}

// Message is a request or an answer. Times are milliseconds since the client's request came.
type Message struct {
	MS      float64  `json:"ms"`
	Method  string   `json:"method,omitempty"`
	URL     string   `json:"url,omitempty"` // of a client's request only the path, with the query
	Status  int      `json:"status,omitempty"`
	Headers []Header `json:"headers,omitempty"`
	Pieces  []Piece  `json:"pieces,omitempty"` // of the body, as they came or went; undone is its compression
	Bytes   int64    `json:"bytes"`            // of the body, kept or not
	Cut     bool     `json:"cut,omitempty"`    // not all of it was kept
}

// Header is one line of it.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Piece is a part of a body. What is no text is in base64.
type Piece struct {
	MS   float64 `json:"ms"`
	Text string  `json:"text,omitempty"`
	Data string  `json:"base64,omitempty"`
}

// pieceOf is a part of a body as it is kept.
func pieceOf(ms float64, body []byte) Piece {
	if isText(body) {
		return Piece{MS: ms, Text: string(body)}
	}
	return Piece{MS: ms, Data: base64.StdEncoding.EncodeToString(body)}
}

// isText says whether it may stand in JSON without becoming much longer.
func isText(body []byte) bool {
	return utf8.Valid(body) && bytes.IndexFunc(body, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }) < 0
}

// Body is the part of it.
func (p *Piece) Body() ([]byte, error) {
	if p.Data == "" {
		return []byte(p.Text), nil
	}
	return base64.StdEncoding.DecodeString(p.Data)
}

// Body is all that was kept of the body.
func (m *Message) Body() (all []byte, err error) {
	for i := range m.Pieces {
		part, err := m.Pieces[i].Body()
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

// JSON is the exchange as it is kept. "<" and the like stay as they are.
func (e *Exchange) JSON() ([]byte, error) {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// hidden stands for what is not kept.
const hidden = "…"

// secretNames are what is in the names of headers and of parts of queries that hold credentials. "tokens" are no token.
var secretNames = []string{"auth", "api-key", "apikey", "api_key", "token", "cookie", "secret", "signature", "credential", "password", "session"}

// isSecretName says whether what has that name may be a credential.
func isSecretName(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "tokens", "")
	if name == "key" || name == "sig" || strings.HasSuffix(name, "-key") {
		return true
	}
	for _, part := range secretNames {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// header is a line as it is kept: without a credential.
func header(name, value string) Header {
	if isSecretName(name) {
		value = hidden
	}
	return Header{Name: name, Value: value}
}

// address is a URL as it is kept: without credentials.
func address(text string) string {
	before, query, has := strings.Cut(text, "?")
	if u, err := url.Parse(before); err == nil && u.User != nil {
		u.User = nil
		before = u.String()
	}
	if !has {
		return before
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if name, _, _ := strings.Cut(part, "="); isSecretName(unescaped(name)) {
			parts[i] = name + "=" + hidden
		}
	}
	return before + "?" + strings.Join(parts, "&")
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// messages are all of the exchange.
func (e *Exchange) messages() (all []*Message) {
	add := func(s *Sides) {
		for _, m := range []*Message{s.Request, s.Answer} {
			if m != nil {
				all = append(all, m)
			}
		}
	}
	add(&e.Client)
	for i := range e.Attempts {
		add(&e.Attempts[i].Sides)
	}
	return all
}

// Clean puts what clean makes of it in the place of each text.
func (e *Exchange) Clean(clean func(string) string) {
	for i := range e.Attempts {
		e.Attempts[i].Error = clean(e.Attempts[i].Error)
	}
	for _, m := range e.messages() {
		m.URL = clean(m.URL)
		for i := range m.Headers {
			m.Headers[i].Name, m.Headers[i].Value = clean(m.Headers[i].Name), clean(m.Headers[i].Value)
		}
		m.clean(clean)
	}
}

// clean does so with the body. What lies across pieces makes one of them.
func (m *Message) clean(clean func(string) string) {
	var whole []byte
	for i := range m.Pieces {
		part, err := m.Pieces[i].Body()
		if err != nil {
			part = nil
		}
		if text := string(part); clean(text) != text {
			part = []byte(clean(text))
			m.Pieces[i] = pieceOf(m.Pieces[i].MS, part)
		}
		whole = append(whole, part...)
	}
	if text := clean(string(whole)); text != string(whole) {
		m.Pieces = []Piece{pieceOf(m.Pieces[0].MS, []byte(text))}
	}
}
