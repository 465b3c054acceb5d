package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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
	return eachText(tree, false, func(text string, secret bool) string {
		switch {
		case isVariable(text):
			return text // the name of a variable is no secret
		case secret:
			return Mask(text)
		case strings.HasPrefix(text, "sk-"): // a client's key also stands in the rules of others
			return maskRule(text)
		case strings.Contains(text, "://"):
			return maskURL(text)
		}
		return text
	})
}

// hasMasked says whether a tree holds what masked has made of a secret.
func hasMasked(tree any) (has bool) {
	eachText(tree, false, func(text string, secret bool) string {
		if strings.Contains(text, "…") && (secret || strings.HasPrefix(text, "sk-") || strings.Contains(text, "://")) {
			has = true
		}
		return text
	})
	return has
}

func isVariable(text string) bool {
	name, open := strings.CutPrefix(text, "${")
	return open && strings.IndexByte(name, '}') == len(name)-1
}

// eachText is a tree with every text in it, names of keys too, replaced by what f makes of it. Whatever is below one of secretKeys is secret,
// also a key that was written as a number.
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

// editable are the top-level keys that Update may change.
var editable = []string{"providers", "api_keys", "preferences"}

// updating is held from the reading of a file to its writing, so that no update undoes another.
var updating sync.Mutex

// Update puts the values, which are JSON, in the place of the file's top-level keys of the same names. Everything else stays, with its comments
// and its order. The file is only written, at once and whole, if what comes out is a good configuration, and check, unless it is nil, has
// nothing against it; else the error says what is wrong with it.
func (s Source) Update(changes map[string]json.RawMessage, check func(*Config) error) error {
	if s.Path == "" {
		return fmt.Errorf("the configuration does not come from a file, but from %s", s)
	}
	updating.Lock()
	defer updating.Unlock()
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
		var tree any
		if err := node.Decode(&tree); err != nil {
			return fmt.Errorf("%s is not valid JSON", name)
		}
		if hasMasked(tree) {
			return fmt.Errorf("%s holds masked secrets, which would take the place of the real ones; read the configuration with reveal=true to change it", name)
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
	next, err := Parse(s.Path, out.Bytes(), s.Getenv)
	if err == nil && check != nil {
		err = check(next)
	}
	if err != nil {
		return err
	}
	return writeWhole(s.Path, out.Bytes())
}

// blockStyle writes mappings and lists over lines and keys without quotes, as people do, and not as JSON.
func blockStyle(n *yaml.Node) {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = 0
	}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			inner.Style = 0 // the encoder quotes those that need it
		}
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
