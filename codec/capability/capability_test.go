package capability

import (
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

func TestFileCanBeRead(t *testing.T) {
	if len(builtin()) < 50 {
		t.Fatalf("%d rules", len(builtin()))
	}
	for i, r := range builtin() {
		for _, h := range r.hosts {
			if _, known := read().Hosts[h.name]; !known {
				t.Errorf("rule %d is for the host %q, which is not in the list", i, h.name)
			}
		}
		if len(r.said) == 0 {
			t.Errorf("rule %d says nothing", i)
		}
	}
}

func TestPatternsMatchNamesAndTheirVariants(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"o3", "o3", true}, {"o3", "o3-mini", true}, {"o3", "o30", false}, {"o3", "xo3", false}, {"gpt-5", "gpt-5.1", false},
		{"gpt-5", "gpt-5-2025-08-07", true}, {"gpt-5", "gpt-5:free", true}, {"gpt-5", "gpt-5@x", true}, {"gpt-*", "gpt-7", true},
		{"gpt-*-codex", "gpt-5.1-codex", true}, {"gpt-*-codex", "gpt-5.1-codex-max", true}, {"gpt-*-codex", "gpt-5.1-codexx", false},
		{"*claude*opus*", "us.anthropic.claude-opus-4-5-v1:0", true}, {"*claude*opus*", "claude-3-opus-20240229", true}, {"*claude*opus*", "claude-sonnet-4", false},
		{"*-pro", "gemini-2.5-pro", true}, {"*-pro", "gemini-2.5-profane", false}, {"*-pro", "a-pro-b-project", true}, {"*", "", true},
	} {
		if got := newPattern(test.pattern).matches(test.name); got != test.want {
			t.Errorf("%s for %s: %v", test.pattern, test.name, got)
		}
	}
}

func TestVersionsAreReadOutOfNames(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          int
	}{
		{"gpt-*", "gpt-5", 500}, {"gpt-*", "gpt-5.4-mini", 504}, {"gpt-*", "gpt-4o", 400}, {"gpt-*", "gpt-3.5-turbo-16k", 305}, {"gpt-*", "gpt-5-2025-08-07", 500},
		{"gpt-*", "gpt-oss-120b", 0}, {"gpt-*", "gpt-oss-20b", 0}, {"gpt-*", "gpt-4-0613", 400}, {"gpt-*", "gpt-4-32k", 400}, {"gpt-*", "gpt-12.10", 1210},
		{"*claude*", "claude-3-7-sonnet-20250219", 307}, {"*claude*", "claude-sonnet-4.5", 405}, {"*claude*", "us.anthropic.claude-opus-4-1-20250805-v1:0", 401},
		{"*claude*", "claude-opus-4-5@20251101", 405}, {"*claude*", "claude-opus-4-20250514", 400}, {"*claude*", "anthropic.claude-3-sonnet-20240229-v1:0", 300},
		{"*claude*", "anthropic.claude-v2:1", 201}, {"*claude*", "claude-instant-1.2", 102}, {"*claude*", "claude-x", 0}, {"*claude*", "databricks-claude-sonnet-4", 400},
		{"gemini-*", "gemini-2.5-flash-preview-05-20", 205}, {"gemini-*", "gemini-3-pro", 300}, {"gemini-*", "gemini-flash-latest", 0},
		{"grok-*", "grok-4-0709", 400}, {"grok-*", "grok-4-1-fast-reasoning", 401}, {"grok-*", "grok-4.20-0309", 420}, {"kimi-*", "kimi-k2.6", 206},
		{"kimi-*", "kimi-k2-0905-preview", 200}, {"glm-*", "glm-4-9b", 400}, {"deepseek-*", "deepseek-v4-flash", 400},
	} {
		if got := newPattern(test.pattern).version(test.name); got != test.want {
			t.Errorf("%s in %s: %d, not %d", test.pattern, test.name, got, test.want)
		}
	}
}

func TestEffortsThatAreNotKnownBecomeTheNextStrongerOrTheStrongest(t *testing.T) {
	for _, test := range []struct{ known, asked, want string }{
		{"low medium high", "none", "low"}, {"low medium high", "max", "high"}, {"low high", "medium", "high"}, {"none low", "minimal", "low"},
		{"none low high max", "xhigh", "max"}, {"high", "minimal", "high"}, {"", "high", ""}, {"low", "tomorrow", "tomorrow"}, {"low", "", ""},
	} {
		target := &Target{Capabilities: Capabilities{Thinking: Thinking{Efforts: strings.Fields(test.known)}}}
		if got := target.Effort(test.asked); got != test.want {
			t.Errorf("%s of %q became %q, not %q", test.asked, test.known, got, test.want)
		}
	}
}

