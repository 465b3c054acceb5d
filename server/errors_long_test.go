package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/pool"
)

// longErrors are errors of every shape, all of whose words are long: as the body of an answer, and as data of an event.
func longErrors(long string) map[string]string {
	return map[string]string{
		"openai":       fmt.Sprintf(`{"error":{"message":%q,"type":%[1]q,"param":%[1]q,"code":%[1]q}}`, long),
		"a text":       fmt.Sprintf(`{"error":%q}`, long),
		"fastapi":      fmt.Sprintf(`{"detail":[{"msg":%q,"type":%[1]q}]}`, long),
		"anthropic":    fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%[1]q}}`, long),
		"google":       fmt.Sprintf(`[{"error":{"code":400,"message":%q,"status":%[1]q,"details":[{"reason":%[1]q,"retryDelay":%[1]q}]}}]`, long),
		"google's no":  fmt.Sprintf(`{"promptFeedback":{"blockReason":%q,"blockReasonMessage":%[1]q}}`, long),
		"aws":          fmt.Sprintf(`{"__type":%q,"message":%[1]q}`, long),
		"cohere":       fmt.Sprintf(`{"message":%q}`, long),
		"cohere's end": fmt.Sprintf(`{"type":"message-end","delta":{"finish_reason":"ERROR","error":%q}}`, long),
		"responses":    fmt.Sprintf(`{"type":"response.failed","response":{"status":"failed","error":{"code":%q,"message":%[1]q}}}`, long),
		"responses'":   fmt.Sprintf(`{"type":"error","code":%q,"message":%[1]q,"param":%[1]q}`, long),
		"html":         "<html><title>" + long + "</title>",
		"plain":        long,
		"no JSON":      `{"error":{"message":"` + long,
	}
}

// A provider may repeat megabytes of a request in its error. Little of that stays.
func TestErrorIsKeptShortWhateverAProviderSays(t *testing.T) {
	const most = 80 << 10 // of the object 64 KB, of each text a few
	long := strings.Repeat("some words ", 20_000)
	check := func(what string, err error) {
		t.Helper()
		if err == nil {
			return
		}
		_, told := judge(err, pool.Deadlines{})
		if n := len(told.Message) + len(told.Type) + len(told.Code) + len(told.Param) + len(told.Reason) + len(told.Raw); n > most {
			t.Errorf("%s: %d bytes", what, n)
		}
		if e, is := errors.AsType[*codec.Error](err); is && len(e.Raw) > 64<<10 {
			t.Errorf("%s: %d bytes of the object", what, len(e.Raw))
		}
	}
	for name, body := range longErrors(long) {
		for _, format := range slices.Sorted(maps.Keys(formats.All)) {
			f, what := formats.All[format], name+" to "+format
			for _, status := range []int{400, 429, 500} {
				e := f.DecodeError(status, jsonKind, []byte(body))
				check(what, e)
				if e.Message == "" || len(e.Message)+len(e.Type)+len(e.Code)+len(e.Param)+len(e.Reason) > 16<<10 {
					t.Errorf("%s: the message has %d bytes", what, len(e.Message))
				}
			}
			_, err := f.DecodeResponse([]byte(body))
			check(what+", in an answer", err)
			d := f.NewStreamDecoder()
			_, err = d.Push(nil, []byte("data: "+body+"\n\n"))
			check(what+", in a stream", err)
			_, err = d.End(nil)
			check(what+", at the end of a stream", err)
		}
	}
}
