package capability

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// choiceWords are what tool_choice is called by rules.
var choiceWords = []string{"auto", "none", "required", "named"}

// vocabulary has the words that a key may have, of those that know no others: one that is spelled wrong would hold
// nothing, and nobody would be told.
var vocabulary = map[string][]string{
	"thinks":  {Always, ByDefault, WhenAsked, Never},
	"off":     {"effort", "thinking", "enable_thinking"},
	"choices": choiceWords, "choices_awake": choiceWords, "choice_words": choiceWords,
	"tool_schema": {"openai", "openapi"},
	"media":       {"image", "audio", "video", "file"}, "media_forms": {"mistral"},
	"roles": {"system", "developer", "user", "assistant"},
}

// spelled are keys whose words may be of tomorrow, and how they are written.
var spelled = map[string]func(string) string{"efforts": strings.ToLower, "effort_with_tools": strings.ToLower, "levels": strings.ToUpper}

// check says what is wrong with the value of a key that could be read.
func check(key string, value reflect.Value) error {
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			return nil
		}
		return check(key, value.Elem())
	case reflect.Int, reflect.Int64:
		if value.Int() < 0 {
			return fmt.Errorf("%s must not be negative", key)
		}
	case reflect.String:
		return checkWord(key, value.String())
	case reflect.Slice:
		return checkList(key, value)
	case reflect.Map:
		for entries := value.MapRange(); entries.Next(); {
			if err := checkWord(key, entries.Key().String()); err != nil {
				return err
			}
			if key == "roles" {
				if err := checkWord(key, entries.Value().String()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func checkWord(key, word string) error {
	if known := vocabulary[key]; known != nil && !slices.Contains(known, word) {
		return fmt.Errorf("%q is no word of %s; known are %s", word, key, strings.Join(known, ", "))
	}
	if as := spelled[key]; as != nil && as(word) != word {
		return fmt.Errorf("%q of %s is written %s", word, key, as(word))
	}
	if _, err := strconv.ParseFloat(word, 64); key == "temperature" && err != nil {
		return fmt.Errorf("temperature must be a number, not %q", word)
	}
	return nil
}

func checkList(key string, list reflect.Value) error {
	if key == "budget" {
		if n := list.Len(); n != 0 && (n != 2 || list.Index(0).Int() < 0 || list.Index(0).Int() > list.Index(1).Int()) {
			return fmt.Errorf("budget must be the least and the most tokens, such as [128, 32768], or [] where there are no bounds")
		}
		return nil
	}
	for i := range list.Len() {
		if err := checkWord(key, list.Index(i).String()); err != nil {
			return err
		}
	}
	return nil
}

// wanted says what a key wants that has something else.
func wanted(key string, kind reflect.Type) error {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	what := "a text"
	switch kind.Kind() {
	case reflect.Slice:
		what = "a list"
	case reflect.Map:
		what = "a mapping"
	case reflect.Int, reflect.Int64:
		what = "a whole number"
	case reflect.Bool:
		what = "true or false"
	}
	return fmt.Errorf("%s cannot be read: it must be %s", key, what)
}

// twice is the first key of a mapping that is there twice, nil if none is.
func twice(n *yaml.Node) *yaml.Node {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if seen[n.Content[i].Value] {
			return n.Content[i]
		}
		seen[n.Content[i].Value] = true
	}
	return nil
}
