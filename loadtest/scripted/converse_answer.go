//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

const awsStream = "application/vnd.amazon.eventstream"

func (converse) streamType() string { return awsStream }

func (converse) refuse(header http.Header, e *refusal) (int, object) { return awsError(header, e) }

func awsError(header http.Header, e *refusal) (status int, body object) {
	header.Set("X-Amzn-Errortype", e.kind.aws+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	header.Set("X-Amzn-Requestid", letters(e.message, 32))
	if status = e.kind.status; e.kind == unauthorized {
		status = http.StatusForbidden
	}
	return status, object{"message": e.message}
}

func converseUsage(a *reply) object {
	out := outputTokens + a.thoughtTokens()
	return object{"inputTokens": promptTokens - cachedTokens, "outputTokens": out, "totalTokens": promptTokens + out,
		"cacheReadInputTokens": cachedTokens, "cacheWriteInputTokens": 0}
}

func (converse) whole(t *talk, a *reply) object {
	content := []any{}
	if a.thought != "" {
		content = append(content, object{"reasoningContent": object{"reasoningText": object{"text": shown(t, a), "signature": seal("anthropic")}}})
	}
	if a.text != "" {
		content = append(content, object{"text": a.text})
	}
	for _, c := range a.calls {
		content = append(content, object{"toolUse": object{"toolUseId": "tooluse_" + c.id, "name": c.name, "input": c.args}})
	}
	return object{"output": object{"message": object{"role": "assistant", "content": content}}, "stopReason": claudeStop(a),
		"usage": converseUsage(a), "metrics": object{"latencyMs": 12}}
}

func (converse) events(t *talk, a *reply) [][]byte {
	var out [][]byte
	send := func(event string, data object) {
		data["p"] = "abcdefgh" // Bedrock pads its events
		out = append(out, frame(event, marshal(data)))
	}
	index := 0
	inBlock := func(start any, deltas ...object) {
		if start != nil { // only calls have a start
			send("contentBlockStart", object{"contentBlockIndex": index, "start": start})
		}
		for _, d := range deltas {
			send("contentBlockDelta", object{"contentBlockIndex": index, "delta": d})
		}
		send("contentBlockStop", object{"contentBlockIndex": index})
		index++
	}
	send("messageStart", object{"role": "assistant"})
	if a.thought != "" {
		var deltas []object
		for _, p := range pieces(shown(t, a)) {
			deltas = append(deltas, object{"reasoningContent": object{"text": p}})
		}
		inBlock(nil, append(deltas, object{"reasoningContent": object{"signature": seal("anthropic")}})...)
	}
	if a.text != "" {
		var deltas []object
		for _, p := range pieces(a.text) {
			deltas = append(deltas, object{"text": p})
		}
		inBlock(nil, deltas...)
	}
	for _, c := range a.calls {
		var deltas []object
		for _, p := range pieces(string(c.args)) {
			deltas = append(deltas, object{"toolUse": object{"input": p}})
		}
		inBlock(object{"toolUse": object{"toolUseId": "tooluse_" + c.id, "name": c.name}}, deltas...)
	}
	send("messageStop", object{"stopReason": claudeStop(a)})
	send("metadata", object{"usage": converseUsage(a), "metrics": object{"latencyMs": 12}})
	return out
}

// frame is a message of an AWS event stream.
func frame(event string, payload []byte) []byte {
	var b bytes.Buffer
	message := eventstream.Message{Payload: payload, Headers: eventstream.Headers{
		{Name: ":event-type", Value: eventstream.StringValue(event)},
		{Name: ":content-type", Value: eventstream.StringValue("application/json")},
		{Name: ":message-type", Value: eventstream.StringValue("event")},
	}}
	if err := eventstream.NewEncoder().Encode(&b, message); err != nil {
		panic(err) // writing to memory does not fail
	}
	return b.Bytes()
}

// bedrockVersion is the one that models with a version in their name take.
const bedrockVersion = "bedrock-2023-05-31"

// invoke is Bedrock's InvokeModel for Claude: Anthropic's own format, with what the path says left out of the body.
type invoke struct{ streamed bool }

func (v invoke) read(r *http.Request, body []byte) (*talk, error) {
	if err := signed(r, body); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	var q messagesRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	var m mistakes
	for _, name := range []string{"model", "stream"} {
		m.unless(members[name] == nil, "%s: Extra inputs are not permitted", name)
	}
	m.unless(q.Version == bedrockVersion, "anthropic_version: %q is not supported by this model", q.Version)
	for i, o := range q.Tools {
		m.unless(o.Eager == nil, "tools.%d.custom.eager_input_streaming: Extra inputs are not permitted", i)
	}
	m.unless(q.MaxTokens != nil, "max_tokens: Field required")
	if m.first != nil {
		return nil, m.first
	}
	t, err := q.talk()
	if err != nil {
		return nil, err
	}
	t.model, t.stream = r.PathValue("model"), v.streamed
	if t.model == "" {
		return nil, errors.New("The provided model identifier is invalid.")
	}
	return t, nil
}

func (invoke) streamType() string                                  { return awsStream }
func (invoke) refuse(header http.Header, e *refusal) (int, object) { return awsError(header, e) }
func (invoke) whole(t *talk, a *reply) object                      { return claudeMessage(t, a) }

func (invoke) events(t *talk, a *reply) [][]byte {
	var out [][]byte
	for _, e := range claudeEvents(t, a) {
		switch e["type"] {
		case "ping":
			continue // Bedrock sends none
		case "message_stop":
			e["amazon-bedrock-invocationMetrics"] = object{"inputTokenCount": promptTokens - cachedTokens, "outputTokenCount": outputTokens + a.thoughtTokens(),
				"cacheReadInputTokenCount": cachedTokens, "invocationLatency": 12, "firstByteLatency": 6}
		}
		out = append(out, frame("chunk", marshal(object{"bytes": marshal(e), "p": "abcdefgh"}))) // []byte becomes base64
	}
	return out
}
