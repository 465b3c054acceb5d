//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// chat is OpenAI's Chat Completions, with the reasoning_content of those who imitate it.
type chat struct{}

type chatRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions *struct {
		IncludeUsage       bool `json:"include_usage"`
		IncludeObfuscation any  `json:"include_obfuscation"`
	} `json:"stream_options"`
	Tools               []chatTool      `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	ParallelToolCalls   *bool           `json:"parallel_tool_calls"`
	ReasoningEffort     string          `json:"reasoning_effort"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Temperature         *float64        `json:"temperature"`
	ResponseFormat      *struct {
		Type   string `json:"type"`
		Schema *struct {
			Name        string          `json:"name"`
			Description any             `json:"description"`
			Schema      json.RawMessage `json:"schema"`
			Strict      *bool           `json:"strict"`
		} `json:"json_schema"`
	} `json:"response_format"`

	// The scenes have no use for the others.
	Audio                any `json:"audio"`
	FrequencyPenalty     any `json:"frequency_penalty"`
	LogitBias            any `json:"logit_bias"`
	Logprobs             any `json:"logprobs"`
	Metadata             any `json:"metadata"`
	Modalities           any `json:"modalities"`
	N                    any `json:"n"`
	Prediction           any `json:"prediction"`
	PresencePenalty      any `json:"presence_penalty"`
	PromptCacheKey       any `json:"prompt_cache_key"`
	PromptCacheRetention any `json:"prompt_cache_retention"`
	SafetyIdentifier     any `json:"safety_identifier"`
	Seed                 any `json:"seed"`
	ServiceTier          any `json:"service_tier"`
	Stop                 any `json:"stop"`
	Store                any `json:"store"`
	TopLogprobs          any `json:"top_logprobs"`
	TopP                 any `json:"top_p"`
	User                 any `json:"user"`
	Verbosity            any `json:"verbosity"`
	WebSearchOptions     any `json:"web_search_options"`
}

type chatMessage struct {
	Role       string           `json:"role"`
	Content    textOr[chatPart] `json:"content"`
	ToolCalls  []chatCall       `json:"tool_calls"`
	ToolCallID string           `json:"tool_call_id"`

	Name             any `json:"name"`
	Refusal          any `json:"refusal"`
	Audio            any `json:"audio"`
	Annotations      any `json:"annotations"`
	FunctionCall     any `json:"function_call"`
	ReasoningContent any `json:"reasoning_content"`
	Parsed           any `json:"parsed"` // OpenAI's SDK for Node sends back what it has parsed
}

type chatPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL *struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
	} `json:"image_url"`
	InputAudio any `json:"input_audio"`
	File       any `json:"file"`
	Refusal    any `json:"refusal"`
}

type chatCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Index    any    `json:"index"`
	Function *struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
		Parsed    any    `json:"parsed_arguments"`
	} `json:"function"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function *struct {
		Name        string          `json:"name"`
		Description any             `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	} `json:"function"`
}

// maxCallID is the longest id of a call that OpenAI takes, in bytes.
const maxCallID = 64

func bearer(r *http.Request) error {
	if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok || key == "" {
		return &refusal{kind: unauthorized, message: "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth."}
	}
	return nil
}

