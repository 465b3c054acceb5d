package config

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

// tree is a mapping of YAML.
type tree = map[string]any

// place is a level of the file: which keys it knows, and where they are documented.
type place struct {
	heading string // of the section of docs/reference.md whose tables have the keys
	prefix  string // what they begin with there, if one table has the keys of several levels
	keys    []string
	in      func(tree) tree // puts keys and values of this level into a whole file
}

// with has the keys of a level laid over those that it needs to be good.
func with(needed, keys tree) tree {
	out := maps.Clone(needed)
	maps.Copy(out, keys)
	return out
}

func inFile(keys tree) tree {
	return with(tree{
		"providers": []any{
			tree{"provider": "northwind", "base_url": "https://api.northwind.example/v1", "api": []any{"up-1", "up-2"}, "model": []any{"gpt-4o", "o3-mini"}},
			tree{"provider": "tidewater", "base_url": "https://api.tidewater.example/v1", "api": "up-3", "model": []any{"sonnet"}},
			tree{"provider": "local", "base_url": "http://127.0.0.1:11434/v1"},
		},
		"api_keys": []any{tree{"api": "sk-client"}},
	}, keys)
}

func inProvider(keys tree) tree {
	needed := tree{"provider": "p", "base_url": "https://p.example/v1", "api": []any{"up-1", "up-2"}, "model": []any{"gpt-4o", "gpt-5-codex"}}
	// Of a pair of credentials each needs the other one.
	for _, pair := range [][2]string{{"private_key", "client_email"}, {"aws_access_key", "aws_secret_key"}} {
		for i, key := range pair {
			if _, there := keys[key]; there {
				needed[pair[1-i]] = "the other half"
			}
		}
	}
	return inFile(tree{"providers": []any{with(needed, keys)}})
}

func inProviderPreferences(keys tree) tree {
	of := tree{"preferences": keys}
	if _, there := keys["search_defaults"]; there {
		of["engine"] = "search"
	}
	return inProvider(of)
}

func inKey(keys tree) tree {
	return inFile(tree{"api_keys": []any{with(tree{"api": "sk-client"}, keys)}})
}

func inPreferences(keys tree) tree { return inFile(tree{"preferences": keys}) }

func inPolicy(keys tree) tree { return inPreferences(tree{"timeout_policy": keys}) }

var places = []place{
	{"Top level", "", keysOf(rootFields), inFile},
	{"providers[]", "", keysOf(providerFields), inProvider},
	{"providers[].preferences", "", keysOf(providerPreferenceFields), inProviderPreferences},
	{"api_keys[]", "", keysOf(apiKeyFields), inKey},
	{"api_keys[].preferences", "", keysOf(keyPreferenceFields), func(keys tree) tree { return inKey(tree{"preferences": keys}) }},
	{"preferences", "", keysOf(preferenceFields), inPreferences},
	{"hedging", "", keysOf(hedgingFields), func(keys tree) tree { return inPreferences(tree{"hedging": keys}) }},
	{"timeout_policy", "", keysOf(timeoutPolicyFields), inPolicy},
	{"alerts", "", keysOf(alertFields), func(keys tree) tree {
		return inPreferences(tree{"alerts": with(tree{"webhook": "https://hooks.example/of-all"}, keys)})
	}},
	{"request_log", "", keysOf(requestLogFields), func(keys tree) tree { return inPreferences(tree{"request_log": keys}) }},
	{"cluster", "", keysOf(clusterFields), func(keys tree) tree {
		return inPreferences(tree{"cluster": with(tree{"redis": "rediss://10.0.0.5:6379"}, keys)})
	}},
	{"timeout_policy", "rules[].", keysOf(timeoutRuleFields), func(keys tree) tree {
		return inPolicy(tree{"rules": []any{with(tree{"match": tree{"stream": true}, "timeout": 30}, keys)}})
	}},
	{"timeout_policy", "default.", keysOf(timeoutFields), func(keys tree) tree { return inPolicy(tree{"default": keys}) }},
	{"image_fetch", "", keysOf(imageFetchFields), func(keys tree) tree { return inPreferences(tree{"image_fetch": keys}) }},
	{"exclude_request_rules", "exclude_request_rules[].", keysOf(excludeRuleFields), func(keys tree) tree {
		return inProvider(tree{"exclude_request_rules": with(tree{"match": tree{"request_model": "o3*"}}, keys)})
	}},
	{"post_body_parameter_overrides", removeKey + "[].", keysOf(removalFields), func(keys tree) tree {
		return inProviderPreferences(tree{"post_body_parameter_overrides": tree{removeKey: with(tree{"path": "messages"}, keys)}})
	}},
}

