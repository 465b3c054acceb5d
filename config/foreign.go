package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

// Forms of a variable that other programs have, and that are no more than text here.
var (
	bareVariable  = regexp.MustCompile(`^\$([A-Z_][A-Z0-9_]*)$`)
	osEnviron     = regexp.MustCompile(`^os\.environ/([A-Za-z_][A-Za-z0-9_]*)$`)
	otherVariable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?+=])([^}]*)\}`)
)

// freeText are the keys below which a text may be anything, and is left alone.
var freeText = []string{"post_body_parameter_overrides", "notes"}

// foreign notes what is written the way another program or another keyboard has it, in the values of the tree.
func (d *decoder) foreign(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			if !slices.Contains(freeText, n.Content[i-1].Value) {
				d.foreign(n.Content[i])
			}
		}
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, c := range n.Content {
			d.foreign(c)
		}
	case yaml.ScalarNode:
		if n.ShortTag() == "!!str" {
			d.foreignVariable(n)
			d.foreignQuotes(n)
		}
	}
}

func (d *decoder) foreignVariable(n *yaml.Node) {
	name, form := "", ""
	if found := bareVariable.FindStringSubmatch(n.Value); found != nil {
		name, form = found[1], "$NAME"
	} else if found := osEnviron.FindStringSubmatch(n.Value); found != nil {
		name, form = found[1], "os.environ/NAME"
	} else if found := otherVariable.FindStringSubmatch(n.Value); found != nil && found[2] != ":-" {
		name, form = found[1], "${NAME"+found[2]+"…}"
	}
	if name != "" {
		d.wrong(n, name, "%s is no form of a variable here, the value is taken as it is written; write ${%s}, or ${%s:-default}", form, name, name)
	}
}

// curly are quotes that word processors and messengers put in the place of straight ones.
const curly = "“”„‟‘’‚‛«»"

func (d *decoder) foreignQuotes(n *yaml.Node) {
	text := []rune(n.Value)
	if len(text) < 2 || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return
	}
	if strings.ContainsRune(curly, text[0]) && strings.ContainsRune(curly, text[len(text)-1]) {
		d.warn(n, "", "this value stands in curly quotes, which are a part of it; write straight ones, \" or '")
	}
}

// unsendable says what a key has in it that no header can carry.
func unsendable(key string) string {
	switch {
	case strings.ContainsFunc(key, unicode.IsControl):
		return "a control character"
	case strings.ContainsFunc(key, func(r rune) bool { return unicode.Is(unicode.Zs, r) && r != ' ' || unicode.Is(unicode.Cf, r) }):
		return "a space or a mark that cannot be seen"
	}
	return ""
}
