package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// scenario is one kind of load. What differs between scenarios is data here,
// so that a new one is a new entry and no new code.
type scenario struct {
	name  string
	title string
	mock  []string // flags of `uni-api mock`: the answer
	turns int      // messages of the request
	// stream asks for a streamed answer. The client does not ask for the
	// usage, as most do not, so the gateway has to ask for it and hide it.
	stream bool
}

// scenarios in the order in which they run.
var scenarios = []scenario{
	{name: "plain", title: "plain, 0.3 KB answer", mock: []string{"--size", "310"}, turns: 1},
	{name: "history", title: "plain, 50 messages in the request", mock: []string{"--size", "310"}, turns: 50},
	{name: "plain-10k", title: "plain, 10 KB answer", mock: []string{"--size", "10000"}, turns: 1},
	{name: "plain-100k", title: "plain, 100 KB answer", mock: []string{"--size", "100000"}, turns: 1},
	{name: "plain-1m", title: "plain, 1 MB answer", mock: []string{"--size", "1000000"}, turns: 1},
	{name: "stream", title: "stream of 50 events at full speed", mock: []string{"--events", "50", "--gap", "0"}, turns: 1, stream: true},
}

// chosen returns the scenarios of a comma-separated list of names.
func chosen(names string) ([]scenario, error) {
	if names == "all" {
		return scenarios, nil
	}
	var out []scenario
	for name := range strings.SplitSeq(names, ",") {
		s, err := scenarioNamed(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func scenarioNamed(name string) (scenario, error) {
	known := make([]string, len(scenarios))
	for i, s := range scenarios {
		if s.name == name {
			return s, nil
		}
		known[i] = s.name
	}
	return scenario{}, fmt.Errorf("no scenario %q: there are %s, or all", name, strings.Join(known, ", "))
}

const (
	systemPrompt = "You are a careful assistant. Answer in the language of the question. Say so when you do not know. "
	userTurn     = "Please read the following paragraph and tell me in one sentence what its author wants the reader to do next."
	modelTurn    = "The author wants the reader to measure first, to change one thing at a time, and to write down what did not help."
)

// body is the chat request of s as a client's SDK would write it; with a
// single message it is about 1 KB.
func (s scenario) body() []byte {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	messages := []message{{"system", strings.Repeat(systemPrompt, 4)}}
	for i := range s.turns {
		switch {
		case i == s.turns-1:
			messages = append(messages, message{"user", strings.Repeat(userTurn+" ", 4)})
		case i%2 == 0:
			messages = append(messages, message{"user", userTurn})
		default:
			messages = append(messages, message{"assistant", modelTurn})
		}
	}
	request := struct {
		Model       string    `json:"model"`
		Messages    []message `json:"messages"`
		Temperature float64   `json:"temperature"`
		MaxTokens   int       `json:"max_tokens"`
		Stream      bool      `json:"stream,omitempty"`
	}{"gpt-4o", messages, 0.7, 1024, s.stream}
	data, err := json.Marshal(request)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return data
}

// request is the whole HTTP request, ready to be written.
func (s scenario) request(host string) []byte {
	body := s.body()
	head := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"+
		"Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", host, clientKey, len(body))
	return append([]byte(head), body...)
}
