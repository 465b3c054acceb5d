package codec

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadErrorTakesEveryShape(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       Error
	}{
		{"OpenAI", `{"error":{"message":"too hot","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`, 400,
			Error{Status: 400, Message: "too hot", Type: "invalid_request_error", Param: "temperature", Code: "unsupported_value"}},
		{"OpenRouter's number", `{"error":{"message":"slow","code":429,"metadata":{"raw":"x"}}}`, 429,
			Error{Status: 429, Class: RateLimit, Message: "slow", Type: "rate_limit_error", Code: "429"}},
		{"xAI's text", `{"code":"Some code","error":"bad model"}`, 404,
			Error{Status: 404, Class: NotFound, Message: "bad model", Type: "invalid_request_error", Code: "Some code"}},
		{"Mistral", `{"object":"error","message":"nope","type":"invalid_model","param":null,"code":"1500"}`, 400,
			Error{Status: 400, Message: "nope", Type: "invalid_model", Code: "1500"}},
		{"FastAPI", `{"detail":[{"loc":["body","x"],"msg":"field required","type":"missing"}]}`, 422,
			Error{Status: 422, Message: "field required", Type: "missing", Param: "x"}},
		{"FastAPI, further down", `{"detail":[{"loc":["body","messages",0,"role"],"msg":"bad role","type":"value_error"}]}`, 422,
			Error{Status: 422, Message: "bad role", Type: "value_error", Param: "messages.0.role"}},
		{"detail text", `{"detail":"Unauthorized"}`, 401,
			Error{Status: 401, Class: Auth, Message: "Unauthorized", Type: "invalid_request_error"}},
		{"Cloudflare", `{"success":false,"errors":[{"code":7003,"message":"no route"}],"messages":[]}`, 404,
			Error{Status: 404, Class: NotFound, Message: "no route", Type: "invalid_request_error", Code: "7003"}},
		{"Google's array", `[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]`, 400,
			Error{Status: 401, Class: Auth, Message: "API key not valid.", Type: "invalid_request_error", Code: "400"}},
		{"Anthropic", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, 529,
			Error{Status: 529, Class: Unready, Message: "Overloaded", Type: "overloaded_error"}},
		{"AWS", `{"Message":"The security token is expired"}`, 403,
			Error{Status: 403, Class: Auth, Message: "The security token is expired", Type: "permission_error"}},
		{"HTML", `<html><head><title>502 Bad Gateway</title></head></html>`, 502,
			Error{Status: 502, Class: Server, Message: "the upstream answered with an HTML page: 502 Bad Gateway", Type: "server_error"}},
		{"nginx's own 413", `<html><title>413 Request Entity Too Large</title><center>nginx</center></html>`, 413,
			Error{Status: 413, Class: OverLimit, Type: "invalid_request_error",
				Message: "the upstream answered with an HTML page: 413 Request Entity Too Large"}},
		{"nginx about the client's header", `<html><title>400 Request Header Or Cookie Too Large</title><center>nginx</center></html>`, 400,
			Error{Status: 400, Type: "invalid_request_error", Message: "the upstream answered with an HTML page: 400 Request Header Or Cookie Too Large"}},
		{"a firewall's page", `<!DOCTYPE html><title>Attention Required! | Cloudflare</title>`, 403,
			Error{Status: 403, Class: Server, Type: "permission_error", Message: "the upstream answered with an HTML page: Attention Required! | Cloudflare"}},
		{"nginx's own 400", `<html><title>400 Bad Request</title><center>nginx</center></html>`, 400,
			Error{Status: 502, Class: Server, Type: "server_error", Message: "the upstream answered with an HTML page: 400 Bad Request"}},
		{"text", "no healthy upstream", 503,
			Error{Status: 503, Class: Unready, Message: "no healthy upstream", Type: "server_error"}},
		{"nothing", " ", 500,
			Error{Status: 500, Class: Server, Message: "the upstream answered 500 Internal Server Error with an empty body", Type: "server_error"}},
		{"too long a context", `{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}`, 400,
			Error{Status: 400, Class: TooLong, Type: "invalid_request_error", Code: "context_length_exceeded",
				Message: "This model's maximum context length is 8192 tokens."}},
		{"remapped to 413", `{"error":{"message":"Please reduce the length of the messages or completion."}}`, 400,
			Error{Status: 413, Class: TooLong, Type: "invalid_request_error", Message: "Please reduce the length of the messages or completion."}},
		{"content policy", `{"error":{"message":"filtered","code":"content_filter"}}`, 400,
			Error{Status: 400, Class: ContentPolicy, Message: "filtered", Type: "invalid_request_error", Code: "content_filter"}},
		{"quota as a 403", `{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}`, 403,
			Error{Status: 429, Class: RateLimit, Message: "You exceeded your quota", Type: "rate_limit_error", Code: "insufficient_quota"}},
		{"a redirect", "", 302,
			Error{Status: 502, Class: Server, Message: "the upstream answered 302 Found with an empty body", Type: "server_error"}},
		{"JSON that says nothing", `{"ok":false}`, 400, Error{Status: 400, Message: `{"ok":false}`, Type: "invalid_request_error"}},
	} {
		got := *ReadError(c.status, "", []byte(c.body))
		got.Raw = nil
		if got.Error() != c.want.Message || got.Status != c.want.Status || got.Class != c.want.Class || got.Type != c.want.Type ||
			got.Code != c.want.Code || got.Param != c.want.Param {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

func TestLongErrorsAreCutBetweenCharacters(t *testing.T) {
	e := ReadError(400, "text/plain", []byte(strings.Repeat("ü€", 5000)))
	if len(e.Message) > messageLimit+len("…") || !utf8.ValidString(e.Message) || !strings.HasSuffix(e.Message, "…") {
		t.Errorf("%d bytes, ends %q", len(e.Message), e.Message[len(e.Message)-8:])
	}
}
