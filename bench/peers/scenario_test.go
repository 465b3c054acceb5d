//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRequestsAreWhatAClientSends(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(s.request("host:1", chatModel))))
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(request.Body)
			if err != nil {
				t.Fatal(err)
			}
			var body struct {
				Model    string
				Messages []struct{ Role, Content string }
				Stream   bool
			}
			if err := json.Unmarshal(data, &body); err != nil {
				t.Fatal(err)
			}
			if body.Model != "gpt-4o" || body.Stream != s.stream {
				t.Errorf("model %q, stream %v", body.Model, body.Stream)
			}
			if last := body.Messages[len(body.Messages)-1]; last.Role != "user" {
				t.Errorf("the last message is the %s's", last.Role)
			}
			if size := float64(len(data)) / float64(s.prompt); size < 0.85 || size > 1.15 {
				t.Errorf("body of %d bytes, want about %d", len(data), s.prompt)
			}
		})
	}
}

func TestChosenScenarios(t *testing.T) {
	for names, want := range map[string]int{"plain": 1, "stream, plain": 2, "start,plain": 1, "all": len(scenarios)} {
		got, start, err := chosen(names)
		if err != nil || len(got) != want || start != (names == "all" || strings.HasPrefix(names, "start")) {
			t.Errorf("%q: %d scenarios, start %v, %v", names, len(got), start, err)
		}
	}
	if _, _, err := chosen("plain,strem"); err == nil || !strings.Contains(err.Error(), `"strem"`) {
		t.Errorf("a name that is none: %v", err)
	}
}

func TestProbeRefusesAnswersThatAreNotWhole(t *testing.T) {
	const event = `data: {"choices":[{"delta":{"content":"a"}}]}` + "\n\n"
	const end = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	for body, want := range map[string]string{
		event + end + "data: [DONE]\n\n":                "",
		": note\n\n" + event + end + "data: [DONE]\n\n": "",
		event + end:                   "[DONE]",
		event + "data: [DONE]\n\n":    "finish reason",
		"data: {\n\ndata: [DONE]\n\n": "not JSON",
	} {
		if err := checkStream([]byte(body)); (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("stream %q: %v, want %q", body, err, want)
		}
	}
	for body, want := range map[string]string{
		`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`: "",
		`{"choices":[]}`: "no text",
		`<html>`:         "not JSON",
	} {
		if err := checkPlain([]byte(body)); (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("answer %q: %v, want %q", body, err, want)
		}
	}
}