func TestModelsOfTomorrowAreOfTheNewestKind(t *testing.T) {
	newest := Find(Query{Host: "api.openai.com", Format: Chat, Model: "gpt-6.2-astra"})
	for _, model := range []string{"gpt-7", "openai/gpt-9.3-nova", "gpt-12"} {
		got := Find(Query{Host: "api.openai.com", Format: Chat, Model: model})
		if got.Thinks != newest.Thinks || got.Limit != newest.Limit || strings.Join(got.Efforts, " ") != strings.Join(newest.Efforts, " ") {
			t.Errorf("%s: %+v", model, got.Thinking)
		}
	}
	claude := Find(Query{Format: Messages, Model: "claude-sonnet-6"})
	if claude.Thinks != Always || claude.Choice("required", true) != "auto" || claude.Takes("thinking_disabled", true) || claude.Takes("sampling", true) {
		t.Errorf("claude-sonnet-6: %+v", claude)
	}
}

// fromYAML reads rules as a user writes them.
func fromYAML(t *testing.T, text string) []Rule {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	rules, problems := Read(n.Content[0], "api.yaml")
	for _, p := range problems {
		t.Fatalf("line %d: %s", p.Node.Line, p.Text)
	}
	return rules
}

func TestUsersCorrectWhatTheFileSays(t *testing.T) {
	q := Query{Host: "relay.example", Format: Chat, Model: "gpt-7"}
	got := Find(q, fromYAML(t, "- model: gpt-7\n  efforts: [low, high]\n  takes: cache_control\n"), fromYAML(t, "refuses: stream_options"))
	if got.Known || got.Effort("max") != "high" || !got.Takes("cache_control", false) || !got.Refuses("stream_options") || got.Limit != "max_completion_tokens" {
		t.Errorf("%+v", got)
	}
	for _, f := range got.Findings {
		if f.Key == "efforts" && (f.From != "api.yaml:2" || f.Value != "[low, high]") {
			t.Errorf("%+v", f)
		}
		if f.Key == "limit" && !strings.HasPrefix(f.From, "capabilities.yaml:") {
			t.Errorf("%+v", f)
		}
	}
}

func TestRelayIsTakenForTheHostThatItIsLike(t *testing.T) {
	q := Query{Host: "relay.example", Format: Chat, Model: "mistral-large-2411"}
	for _, like := range []string{"mistral", "api.mistral.ai"} {
		if got := Find(q, fromYAML(t, "like: "+like)); !got.Known || got.IDExact != 9 || !got.Refuses("stream_options") {
			t.Errorf("like %s: %+v", like, got)
		}
	}
	if got := Find(q, fromYAML(t, "{like: mistral, model: codestral}")); got.Known {
		t.Errorf("for another model: %+v", got)
	}
}

func TestWhatIsWrongInARuleIsToldWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"- modle: gpt-7":                  `"modle" is no key`,
		"- {format: openai, refuses: n}":  `"openai" is no format`,
		"- {version: 5 or 6, refuses: n}": "is no version",
		"- {version: '<=5', refuses: n}":  "by >= and <",
		"- like: nobody":                  "is no host that is known",
		"- efforts: {low: 1}":             "efforts cannot be read: it must be a list",
		"- efforts: low":                  "must be a list",
		"- stops: many":                   "must be a whole number",
		"- rename: [a]":                   "must be a mapping",
		"- stream_with_tools: maybe":      "must be true or false",
		"- efforts: [LOW]":                `"LOW" of efforts is written low`,
		"- levels: [low]":                 `is written LOW`,
		"- thinks: sometimes":             `"sometimes" is no word of thinks; known are always, default, asked, never`,
		"- off: magic":                    "is no word of off",
		"- choices: [auto, sometimes]":    "is no word of choices",
		"- choice_words: {must: any}":     "is no word of choice_words",
		"- tool_schema: xml":              "is no word of tool_schema",
		"- media: [hologram]":             "is no word of media",
		"- roles: {developer: boss}":      "is no word of roles",
		"- stops: -1":                     "must not be negative",
		"- answers: -1":                   "must not be negative",
		"- budget: [5]":                   "the least and the most tokens",
		"- budget: [9, 5]":                "the least and the most tokens",
		"- temperature: hot":              "must be a number",
		"- {efforts: [], efforts: [low]}": "efforts is there twice",
		"- {}":                            "says nothing",
		"- refuses: {a: b}":               "must be a text or a list",
		"- [a]":                           "must be a mapping",
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		_, problems := Read(n.Content[0], "api.yaml")
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) || problems[0].Node.Line != 1 {
			t.Errorf("%s: %+v", text, problems)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("- {model: 'gpt-*', version: '>=5', efforts: [low], takes: a}", "gpt-5.4")
	f.Add("like: mistral", "*")
	f.Fuzz(func(t *testing.T, text, model string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) == 0 {
			return
		}
		rules, _ := Read(n.Content[0], "api.yaml")
		Find(Query{Host: "relay.example", Format: Chat, Model: model}, rules).Effort(model)
	})
}

func BenchmarkFind(b *testing.B) {
	for b.Loop() {
		Find(Query{Host: "api.openai.com", Format: Chat, Model: "gpt-5.4-mini"})
	}
}
