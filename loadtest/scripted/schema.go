//lint:file-ignore ST1005 the errors are in the words of the providers

package scripted

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth is how deep an example goes into a schema that may contain itself.
const maxDepth = 12

// example is a value that fits a JSON schema. Types may be written as Gemini does, in capitals.
func example(schema json.RawMessage) (any, error) {
	var root map[string]any
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("the schema is no JSON object: %w", err)
	}
	return exampleOf(root, root, 0)
}

func exampleOf(root, schema map[string]any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the schema is nested too deeply")
	}
	if ref, ok := schema["$ref"].(string); ok {
		target, err := resolve(root, ref)
		if err != nil {
			return nil, err
		}
		return exampleOf(root, target, depth+1)
	}
	if values, ok := schema["enum"].([]any); ok && len(values) > 0 {
		return values[0], nil
	}
	if value, ok := schema["const"]; ok {
		return value, nil
	}
	for _, union := range []string{"anyOf", "oneOf", "allOf"} {
		if list, ok := schema[union].([]any); ok && len(list) > 0 {
			first, _ := list[0].(map[string]any)
			return exampleOf(root, first, depth+1)
		}
	}
	switch kind := typeOf(schema); kind {
	case "object":
		out := object{}
		properties, _ := schema["properties"].(map[string]any)
		for name, property := range properties {
			inner, _ := property.(map[string]any)
			v, err := exampleOf(root, inner, depth+1)
			if err != nil {
				return nil, err
			}
			out[name] = v
		}
		return out, nil
	case "array":
		items, _ := schema["items"].(map[string]any)
		v, err := exampleOf(root, items, depth+1)
		return []any{v}, err
	case "string":
		return "Paris", nil
	case "integer":
		return 18, nil
	case "number":
		return 18.5, nil
	case "boolean":
		return true, nil
	case "null":
		return nil, nil
	default:
		return nil, fmt.Errorf("the schema has no type that can be filled in: %s", marshal(schema))
	}
}

func resolve(root map[string]any, ref string) (map[string]any, error) {
	at := root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the schema's $ref %q leads nowhere", ref)
		}
		at = next
	}
	return at, nil
}

func typeOf(schema map[string]any) string {
	kind, _ := schema["type"].(string)
	if list, ok := schema["type"].([]any); ok && len(list) > 0 {
		kind, _ = list[0].(string)
	}
	if kind == "" && schema["properties"] != nil {
		kind = "object"
	}
	return strings.ToLower(kind)
}

// each calls check for a schema and all schemas in it.
func each(v any, path string, check func(path string, schema map[string]any) error) error {
	schema, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s must be a schema", path)
	}
	if err := check(path, schema); err != nil {
		return err
	}
	for _, named := range []string{"properties", "$defs", "definitions"} {
		inner, _ := schema[named].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(inner)) {
			if err := each(inner[name], path+"."+named+"."+name, check); err != nil {
				return err
			}
		}
	}
	for _, listed := range []string{"anyOf", "oneOf", "allOf", "prefixItems"} {
		inner, _ := schema[listed].([]any)
		for i, s := range inner {
			if err := each(s, fmt.Sprintf("%s.%s[%d]", path, listed, i), check); err != nil {
				return err
			}
		}
	}
	if items, ok := schema["items"]; ok {
		return each(items, path+".items", check)
	}
	return nil
}

func eachIn(schema json.RawMessage, path string, check func(path string, schema map[string]any) error) error {
	var v any
	if err := json.Unmarshal(schema, &v); err != nil {
		return fmt.Errorf("%s must be a schema: %w", path, err)
	}
	return each(v, path, check)
}

// closed is what strict schemas need: no members but those that are named.
func closed(path string, schema map[string]any) error {
	if typeOf(schema) == "object" && schema["additionalProperties"] != false {
		return fmt.Errorf("Invalid schema: in %s, 'additionalProperties' is required to be supplied and to be false", path)
	}
	return nil
}

// closedAndRequired is OpenAI's rule for strict schemas: every member is required too.
func closedAndRequired(path string, schema map[string]any) error {
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for name := range properties {
		if !slices.Contains(required, any(name)) {
			return fmt.Errorf("Invalid schema: in %s, 'required' is required to be supplied and to name every property; %q is missing", path, name)
		}
	}
	return closed(path, schema)
}

// geminiWords are the members that Gemini's subset of OpenAPI has.
var geminiWords = strings.Fields(`type format title description nullable enum maxItems minItems properties required minProperties
	maxProperties minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum`)

func openAPI(path string, schema map[string]any) error {
	for _, word := range slices.Sorted(maps.Keys(schema)) {
		if !slices.Contains(geminiWords, word) {
			return fmt.Errorf("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", word, path)
		}
	}
	if _, list := schema["type"].([]any); list {
		return fmt.Errorf("Invalid JSON payload received. Unknown name \"type\" at '%s': Proto field is not repeating, cannot start list.", path)
	}
	return nil
}
