package codec

import (
	"encoding/json"
	"strings"

	"uniapi/codec/rawjson"
)

// What arguments that are no object stand under where an object is wanted. For text that is no JSON it is the name that
// Anthropic's guide to fine-grained tool streaming gives
// (platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming, "Handling invalid JSON in tool
// responses").
const (
	customText  = "input"
	otherJSON   = "value"
	invalidJSON = "INVALID_JSON"
)

// Arguments tells what the arguments of a call are.
type Arguments uint8

const (
	ObjectArguments Arguments = iota // as they should be, nothing among it
	OtherArguments                   // JSON, but no object
	BrokenArguments                  // no JSON
)

// AppendObject writes the arguments of a call as the object that Anthropic, Bedrock and Google want, since a model may
// have written none: nothing is an empty one, other JSON and text that is no JSON become a member of one, so that the
// model reads what it wrote and a conversation goes on.
func (c *ToolCall) AppendObject(dst []byte) (object []byte, were Arguments) {
	text, were := c.readArguments()
	switch {
	case c.Custom:
		return appendMember(dst, customText, c.Arguments), were
	case were == BrokenArguments:
		return appendMember(dst, invalidJSON, c.Arguments), were
	case were == OtherArguments:
		dst = append(rawjson.Key(append(dst, '{'), otherJSON), text...)
		return append(dst, '}'), were
	}
	return append(dst, text...), were
}

// ArgumentsAre tells what AppendObject makes of the arguments.
func (c *ToolCall) ArgumentsAre() Arguments {
	_, are := c.readArguments()
	return are
}

// AreObject says whether the arguments are an object as they stand.
func (c *ToolCall) AreObject() bool {
	text, are := c.readArguments()
	return are == ObjectArguments && (c.Custom || text == strings.TrimSpace(c.Arguments))
}

// readArguments returns the arguments as JSON, if they are any.
func (c *ToolCall) readArguments() (text string, are Arguments) {
	text = strings.TrimSpace(c.Arguments)
	switch {
	case c.Custom:
		return "", ObjectArguments
	case text == "" || text == "null":
		return "{}", ObjectArguments
	case !validJSON(text):
		if text = escapeControls(text); text[0] != '{' || !validJSON(text) {
			return "", BrokenArguments
		}
	}
	if text[0] == '{' {
		return text, ObjectArguments
	}
	return text, OtherArguments
}

func appendMember(dst []byte, name, text string) []byte {
	return append(rawjson.Str(append(dst, '{'), name, text), '}')
}

// validJSON looks closer at strings only where there is something in them that may be wrong.
func validJSON(text string) bool {
	_, err := rawjson.One([]byte(text))
	if err != nil {
		return false
	}
	odd := func(c rune) bool { return c < ' ' || c == '\\' }
	return !strings.ContainsFunc(text, odd) || json.Valid([]byte(text))
}

// escapeControls escapes control characters within strings, where many models write them as they are.
func escapeControls(text string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	within := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			within = !within
		case within && c == '\\':
			if i+1 == len(text) || text[i+1] < ' ' {
				return text // whatever that was to escape
			}
			b.WriteByte(c)
			i++
			c = text[i]
		case within && c < ' ':
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			c = hex[c&15]
		}
		b.WriteByte(c)
	}
	return b.String()
}
