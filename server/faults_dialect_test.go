package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// question is what a request of the fault tests asks for. It goes through the
// gateway twice, in a header and in the message, and every word of the answer
// repeats its nonce: so a byte of another's request or answer is found out.
type question struct {
	nonce   string // of no other question
	words   int    // of the answer
	fault   string
	padding int // how often the message repeats the nonce
}

// The digit 0 is in no id that the gateway makes up: such an id must not look like
// another's nonce, and among hundreds of thousands of them one would.
const nonceStart = "q0"

var noncePattern = regexp.MustCompile(nonceStart + `[0-9a-f]{12}`)

func (q question) header() string {
	return fmt.Sprintf("%s %d %s %d", q.nonce, q.words, q.fault, q.padding)
}

func parseQuestion(header string) (q question, err error) {
	_, err = fmt.Sscanf(header, "%s %d %s %d", &q.nonce, &q.words, &q.fault, &q.padding)
	return q, err
}

func (q question) text() string { return q.header() + strings.Repeat(" "+q.nonce, q.padding) }

// answer are the words of the right answer.
func (q question) answer() []string {
	words := make([]string, q.words)
	for i := range words {
		words[i] = q.nonce + "." + strconv.Itoa(i) + " "
	}
	return words
}

// strangers are the nonces in a text that are not the question's own.
func (q question) strangers(text []byte) (found []string) {
	rest := bytes.ReplaceAll(text, []byte(q.nonce), []byte{'-'}) // the pattern takes its time
	for _, nonce := range noncePattern.FindAll(rest, -1) {
		if !slices.Contains(found, string(nonce)) {
			found = append(found, string(nonce))
		}
	}
	return found
}

// dialect is a wire format, as a provider writes it and as a client reads it.
type dialect struct {
	name string
	at   string // of the base_url that makes a provider speak it

	ask    func(model string, stream bool, text string) (path, body string)
	whole  func(text string) string
	events func(words []string) []string

	read  func(body []byte) (text string, err error) // a plain answer
	split func(body string) []string                 // a stream, into the data of its events
	hear  func(h *heard, data []byte)                // an event

	refusal func(body []byte) (message string, err error) // what an error says
}

// heard is what a client understood of a stream.
type heard struct {
	text    strings.Builder
	ended   bool   // the format's own end has come
	failure string // what an error event said
	strange error  // an event that is none
}

func quoted(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded)
}

// decode reads JSON, in whose strings providers may have put control characters.
func decode(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err != nil && json.Unmarshal([]byte(controlled.Replace(string(data))), v) == nil {
		return nil
	}
	return err
}

// controlled escapes the control characters that have no business in JSON.
var controlled = func() *strings.Replacer {
	var pairs []string
	for c := range ' ' {
		if !strings.ContainsRune("\t\r\n", c) {
			pairs = append(pairs, string(c), fmt.Sprintf(`\u%04x`, c))
		}
	}
	return strings.NewReplacer(pairs...)
}()

// sseData are the data of a stream's events. What follows the last empty line
// was cut.
func sseData(body string) (events []string) {
	var data []string
	for line := range strings.Lines(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)) {
		switch text, whole := strings.CutSuffix(line, "\n"); {
		case !whole:
		case text == "" && data != nil:
			events, data = append(events, strings.Join(data, "\n")), nil
		case strings.HasPrefix(text, "data:"):
			data = append(data, strings.TrimPrefix(strings.TrimPrefix(text, "data:"), " "))
		}
	}
	return events
}

// arrayData are the elements of a JSON array, as far as it goes.
func arrayData(body string) (elements []string) {
	d := json.NewDecoder(strings.NewReader(controlled.Replace(body)))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		var element json.RawMessage
		if d.Decode(&element) != nil {
			break
		}
		elements = append(elements, string(element))
	}
	return elements
}

// errorMessage is the error member that three of the formats have.
type errorMessage struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Status  string `json:"status"`
	Code    any    `json:"code"`
}

var errEnvelope = errors.New("not the envelope of this client's errors")