// row is what the document says of a key.
type row struct {
	key, kind, normal, example string
}

// page is what stands in a file of docs: configuration.md is the guide, which is read from top to bottom, and
// reference.md has the tables of keys, which are looked up.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is what stands below a heading, up to the next one.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	at := regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(heading) + `$`).FindStringIndex(page)
	if at == nil {
		t.Fatalf("there is no section %q", heading)
	}
	text := page[at[1]:]
	if next := regexp.MustCompile(`(?m)^#+ `).FindStringIndex(text); next != nil {
		text = text[:next[0]]
	}
	return text
}

// rows are the keys of a section's tables that have a default and an example.
func rows(t *testing.T, section string) (out []row) {
	t.Helper()
	inside := false
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(cells) < 2:
			inside = false
		case cells[0] == "key":
			inside = slices.Equal(cells, []string{"key", "type", "default", "example", "meaning"})
		case inside && !strings.HasPrefix(cells[0], "---"):
			key, isCode := code(cells[0])
			if len(cells) != 5 || !isCode {
				t.Fatalf("this is no row of a key, a type, a default, an example and a meaning: %s", line)
			}
			out = append(out, row{key, cells[1], cells[2], cells[3]})
		}
	}
	return out
}

// code is the text of a cell that is nothing but code.
func code(cell string) (text string, ok bool) {
	text = strings.Trim(cell, "`")
	return text, cell == "`"+text+"`" && !strings.Contains(text, "`")
}

func TestReferenceHasEveryKeyAndNoOther(t *testing.T) {
	reference := page(t, "reference.md")
	known := map[string][]string{}
	for _, p := range places {
		for _, key := range p.keys {
			known[p.heading] = append(known[p.heading], p.prefix+key)
		}
	}
	for heading, keys := range known {
		var documented []string
		for _, r := range rows(t, section(t, reference, heading)) {
			documented = append(documented, r.key)
		}
		slices.Sort(keys)
		slices.Sort(documented)
		if !slices.Equal(keys, documented) {
			t.Errorf("section %q:\nthe program has   %q\nthe reference has %q", heading, keys, documented)
		}
	}
}

// eachRow is for every documented key of every level. load reads a file in which it has a value, nil for none.
func eachRow(t *testing.T, check func(t *testing.T, r row, load func(value any) (*Config, error))) {
	reference := page(t, "reference.md")
	for _, p := range places {
		for _, r := range rows(t, section(t, reference, p.heading)) {
			key, ok := strings.CutPrefix(r.key, p.prefix)
			if !ok || !slices.Contains(p.keys, key) {
				continue
			}
			t.Run(p.heading+" "+r.key, func(t *testing.T) {
				check(t, r, func(value any) (*Config, error) {
					text, err := yaml.Marshal(p.in(tree{key: value}))
					if err != nil {
						t.Fatal(err)
					}
					return meaning(string(text))
				})
			})
		}
	}
}

