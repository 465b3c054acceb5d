package loadtest

import "strings"

// spoken is one format's answers, built once: a gateway that translates is
// measured with the same upstream as one that passes on.
type spoken struct {
	plain  []byte
	stream [][]byte // one element an event
}

const (
	claudeHead = `{"id":"msg_mock00000000000000000000","type":"message","role":"assistant","model":"claude-mock","content":[`
	claudeText = `{"type":"text","text":"`
	claudeTail = `"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":10}}`

	geminiHead  = `{"candidates":[{"content":{"parts":[{"text":"`
	geminiRest  = `"}],"role":"model"},`
	geminiUsage = `"index":0}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":10,"totalTokenCount":18},"modelVersion":"gemini-mock","responseId":"mock000000000000000000"}`
	geminiTail  = geminiRest + `"finishReason":"STOP",` + geminiUsage
)

// claudeAnswers are those of Anthropic's Messages. Its shortest stream has six
// events.
func claudeAnswers(events int) spoken {
	event := func(kind, members string) []byte {
		return []byte("event: " + kind + "\ndata: {\"type\":\"" + kind + `"` + members + "}\n\n")
	}
	stream := [][]byte{
		event("message_start", `,"message":`+claudeHead+`],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}`),
		event("content_block_start", `,"index":0,"content_block":`+claudeText+`"}`),
	}
	for i := range max(events-5, 1) {
		stream = append(stream, event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"`+mockTokens[i%len(mockTokens)]+`"}`))
	}
	return spoken{[]byte(claudeHead + claudeText + mockText + claudeTail), append(stream,
		event("content_block_stop", `,"index":0`),
		event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":10}`),
		event("message_stop", ""))}
}

// geminiAnswers are those of generateContent. Each event of a stream has a part
// of the text, the last one the finish reason as well.
func geminiAnswers(events int) spoken {
	stream := make([][]byte, events)
	for i := range stream {
		tail := geminiRest + geminiUsage
		if i == events-1 {
			tail = geminiTail
		}
		stream[i] = []byte("data: " + geminiHead + mockTokens[i%len(mockTokens)] + tail + "\r\n\r\n")
	}
	return spoken{[]byte(geminiHead + mockText + geminiTail), stream}
}

// asked is the answer in the format of a path, or nil if the path is none of a
// format, and whether a stream was asked for.
func (m *Mock) asked(path string, body []byte) (in *spoken, stream bool) {
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		stream = hasMember(body, "stream", "true")
		if stream && hasMember(body, "include_usage", "false") {
			return &m.answers.chatNoUsage, stream
		}
		return &m.answers.chat, stream
	case strings.HasSuffix(path, "/messages"):
		return &m.answers.claude, hasMember(body, "stream", "true")
	case strings.HasSuffix(path, ":generateContent"):
		return &m.answers.gemini, false
	case strings.HasSuffix(path, ":streamGenerateContent"):
		return &m.answers.gemini, true
	}
	return nil, false
}