var chatDialect = &dialect{
	name: "chat", at: "/v1/chat/completions",
	ask: func(model string, stream bool, text string) (string, string) {
		return "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":%q}]}`, model, stream, text)
	},
	whole: plainBodyOf,
	events: func(words []string) (events []string) {
		for _, w := range words {
			events = append(events, event(w))
		}
		return append(events, stopEvent, doneEvent)
	},
	read: func(body []byte) (string, error) {
		var a struct {
			Choices []struct {
				Message struct{ Content string }
				Finish  string `json:"finish_reason"`
			}
		}
		if err := decode(body, &a); err != nil || len(a.Choices) != 1 || a.Choices[0].Finish != "stop" {
			return "", fmt.Errorf("no whole chat answer: %w", err)
		}
		return a.Choices[0].Message.Content, nil
	},
	split: sseData,
	hear: func(h *heard, data []byte) {
		var e struct {
			Choices []struct{ Delta struct{ Content string } }
			Error   *errorMessage
		}
		switch {
		case string(data) == "[DONE]":
			h.ended = true
		case h.understands(data, &e) && e.Error != nil:
			h.failure = e.Error.Message
		case len(e.Choices) > 0:
			h.text.WriteString(e.Choices[0].Delta.Content)
		}
	},
	refusal: func(body []byte) (string, error) {
		var e struct{ Error *errorMessage }
		if err := json.Unmarshal(body, &e); err != nil || e.Error == nil || e.Error.Type == "" || !bytes.Contains(body, []byte(`"code":`)) {
			return "", errEnvelope
		}
		return e.Error.Message, nil
	},
}

// understands decodes an event.
func (h *heard) understands(data []byte, v any) bool {
	if err := decode(data, v); err != nil {
		h.strange = fmt.Errorf("an event that is no JSON: %w: %.80q", err, data)
		return false
	}
	return true
}

// sseNamed is an event whose name is its type.
func sseNamed(name, more string) string {
	return fmt.Sprintf("event: %s\ndata: {\"type\":%q%s}\n\n", name, name, more)
}

var messagesDialect = &dialect{
	name: "messages", at: "/v1/messages",
	ask: func(model string, stream bool, text string) (string, string) {
		return "/v1/messages", fmt.Sprintf(`{"model":%q,"max_tokens":9,"stream":%v,"messages":[{"role":"user","content":%q}]}`, model, stream, text)
	},
	whole: func(text string) string { return strings.Replace(messagesAnswer, `"sunny"`, quoted(text), 1) },
	events: func(words []string) []string {
		events := []string{
			sseNamed("message_start", `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[],"usage":{"input_tokens":3,"output_tokens":1}}`),
			sseNamed("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`),
		}
		for _, w := range words {
			events = append(events, sseNamed("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":`+quoted(w)+`}`))
		}
		return append(events, sseNamed("content_block_stop", `,"index":0`),
			sseNamed("message_delta", `,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}`), sseNamed("message_stop", ""))
	},
	read: func(body []byte) (string, error) {
		var a struct {
			Content []struct{ Text string }
			Stop    string `json:"stop_reason"`
		}
		if err := decode(body, &a); err != nil || len(a.Content) != 1 || a.Stop != "end_turn" {
			return "", fmt.Errorf("no whole message: %w", err)
		}
		return a.Content[0].Text, nil
	},
	split: sseData,
	hear: func(h *heard, data []byte) {
		var e struct {
			Type  string
			Delta struct{ Text string }
			Error *errorMessage
		}
		if !h.understands(data, &e) {
			return
		}
		switch e.Type {
		case "content_block_delta":
			h.text.WriteString(e.Delta.Text)
		case "message_stop":
			h.ended = true
		case "error":
			h.failure = e.Error.Message
		}
	},
	refusal: func(body []byte) (string, error) {
		var e struct {
			Type  string
			Error *errorMessage
		}
		if err := json.Unmarshal(body, &e); err != nil || e.Type != "error" || e.Error == nil || e.Error.Type == "" {
			return "", errEnvelope
		}
		return e.Error.Message, nil
	},
}

var responsesDialect = &dialect{
	name: "responses", at: "/v1/responses",
	ask: func(model string, stream bool, text string) (string, string) {
		return "/v1/responses", fmt.Sprintf(`{"model":%q,"stream":%v,"input":%q}`, model, stream, text)
	},
	whole: wholeResponse,
	events: func(words []string) []string {
		events := []string{sseNamed("response.created", `,"sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}`)}
		for i, w := range words {
			events = append(events, sseNamed("response.output_text.delta", fmt.Sprintf(`,"sequence_number":%d,"item_id":"msg_1","output_index":0,"content_index":0,"delta":%s`, i+1, quoted(w))))
		}
		return append(events, sseNamed("response.completed", fmt.Sprintf(`,"sequence_number":%d,"response":%s`, len(words)+1, wholeResponse(strings.Join(words, "")))))
	},
	read: func(body []byte) (string, error) {
		var a responseObject
		if err := decode(body, &a); err != nil || a.Status != "completed" {
			return "", fmt.Errorf("no whole response: status %q, %w", a.Status, err)
		}
		return a.text(), nil
	},
	split: sseData,
	hear: func(h *heard, data []byte) {
		var e struct {
			Type     string
			Delta    string
			Message  string
			Response responseObject
		}
		if !h.understands(data, &e) {
			return
		}
		switch e.Type {
		case "response.output_text.delta":
			h.text.WriteString(e.Delta)
		case "response.completed":
			h.ended = true
			if e.Response.text() != h.text.String() {
				h.strange = fmt.Errorf("response.completed says %.80q", e.Response.text())
			}
		case "error":
			h.failure = e.Message
		}
	},
	refusal: chatDialect.refusal,
}

