package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Limits that no honest file reaches. They keep one that is built of aliases to aliases from growing without end.
const (
	maxVisits = 1_000_000 // nodes looked at, counting one again for every alias to it
	maxDepth  = 100       // of JSON
	maxMerges = 16        // << inside of <<
	maxNoted  = 1000      // problems
)

// decoder holds what is known while one file is read.
type decoder struct {
	file   string
	getenv func(string) string

	key      string // being read, for messages
	scope    scope  // that errors belong to
	visits   int
	errors   Problems
	warnings Problems
	advice   Problems
	secrets  []string // never to be shown
	expanded []string // values that ${NAME} changed

	cfg       *Config
	providers map[*Provider]*yaml.Node // where they are written
	keys      map[*APIKey]*yaml.Node
	rules     map[*APIKey][]ruleNode // in the order of Rules, once they have been read
	weights   map[*APIKey][]ruleNode // that stand beside the rules
	lostRules map[*APIKey]bool       // that have rules which could not be read
	lostKeys  map[*Provider]bool     // that have keys which could not be read
	badProxy  bool                   // preferences.proxy is written, and cannot be read
}

// fail notes an error at n. The word and the arguments must not be secret.
func (d *decoder) fail(n *yaml.Node, word, format string, args ...any) {
	if d.scope.quiet {
		return
	}
	if d.scope.failed != nil {
		*d.scope.failed = true
	}
	d.note(&d.errors, Error, n, word, format, args)
	if last := len(d.errors) - 1; d.errors[last].Item == "" {
		d.errors[last].Item = d.scope.item
	}
}

// wrong notes an error at n that a server can live with: what is written there does not do what it says.
func (d *decoder) wrong(n *yaml.Node, word, format string, args ...any) {
	if !d.scope.quiet {
		d.note(&d.warnings, Error, n, word, format, args)
	}
}

// warn notes something at n that its author may not have meant.
func (d *decoder) warn(n *yaml.Node, word, format string, args ...any) {
	if !d.scope.quiet {
		d.note(&d.warnings, Warning, n, word, format, args)
	}
}

func (d *decoder) note(to *Problems, severity Severity, n *yaml.Node, word, format string, args []any) {
	if len(*to) < maxNoted {
		*to = append(*to, Problem{File: d.file, Line: max(1, n.Line), Column: max(1, n.Column), Word: maskRule(word), Message: fmt.Sprintf(format, args...), Severity: severity})
	}
}

// secret notes a value that must not show in any problem.
func (d *decoder) secret(value string) {
	d.secrets = append(d.secrets, value)
}

// document reads the one YAML document of data; false means that the problem has been noted.
func (d *decoder) document(data []byte) (*yaml.Node, bool) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.syntax(err, data)
		return nil, false
	}
	var doc, more yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		d.fail(&doc, "", "the file is empty: it needs providers and api_keys")
		return nil, false
	case err != nil:
		d.syntax(err, data)
		return nil, false
	}
	switch err := loader.Load(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(err, data)
		return nil, false
	case len(more.Content) > 0 && !isNull(more.Content[0]):
		d.fail(&more, "---", "a second document begins here; remove the line --- before it")
		return nil, false
	}
	return &doc, d.isBounded(&doc)
}

// syntax notes what the YAML parser did not understand. It quotes nothing: the place may hold a secret.
func (d *decoder) syntax(err error, data []byte) {
	line, column, message := 1, 1, "unreadable"
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		message = e.Message
		if !strings.Contains(message, "find expected") { // those that do quote signs of YAML's own
			message, _, _ = strings.Cut(message, "'")
		}
		message = strings.TrimSpace(message)
		if e.Mark.Line > 0 {
			line, column = e.Mark.Line, max(1, e.Mark.Column)
		}
		if e.ContextMsg != "" {
			begun := ""
			if from := e.ContextMark.Line; from > 0 && from < line {
				begun = fmt.Sprintf(" that begins in line %d", from)
			}
			message = e.ContextMsg + begun + ": " + message
		}
	}
	at := &yaml.Node{Line: line, Column: column}
	d.fail(at, "", "this is not valid YAML: %s%s", message, syntaxHint(data, line, column, message))
}

