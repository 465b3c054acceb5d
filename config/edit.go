package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// secretKeys are the keys of api.yaml whose values are shown masked, in lower case.
var secretKeys = []string{
	"api", "private_key", "aws_access_key", "aws_secret_key", "aws_session_token", "access_key", "secret_key", "proxy", "headers", "cf_account_id", "webhook", "secret",
}

// JSON is the file as it was written, with ${NAME} unexpanded, as JSON; with its secrets masked unless reveal is set.
// What withDefaults says is filled in.
func (c *Config) JSON(reveal bool) ([]byte, error) {
	var tree any
	if err := yaml.Unmarshal(c.source, &tree); err != nil {
		return nil, fmt.Errorf("reading the configuration again: %w", err)
	}
	withDefaults(tree)
	if !reveal {
		tree = masked(tree)
	}
	out, err := json.Marshal(plainKeys(tree))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration as JSON: %w", err)
	}
	return out, nil
}

// masked is a tree with every secret in it masked.
func masked(tree any) any {
	return eachText(tree, false, maskOf)
}

func isVariable(text string) bool {
	name, open := strings.CutPrefix(text, "${")
	return open && strings.IndexByte(name, '}') == len(name)-1
}

// eachText is a tree with every text in it, names of keys too, replaced by what f makes of it. Whatever is below one of
// secretKeys is secret, also a key that was written as a number.
func eachText(v any, secret bool, f func(text string, secret bool) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[f(k, false)] = eachText(inner, secret || slices.Contains(secretKeys, strings.ToLower(k)), f)
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			name := fmt.Sprint(k)
			out[f(name, false)] = eachText(inner, secret || slices.Contains(secretKeys, strings.ToLower(name)), f)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = eachText(inner, secret, f)
		}
		return out
	case string:
		return f(v, secret)
	case int, int64, uint64, float64:
		if secret {
			return f(fmt.Sprint(v), true)
		}
	}
	return v
}

// plainKeys makes every key of a mapping a text, as JSON has it.
func plainKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[fmt.Sprint(k)] = plainKeys(inner)
		}
		return out
	case map[string]any:
		for k, inner := range v {
			v[k] = plainKeys(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = plainKeys(inner)
		}
	}
	return v
}
