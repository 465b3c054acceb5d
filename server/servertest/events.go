package servertest

import (
	"encoding/base64"

	"uniapi/codec/eventstream"
)

// ChatEvent is an event of a stream with a text, in OpenAI's format: its data, in which the text is JSON, quotes and
// all.
func ChatEvent(text string) string {
	return `{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":` + text + `},"finish_reason":null}]}`
}

// MessagesEvent is likewise one in Anthropic's.
func MessagesEvent(text string) string {
	return `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":` + text + `}}`
}

// GeminiEvent is one in Google's.
func GeminiEvent(text string) string {
	return `{"candidates":[{"content":{"role":"model","parts":[{"text":` + text + `}]},"index":0}],"usageMetadata":{"promptTokenCount":1}}`
}

// ResponsesEvent is one in that of the Responses API.
func ResponsesEvent(text string) string {
	return `{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":` + text + `,"sequence_number":3}`
}

// CohereEvent is one in Cohere's.
func CohereEvent(text string) string {
	return `{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":` + text + `}}}}`
}

// InvokeFrame is an event of Anthropic's with such data, in a frame of Bedrock's.
func InvokeFrame(data string) []byte {
	return eventstream.AppendEvent(nil, "chunk", []byte(`{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(data))+`"}`))
}

// What comes before such events.
const (
	MessagesLead = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n" +
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	ResponsesLead = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp\",\"status\":\"in_progress\",\"model\":\"m\",\"output\":[]},\"sequence_number\":0}\n\n"
	CohereLead    = "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"c\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}\n\n"
)
