package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// secretKeys are the keys of api.yaml whose values are shown masked, in lower case.
var secretKeys = []string{
	"api", "private_key", "aws_access_key", "aws_secret_key", "aws_session_token", "access_key", "secret_key", "proxy", "headers", "cf_account_id",
}

// JSON is the file as it was written, with ${NAME} unexpanded, as JSON; with its secrets masked unless reveal is set.
func (c *Config) JSON(reveal bool) ([]byte, error) {
	var tree any
	if err := yaml.Unmarshal(c.source, &tree); err != nil {
		return nil, fmt.Errorf("reading the configuration again: %w", err)
	}
	if !reveal {
		tree = masked(tree, false)
	}
	out, err := json.Marshal(plainKeys(tree))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration as JSON: %w", err)
	}
	return out, nil
}

// masked is a tree with every text under a secret key masked. A client's key also stands in the rules of others.
func masked(v any, secret bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[k] = masked(inner, secret || slices.Contains(secretKeys, strings.ToLower(k)))
		}
		return out
	case map[any]any:
		out := make(map[any]any, len(v))
		for k, inner := range v {
			out[k] = masked(inner, secret || slices.Contains(secretKeys, strings.ToLower(fmt.Sprint(k))))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = masked(inner, secret)
		}
		return out
	case string:
		switch {
		case strings.HasPrefix(v, "${") && strings.HasSuffix(v, "}"):
			return v // the name of a variable is no secret
		case secret:
			return Mask(v)
		case strings.HasPrefix(v, "sk-"):
			return maskRule(v)
		case strings.Contains(v, "://"):
			return maskURL(v)
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

// editable are the top-level keys that Update may change.
var editable = []string{"providers", "api_keys", "preferences"}

// Update puts the values, which are JSON, in the place of the file's top-level keys of the same names. Everything else stays, with its comments
// and its order. The file is only written, at once and whole, if what comes out is a good configuration; else the error says what is
// wrong with it.
func (s Source) Update(changes map[string]json.RawMessage) error {
	if s.Path == "" {
		return fmt.Errorf("the configuration does not come from a file, but from %s", s)
	}
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return fmt.Errorf("reading the configuration to change it: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return fmt.Errorf("%s is no mapping; it cannot be changed", s.Path)
	}
	top := doc.Content[0]
	for name, value := range changes {
		if !slices.Contains(editable, name) {
			return fmt.Errorf("%q cannot be changed; %s can", name, strings.Join(editable, ", "))
		}
		var node yaml.Node
		if err := yaml.Unmarshal(value, &node); err != nil || len(node.Content) != 1 { // JSON is YAML
			return fmt.Errorf("%s is not valid JSON", name)
		}
		blockStyle(node.Content[0])
		replaceKey(top, name, node.Content[0])
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return fmt.Errorf("writing the changed configuration: %w", err)
	}
	if _, err := Parse(s.Path, out.Bytes(), s.Getenv); err != nil {
		return err
	}
	return writeWhole(s.Path, out.Bytes())
}

// blockStyle writes mappings and lists over lines, as people do, and not as JSON.
func blockStyle(n *yaml.Node) {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = 0
	}
	for _, inner := range n.Content {
		blockStyle(inner)
	}
}

func replaceKey(top *yaml.Node, name string, value *yaml.Node) {
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == name {
			top.Content[i+1] = value
			return
		}
	}
	top.Content = append(top.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
}

// writeWhole replaces a file at once: a reader sees the old one or the new one, and so does the next start after a crash.
func writeWhole(path string, data []byte) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("finding the configuration: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return fmt.Errorf("finding the configuration: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(real), ".api.yaml-*")
	if err != nil {
		return fmt.Errorf("the configuration's folder cannot be written to: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	for _, step := range []func() error{func() error { return f.Chmod(info.Mode().Perm()) }, f.Sync, f.Close} {
		if stepErr := step(); err == nil {
			err = stepErr
		}
	}
	if err == nil {
		err = os.Rename(f.Name(), real)
	}
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
