package loadtest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// mockModel is the model every answer names, whatever was asked for.
const mockModel = "gpt-4o-mini-2024-07-18"

// mockTokens is the text of an answer. A stream of more tokens repeats it.
var mockTokens = []string{"Hello", "!", " How", " can", " I", " assist", " you", " today", "?"}

var mockText = strings.Join(mockTokens, "")

// minEvents is the shortest stream: role, one token, finish, usage, [DONE].
const minEvents = 5

const (
	mockUsage  = `{"prompt_tokens":8,"completion_tokens":10,"total_tokens":18}`
	chunkHead  = `data: {"id":"chatcmpl-mock000000000000","object":"chat.completion.chunk","created":1727539200,"model":"` + mockModel + `","system_fingerprint":"fp_mock000000","choices":[`
	answerHead = `{"id":"chatcmpl-mock000000000000","object":"chat.completion","created":1727539200,"model":"` + mockModel + `","choices":[{"index":0,"message":{"role":"assistant","content":"`
	answerTail = `"},"logprobs":null,"finish_reason":"stop"}],"usage":` + mockUsage + `}`
)

// answers are the bodies a Mock sends, built once.
type answers struct {
	chat, chatNoUsage    spoken
	claude, gemini       spoken
	models               []byte
	notFound, overloaded []byte
}

func newAnswers(events, size int) (answers, error) {
	plain, err := plainAnswer(size)
	if err != nil {
		return answers{}, err
	}
	return answers{
		chat:        spoken{plain, streamEvents(events, true)},
		chatNoUsage: spoken{plain, streamEvents(events, false)},
		claude:      claudeAnswers(events),
		gemini:      geminiAnswers(events),
		models:      []byte(`{"object":"list","data":[{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"mock"},{"id":"` + mockModel + `","object":"model","created":1721172741,"owned_by":"mock"}]}`),
		notFound:    []byte(`{"error":{"message":"the mock upstream serves /v1/chat/completions and /v1/models","type":"invalid_request_error","param":null,"code":"not_found"}}`),
		overloaded:  []byte(`{"error":{"message":"the mock upstream was told to fail","type":"server_error","param":null,"code":"overloaded"}}`),
	}, nil
}

// plainAnswer is a whole chat completion of exactly size bytes, or of the
// length its text gives if size is 0.
func plainAnswer(size int) ([]byte, error) {
	text := mockText
	if size != 0 {
		room := size - len(answerHead) - len(answerTail)
		if room < 1 {
			return nil, fmt.Errorf("answer size %d is too small: the least is %d bytes", size, size-room+1)
		}
		text = strings.Repeat(text+" ", room/(len(text)+1)+1)[:room]
	}
	return []byte(answerHead + text + answerTail), nil
}

// streamEvents is a stream of n events; without usage, of n-1.
func streamEvents(n int, usage bool) [][]byte {
	chunk := func(choices, rest string) []byte {
		return []byte(chunkHead + choices + `]` + rest + "}\n\n")
	}
	events := make([][]byte, 0, n)
	events = append(events, chunk(`{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`, `,"usage":null`))
	for i := range n - minEvents + 1 {
		token := mockTokens[i%len(mockTokens)]
		events = append(events, chunk(`{"index":0,"delta":{"content":"`+token+`"},"logprobs":null,"finish_reason":null}`, `,"usage":null`))
	}
	events = append(events, chunk(`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`, `,"usage":null`))
	if usage {
		events = append(events, chunk(``, `,"usage":`+mockUsage))
	}
	return append(events, []byte("data: [DONE]\n\n"))
}

// validate says what is wrong with the fields of m, if anything is.
func (m *Mock) validate() error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	check(m.Events >= minEvents, "events is %d: the least is %d (role, one token, finish, usage, [DONE])", m.Events, minEvents)
	check(m.Gap >= 0, "gap is %v: it cannot be negative", m.Gap)
	check(m.Burst > 0, "burst is %d: the least is 1", m.Burst)
	check(m.Latency >= 0, "latency is %v: it cannot be negative", m.Latency)
	check(m.ErrorRate >= 0 && m.ErrorRate <= 1, "error rate is %v: it must be from 0 to 1", m.ErrorRate)
	check(m.AnswerSize >= 0, "size is %d: it cannot be negative", m.AnswerSize)
	return errors.Join(wrong...)
}

// hasMember tells whether a JSON body has a member of that name and literal
// value, at any depth. Text inside strings cannot match, since its quotes are
// escaped there. The mock shares the machine with what is measured, so it does
// not parse more than this.
func hasMember(body []byte, name, literal string) bool {
	quoted := []byte(`"` + name + `"`)
	for {
		i := bytes.Index(body, quoted)
		if i < 0 {
			return false
		}
		body = body[i+len(quoted):]
		rest := bytes.TrimLeft(body, " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		if bytes.HasPrefix(bytes.TrimLeft(rest[1:], " \t\r\n"), []byte(literal)) {
			return true
		}
	}
}
