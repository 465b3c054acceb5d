package server

import (
	"fmt"
	"strings"
)

// heavy is a request to a model, of a size that is taken out of the budget.
func heavy(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%v,"max_tokens":9,"messages":[{"role":"user","content":"%s"}]}`, model, stream, strings.Repeat("some words ", 10_000))
}

// deaths are where a provider breaks off, by what it has said until then.
var deaths = map[string]string{
	"before the head": "", "in the head": "HTTP/1.1 200 OK\r\nContent-Ty", "behind the head": streamHead, "in an event": streamHead + chunk(event("one")[:20]),
	"in a stream": streamHead + chunk(event("one")), "in a body": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n" + strings.Repeat("x", 100_000),
	"in an error": "HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n" + strings.Repeat("x", 100_000),
	"compressed":  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 900000\r\n\r\n" + pack(event("one"))[:50],
}
