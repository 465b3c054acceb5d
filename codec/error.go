package codec

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// Class says what a failure means for the next attempt. It is found once, when the error is read, so that the relay's
// table is a switch and knows no provider's words.
type Class uint8

const (
	// ClientMistake is a request that the upstream refuses as wrong (400, 422). Tried once elsewhere.
	ClientMistake Class = iota
	// TooLong is a request larger than the model or the server takes (413, context length).
	TooLong
	// OverLimit is a request larger than the account may ever send at once: more tokens than it has for a minute, or
	// than its credit pays for. No waiting helps it, and nobody else is concerned.
	OverLimit
	// ContentPolicy is a request refused for what it says.
	ContentPolicy
	// Auth is our key refused, expired, out of money or barred (401, 402, 403).
	Auth
	// NotFound is a model or a path that the upstream does not have (404).
	NotFound
	// Missing is what the request names by an id that the account does not have: a file, an earlier response, a cache
	// (404, 403).
	Missing
	// RateLimit is the upstream's limit or an empty quota (429).
	RateLimit
	// Unready is an upstream that cannot answer now (408, 409, 425, 503, 504, 529).
	Unready
	// Server is an upstream that failed (other 5xx), or answered with a status that means nothing here.
	Server
	// Semantic is a success status around something that is no answer: an error object without a telling code, HTML,
	// nothing at all, text that matches an error trigger.
	Semantic
	// Cut is a stream that ended before its end.
	Cut
)

func (c Class) String() string {
	return [...]string{"client mistake", "too long", "over limit", "content policy", "auth", "not found", "missing", "rate limit", "unready",
		"server", "no answer", "cut stream"}[c]
}

// Error is a failed request in neutral form, read from an upstream or made here. The text is for the client and holds
// no secret unless the upstream put one in; the relay masks its own keys in Message before it is sent or logged.
type Error struct {
	// Status is the HTTP status that belongs to the error, 400 to 599.
	Status int
	Class  Class
	// Message says what is wrong. Never empty.
	Message string
	// Type and Code are the OpenAI words for it; Code and Param are "" where OpenAI says null.
	Type, Code, Param string
	// Reason is the word that Google's errors have for why, "" elsewhere.
	Reason string
	// Raw is the error object as the upstream sent it, at most 64 KiB, nil if the error is ours. A copy.
	Raw []byte
	// InAnswer says that it came with a success status or inside a stream.
	InAnswer bool
	// Numbered says that it names an HTTP status by its number, which is that of the answer then, whatever status it
	// came with.
	Numbered bool
	// Detail is more of what is wrong than clients are told: hosts, ports, addresses. It is for the log and for admins.
	Detail string
	// Lasting says that asking again helps nothing until somebody does something.
	Lasting bool
	// RetryAfter is how long the body asks to wait, where a format has a place for that; 0 if it does not say. The
	// header is the relay's.
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// What is kept of an error, in bytes. What is longer is a page, or repeats the request.
const (
	messageLimit = 4 << 10
	wordLimit    = 256
	rawLimit     = 64 << 10
)

// Bound cuts all that an upstream may have made long, and holds on to nothing of what it was read from.
func (e *Error) Bound() {
	e.Message = Excerpt(e.Message, messageLimit)
	for _, word := range []*string{&e.Type, &e.Code, &e.Param, &e.Reason} {
		*word = Excerpt(*word, wordLimit)
	}
	if len(e.Raw) > rawLimit {
		e.Raw = nil
	}
}

// KeepRaw keeps a copy of the object that an error was read from, unless it is long.
func (e *Error) KeepRaw(object []byte) {
	if len(object) <= rawLimit {
		e.Raw = bytes.Clone(object)
	}
}

// Excerpt is the beginning of a text, of so many bytes at the most and good UTF-8, with a mark if something is missing.
// It does not hold on to a longer text.
func Excerpt(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "\ufffd") + "…"
}

// Retryable says whether another channel may well answer the same request.
func (e *Error) Retryable() bool {
	return e.Class != ClientMistake && e.Class != TooLong && e.Class != ContentPolicy
}

// BadRequest is the error for a request that cannot be understood: 400, in the client's words.
func BadRequest(param, message string) *Error {
	return &Error{Status: 400, Class: ClientMistake, Type: "invalid_request_error", Param: param, Message: message}
}

// NotAnObject is the error of a client's body that is no JSON object.
func NotAnObject(cause error) *Error {
	return BadRequest("", "the request body is not a valid JSON object: "+cause.Error())
}

// NoAnswer is the error for a success status with nothing usable behind it: 502.
func NoAnswer(message string) *Error {
	return &Error{Status: 502, Class: Semantic, Type: "server_error", Message: message, InAnswer: true}
}

// CutShort is the error of a stream that ended before its answer was complete: 502.
func CutShort() *Error {
	return &Error{Status: 502, Class: Cut, Type: "server_error", InAnswer: true, Message: "the upstream's stream ended before its answer was complete"}
}