func (chat) read(r *http.Request, body []byte) (*talk, error) {
	if err := bearer(r); err != nil {
		return nil, err
	}
	var q chatRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	var m mistakes
	m.unless(q.Model != "", "you must provide a model parameter")
	m.unless(len(q.Messages) > 0, "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	m.unless(q.StreamOptions == nil || q.Stream, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	m.unless(len(q.Tools) > 0 || q.ToolChoice == nil, "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
	m.unless(len(q.Tools) > 0 || q.ParallelToolCalls == nil, "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.")
	if strings.HasPrefix(q.Model, "gpt-5") {
		m.unless(q.MaxTokens == nil, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
		m.unless(q.Temperature == nil || *q.Temperature == 1, "Unsupported value: 'temperature' does not support %v with this model. Only the default (1) value is supported.", q.Temperature)
	}
	m.unless(slices.Contains([]string{"", "none", "minimal", "low", "medium", "high", "xhigh"}, q.ReasoningEffort), "Invalid value: '%s' for 'reasoning_effort'", q.ReasoningEffort)
	t := &talk{model: q.Model, stream: q.Stream, usage: q.StreamOptions != nil && q.StreamOptions.IncludeUsage}
	t.thinks = q.ReasoningEffort != "" && q.ReasoningEffort != "none"
	t.shows = t.thinks
	t.signed = true // there is nothing to bring back
	for i, o := range q.Tools {
		if o.Type != "function" || o.Function == nil {
			return nil, fmt.Errorf("tools[%d]: only functions are offered in this mock", i)
		}
		t.tools = append(t.tools, tool{o.Function.Name, o.Function.Parameters})
		m.unless(o.Function.Name != "", "Missing required parameter: 'tools[%d].function.name'.", i)
		if o.Function.Strict != nil && *o.Function.Strict && m.first == nil {
			m.first = eachIn(o.Function.Parameters, "tools.function.parameters", closedAndRequired)
		}
	}
	var err error
	if t.forced, t.forcedTool, err = openAIChoice(q.ToolChoice, "function"); err != nil {
		return nil, err
	}
	if f := q.ResponseFormat; f != nil {
		switch {
		case f.Type == "json_object":
			t.anyJSON = true
		case f.Type == "json_schema" && f.Schema != nil:
			t.schema = f.Schema.Schema
			m.unless(f.Schema.Name != "", "Missing required parameter: 'response_format.json_schema.name'.")
			if f.Schema.Strict != nil && *f.Schema.Strict && m.first == nil {
				m.first = eachIn(t.schema, "response_format.json_schema.schema", closedAndRequired)
			}
		default:
			m.unless(f.Type == "text", "Invalid value: '%s' for 'response_format.type'", f.Type)
		}
	}
	if m.first == nil {
		m.first = t.readChat(q.Messages)
	}
	return t, m.first
}

// openAIChoice reads tool_choice, in which a function's name stands under the name of its type in one format and beside
// it in the other.
func openAIChoice(choice json.RawMessage, under string) (forced bool, name string, err error) {
	var word string
	if len(choice) == 0 || json.Unmarshal(choice, &word) == nil {
		if !slices.Contains([]string{"", "auto", "none", "required"}, word) {
			return false, "", fmt.Errorf("Invalid value: '%s' for 'tool_choice'", word)
		}
		return word == "required", "", nil
	}
	var one map[string]json.RawMessage
	if err := json.Unmarshal(choice, &one); err != nil {
		return false, "", fmt.Errorf("Invalid type for 'tool_choice': %w", err)
	}
	if under != "" {
		if err := json.Unmarshal(one[under], &one); err != nil {
			return false, "", fmt.Errorf("Invalid type for 'tool_choice.%s': %w", under, err)
		}
	}
	if err := json.Unmarshal(one["name"], &name); err != nil {
		return false, "", errors.New("Missing required parameter: 'tool_choice' names no function")
	}
	return true, name, nil
}

// readChat goes through the messages as OpenAI does: every call has a result right behind it, and every result a call.
func (t *talk) readChat(list []chatMessage) error {
	var open []string // ids of calls without a result
	var system []string
	for i, message := range list {
		text, pictures, err := message.read(i)
		if err != nil {
			return err
		}
		if message.Role == "tool" {
			at := slices.Index(open, message.ToolCallID)
			if len(t.calls) == 0 || at < 0 {
				return fmt.Errorf("Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls': messages[%d] answers '%s'", i, message.ToolCallID)
			}
			open = slices.Delete(open, at, at+1)
			which := slices.IndexFunc(t.calls, func(c call) bool { return c.id == message.ToolCallID })
			t.calls[which].result = &text
			continue
		}
		if len(open) > 0 {
			return fmt.Errorf("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", strings.Join(open, ", "))
		}
		t.calls = nil
		switch message.Role {
		case "system", "developer":
			system = append(system, text)
		case "user":
			t.asked, t.pictures = text, pictures
		case "assistant":
			for _, c := range message.ToolCalls {
				if c.Function == nil || c.Type != "function" {
					return fmt.Errorf("Missing required parameter: 'messages[%d].tool_calls[].function'.", i)
				}
				if c.ID == "" || len(c.ID) > maxCallID {
					return fmt.Errorf("Invalid 'messages[%d].tool_calls[].id': string of length %d. Expected one of 1 to %d.", i, len(c.ID), maxCallID)
				}
				t.calls = append(t.calls, call{id: c.ID, name: c.Function.Name, args: json.RawMessage(c.Function.Arguments)})
				open = append(open, c.ID)
			}
		default:
			return fmt.Errorf("Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", message.Role)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", strings.Join(open, ", "))
	}
	t.system = strings.Join(system, "\n")
	return nil
}

func (message *chatMessage) read(i int) (text string, pictures []picture, err error) {
	text = message.Content.text
	if !message.Content.plain && message.Content.parts == nil && len(message.ToolCalls) == 0 {
		return "", nil, fmt.Errorf("Invalid value for 'content': expected a string, got null in messages[%d].", i)
	}
	for j, p := range message.Content.parts {
		switch {
		case p.Type == "text":
			text += p.Text
		case p.Type == "image_url" && p.ImageURL != nil && message.Role == "user":
			one, err := dataURL(p.ImageURL.URL)
			if err != nil {
				return "", nil, fmt.Errorf("messages[%d].content[%d]: %w", i, j, err)
			}
			pictures = append(pictures, one)
		default:
			return "", nil, fmt.Errorf("Invalid value: '%s' for 'messages[%d].content[%d].type' in a message of role '%s'", p.Type, i, j, message.Role)
		}
	}
	return text, pictures, nil
}
