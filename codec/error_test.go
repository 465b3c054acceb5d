package codec

import "testing"

func TestClassifyFindsWhatAnErrorMeans(t *testing.T) {
	for _, c := range []struct {
		name, message, code string
		status              int
		wantStatus          int
		class               Class
		kind                string
		retryable           bool
	}{
		{"a mistake", "bad value", "", 400, 400, ClientMistake, "invalid_request_error", false},
		{"unprocessable", "bad value", "", 422, 422, ClientMistake, "invalid_request_error", false},
		{"bad key", "no", "", 401, 401, Auth, "invalid_request_error", true},
		{"no money", "pay", "", 402, 402, Auth, "invalid_request_error", true},
		{"barred", "no", "", 403, 403, Auth, "permission_error", true},
		{"no such model", "no", "", 404, 404, NotFound, "invalid_request_error", true},
		{"too large", "no", "", 413, 413, TooLong, "invalid_request_error", false},
		{"limited", "no", "", 429, 429, RateLimit, "rate_limit_error", true},
		{"timeout", "no", "", 408, 408, Unready, "invalid_request_error", true},
		{"overloaded", "no", "", 529, 529, Unready, "server_error", true},
		{"broken", "no", "", 500, 500, Server, "server_error", true},
		{"no error status", "no", "", 200, 502, Server, "server_error", true},
		{"context in words", "Prompt is too long: 9 tokens", "", 400, 400, TooLong, "invalid_request_error", false},
		{"context by code", "x", "string_above_max_length", 400, 413, TooLong, "invalid_request_error", false},
		{"key in words", "API key expired. Renew it.", "", 400, 401, Auth, "invalid_request_error", true},
		{"place in words", "User location is not supported for the API use.", "", 400, 403, Auth, "permission_error", true},
		{"another gateway's 400", "Provider API error: bad response status code 400", "", 400, 502, Server, "server_error", true},
		{"policy by code", "x", "content_filter", 400, 400, ContentPolicy, "invalid_request_error", false},
	} {
		e := Error{Status: c.status, Message: c.message, Code: c.code}
		e.Classify(nil)
		if e.Status != c.wantStatus || e.Class != c.class || e.Type != c.kind || e.Retryable() != c.retryable {
			t.Errorf("%s: got %d %v %q, retryable %v", c.name, e.Status, e.Class, e.Type, e.Retryable())
		}
	}
}

func TestUsageSum(t *testing.T) {
	if got := (Usage{Prompt: 3, Completion: 4}).Sum(); got != 7 {
		t.Errorf("without a total: %d", got)
	}
	if got := (Usage{Prompt: 3, Completion: 4, Total: 9}).Sum(); got != 9 {
		t.Errorf("with a total: %d", got)
	}
	if !(Usage{Cached: 1}).Zero() || (Usage{Completion: 1}).Zero() {
		t.Error("Zero")
	}
}

func TestFieldsGiveTheLastOfAName(t *testing.T) {
	f := Fields{{"a", []byte("1")}, {"b", []byte("2")}, {"a", []byte("3")}}
	if string(f.Get("a")) != "3" || f.Get("c") != nil {
		t.Errorf("got %s", f.Get("a"))
	}
}