func wholeResponse(text string) string {
	return strings.Replace(responsesAnswer, `"sunny"`, quoted(text), 1)
}

type responseObject struct {
	Status string
	Output []struct{ Content []struct{ Text string } }
}

func (r *responseObject) text() (text string) {
	for _, item := range r.Output {
		for _, part := range item.Content {
			text += part.Text
		}
	}
	return text
}

var googleDialect = &dialect{
	name: "google", at: "/v1beta",
	ask: func(model string, stream bool, text string) (string, string) {
		verb := "generateContent"
		if stream {
			verb = "streamGenerateContent?alt=sse"
		}
		return "/v1beta/models/" + model + ":" + verb, fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":%q}]}]}`, text)
	},
	whole: func(text string) string { return googleText(text, `,"finishReason":"STOP"`) },
	events: func(words []string) (events []string) {
		for i, w := range words {
			finish := ""
			if i == len(words)-1 {
				finish = `,"finishReason":"STOP"`
			}
			events = append(events, "data: "+googleText(w, finish)+"\r\n\r\n")
		}
		return events
	},
	read: func(body []byte) (string, error) {
		var h heard
		if hearGoogle(&h, body); !h.ended || h.strange != nil || h.failure != "" {
			return "", fmt.Errorf("no whole answer of Google's: %w, %s", h.strange, h.failure)
		}
		return h.text.String(), nil
	},
	split: sseData,
	hear:  hearGoogle,
	refusal: func(body []byte) (string, error) {
		var e struct{ Error *errorMessage }
		if err := json.Unmarshal(body, &e); err != nil || e.Error == nil || e.Error.Status == "" {
			return "", errEnvelope
		}
		return e.Error.Message, nil
	},
}

func googleText(text, finish string) string {
	return `{"candidates":[{"content":{"role":"model","parts":[{"text":` + quoted(text) + `}]}` + finish + `,"index":0}],` +
		`"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}`
}

func hearGoogle(h *heard, data []byte) {
	var e struct {
		Candidates []struct {
			Content      struct{ Parts []struct{ Text string } }
			FinishReason string
		}
		Error *errorMessage
	}
	if !h.understands(data, &e) {
		return
	}
	for _, c := range e.Candidates {
		for _, p := range c.Content.Parts {
			h.text.WriteString(p.Text)
		}
		h.ended = h.ended || c.FinishReason == "STOP"
	}
	if e.Error != nil {
		h.failure = e.Error.Message
	}
}

// arrayDialect is Google's for a client that asks for its stream as an array. No
// provider is asked in it.
var arrayDialect = func() *dialect {
	d := *googleDialect
	d.name, d.split = "google's array", arrayData
	d.ask = func(model string, stream bool, text string) (string, string) {
		path, body := googleDialect.ask(model, stream, text)
		return strings.TrimSuffix(path, "?alt=sse"), body
	}
	return &d
}()

// The formats of providers, and those of clients.
var (
	spoken = []*dialect{chatDialect, messagesDialect, responsesDialect, googleDialect}
	asked  = append(slices.Clone(spoken), arrayDialect)
)

// spokenAt is the format of a provider that is asked at a path.
func spokenAt(path string) *dialect {
	for _, d := range spoken {
		if strings.HasPrefix(path, d.at) {
			return d
		}
	}
	return nil
}
