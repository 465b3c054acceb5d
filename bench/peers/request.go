//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	systemPrompt = "You are a careful assistant. Answer in the language of the question. Say so when you do not know. "
	userTurn     = "Please read the following paragraph and tell me in one sentence what its author wants the reader to do next."
	modelTurn    = "The author wants the reader to measure first, to change one thing at a time, and to write down what did not help."
	// pasted is what long prompts are made of: text with the line breaks and
	// quotes that JSON has to escape, about one in thirty bytes.
	pasted = "func main() {\n\tfmt.Println(\"what was measured before\")\n}\n\nThe paragraph above is a program; it prints one line. "
)

// body is the chat request of s as a client's SDK would write it, of about
// s.prompt bytes: the usual prompts of 1 KB, and above that turns of up to 4 KB.
func (s scenario) body(model string) []byte {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	messages := []message{{"system", strings.Repeat(systemPrompt, 4)}}
	const room = 4 * kilobyte // of a turn
	for left := s.prompt - kilobyte; left > 0; left -= room {
		text := strings.Repeat(pasted, min(left, room)/len(pasted)+1)
		messages = append(messages, message{"user", userTurn + "\n\n" + text}, message{"assistant", modelTurn})
	}
	messages = append(messages, message{"user", strings.Repeat(userTurn+" ", 4)})
	request := struct {
		Model       string    `json:"model"`
		Messages    []message `json:"messages"`
		Temperature float64   `json:"temperature"`
		MaxTokens   int       `json:"max_tokens"`
		Stream      bool      `json:"stream,omitempty"`
	}{model, messages, 0.7, 1024, s.stream}
	data, err := json.Marshal(request)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return data
}

// request is the whole HTTP request, ready to be written.
func (s scenario) request(host, model string) []byte {
	body := s.body(model)
	head := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"+
		"Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", host, clientKey, len(body))
	return append([]byte(head), body...)
}
