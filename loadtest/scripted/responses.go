//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// responses is OpenAI's Responses API, for those who do not let it store anything.
type responses struct{}

type responsesRequest struct {
	Model           string           `json:"model"`
	Input           textOr[item]     `json:"input"`
	Instructions    string           `json:"instructions"`
	Stream          bool             `json:"stream"`
	Store           *bool            `json:"store"`
	Include         []string         `json:"include"`
	MaxOutputTokens *int             `json:"max_output_tokens"`
	Previous        *string          `json:"previous_response_id"`
	Tools           []responsesTool  `json:"tools"`
	ToolChoice      json.RawMessage  `json:"tool_choice"`
	Temperature     *float64         `json:"temperature"`
	Reasoning       *reasoningWanted `json:"reasoning"`
	Text            *struct {
		Format *struct {
			Type        string          `json:"type"`
			Name        string          `json:"name"`
			Description any             `json:"description"`
			Schema      json.RawMessage `json:"schema"`
			Strict      *bool           `json:"strict"`
		} `json:"format"`
		Verbosity any `json:"verbosity"`
	} `json:"text"`

	Background           any `json:"background"`
	ContextManagement    any `json:"context_management"`
	Conversation         any `json:"conversation"`
	MaxToolCalls         any `json:"max_tool_calls"`
	Metadata             any `json:"metadata"`
	ParallelToolCalls    any `json:"parallel_tool_calls"`
	Prompt               any `json:"prompt"`
	PromptCacheKey       any `json:"prompt_cache_key"`
	PromptCacheRetention any `json:"prompt_cache_retention"`
	SafetyIdentifier     any `json:"safety_identifier"`
	ServiceTier          any `json:"service_tier"`
	StreamOptions        any `json:"stream_options"`
	TopLogprobs          any `json:"top_logprobs"`
	TopP                 any `json:"top_p"`
	Truncation           any `json:"truncation"`
	User                 any `json:"user"`
}

type reasoningWanted struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

type responsesTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description any             `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      *bool           `json:"strict"`
}

// item is an element of the input: a message, a call, its result or a thought.
type item struct {
	Type      string               `json:"type"`
	ID        string               `json:"id"`
	Role      string               `json:"role"`
	Content   textOr[responsePart] `json:"content"`
	CallID    string               `json:"call_id"`
	Name      string               `json:"name"`
	Arguments string               `json:"arguments"`
	Output    textOr[responsePart] `json:"output"`
	Summary   []responsePart       `json:"summary"`
	Encrypted *string              `json:"encrypted_content"`
	Status    any                  `json:"status"`
	Phase     any                  `json:"phase"`
	Parsed    any                  `json:"parsed_arguments"` // as in chat
}

type responsePart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL string `json:"image_url"`
	FileID   any    `json:"file_id"`
	Detail   string `json:"detail"`

	Annotations any `json:"annotations"`
	Logprobs    any `json:"logprobs"`
	Refusal     any `json:"refusal"`
	Parsed      any `json:"parsed"`
}

// minOutput is the least max_output_tokens.
const minOutput = 16

func (responses) read(r *http.Request, body []byte) (*talk, error) {
	if err := bearer(r); err != nil {
		return nil, err
	}
	var q responsesRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	var m mistakes
	m.unless(q.Model != "", "Missing required parameter: 'model'.")
	m.unless(q.Input.plain || len(q.Input.parts) > 0, "Missing required parameter: 'input'.")
	m.unless(q.MaxOutputTokens == nil || *q.MaxOutputTokens >= minOutput, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= %d.", minOutput)
	m.unless(q.Previous == nil, "Previous response with id '%v' not found.", q.Previous)
	m.unless(q.Temperature == nil || *q.Temperature == 1, "Unsupported parameter: 'temperature' is not supported with this model.")
	t := &talk{model: q.Model, stream: q.Stream, system: q.Instructions}
	if want := q.Reasoning; want != nil {
		t.thinks = want.Effort != nil && *want.Effort != "none"
		t.shows = want.Summary != nil
		m.unless(want.Effort == nil || slices.Contains([]string{"none", "minimal", "low", "medium", "high", "xhigh"}, *want.Effort), "Invalid value for 'reasoning.effort'")
		m.unless(want.Summary == nil || slices.Contains([]string{"auto", "concise", "detailed"}, *want.Summary), "Invalid value for 'reasoning.summary'")
	}
	t.seals = slices.Contains(q.Include, "reasoning.encrypted_content")
	for i, o := range q.Tools {
		m.unless(o.Type == "function", "tools[%d]: only functions are offered in this mock", i)
		m.unless(o.Name != "", "Missing required parameter: 'tools[%d].name'.", i)
		t.tools = append(t.tools, tool{o.Name, o.Parameters})
		if o.Strict != nil && *o.Strict && m.first == nil {
			m.first = eachIn(o.Parameters, fmt.Sprintf("tools[%d].parameters", i), closedAndRequired)
		}
	}
	var err error
	if t.forced, t.forcedTool, err = openAIChoice(q.ToolChoice, ""); err != nil {
		return nil, err
	}
	if q.Text != nil && q.Text.Format != nil {
		switch f := q.Text.Format; f.Type {
		case "json_object":
			t.anyJSON = true
		case "json_schema":
			t.schema = f.Schema
			m.unless(f.Name != "", "Missing required parameter: 'text.format.name'.")
			if f.Strict != nil && *f.Strict && m.first == nil {
				m.first = eachIn(f.Schema, "text.format.schema", closedAndRequired)
			}
		default:
			m.unless(f.Type == "text", "Invalid value: '%s' for 'text.format.type'", f.Type)
		}
	}
	if q.Input.plain {
		t.asked = q.Input.text
	} else if m.first == nil {
		m.first = t.readItems(q.Input.parts, q.Store == nil || *q.Store)
	}
	return t, m.first
}

// readItems holds calls and results together, and thoughts to what they lead to.
func (t *talk) readItems(list []item, stored bool) error {
	var seen []call // all calls so far
	for i, it := range list {
		if err := it.checkID(i); err != nil {
			return err
		}
		switch it.Type {
		case "", "message":
			text, pictures, err := it.read(i)
			if err != nil {
				return err
			}
			switch it.Role {
			case "user":
				t.asked, t.pictures, t.calls, t.signed = text, pictures, nil, false
			case "system", "developer":
				t.system = strings.TrimPrefix(t.system+"\n"+text, "\n")
			}
		case "reasoning":
			if it.Encrypted == nil && !stored {
				return fmt.Errorf("Item with id '%s' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.", it.ID)
			}
			if it.Encrypted != nil && *it.Encrypted != seal("openai") {
				return fmt.Errorf("The encrypted content %.12s... could not be verified. Reason: Encrypted content could not be decrypted or parsed.", *it.Encrypted)
			}
			if i+1 == len(list) || list[i+1].Type == "function_call_output" || list[i+1].Role == "user" {
				return fmt.Errorf("Item '%s' of type 'reasoning' was provided without its required following item.", it.ID)
			}
			t.signed = true
		case "function_call":
			if it.CallID == "" || len(it.CallID) > maxCallID {
				return fmt.Errorf("Invalid 'input[%d].call_id': string of length %d. Expected one of 1 to %d.", i, len(it.CallID), maxCallID)
			}
			t.calls = append(t.calls, call{id: it.CallID, name: it.Name, args: json.RawMessage(it.Arguments)})
			seen = append(seen, t.calls[len(t.calls)-1])
		case "function_call_output":
			which := slices.IndexFunc(t.calls, func(c call) bool { return c.id == it.CallID })
			if which < 0 {
				return fmt.Errorf("No tool call found for function call output with call_id %s.", it.CallID)
			}
			text := it.Output.text
			for _, p := range it.Output.parts {
				text += p.Text
			}
			t.calls[which].result = &text
		default:
			return fmt.Errorf("Invalid value: '%s' for 'input[%d].type'", it.Type, i)
		}
	}
	for _, c := range seen {
		if !slices.ContainsFunc(list, func(it item) bool { return it.Type == "function_call_output" && it.CallID == c.id }) {
			return fmt.Errorf("No tool output found for function call %s.", c.id)
		}
	}
	return nil
}

// checkID holds an item's own id to the beginning that its type gives it.
func (it *item) checkID(i int) error {
	want := map[string]string{"": "msg", "message": "msg", "function_call": "fc", "reasoning": "rs"}[it.Type]
	if it.ID != "" && !strings.HasPrefix(it.ID, want) {
		return fmt.Errorf("Invalid 'input[%d].id': '%s'. Expected an ID that begins with '%s'.", i, it.ID, want)
	}
	return nil
}

func (it *item) read(i int) (text string, pictures []picture, err error) {
	text = it.Content.text
	for j, p := range it.Content.parts {
		switch {
		case it.Role == "assistant" && (p.Type == "output_text" || p.Type == "refusal"), it.Role != "assistant" && p.Type == "input_text":
			text += p.Text
		case it.Role == "user" && p.Type == "input_image":
			one, err := dataURL(p.ImageURL)
			if err != nil {
				return "", nil, fmt.Errorf("input[%d].content[%d]: %w", i, j, err)
			}
			pictures = append(pictures, one)
		default:
			return "", nil, fmt.Errorf("Invalid value: '%s' for 'input[%d].content[%d].type' in a message of role '%s'.", p.Type, i, j, it.Role)
		}
	}
	return text, pictures, nil
}
