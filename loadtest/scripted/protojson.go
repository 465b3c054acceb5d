//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// protoJSON decodes a request of Gemini's strictly, once its members are in camel case: Google takes snake case as
// well, and Google's own SDK mixes the two.
func protoJSON(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var read any
	err := decoder.Decode(&read)
	if err == nil {
		err = strict(marshal(inCamelCase(read, true)), v)
	}
	if err != nil {
		return fmt.Errorf("Invalid JSON payload received. %w", err)
	}
	return nil
}

// usersWords are the members whose value is the user's own JSON.
var usersWords = []string{"args", "response", "parametersJsonSchema", "responseJsonSchema", "default", "enum", "example"}

// inCamelCase renames the members of v; if own is false, v is an object whose members the user has named.
func inCamelCase(v any, own bool) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = inCamelCase(v[i], true)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if own {
				name = camelCase(name)
			}
			if !own || !slices.Contains(usersWords, name) {
				value = inCamelCase(value, !own || name != "properties")
			}
			out[name] = value
		}
		return out
	}
	return v
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// plainBase64 turns the alphabet for URLs into the usual one: Google takes both.
var plainBase64 = strings.NewReplacer("-", "+", "_", "/")
