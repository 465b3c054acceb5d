package server

import (
	"strings"
	"testing"
)

func TestRequestKeepsItsIDIfItIsFitToBeRepeated(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, c := range []struct {
		name, id string
		kept     bool
	}{
		{"a UUID", "0b6f7a36-5c1f-4f0a-9a39-0d9d2a3b1c55", true},
		{"punctuation", "a/b+c=d~!{}", true},
		{"128 bytes", strings.Repeat("x", 128), true},
		{"129 bytes", strings.Repeat("x", 129), false},
		{"a space", "a b", false},
		{"a tab", "a\tb", false},
		{"what is not ASCII", "id-é", false},
		{"an empty one", "", false},
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/models", "/v1/nothing"} {
			t.Run(c.name+" at "+path, func(t *testing.T) {
				method := "GET"
				if strings.HasSuffix(path, "completions") {
					method = "POST"
				}
				client := g.dial()
				client.send(method + " " + path + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nX-Api-Key: " + clientKeyText +
					"\r\nx-request-id: " + c.id + "\r\nContent-Length: 0\r\n\r\n")
				got := client.answer().Header["X-Request-Id"]
				if len(got) != 1 || (got[0] == c.id) != c.kept || strings.ContainsFunc(got[0], func(r rune) bool { return r <= ' ' || r > '~' }) {
					t.Errorf("answered with %q", got)
				}
				if path == "/v1/chat/completions" {
					if line := g.log.Next(t, "request"); line["id"] != got[0] {
						t.Errorf("logged %v, answered %q", line["id"], got)
					}
				}
			})
		}
	}
}

func TestNoTwoRequestsGetTheSameID(t *testing.T) {
	up := listen(t, both)
	ids := make(map[string]bool)
	for range 3 { // processes
		g := start(t, providerOf("p", up))
		for range 50 {
			id := g.chat(plainRequest).Header.Get("X-Request-Id")
			if ids[id] || len(id) < 14 {
				t.Fatalf("id %q", id)
			}
			ids[id] = true
		}
	}
}
