package capability

import (
	_ "embed"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	yaml "go.yaml.in/yaml/v4"
)

//go:embed capabilities.yaml
var file []byte

// origin is what findings call the file.
const origin = "capabilities.yaml"

// document is the file: how rules call hosts, by the ends of their names, and the rules.
type document struct {
	Hosts map[string][]string `yaml:"hosts"`
	Rules yaml.Node           `yaml:"rules"`
}

var read = sync.OnceValue(func() *document {
	d := new(document)
	if err := yaml.Unmarshal(file, d); err != nil {
		panic(origin + ": " + err.Error())
	}
	return d
})

// builtin are the rules of the file. That they can be read is held by a test.
var builtin = sync.OnceValue(func() []Rule {
	rules, problems := Read(&read().Rules, origin)
	for _, p := range problems {
		panic(fmt.Sprintf("%s:%d: %s", origin, p.Node.Line, p.Text))
	}
	return rules
})

// hostNames are what rules call hosts.
func hostNames() []string { return slices.Sorted(maps.Keys(read().Hosts)) }

func isHost(name string) bool {
	return read().Hosts[name] != nil || len(familiesOf(name)) > 0
}

// familiesOf is what rules call a host.
func familiesOf(host string) (names []string) {
	host = strings.ToLower(host)
	for name, ends := range read().Hosts {
		if slices.ContainsFunc(ends, func(end string) bool { return within(host, end) }) {
			names = append(names, name)
		}
	}
	return names
}

func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// search is a query on its way through the rules.
type search struct {
	Query
	name     string
	host     string // lower case
	families []string
}

// Find says what is known of a model at a host. Of the rules of the file, and then of each list of a user's, all that
// fit hold, and what a later one says goes before what an earlier one does.
func Find(q Query, more ...[]Rule) *Target {
	s := search{Query: q, name: plainName(q.Model), host: strings.ToLower(q.Host)}
	if s.families = []string{q.Place}; q.Place == "" {
		s.families = familiesOf(q.Host)
	}
	for _, rules := range more {
		for i := range rules {
			if r := &rules[i]; r.like != "" && r.fits(&s) {
				s.likes(r.like)
			}
		}
	}
	t := &Target{Query: q, Known: len(s.families) > 0}
	t.words = map[string]bool{}
	found := map[string]Finding{}
	for _, rules := range append([][]Rule{builtin()}, more...) {
		for i := range rules {
			if r := &rules[i]; r.fits(&s) {
				r.lay(t, found)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		t.Findings = append(t.Findings, found[key])
	}
	return t
}

// likes takes the host for another.
func (s *search) likes(name string) {
	if read().Hosts[name] != nil {
		s.families = []string{name}
		return
	}
	s.families, s.host = familiesOf(name), strings.ToLower(name)
}

// fits says whether a rule is for what is asked about.
func (r *Rule) fits(s *search) bool {
	if r.formats != nil && !slices.Contains(r.formats, s.Format) {
		return false
	}
	if r.hosts != nil && !slices.ContainsFunc(r.hosts, s.isAt) {
		return false
	}
	if r.version == nil && r.models == nil {
		return !r.excepts(s.name)
	}
	models := r.models
	if models == nil {
		models = []pattern{{"", ""}}
	}
	for _, p := range models {
		if p.matches(s.name) && (r.version == nil || r.version.hold(p.version(s.name))) {
			return !r.excepts(s.name)
		}
	}
	return false
}

func (r *Rule) excepts(name string) bool {
	return slices.ContainsFunc(r.except, func(p pattern) bool { return p.matches(name) })
}

// isAt says whether the host is the one that a rule names.
func (s *search) isAt(host ruleHost) bool {
	return slices.Contains(s.families, host.name) || within(s.host, host.lower)
}

// lay puts what a rule says over what is there.
func (r *Rule) lay(t *Target, found map[string]Finding) {
	from, into := reflect.ValueOf(&r.capabilities).Elem(), reflect.ValueOf(&t.Capabilities).Elem()
	for _, k := range r.said {
		if k.field == nil {
			t.words[k.key] = r.capabilities.words[k.key]
		} else {
			into.FieldByIndex(k.field).Set(from.FieldByIndex(k.field))
		}
		found[k.key] = Finding{Key: k.key, Value: k.shown, From: k.from}
	}
}
