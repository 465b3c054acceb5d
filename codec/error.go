package codec

import (
	"cmp"
	"strings"
	"time"
)

// Class says what a failure means for the next attempt. It is found once, when the error is read, so that the relay's table is a
// switch and knows no provider's words.
type Class uint8

const (
	// ClientMistake is a request that the upstream refuses as wrong (400, 422). Tried once elsewhere.
	ClientMistake Class = iota
	// TooLong is a request larger than the model or the server takes (413, context length).
	TooLong
	// ContentPolicy is a request refused for what it says.
	ContentPolicy
	// Auth is our key refused, expired, out of money or barred (401, 402, 403).
	Auth
	// NotFound is a model or a path that the upstream does not have (404).
	NotFound
	// RateLimit is the upstream's limit or an empty quota (429).
	RateLimit
	// Unready is an upstream that cannot answer now (408, 409, 425, 503, 504, 529).
	Unready
	// Server is an upstream that failed (other 5xx), or answered with a status that means nothing here.
	Server
	// Semantic is a success status around something that is no answer: an error object without a telling code, HTML, nothing at
	// all, text that matches an error trigger.
	Semantic
	// Cut is a stream that ended before its end.
	Cut
)

func (c Class) String() string {
	return [...]string{"client mistake", "too long", "content policy", "auth", "not found", "rate limit", "unready", "server",
		"no answer", "cut stream"}[c]
}

// Error is a failed request in neutral form, read from an upstream or made here. The text is for the client and holds no
// secret unless the upstream put one in; the relay masks its own keys in Message before it is sent or logged.
type Error struct {
	// Status is the HTTP status that belongs to the error, 400 to 599.
	Status int
	Class  Class
	// Message says what is wrong. Never empty.
	Message string
	// Type and Code are the OpenAI words for it (wire formats 1.5); Code and Param are "" where OpenAI says null.
	Type, Code, Param string
	// Raw is the error object as the upstream sent it, at most 64 KiB, nil if the error is ours. A copy.
	Raw []byte
	// InAnswer says that it came with a success status or inside a stream.
	InAnswer bool
	// RetryAfter is how long the body asks to wait, where a format has a place for that; 0 if it does not say. The header is the relay's.
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// Retryable says whether another channel may well answer the same request.
func (e *Error) Retryable() bool {
	return e.Class != ClientMistake && e.Class != TooLong && e.Class != ContentPolicy
}

// BadRequest is the error for a request that cannot be understood: 400, in the client's words.
func BadRequest(param, message string) *Error {
	return &Error{Status: 400, Class: ClientMistake, Type: "invalid_request_error", Param: param, Message: message}
}

// NoAnswer is the error for a success status with nothing usable behind it: 502.
func NoAnswer(message string) *Error {
	return &Error{Status: 502, Class: Semantic, Type: "server_error", Message: message, InAnswer: true}
}

// remap is a text in an error's message that tells more than its status (behaviour 4.5, wire formats 12.5). only limits it to
// errors of that status; 0 is any.
type remap struct {
	text   string // lower case
	only   int
	status int
	class  Class
}

var remaps = []remap{
	{"string_above_max_length", 0, 413, TooLong},
	{"must be less than max_seq_len", 0, 413, TooLong},
	{"please reduce the length of the messages or completion", 0, 413, TooLong},
	{"please reduce the length of either one, or use the", 0, 413, TooLong},
	{"exceeds the maximum number of tokens allowed", 0, 413, TooLong},
	{"request contains text fields that are too large", 0, 413, TooLong},
	{"context_length_exceeded", 0, 400, TooLong},
	{"maximum context length", 0, 400, TooLong},
	{"prompt is too long", 0, 400, TooLong},
	{"input is too long", 0, 400, TooLong},
	{"api_key_invalid", 0, 401, Auth},
	{"api key not valid", 0, 401, Auth},
	{"api key expired", 0, 401, Auth},
	{"user location is not supported for the api use", 0, 403, Auth},
	{"insufficient_quota", 0, 429, RateLimit},
	{"provider api error: bad response status code 400", 400, 502, Server},
	{"model pricing not configured", 400, 502, Server},
	{"model_price_error", 400, 502, Server},
	{"azure openai's content management policy", 0, 403, ContentPolicy},
	{"content_filter", 400, 400, ContentPolicy},
	{"content_policy_violation", 400, 400, ContentPolicy},
	{"model_not_found", 0, 404, NotFound},
	{"deploymentnotfound", 0, 404, NotFound},
}

// remapLimit bounds how much of an error's text is searched: the words are near its start, and pages of HTML are long.
const remapLimit = 8 << 10

// Classify sets Class, and Status where the text says more than the status, from Status, Code, Type, Message and text (the whole
// body or object). Type is filled in if it is empty.
func (e *Error) Classify(text []byte) {
	if e.Status < 400 || e.Status > 599 {
		e.Status = 502
	}
	e.Class = classOf(e.Status)
	low := strings.ToLower(e.Code + " " + e.Type + " " + e.Message + " " + string(text[:min(len(text), remapLimit)]))
	for _, r := range remaps {
		if (r.only == 0 || r.only == e.Status) && strings.Contains(low, r.text) {
			e.Status, e.Class = r.status, r.class
			break
		}
	}
	e.Type = cmp.Or(e.Type, typeOf(e.Status))
}

func classOf(status int) Class {
	switch status {
	case 401, 402, 403:
		return Auth
	case 404:
		return NotFound
	case 408, 409, 425, 503, 504, 529:
		return Unready
	case 413:
		return TooLong
	case 429:
		return RateLimit
	}
	if status < 500 {
		return ClientMistake
	}
	return Server
}

// typeOf is the OpenAI error type for a status.
func typeOf(status int) string {
	switch {
	case status == 403:
		return "permission_error"
	case status == 429:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}
