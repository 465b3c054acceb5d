package scripted

import (
	"net/http"
	"strconv"
)

func (gemini) streamType() string { return "text/event-stream" }

func (gemini) refuse(_ http.Header, e *refusal) (status int, body object) {
	inner := object{"code": e.kind.status, "message": e.message, "status": e.kind.grpc}
	if e.retryAfter > 0 {
		inner["details"] = []any{object{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": strconv.Itoa(e.retryAfter) + "s"}}
	}
	return e.kind.status, object{"error": inner}
}

func geminiCalls(a *reply) (parts []any) {
	for i, c := range a.calls {
		part := object{"functionCall": object{"id": c.id[:8], "name": c.name, "args": c.args}}
		if i == 0 {
			part["thoughtSignature"] = seal("google")
		}
		parts = append(parts, part)
	}
	return parts
}

// geminiFrame is a whole answer, or a part of one if finish is empty.
func geminiFrame(t *talk, a *reply, parts []any, finish string) object {
	candidate := object{"content": object{"role": "model", "parts": parts}, "index": 0}
	usage := object{"promptTokenCount": promptTokens, "cachedContentTokenCount": cachedTokens, "totalTokenCount": promptTokens}
	if finish != "" {
		candidate["finishReason"] = finish
		usage["candidatesTokenCount"] = outputTokens
		usage["totalTokenCount"] = promptTokens + outputTokens + a.thoughtTokens()
		if a.thought != "" {
			usage["thoughtsTokenCount"] = thoughtTokens
		}
	}
	return object{"candidates": []any{candidate}, "usageMetadata": usage, "modelVersion": t.model, "responseId": letters("gemini", 22)}
}

func (gemini) whole(t *talk, a *reply) object {
	parts := []any{}
	if a.thought != "" && t.shows {
		parts = append(parts, object{"text": a.thought, "thought": true})
	}
	if a.text != "" {
		parts = append(parts, object{"text": a.text})
	}
	return geminiFrame(t, a, append(parts, geminiCalls(a)...), "STOP")
}

func (gemini) events(t *talk, a *reply) [][]byte {
	var out [][]byte
	send := func(part any, finish string) {
		out = append(out, sse("", geminiFrame(t, a, []any{part}, finish)))
	}
	if t.shows {
		for _, p := range pieces(a.thought) {
			send(object{"text": p, "thought": true}, "")
		}
	}
	for _, p := range pieces(a.text) {
		send(object{"text": p}, "")
	}
	for _, part := range geminiCalls(a) {
		send(part, "")
	}
	send(object{"text": ""}, "STOP")
	return out
}
