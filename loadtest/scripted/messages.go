//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// messages is Anthropic's Messages API as the generation of Claude 4.5 takes it.
type messages struct{}

type messagesRequest struct {
	Model        string         `json:"model"`
	MaxTokens    *int           `json:"max_tokens"`
	Messages     []claudeTurn   `json:"messages"`
	System       textOr[block]  `json:"system"`
	Stream       bool           `json:"stream"`
	Tools        []claudeTool   `json:"tools"`
	ToolChoice   *claudeChoice  `json:"tool_choice"`
	Thinking     claudeThinking `json:"thinking"`
	Temperature  *float64       `json:"temperature"`
	TopP         *float64       `json:"top_p"`
	OutputConfig *struct {
		Effort any `json:"effort"`
		Format *struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
	// Bedrock wants these in the body instead of the headers.
	Version string   `json:"anthropic_version"`
	Betas   []string `json:"anthropic_beta"`

	CacheControl      any `json:"cache_control"`
	Container         any `json:"container"`
	ContextManagement any `json:"context_management"`
	Metadata          any `json:"metadata"`
	ServiceTier       any `json:"service_tier"`
	StopSequences     any `json:"stop_sequences"`
	TopK              any `json:"top_k"`
}

type claudeTurn struct {
	Role    string        `json:"role"`
	Content textOr[block] `json:"content"`
}

// block is a content block of any type.
type block struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text"`
	Source    *claudeSource   `json:"source"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	Content   textOr[block]   `json:"content"`
	Thinking  *string         `json:"thinking"`
	Signature string          `json:"signature"`

	Data         any `json:"data"`
	IsError      any `json:"is_error"`
	CacheControl any `json:"cache_control"`
	Citations    any `json:"citations"`
	Title        any `json:"title"`
	Context      any `json:"context"`
	Caller       any `json:"caller"`
}

type claudeSource struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type"`
	Data      string `json:"data"`
	URL       string `json:"url"`
}

type claudeTool struct {
	Type         string          `json:"type"`
	Name         string          `json:"name"`
	Description  any             `json:"description"`
	InputSchema  json.RawMessage `json:"input_schema"`
	CacheControl any             `json:"cache_control"`
	Strict       any             `json:"strict"`
	Eager        any             `json:"eager_input_streaming"`
}

type claudeChoice struct {
	Type            string `json:"type"`
	Name            string `json:"name"`
	DisableParallel any    `json:"disable_parallel_tool_use"`
}

type claudeThinking struct {
	Type    string `json:"type"`
	Budget  int    `json:"budget_tokens"`
	Display string `json:"display"`
}

// versions are those of the API. The later has no sampling parameters.
var versions = []string{"2023-06-01", "2026-10-21"}

// minBudget is the least budget_tokens.
const minBudget = 1024

func (messages) read(r *http.Request, body []byte) (*talk, error) {
	q, err := readMessages(r, body)
	if err != nil {
		return nil, err
	}
	if q.MaxTokens == nil {
		return nil, errors.New("max_tokens: Field required")
	}
	return q.talk()
}

func (messages) count(r *http.Request, body []byte) (object, error) {
	q, err := readMessages(r, body)
	if err == nil {
		_, err = q.talk()
	}
	return object{"input_tokens": promptTokens}, err
}

// readMessages reads what only Anthropic's own API has, and leaves the rest to talk.
func readMessages(r *http.Request, body []byte) (*messagesRequest, error) {
	if r.Header.Get("X-Api-Key") == "" && bearer(r) != nil {
		return nil, &refusal{kind: unauthorized, message: "x-api-key header is required"}
	}
	q := new(messagesRequest)
	if err := strict(body, q); err != nil {
		return nil, fmt.Errorf("%w: Extra inputs are not permitted", err)
	}
	var m mistakes
	version := r.Header.Get("Anthropic-Version")
	m.unless(slices.Contains(versions, version), "anthropic-version: %q is not a valid version", version)
	m.unless(version == versions[0] || q.Temperature == nil && q.TopP == nil && q.TopK == nil, "temperature, top_p, top_k: Extra inputs are not permitted in version %s", version)
	m.unless(q.Model != "", "model: Field required")
	m.unless(q.Version == "", "anthropic_version: Extra inputs are not permitted")
	m.unless(q.Betas == nil, "anthropic_beta: Extra inputs are not permitted")
	return q, m.first
}

