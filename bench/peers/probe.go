//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// probe sends the request of s for model to address once, checks the answer from end to
// end and returns the length of its body. The answers under load are then
// compared with that length only.
func probe(address string, s scenario, model string) (int, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/v1/chat/completions", bytes.NewReader(s.body(model)))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+clientKey)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d: %.300s", resp.StatusCode, body)
	}
	if s.stream {
		err = checkStream(body)
	} else {
		err = checkPlain(body)
	}
	return len(body), err
}

// choice is the part of an answer or of an event that has the text.
type choice struct {
	Message, Delta struct{ Content string }
	FinishReason   string `json:"finish_reason"`
}

func checkPlain(body []byte) error {
	var answer struct{ Choices []choice }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	if len(answer.Choices) != 1 || answer.Choices[0].Message.Content == "" || answer.Choices[0].FinishReason == "" {
		return errors.New("the answer has no text or no finish reason")
	}
	return nil
}

func checkStream(body []byte) error {
	rest, ok := bytes.CutSuffix(body, doneMark)
	if !ok {
		return errors.New("the stream does not end in [DONE]")
	}
	var text, finished bool
	for line := range bytes.Lines(rest) {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if !ok {
			continue // the blank line after an event, or a comment
		}
		var event struct{ Choices []choice }
		if err := json.Unmarshal(data, &event); err != nil {
			return fmt.Errorf("event %.100q is not JSON: %w", data, err)
		}
		for _, c := range event.Choices {
			text = text || c.Delta.Content != ""
			finished = finished || c.FinishReason != ""
		}
	}
	if !text || !finished {
		return errors.New("the stream has no text or no finish reason")
	}
	return nil
}
