//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// converse is Bedrock's Converse with Claude behind it.
type converse struct{ streamed bool }

type converseRequest struct {
	Messages []struct {
		Role    string          `json:"role"`
		Content []converseBlock `json:"content"`
	} `json:"messages"`
	System    []converseBlock `json:"system"`
	Inference struct {
		MaxTokens     *int     `json:"maxTokens"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		StopSequences any      `json:"stopSequences"`
	} `json:"inferenceConfig"`
	ToolConfig *struct {
		Tools []struct {
			Spec *struct {
				Name        string  `json:"name"`
				Description *string `json:"description"`
				Schema      struct {
					JSON json.RawMessage `json:"json"`
				} `json:"inputSchema"`
				Strict any `json:"strict"`
			} `json:"toolSpec"`
			CachePoint any `json:"cachePoint"`
		} `json:"tools"`
		Choice *struct {
			Auto any `json:"auto"`
			Any  any `json:"any"`
			Tool *struct {
				Name string `json:"name"`
			} `json:"tool"`
		} `json:"toolChoice"`
	} `json:"toolConfig"`
	More struct {
		Thinking        claudeThinking `json:"thinking"`
		ReasoningConfig claudeThinking `json:"reasoning_config"`
		Betas           any            `json:"anthropic_beta"`
		OutputConfig    any            `json:"output_config"`
		TopK            any            `json:"top_k"`
	} `json:"additionalModelRequestFields"`
	Output *struct {
		Format struct {
			Type      string `json:"type"`
			Structure struct {
				JSONSchema struct {
					Schema      string `json:"schema"`
					Name        any    `json:"name"`
					Description any    `json:"description"`
				} `json:"jsonSchema"`
			} `json:"structure"`
		} `json:"textFormat"`
	} `json:"outputConfig"`

	Guardrail     any `json:"guardrailConfig"`
	Performance   any `json:"performanceConfig"`
	Metadata      any `json:"requestMetadata"`
	ServiceTier   any `json:"serviceTier"`
	ResponsePaths any `json:"additionalModelResponseFieldPaths"`
}

// converseBlock is a union: exactly one member is set.
type converseBlock struct {
	Text       *string             `json:"text"`
	Image      *converseImage      `json:"image"`
	ToolUse    *converseUse        `json:"toolUse"`
	ToolResult *converseToolResult `json:"toolResult"`
	Reasoning  *converseReasoning  `json:"reasoningContent"`
	CachePoint any                 `json:"cachePoint"`
	JSON       json.RawMessage     `json:"json"` // in a tool's result
}

type converseImage struct {
	Format string `json:"format"`
	Source struct {
		Bytes string `json:"bytes"`
	} `json:"source"`
}

type converseUse struct {
	ID    string          `json:"toolUseId"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

type converseToolResult struct {
	ID      string          `json:"toolUseId"`
	Content []converseBlock `json:"content"`
	Status  any             `json:"status"`
}

type converseReasoning struct {
	Text struct {
		Text      *string `json:"text"`
		Signature string  `json:"signature"`
	} `json:"reasoningText"`
}

var toolUseID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func (c converse) read(r *http.Request, body []byte) (*talk, error) {
	if err := signed(r, body); err != nil {
		return nil, err
	}
	var q converseRequest
	if err := strict(body, &q); err != nil {
		return nil, fmt.Errorf("The model returned the following errors: %w: extraneous key is not permitted", err)
	}
	t := &talk{model: r.PathValue("model"), stream: c.streamed}
	var m mistakes
	for _, b := range q.System {
		m.unless(b.Text != nil && *b.Text != "" || b.CachePoint != nil, "The text field in the SystemContentBlock object at system is blank. Add text to the text field, and try again.")
		if b.Text != nil {
			t.system += *b.Text
		}
	}
	if q.ToolConfig != nil {
		m.unless(len(q.ToolConfig.Tools) > 0, "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1")
		for _, o := range q.ToolConfig.Tools {
			if o.Spec == nil {
				m.unless(o.CachePoint != nil, "toolConfig.tools: a tool must have one member")
				continue
			}
			m.unless(toolUseID.MatchString(o.Spec.Name), "Value '%s' at 'toolConfig.tools.toolSpec.name' failed to satisfy constraint", o.Spec.Name)
			m.unless(o.Spec.Description == nil || *o.Spec.Description != "", "toolConfig.tools.toolSpec.description must have length greater than or equal to 1")
			m.unless(hasObjectType(o.Spec.Schema.JSON), "The value at toolConfig.tools.toolSpec.inputSchema.json.type must be one of the following: object.")
			t.tools = append(t.tools, tool{o.Spec.Name, o.Spec.Schema.JSON})
		}
		if choice := q.ToolConfig.Choice; choice != nil {
			t.forced = choice.Any != nil || choice.Tool != nil
			m.unless(t.forced || choice.Auto != nil, "toolConfig.toolChoice must have one member")
			if choice.Tool != nil {
				t.forcedTool = choice.Tool.Name
			}
		}
	}
	thinking := q.More.Thinking
	if q.More.ReasoningConfig.Type != "" {
		thinking = q.More.ReasoningConfig
	}
	thinking.check(t, &m, q.Inference.MaxTokens, q.Inference.Temperature)
	m.unless(q.Inference.Temperature == nil || q.Inference.TopP == nil, "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model.")
	if q.Output != nil {
		t.schema = json.RawMessage(q.Output.Format.Structure.JSONSchema.Schema)
		m.unless(q.Output.Format.Type == "json_schema", "Value '%s' at 'outputConfig.textFormat.type' failed to satisfy constraint", q.Output.Format.Type)
		if m.first == nil {
			m.first = eachIn(t.schema, "outputConfig.textFormat.structure.jsonSchema.schema", closed)
		}
	}
	if m.first == nil {
		m.first = t.readConverse(&q)
	}
	return t, m.first
}

// readConverse turns the blocks into Claude's, as Bedrock does, once what is Bedrock's own was checked.
func (t *talk) readConverse(q *converseRequest) error {
	var turns []claudeTurn
	used := false
	for i, message := range q.Messages {
		if i == 0 && message.Role != "user" {
			return errors.New("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
		}
		if i > 0 && message.Role == q.Messages[i-1].Role {
			return errors.New("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		}
		turn := claudeTurn{Role: message.Role}
		for j, b := range message.Content {
			at := fmt.Sprintf("messages.%d.content.%d", i, j)
			if b.CachePoint != nil {
				continue
			}
			claudes, err := b.claude(at)
			if err != nil {
				return err
			}
			used = used || b.ToolUse != nil || b.ToolResult != nil
			turn.Content.parts = append(turn.Content.parts, claudes)
		}
		turns = append(turns, turn)
	}
	if len(turns) == 0 {
		return errors.New("messages: at least one message is required")
	}
	if used && q.ToolConfig == nil {
		return errors.New("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
	}
	return t.readTurns(turns)
}

func (b *converseBlock) claude(at string) (block, error) {
	set := 0
	for _, has := range []bool{b.Text != nil, b.Image != nil, b.ToolUse != nil, b.ToolResult != nil, b.Reasoning != nil, b.JSON != nil} {
		if has {
			set++
		}
	}
	if set != 1 {
		return block{}, fmt.Errorf("%s: a ContentBlock must have exactly one member", at)
	}
	switch {
	case b.Text != nil:
		if strings.TrimSpace(*b.Text) == "" {
			return block{}, fmt.Errorf("The text field in the ContentBlock object at %s is blank. Add text to the text field, and try again.", at)
		}
		return block{Type: "text", Text: b.Text}, nil
	case b.Image != nil:
		return block{Type: "image", Source: &claudeSource{Type: "base64", MediaType: "image/" + b.Image.Format, Data: b.Image.Source.Bytes}}, nil
	case b.Reasoning != nil:
		if b.Reasoning.Text.Text == nil {
			return block{}, fmt.Errorf("%s.reasoningContent.reasoningText.text: Member must not be null", at)
		}
		return block{Type: "thinking", Thinking: b.Reasoning.Text.Text, Signature: b.Reasoning.Text.Signature}, nil
	case b.ToolUse != nil:
		if !toolUseID.MatchString(b.ToolUse.ID) {
			return block{}, fmt.Errorf("Value '%s' at '%s.toolUse.toolUseId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+", b.ToolUse.ID, at)
		}
		return block{Type: "tool_use", ID: b.ToolUse.ID, Name: b.ToolUse.Name, Input: b.ToolUse.Input}, nil
	case b.ToolResult != nil:
		result := block{Type: "tool_result", ToolUseID: b.ToolResult.ID}
		if len(b.ToolResult.Content) == 0 {
			return block{}, fmt.Errorf("%s.toolResult.content: Member must not be empty", at)
		}
		for _, inner := range b.ToolResult.Content {
			text := string(inner.JSON)
			if inner.Text != nil {
				text = *inner.Text
			}
			result.Content.parts = append(result.Content.parts, block{Type: "text", Text: &text})
		}
		return result, nil
	}
	return block{}, fmt.Errorf("%s: json stands only in a tool's result", at)
}