// meaning is a file's Config without what tells two files of one meaning apart. Its warnings are errors.
func meaning(text string) (*Config, error) {
	cfg, err := Parse("api.yaml", []byte(text), env("OPENAI_API_KEY", "up-1"))
	if err == nil && len(cfg.Warnings) > 0 {
		err = Problems(cfg.Warnings)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	cfg.Hash, cfg.source = [32]byte{}, nil
	for _, p := range cfg.Providers {
		p.at = Problem{}
	}
	return cfg, nil
}

func value(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestReferencesExamplesAreGoodAndChangeSomething(t *testing.T) {
	eachRow(t, func(t *testing.T, r row, load func(any) (*Config, error)) {
		example, isCode := code(r.example)
		if !isCode {
			if r.normal != "ignored" && r.example != "" {
				t.Errorf("the example must be code: %s", r.example)
			}
			return
		}
		cfg, err := load(value(t, example))
		if err != nil {
			t.Fatal(err)
		}
		without, err := load(nil)
		if same := err == nil && reflect.DeepEqual(cfg, without); same != (r.normal == "ignored") {
			t.Errorf("with %s the file means the same as without: %v", example, same)
		}
	})
}

func TestReferencesDefaultsAreTheProgramsDefaults(t *testing.T) {
	compared := 0
	eachRow(t, func(t *testing.T, r row, load func(any) (*Config, error)) {
		without, err := load(nil)
		if r.normal == "required" {
			if err == nil {
				t.Error("a file without it is good")
			}
			return
		}
		normal, isCode := code(r.normal)
		if err != nil || !isCode {
			return // a default that is told in words
		}
		compared++
		cfg, err := load(value(t, normal))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(cfg, without) {
			t.Errorf("%s is not the default: written out, it changes something", normal)
		}
	})
	if compared < 15 {
		t.Errorf("compared %d defaults only", compared)
	}
}

// What a key takes by its type is not taken in another form.
func TestReferencesTypesAreTheProgramsTypes(t *testing.T) {
	never := map[string]any{
		"true/false": "perhaps", "seconds": "soon", "percent": "many", "days": "some", "size": "large", "mapping": "text", "word": "nonesuch",
		"URL": "nowhere", "date": "someday", "dollars": "much",
	}
	refused := 0
	eachRow(t, func(t *testing.T, r row, load func(any) (*Config, error)) {
		value, known := never[r.kind]
		if !known || r.normal == "ignored" {
			return
		}
		if refused++; r.kind == "word" && r.key == "engine" {
			return // what becomes of a provider by its engine is told where it is made
		}
		if _, err := load(value); err == nil {
			t.Errorf("it is %s, and takes %q", r.kind, value)
		}
	})
	if refused < 50 {
		t.Errorf("%d keys have one of the types", refused)
	}
}

func TestDocumentsNameEveryWord(t *testing.T) {
	guide, reference := page(t, "configuration.md"), page(t, "reference.md")
	var engines []string
	for _, e := range Engines {
		engines = append(engines, e.Name)
	}
	for _, told := range []struct {
		page, heading string
		words         []string
	}{
		{guide, "base_url and engine", engines},
		{guide, "Schedules", schedules},
		{guide, "Keeping requests away from a provider", requestTypes},
		{reference, "timeout_policy", timeoutMatchKeys},
		{reference, "exclude_request_rules", excludeMatchKeys},
	} {
		text := section(t, told.page, told.heading)
		for _, word := range told.words {
			if !strings.Contains(text, "`"+word+"`") {
				t.Errorf("section %q does not name `%s`", told.heading, word)
			}
		}
	}
	if want := fmt.Sprintf("| `TIMEOUT` | %v |", DefaultTimeout.Seconds()); !strings.Contains(reference, want) {
		t.Errorf("the reference does not say %s", want)
	}
}

// What stands in the documents as a file, or as a part of one, is good as it stands.
func TestFilesInTheDocumentsAreGood(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")
	for _, name := range []string{"README.md", "docs/configuration.md", "docs/migrating-from-uni-api.md", "docs/providers.md"} {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		found := block.FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s has no files", name)
		}
		for _, b := range found {
			part, ok := value(t, string(b[1])).(tree)
			if !ok {
				t.Errorf("%s: this is no mapping:\n%s", name, b[1])
				continue
			}
			whole := string(b[1])
			for key, missing := range inFile(nil) {
				if _, there := part[key]; there {
					continue
				}
				lines, err := yaml.Marshal(tree{key: missing})
				if err != nil {
					t.Fatal(err)
				}
				whole += string(lines)
			}
			if _, err := meaning(whole); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