// syntaxHint explains the mistakes behind most of the parser's messages.
func syntaxHint(data []byte, line, column int, message string) string {
	lines := bytes.Split(bytes.TrimRight(data, " \r\n"), []byte("\n"))
	switch {
	case line > len(lines):
		return "; a bracket or quote is open at the end of the file"
	case strings.HasPrefix(message, "mapping values"):
		return "; put a value that has a colon and a space in it in quotes"
	case strings.HasPrefix(message, "while parsing a block"):
		return "; this line is not indented as those that it belongs to, or a bracket before it is closed twice"
	}
	text := lines[line-1]
	if strings.HasPrefix(message, "while parsing a flow") && bytes.Contains(text, []byte("${")) {
		return "; put ${NAME} in quotes where it stands between { } or [ ]"
	}
	if bytes.HasPrefix(bytes.TrimLeft(text, " "), []byte("\t")) {
		return "; indent with spaces, not with tabs"
	}
	if column <= len(text) && strings.IndexByte("@`%", text[column-1]) >= 0 {
		return "; put the value in quotes"
	}
	return ""
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// isPlain tells a scalar with a value from lists, mappings and null.
func isPlain(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null"
}

// kindOf is what a node is, in the words of a message.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "empty"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "a text"
}

// pair is one entry of a mapping.
type pair struct {
	key   string
	at    *yaml.Node // the key
	value *yaml.Node // aliases resolved
}

// pairs returns the entries of a mapping in order, with merge keys (<<) put in: what is written beside them wins.
func (d *decoder) pairs(n *yaml.Node) []pair {
	return d.mergedPairs(n, 0)
}

func (d *decoder) mergedPairs(n *yaml.Node, depth int) []pair {
	if d.visits >= maxVisits {
		return nil
	}
	own := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := resolve(n.Content[i]); k.Kind == yaml.ScalarNode && !isMerge(n.Content[i]) {
			if first, twice := own[k.Value]; twice {
				d.fail(n.Content[i], k.Value, "%s is written twice, first in line %d; remove one", shown(k.Value), first.Line)
				continue
			}
			own[k.Value] = n.Content[i]
		}
	}
	taken := map[string]bool{}
	var out []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := n.Content[i], resolve(n.Content[i+1])
		if !d.visit(at) {
			return out
		}
		if isMerge(at) {
			for _, p := range d.merge(value, depth) {
				if own[p.key] == nil && !taken[p.key] {
					taken[p.key] = true
					out = append(out, p)
				}
			}
			continue
		}
		k := resolve(at)
		if k.Kind != yaml.ScalarNode {
			d.fail(at, "", "a key must be a text, not %s", kindOf(k))
			continue
		}
		if !taken[k.Value] {
			taken[k.Value] = true
			out = append(out, pair{k.Value, at, value})
		}
	}
	return out
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
}

// merge returns the entries that a merge key brings in; of several mappings the first wins.
func (d *decoder) merge(value *yaml.Node, depth int) []pair {
	if depth > maxMerges {
		d.fail(value, "<<", "<< is nested too deep; write the keys out")
		return nil
	}
	switch value.Kind {
	case yaml.MappingNode:
		return d.mergedPairs(value, depth+1)
	case yaml.SequenceNode:
		var out []pair
		for _, c := range value.Content {
			if c = resolve(c); c.Kind != yaml.MappingNode {
				d.fail(c, "<<", "<< must name mappings (<<: [*first, *second]), not %s", kindOf(c))
				continue
			}
			out = append(out, d.mergedPairs(c, depth+1)...)
		}
		return out
	}
	d.fail(value, "<<", "<< must name a mapping (<<: *anchor), not %s", kindOf(value))
	return nil
}

// items returns what a list holds, aliases resolved; anything else counts as a list of itself.
func (d *decoder) items(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	out := make([]*yaml.Node, 0, len(n.Content))
	for _, c := range n.Content {
		if !d.visit(c) {
			return out
		}
		if isNull(c) {
			d.warn(c, "", "%s has an empty item; remove it", d.key)
			continue
		}
		out = append(out, resolve(c))
	}
	return out
}

// visit counts a node; false means that the file is too large once its aliases are followed.
func (d *decoder) visit(n *yaml.Node) bool {
	d.visits++
	if d.visits == maxVisits {
		d.failFile(n, "", "the file is too large once its aliases (*name) are followed; use fewer of them")
	}
	return d.visits < maxVisits
}

// valueOf is the place of a key's value in the mapping n, to point at; n itself if the key is not there.
func (d *decoder) valueOf(n *yaml.Node, key string) *yaml.Node {
	outer := d.scope.quiet
	d.scope.quiet = true
	defer func() { d.scope.quiet = outer }()
	for _, p := range d.pairs(n) {
		if p.key == key {
			return p.value
		}
	}
	return n
}
