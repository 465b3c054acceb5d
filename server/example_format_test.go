//go:build example

package server

import (
	"strings"
	"testing"
)

// A format's folder and its line are all that its clients need: keys, routing, books, streams and errors are there.
func TestPretendedFormatIsServedByItsFolderAndItsLine(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	const body = `{"model":"m","messages":[{"by":"user","text":"hi"}]}`
	if a := g.do("POST", "/v1/pretend", body, asClient...); a.StatusCode != 200 || !strings.Contains(a.body, `{"text":"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	line := g.log.Next(t, "request")
	if line["model"] != "m" || line["provider"] != "p" {
		t.Errorf("logged as %v", line)
	}
	streamed := g.do("POST", "/v1/pretend", strings.Replace(body, "{", `{"stream":true,`, 1), asClient...)
	lines := strings.Split(strings.TrimSpace(streamed.body), "\n")
	if streamed.StatusCode != 200 || streamed.Header.Get("Content-Type") != "application/x-ndjson" || len(lines) < 2 || !strings.Contains(lines[len(lines)-1], `"ends":true`) {
		t.Errorf("%d %s %s", streamed.StatusCode, streamed.Header.Get("Content-Type"), streamed.body)
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"no such model":  {strings.Replace(body, `"m"`, `"none"`, 1), 404},
		"no JSON":        {"{", 400},
		"a member twice": {strings.Replace(body, "{", `{"model":"m",`, 1), 400},
	} {
		if a := g.do("POST", "/v1/pretend", c.body, asClient...); a.StatusCode != c.status || !strings.HasPrefix(a.body, `{"error":"`) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}
