package scripted

import (
	"fmt"
	"net/http"
)

// kind is why a provider refuses, with the words of each dialect for it.
type kind struct {
	status                             int
	openAI, code, anthropic, grpc, aws string
}

var (
	invalid      = &kind{http.StatusBadRequest, "invalid_request_error", "", "invalid_request_error", "INVALID_ARGUMENT", "ValidationException"}
	unauthorized = &kind{http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "authentication_error", "UNAUTHENTICATED", "UnrecognizedClientException"}
	rateLimited  = &kind{http.StatusTooManyRequests, "requests", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"}
	failed       = &kind{http.StatusInternalServerError, "server_error", "", "api_error", "INTERNAL", "InternalServerException"}
	overloaded   = &kind{http.StatusServiceUnavailable, "server_error", "", "overloaded_error", "UNAVAILABLE", "ServiceUnavailableException"}
)

// refusal is an answer that is an error.
type refusal struct {
	kind       *kind
	message    string
	param      string // the member at fault, which OpenAI names
	retryAfter int    // seconds
}

func (e *refusal) Error() string { return e.message }

// openAIError is an error in both of OpenAI's formats.
func openAIError(e *refusal) (status int, body object) {
	inner := object{"message": e.message, "type": e.kind.openAI, "param": nil, "code": nil}
	if e.param != "" {
		inner["param"] = e.param
	}
	if e.kind.code != "" {
		inner["code"] = e.kind.code
	}
	return e.kind.status, object{"error": inner}
}

// mistakes collects what is wrong with a request; the first is what the provider says.
type mistakes struct{ first error }

// unless notes a mistake if ok does not hold.
func (m *mistakes) unless(ok bool, format string, args ...any) {
	if !ok && m.first == nil {
		m.first = fmt.Errorf(format, args...)
	}
}
