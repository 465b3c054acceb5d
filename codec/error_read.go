package codec

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"uniapi/codec/rawjson"
)

// ReadError makes an error of an upstream's answer with a status outside 200 to 299. It takes every shape that
// providers are known to send: an error object or string, FastAPI's detail, a bare message, Cloudflare's errors,
// Google's array around it, an HTML page, plain text, nothing.
func ReadError(status int, contentType string, body []byte) *Error {
	e := &Error{Status: status}
	text := bytes.TrimSpace(body)
	v, err := rawjson.One(text)
	switch {
	case len(text) == 0:
		e.Message = "the upstream answered " + statusText(status) + " with an empty body"
	case err == nil && readError(e, text, v):
		e.KeepRaw(text)
	case err != nil && (isHTML(text) || strings.Contains(contentType, "text/html")):
		return htmlError(status, text)
	default:
		e.Message = clipError(string(text[:min(len(text), messageLimit+1)]))
	}
	if e.Message == "" {
		e.Message = "the upstream answered " + statusText(status)
	}
	e.Status = status // what HTTP says counts, whatever code the body repeats
	e.Classify(text)
	return e
}

// AnswerError makes an error of an object that came where an answer was due. Its status is the one that the object
// tells.
func AnswerError(data []byte, v rawjson.Value) *Error {
	e := &Error{InAnswer: true}
	if !readError(e, data, v) || e.Message == "" {
		raw := v.Raw(data)
		e.Message = "the upstream answered with an error: " + clipError(string(raw[:min(len(raw), messageLimit+1)]))
	}
	e.KeepRaw(v.Raw(data))
	known := e.Status
	if e.Numbered = known != 0; !e.Numbered {
		known = statusOfWord(e.Code + " " + e.Type)
	}
	e.Status = known
	e.Classify(v.Raw(data))
	if known == 0 && e.Class == Server {
		e.Class = Semantic
	}
	return e
}

// SaysError says whether there is the text of an error in a JSON value of unknown shape, and reads it.
func (e *Error) SaysError(data []byte, v rawjson.Value) bool { return readError(e, data, v) }

// readError fills e from a JSON value of unknown shape. False if there is no error text in it.
func readError(e *Error, data []byte, v rawjson.Value) bool {
	switch v.Kind {
	case rawjson.String:
		e.Message = errorText(data, v)
		return e.Message != ""
	case rawjson.Array:
		for it := v.Elements(data); it.Next(); {
			if readError(e, data, it.Value) {
				return true
			}
		}
		return false
	case rawjson.Object:
	default:
		return false
	}
	found := false
	for it := v.Members(data); it.Next(); {
		value := it.Value
		switch it.Name() {
		case "error", "errors", "detail", "base_resp":
			found = readError(e, data, value) || found
		case "details":
			readReason(e, data, value)
		case "message", "msg", "Message", "error_msg", "error_message", "status_msg", "errorMessage":
			if value.Kind == rawjson.String {
				e.Message = errorText(data, value)
				found = true
			}
		case "type":
			if s := errorText(data, value); s != "error" {
				e.Type = firstText(e.Type, s)
			}
		case "param":
			e.Param = firstText(e.Param, errorText(data, value))
		case "loc": // of FastAPI
			e.Param = firstText(e.Param, location(data, value))
		case "code", "status_code", "status":
			if n, ok := rawjson.Int(data, value); ok {
				e.Code = firstText(e.Code, strconv.FormatInt(n, 10))
				setStatus(e, n)
			} else if s := errorText(data, value); s != "" {
				e.Code = firstText(e.Code, s)
				if n, err := strconv.ParseInt(s, 10, 32); err == nil {
					setStatus(e, n)
				}
			}
		}
	}
	return found
}

// mostLocation is about as long as a location is told.
const mostLocation = 200

// location is where in a body something is wrong: ["body", "messages", 0, "role"] is messages.0.role.
func location(data []byte, v rawjson.Value) string {
	var path []byte
	for it := v.Elements(data); it.Next() && len(path) < mostLocation; {
		part := errorText(data, it.Value)
		if it.Value.Kind == rawjson.Number {
			part = string(it.Value.Raw(data))
		}
		if part == "" || part == "body" && len(path) == 0 {
			continue
		}
		if len(path) > 0 {
			path = append(path, '.')
		}
		path = append(path, part...)
	}
	return string(path)
}

