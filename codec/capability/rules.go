package capability

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Rule is one entry: for whom, and what holds there.
type Rule struct {
	hosts          []ruleHost
	formats        []string
	models, except []pattern
	version        *bounds
	like           string

	capabilities Capabilities
	said         []said // keys that capabilities has
	origin       string
}

// ruleHost is a host as a rule names it, or a family of hosts.
type ruleHost struct{ name, lower string }

// said is a key of a rule, and where its value is.
type said struct {
	key   string
	field []int
	from  string // file:line
	shown string
}

// Problem is something wrong in an entry.
type Problem struct {
	Node *yaml.Node
	Text string
}

// fields are the places in Capabilities by their keys.
var fields = fieldsOf(reflect.TypeFor[Capabilities](), nil)

func fieldsOf(t reflect.Type, at []int) map[string][]int {
	found := map[string][]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		here := append(slices.Clone(at), i)
		if key := f.Tag.Get("yaml"); key != "" {
			found[key] = here
		} else if f.Anonymous {
			maps.Copy(found, fieldsOf(f.Type, here))
		}
	}
	return found
}

// conditions are the keys that say for whom a rule is; refuses and takes are lists of words.
var conditions = []string{"host", "format", "model", "except", "version", "like", "refuses", "takes", "source"}

// Keys are all keys that a rule may have.
func Keys() []string {
	return slices.Concat(conditions, slices.Sorted(maps.Keys(fields)))
}

// Read reads a list of rules, or one alone. Origin is the name of the file.
func Read(n *yaml.Node, origin string) (rules []Rule, problems []Problem) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		r := Rule{origin: origin}
		problems = append(problems, r.read(item)...)
		rules = append(rules, r)
	}
	return rules, problems
}

func (r *Rule) read(n *yaml.Node) (problems []Problem) {
	if n.Kind != yaml.MappingNode {
		return []Problem{{n, "an entry of capabilities must be a mapping, such as {model: gpt-7*, efforts: [low, high]}"}}
	}
	r.capabilities.words = map[string]bool{}
	if len(n.Content) == 0 {
		return []Problem{{n, "an entry of capabilities that says nothing"}}
	}
	if again := twice(n); again != nil {
		problems = append(problems, Problem{again, again.Value + " is there twice"})
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := r.set(key, value); err != nil {
			problems = append(problems, Problem{key, err.Error()})
		}
	}
	return problems
}

// set reads one key of a rule.
func (r *Rule) set(key, value *yaml.Node) error {
	switch name := key.Value; name {
	case "host", "format", "model", "except", "refuses", "takes":
		list, err := texts(value)
		if err != nil {
			return fmt.Errorf("%s must be a text or a list of texts", name)
		}
		return r.list(name, list, key.Line)
	case "version", "like", "source":
		if value.Kind != yaml.ScalarNode {
			return fmt.Errorf("%s must be a text", name)
		}
		return r.text(name, value.Value)
	default:
		at, known := fields[name]
		if !known {
			return fmt.Errorf("%q is no key of capabilities; known are %s", name, strings.Join(Keys(), ", "))
		}
		if err := value.Decode(reflect.ValueOf(&r.capabilities).Elem().FieldByIndex(at).Addr().Interface()); err != nil {
			return wanted(name, reflect.TypeFor[Capabilities]().FieldByIndex(at).Type)
		}
		if err := check(name, reflect.ValueOf(r.capabilities).FieldByIndex(at)); err != nil {
			return err
		}
		r.said = append(r.said, said{name, at, r.from(key.Line), shown(value)})
		return nil
	}
}

func (r *Rule) list(name string, list []string, line int) error {
	switch name {
	case "host":
		r.hosts = make([]ruleHost, len(list))
		for i, name := range list {
			r.hosts[i] = ruleHost{name, strings.ToLower(name)}
		}
	case "format":
		for _, f := range list {
			if !slices.Contains([]string{Chat, Responses, Messages, Gemini, Converse, Cohere}, f) {
				return fmt.Errorf("%q is no format; it is chat, responses, messages, gemini, converse or cohere", f)
			}
		}
		r.formats = list
	case "model", "except":
		patterns := make([]pattern, len(list))
		for i := range list {
			patterns[i] = newPattern(list[i])
		}
		if name == "model" {
			r.models = patterns
		} else {
			r.except = patterns
		}
	default:
		for _, word := range list {
			r.capabilities.words[word] = name == "takes"
			r.said = append(r.said, said{key: word, from: r.from(line), shown: name})
		}
	}
	return nil
}

func (r *Rule) from(line int) string { return r.origin + ":" + strconv.Itoa(line) }

func (r *Rule) text(name, value string) (err error) {
	switch name {
	case "version":
		var b bounds
		b, err = newBounds(value)
		r.version = &b
	case "like":
		if r.like = value; !isHost(value) {
			err = fmt.Errorf("%q is no host that is known; like is one of %s, or the name of one, such as api.mistral.ai", value, strings.Join(hostNames(), ", "))
		}
	}
	return err
}

// texts reads a list, or one value in the place of a list of one.
func texts(n *yaml.Node) (list []string, err error) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}, nil
	}
	err = n.Decode(&list)
	return list, err
}

// shown is a value as it is written, in one line.
func shown(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, shown(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+": "+shown(n.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return n.Value
}
