//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// gemini is Google's generateContent as Gemini 3 takes it.
type gemini struct{}

type geminiRequest struct {
	Contents          []geminiContent `json:"contents"`
	SystemInstruction *geminiContent  `json:"systemInstruction"`
	Tools             []struct {
		Functions []geminiFunction `json:"functionDeclarations"`
	} `json:"tools"`
	ToolConfig struct {
		Calling struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	Config         geminiConfig `json:"generationConfig"`
	SafetySettings any          `json:"safetySettings"`
	CachedContent  any          `json:"cachedContent"`
}

type geminiConfig struct {
	MIMEType   string          `json:"responseMimeType"`
	Schema     json.RawMessage `json:"responseSchema"`
	JSONSchema json.RawMessage `json:"responseJsonSchema"`
	Thinking   *struct {
		Include bool   `json:"includeThoughts"`
		Budget  *int   `json:"thinkingBudget"`
		Level   string `json:"thinkingLevel"`
	} `json:"thinkingConfig"`

	CandidateCount     any `json:"candidateCount"`
	FrequencyPenalty   any `json:"frequencyPenalty"`
	Logprobs           any `json:"logprobs"`
	MaxOutputTokens    any `json:"maxOutputTokens"`
	MediaResolution    any `json:"mediaResolution"`
	PresencePenalty    any `json:"presencePenalty"`
	ResponseLogprobs   any `json:"responseLogprobs"`
	ResponseModalities any `json:"responseModalities"`
	Seed               any `json:"seed"`
	StopSequences      any `json:"stopSequences"`
	Temperature        any `json:"temperature"`
	TopK               any `json:"topK"`
	TopP               any `json:"topP"`
}

type geminiContent struct {
	Role  string       `json:"role"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text             *string         `json:"text"`
	InlineData       *geminiBlob     `json:"inlineData"`
	FunctionCall     *geminiCall     `json:"functionCall"`
	FunctionResponse *geminiResponse `json:"functionResponse"`
	Thought          bool            `json:"thought"`
	ThoughtSignature string          `json:"thoughtSignature"`
}

type geminiBlob struct {
	MIMEType string `json:"mimeType"`
	Data     string `json:"data"`
}

type geminiCall struct {
	ID   string          `json:"id"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

type geminiResponse struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Response json.RawMessage `json:"response"`
}

type geminiFunction struct {
	Name             string          `json:"name"`
	Description      any             `json:"description"`
	Parameters       json.RawMessage `json:"parameters"`
	ParametersSchema json.RawMessage `json:"parametersJsonSchema"`
}

func (gemini) read(r *http.Request, body []byte) (*talk, error) {
	model, method, err := geminiPath(r)
	if err != nil {
		return nil, err
	}
	var q geminiRequest
	if err := protoJSON(body, &q); err != nil {
		return nil, err
	}
	t, err := q.talk()
	if err != nil {
		return nil, err
	}
	t.model = model
	switch {
	case method == "generateContent":
	case method == "streamGenerateContent" && r.URL.Query().Get("alt") == "sse":
		t.stream = true
	default:
		return nil, fmt.Errorf("the mock has no %s that answers alt=%s", method, r.URL.Query().Get("alt"))
	}
	return t, nil
}

func (gemini) count(r *http.Request, body []byte) (object, error) {
	if _, _, err := geminiPath(r); err != nil {
		return nil, err
	}
	var q struct {
		Contents []geminiContent `json:"contents"`
		Request  *struct {
			Model string `json:"model"`
			geminiRequest
		} `json:"generateContentRequest"`
	}
	if err := protoJSON(body, &q); err != nil {
		return nil, err
	}
	whole := geminiRequest{Contents: q.Contents}
	if q.Request != nil {
		whole = q.Request.geminiRequest
	}
	_, err := whole.talk()
	return object{"totalTokens": promptTokens, "cachedContentTokenCount": cachedTokens}, err
}

func geminiPath(r *http.Request) (model, method string, err error) {
	if r.Header.Get("X-Goog-Api-Key") == "" && r.URL.Query().Get("key") == "" {
		return "", "", &refusal{kind: unauthorized, message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."}
	}
	model, method, ok := strings.Cut(r.PathValue("call"), ":")
	if !ok {
		return "", "", errors.New("the path must name a method behind the model")
	}
	return model, method, nil
}

func (q *geminiRequest) talk() (*talk, error) {
	var m mistakes
	m.unless(len(q.Contents) > 0, "* GenerateContentRequest.contents: contents is not specified")
	t := new(talk)
	if q.SystemInstruction != nil {
		for _, p := range q.SystemInstruction.Parts {
			m.unless(p.Text != nil, "Developer instruction must be text")
			if p.Text != nil {
				t.system += *p.Text
			}
		}
	}
	for _, group := range q.Tools {
		for _, f := range group.Functions {
			schema := f.ParametersSchema
			if f.Parameters != nil {
				m.unless(schema == nil, "only one of parameters and parametersJsonSchema may be set for function %s", f.Name)
				if schema = f.Parameters; m.first == nil {
					m.first = eachIn(schema, "tools.function_declarations.parameters", openAPI)
				}
			}
			m.unless(f.Name != "", "GenerateContentRequest.tools[0].function_declarations[0].name: [FIELD_INVALID] Function name cannot be empty.")
			t.tools = append(t.tools, tool{f.Name, schema})
		}
	}
	calling := q.ToolConfig.Calling
	t.forced = calling.Mode == "ANY"
	if len(calling.Allowed) == 1 {
		t.forcedTool = calling.Allowed[0]
	}
	m.unless(t.forced || calling.Mode == "VALIDATED" || len(calling.Allowed) == 0, "Allowed function names should be set only when function calling mode is ANY or VALIDATED.")
	m.unless(slices.Contains([]string{"", "AUTO", "ANY", "NONE", "VALIDATED"}, calling.Mode), "Invalid value at 'tool_config.function_calling_config.mode': %q", calling.Mode)
	q.Config.check(t, &m)
	if m.first == nil {
		m.first = t.readContents(q.Contents)
	}
	return t, m.first
}

func (c *geminiConfig) check(t *talk, m *mistakes) {
	if k := c.Thinking; k != nil {
		t.thinks, t.shows = true, k.Include
		m.unless(k.Budget == nil || k.Level == "", "You can only set only one of thinking budget and thinking level.")
		m.unless(slices.Contains([]string{"", "MINIMAL", "LOW", "MEDIUM", "HIGH"}, strings.ToUpper(k.Level)), "Invalid value at 'generation_config.thinking_config.thinking_level': %q", k.Level)
	}
	t.anyJSON = c.MIMEType == "application/json"
	if t.schema = c.JSONSchema; c.Schema != nil {
		m.unless(t.schema == nil, "only one of response_schema and response_json_schema may be set")
		if t.schema = c.Schema; m.first == nil {
			m.first = eachIn(c.Schema, "generation_config.response_schema", openAPI)
		}
	}
	m.unless(t.schema == nil || t.anyJSON, "Response schema is only supported with response mime type: 'application/json'")
	m.unless(!t.anyJSON || len(t.tools) == 0 || t.schema == nil || len(t.calls) == 0, "Function calling with a response mime type: 'application/json' is unsupported")
}

// bypass is what Gemini documents to stand for a signature that is not to be had.
const bypass = "skip_thought_signature_validator"

// readContents goes through the turns as Gemini does: a turn of calls is followed by one of as many responses.
func (t *talk) readContents(list []geminiContent) error {
	pending := false
	for i, content := range list {
		if content.Role != "user" && content.Role != "model" && (content.Role != "" || len(list) > 1) {
			return errors.New("Please use a valid role: user, model.")
		}
		if len(content.Parts) == 0 {
			return fmt.Errorf("* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", i)
		}
		var err error
		if content.Role == "model" {
			err = t.readModel(i, content.Parts)
			pending = len(t.calls) > 0
		} else {
			err = t.readUser(i, content.Parts, pending)
			pending = false
		}
		if err != nil {
			return err
		}
	}
	if pending {
		return errors.New("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
	}
	return nil
}

func (t *talk) readModel(i int, parts []geminiPart) error {
	t.calls, t.signed = nil, false
	for j, p := range parts {
		switch {
		case p.Text != nil && p.FunctionCall == nil:
		case p.FunctionCall != nil && p.Text == nil:
			if err := t.checkSignature(i, j, p); err != nil {
				return err
			}
			c := p.FunctionCall
			args := c.Args
			if args == nil {
				args = json.RawMessage("{}")
			}
			if !isObject(args) {
				return fmt.Errorf("Invalid value at 'contents[%d].parts[%d].function_call.args' (type.googleapis.com/google.protobuf.Struct)", i, j)
			}
			t.calls = append(t.calls, call{id: c.ID, name: c.Name, args: args})
		default:
			return fmt.Errorf("* GenerateContentRequest.contents[%d].parts[%d].data: required oneof field 'data' must have one initialized field", i, j)
		}
	}
	return nil
}

// checkSignature holds the first call of a turn to the signature that Gemini 3 put on it.
func (t *talk) checkSignature(i, j int, p geminiPart) error {
	switch plainBase64.Replace(p.ThoughtSignature) {
	case seal("google"):
		t.signed = true
	case plainBase64.Replace(bypass), base64.StdEncoding.EncodeToString([]byte(bypass)):
	case "":
		if len(t.calls) == 0 {
			return fmt.Errorf("Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:%s` , position %d.", p.FunctionCall.Name, j+1)
		}
	default:
		return fmt.Errorf("Thought signature is not valid at contents[%d].parts[%d]", i, j)
	}
	return nil
}

func (t *talk) readUser(i int, parts []geminiPart, pending bool) error {
	var text string
	var pictures []picture
	given := 0
	for j, p := range parts {
		switch {
		case p.FunctionResponse != nil:
			f := p.FunctionResponse
			if !pending || given >= len(t.calls) {
				return errors.New("Please ensure that function response turn comes immediately after a function call turn.")
			}
			c := t.match(f, given)
			if c == nil {
				return fmt.Errorf("the function response of contents[%d].parts[%d], %s %q, matches no call of the turn before", i, j, f.Name, f.ID)
			}
			if !isObject(f.Response) {
				return fmt.Errorf("Invalid value at 'contents[%d].parts[%d].function_response.response' (type.googleapis.com/google.protobuf.Struct)", i, j)
			}
			said := string(f.Response)
			c.result = &said
			given++
		case p.InlineData != nil:
			one, err := newPicture(p.InlineData.MIMEType, plainBase64.Replace(p.InlineData.Data))
			if err != nil {
				return fmt.Errorf("contents[%d].parts[%d].inline_data: %w", i, j, err)
			}
			pictures = append(pictures, one)
		case p.Text != nil:
			text += *p.Text
		default:
			return fmt.Errorf("* GenerateContentRequest.contents[%d].parts[%d].data: required oneof field 'data' must have one initialized field", i, j)
		}
	}
	if pending && given != len(t.calls) {
		return errors.New("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
	}
	if text != "" || pictures != nil {
		t.asked, t.pictures = text, pictures
	}
	if given == 0 {
		t.calls = nil
	}
	return nil
}

// match is the call that a response belongs to: by id if it has one, else by its place.
func (t *talk) match(f *geminiResponse, place int) *call {
	if f.ID != "" {
		place = slices.IndexFunc(t.calls, func(c call) bool { return c.id == f.ID })
	}
	if place < 0 || t.calls[place].name != f.Name {
		return nil
	}
	return &t.calls[place]
}
