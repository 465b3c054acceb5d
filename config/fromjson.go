package config

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// maxNodes is how many values an update may have. People list thousands of models; each value takes 200 bytes while it
// is written.
const maxNodes = 250_000

// nodeOfJSON turns JSON into YAML of the same value: members in their order, numbers as they are spelled. It adds the
// number of values to nodes. What YAML cannot hold, and what JSON leaves open (a member twice, half of a surrogate
// pair), is refused.
func nodeOfJSON(value json.RawMessage, nodes *int) (*yaml.Node, error) {
	if len(value) > maxSize {
		return nil, errSize
	}
	if !json.Valid(value) {
		return nil, errJSON
	}
	if err := wholeText(value); err != nil {
		return nil, err
	}
	r := jsonReader{tokens: json.NewDecoder(bytes.NewReader(value)), nodes: nodes}
	r.tokens.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.tokens.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return n, nil
}

var errJSON = errors.New("is not valid JSON")

// wholeText finds what encoding/json would replace without a word.
func wholeText(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("is not valid UTF-8")
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		first := escapedRune(text[i:])
		switch {
		case first < 0:
			i++ // \n and the like
		case !utf16.IsSurrogate(first):
			i += 5
		case utf16.DecodeRune(first, escapedRune(text[i+6:])) == utf8.RuneError:
			return fmt.Errorf(`has half of a surrogate pair in it: \u%04x`, first)
		default:
			i += 11
		}
	}
	return nil
}

// escapedRune is the code of the escape, \u and four hexadecimal digits, that a text begins with; -1 if it does not.
func escapedRune(text []byte) rune {
	var b [2]byte
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	if _, err := hex.Decode(b[:], text[2:6]); err != nil {
		return -1
	}
	return rune(b[0])<<8 | rune(b[1])
}

// jsonReader makes nodes of tokens.
type jsonReader struct {
	tokens *json.Decoder
	nodes  *int
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	*r.nodes++
	switch {
	case depth > maxDepth:
		return nil, fmt.Errorf("is nested deeper than %d levels", maxDepth)
	case *r.nodes > maxNodes:
		return nil, fmt.Errorf("has more than %d values in it", maxNodes)
	}
	token, err := r.tokens.Token()
	if err != nil {
		return nil, errJSON
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(depth)
		}
		return r.list(depth)
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: t}, nil
	case json.Number:
		return numberNode(t.String())
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

func (r *jsonReader) list(depth int) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for r.tokens.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, item)
	}
	_, err := r.tokens.Token()
	return n, err
}

func (r *jsonReader) object(depth int) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	seen := map[string]bool{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		name, is := token.(string)
		if err != nil || !is {
			return nil, errJSON
		}
		if seen[name] {
			return nil, fmt.Errorf("has the member %s twice in one object", clipped(strconv.Quote(maskRule(name))))
		}
		seen[name] = true
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
		if !bareKey(name) {
			key.Style = yaml.DoubleQuotedStyle
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, key, value)
	}
	_, err := r.tokens.Token()
	return n, err
}

// numberNode is a number as it is spelled, if YAML takes it for one.
func numberNode(text string) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: text}
	if plainInt.MatchString(text) {
		return n, nil
	}
	var read yaml.Node
	if yaml.Unmarshal([]byte(text), &read) == nil && len(read.Content) == 1 {
		n.Tag = read.Content[0].ShortTag()
	}
	if n.Tag != "!!int" && n.Tag != "!!float" {
		return nil, fmt.Errorf("has the number %s in it, which no file can hold as a number", clipped(text))
	}
	return n, nil
}

// plainInt is nearly every number of a configuration.
var plainInt = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// bareKeys may stand without quotes, if they are no words for other values.
var bareKeys = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]{0,99}$`)

// bareKey says whether a key needs no quotes, also for readers that take more words for true and false.
func bareKey(name string) bool {
	switch strings.ToLower(name) {
	case "true", "false", "null", "y", "n", "yes", "no", "on", "off":
		return false
	}
	return bareKeys.MatchString(name)
}

// clipped is a text short enough for a message.
func clipped(text string) string {
	if runes := []rune(text); len(runes) > shownMost {
		return string(runes[:shownMost]) + "…"
	}
	return text
}