// readReason reads the ErrorInfo among the details of an error of Google's.
func readReason(e *Error, data []byte, details rawjson.Value) {
	for it := details.Elements(data); it.Next(); {
		if s, _ := rawjson.Text(data, it.Value.Get(data, "reason")); s != "" {
			e.Reason = strings.Clone(clipError(s))
			return
		}
	}
}

// minimaxStatus are the error numbers of MiniMax's base_resp that have a status.
var minimaxStatus = map[int64]int{1008: 429, 2013: 400}

func setStatus(e *Error, n int64) {
	if n >= 400 && n <= 599 {
		e.Status = int(n)
	} else if s := minimaxStatus[n]; s != 0 && e.Status == 0 {
		e.Status = s
	}
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// errorText is a string value, copied and cut to what is kept of a message.
func errorText(data []byte, v rawjson.Value) string {
	s, _ := rawjson.Text(data, v)
	return strings.Clone(clipError(s))
}

func clipError(s string) string {
	return Excerpt(s, messageLimit)
}

// wordStatus are words in an error's code or type that stand for a status, for errors that came with none.
var wordStatus = []struct {
	word   string
	status int
}{
	{"insufficient_quota", 429}, {"rate_limit", 429}, {"too_many_requests", 429}, {"resource_exhausted", 429}, {"throttl", 429},
	{"overloaded", 503}, {"unavailable", 503}, {"invalid_api_key", 401}, {"authentication", 401}, {"unauthenticated", 401},
	{"permission", 403}, {"not_found", 404}, {"timeout", 504}, {"deadline_exceeded", 504}, {"invalid_request", 400},
	{"invalid_argument", 400}, {"content_filter", 400}, {"context_length_exceeded", 400},
}

func statusOfWord(s string) int {
	s = strings.ToLower(s)
	for _, w := range wordStatus {
		if strings.Contains(s, w.word) {
			return w.status
		}
	}
	return 0
}

func isHTML(text []byte) bool {
	return len(text) > 0 && text[0] == '<'
}

// htmlError reads what a proxy's error page has to say: its title. nginx answers 400 when its upstream is gone, which
// is no mistake of the client, unless it says that the client's header is too large. A proxy's 413 is its own limit,
// which another may not have, and its 403 is not about the key: it does not read keys, but it may not like what is
// said.
func htmlError(status int, page []byte) *Error {
	low := bytes.ToLower(page[:min(len(page), 4096)])
	title := ""
	if a := bytes.Index(low, []byte("<title>")); a >= 0 {
		if b := bytes.Index(low[a:], []byte("</title>")); b >= 0 {
			title = strings.Join(strings.Fields(string(page[a+len("<title>"):a+b])), " ")
		}
	}
	message := "the upstream answered with an HTML page"
	if title != "" {
		message += ": " + clipError(title)
	}
	if status == 400 && bytes.Contains(low, []byte("nginx")) && !bytes.Contains(low, []byte("header or cookie too large")) {
		status = 502
	}
	e := &Error{Status: status, Message: message}
	e.Classify(nil)
	switch e.Status {
	case 403:
		e.Class = Server
	case 413:
		e.Class = OverLimit
	}
	return e
}

func statusText(status int) string {
	s := strconv.Itoa(status)
	if name := http.StatusText(status); name != "" {
		s += " " + name
	}
	return s
}

// Empty is the error of an answer that says nothing.
func Empty() *Error {
	return NoAnswer("the upstream returned an empty response")
}

// NotAnAnswer words the error for bytes that are not one JSON object.
func NotAnAnswer(body []byte) *Error {
	text := bytes.TrimSpace(body)
	if len(text) == 0 {
		return Empty()
	}
	if v, err := rawjson.One(text); err == nil {
		// Google wraps the errors of its OpenAI-compatible endpoint in an array.
		for it := v.Elements(text); it.Next(); {
			if inner := it.Value.Get(text, "error"); inner.Present() {
				return AnswerError(text, inner)
			}
		}
		return NoAnswer("the upstream answered with " + v.Kind.String() + " where a JSON object was due")
	}
	if isHTML(text) {
		e := htmlError(502, text)
		e.InAnswer, e.Class = true, Semantic
		return e
	}
	return NoAnswer("the upstream's answer is not JSON: " + firstLine(text))
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text[:min(len(text), 200)], []byte{'\n'})
	return strings.TrimSpace(clipError(string(line)))
}