func (q *messagesRequest) talk() (*talk, error) {
	var m mistakes
	m.unless(len(q.Messages) > 0, "messages: at least one message is required")
	m.unless(q.Temperature == nil || q.TopP == nil, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	t := &talk{model: q.Model, stream: q.Stream, system: q.System.text}
	for i, b := range q.System.parts {
		m.unless(b.Type == "text" && b.Text != nil && *b.Text != "", "system.%d: text content blocks must be non-empty", i)
		if b.Text != nil {
			t.system += *b.Text
		}
	}
	for i, o := range q.Tools {
		m.unless(o.Type == "" || o.Type == "custom", "tools.%d: only custom tools are offered in this mock", i)
		m.unless(callName.MatchString(o.Name), "tools.%d.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", i)
		m.unless(hasObjectType(o.InputSchema), "tools.%d.custom.input_schema.type: Field required", i)
		t.tools = append(t.tools, tool{o.Name, o.InputSchema})
	}
	if c := q.ToolChoice; c != nil {
		t.forced, t.forcedTool = c.Type == "any" || c.Type == "tool", c.Name
		m.unless(len(q.Tools) > 0, "tool_choice: tool_choice may only be specified while providing tools")
		m.unless(t.forced || c.Type == "auto" || c.Type == "none", "tool_choice: Input tag '%s' found using 'type' does not match any of the expected tags", c.Type)
	}
	m.unless(q.MaxTokens == nil || *q.MaxTokens > 0, "max_tokens: Input should be greater than or equal to 1")
	q.Thinking.check(t, &m, q.MaxTokens, q.Temperature)
	if q.OutputConfig != nil && q.OutputConfig.Format != nil {
		t.schema = q.OutputConfig.Format.Schema
		m.unless(q.OutputConfig.Format.Type == "json_schema", "output_config.format.type: Input should be 'json_schema'")
		if m.first == nil {
			m.first = eachIn(t.schema, "output_config.format.schema", closed)
		}
	}
	if m.first == nil {
		m.first = t.readTurns(q.Messages)
	}
	return t, m.first
}

// check applies the rules of thinking, which hold in Converse too.
func (k claudeThinking) check(t *talk, m *mistakes, maxTokens *int, temperature *float64) {
	switch k.Type {
	case "", "disabled":
		return
	case "enabled":
		m.unless(k.Budget >= minBudget, "thinking.enabled.budget_tokens: Input should be greater than or equal to %d", minBudget)
		m.unless(maxTokens == nil || *maxTokens > k.Budget, "`max_tokens` must be greater than `thinking.budget_tokens`.")
	default:
		m.unless(false, "thinking: Input tag '%s' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'", k.Type)
	}
	t.thinks, t.shows = true, k.Display != "omitted"
	m.unless(!t.forced, "Thinking may not be enabled when tool_choice forces tool use.")
	m.unless(temperature == nil || *temperature == 1, "`temperature` may only be set to 1 when thinking is enabled.")
}

var (
	callName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	callID   = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

func hasObjectType(schema json.RawMessage) bool {
	var s struct{ Type string }
	return json.Unmarshal(schema, &s) == nil && s.Type == "object"
}

// readTurns goes through the messages as Anthropic does: calls are answered by the very next message, which begins with
// their results.
func (t *talk) readTurns(list []claudeTurn) error {
	var open []string // ids of the last message's calls
	for i, turn := range list {
		blocks := turn.Content.parts
		if turn.Content.plain {
			blocks = []block{{Type: "text", Text: &turn.Content.text}}
		}
		if turn.Role != "user" && turn.Role != "assistant" {
			return fmt.Errorf("messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		if i == 0 && turn.Role != "user" {
			return errors.New("messages: first message must use the \"user\" role")
		}
		if len(blocks) == 0 {
			return fmt.Errorf("messages.%d: all messages must have non-empty content except for the optional final assistant message", i)
		}
		answered, err := t.readBlocks(i, turn.Role, blocks, open)
		if err != nil {
			return err
		}
		if missing := without(open, answered); len(missing) > 0 {
			return fmt.Errorf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i-1, strings.Join(missing, ", "))
		}
		open = nil
		if turn.Role == "assistant" {
			for _, c := range t.calls {
				open = append(open, c.id)
			}
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s.", len(list)-1, strings.Join(open, ", "))
	}
	if len(t.calls) > 0 && len(t.tools) == 0 {
		return errors.New("Requests which have `tool_use` or `tool_result` blocks in their messages must define tools")
	}
	return nil
}

// readBlocks reads one message and returns the ids it has results for.
func (t *talk) readBlocks(i int, role string, blocks []block, open []string) (answered []string, err error) {
	var texts []string
	var pictures []picture
	if role == "assistant" {
		t.calls, t.signed = nil, false
	}
	for j, b := range blocks {
		at := fmt.Sprintf("messages.%d.content.%d", i, j)
		switch {
		case b.Type == "text" && b.Text != nil:
			if strings.TrimSpace(*b.Text) == "" {
				return nil, fmt.Errorf("%s: text content blocks must contain non-whitespace text", at)
			}
			texts = append(texts, *b.Text)
		case b.Type == "image" && b.Source != nil && role == "user":
			if b.Source.Type != "base64" {
				return nil, fmt.Errorf("%s.source: the mock fetches nothing", at)
			}
			one, err := newPicture(b.Source.MediaType, b.Source.Data)
			if err != nil {
				return nil, fmt.Errorf("%s.image.source: %w", at, err)
			}
			pictures = append(pictures, one)
		case b.Type == "thinking" && b.Thinking != nil && role == "assistant":
			if b.Signature != seal("anthropic") {
				return nil, fmt.Errorf("%s: Invalid `signature` in `thinking` block", at)
			}
			t.signed = true
		case b.Type == "tool_use" && role == "assistant":
			if !callID.MatchString(b.ID) {
				return nil, fmt.Errorf("%s.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", at)
			}
			if !isObject(b.Input) {
				return nil, fmt.Errorf("%s.tool_use.input: Input should be a valid dictionary", at)
			}
			t.calls = append(t.calls, call{id: b.ID, name: b.Name, args: b.Input})
		case b.Type == "tool_result" && role == "user":
			if len(without([]string{b.ToolUseID}, open)) > 0 {
				return nil, fmt.Errorf("%s: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", at, b.ToolUseID)
			}
			if len(texts)+len(pictures) > 0 {
				return nil, fmt.Errorf("%s: `tool_result` blocks must come before other content", at)
			}
			answered = append(answered, b.ToolUseID)
			t.giveResult(b)
		default:
			return nil, fmt.Errorf("%s: Input tag '%s' found using 'type' does not match any of the expected tags of a message of the %s", at, b.Type, role)
		}
	}
	if role == "assistant" && t.thinks && len(t.calls) > 0 && blocks[0].Type != "thinking" {
		return nil, fmt.Errorf("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` message must start with a thinking block", i, blocks[0].Type)
	}
	if role == "user" && len(texts)+len(pictures) > 0 {
		t.asked, t.pictures = strings.Join(texts, "\n"), pictures
		if len(answered) == 0 {
			t.calls = nil
		}
	}
	return answered, nil
}

func (t *talk) giveResult(b block) {
	text := b.Content.text
	for _, inner := range b.Content.parts {
		if inner.Text != nil {
			text += *inner.Text
		}
	}
	for k := range t.calls {
		if t.calls[k].id == b.ToolUseID {
			t.calls[k].result = &text
		}
	}
}

// without is what of all is not in some.
func without(all, some []string) (out []string) {
	in := map[string]bool{}
	for _, s := range some {
		in[s] = true
	}
	for _, s := range all {
		if !in[s] {
			out = append(out, s)
		}
	}
	return out
}
