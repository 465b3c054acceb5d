package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// plainFile is a file that nothing is wrong with.
const plainFile = `providers:
  - provider: northwind
    base_url: https://api.northwind.example/v1/chat/completions
    api: sk-northwind-0123456789abcdef
    model: [gpt-4o]
api_keys:
  - api: sk-client-0123456789abcdefghij
    role: team
    model: [all]
`

func TestCheckSaysWhatIsWrongWhereAndHowBad(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string // what is changed in plainFile
		want     string // a line that must be printed; "" for no problem
		code     int
	}{
		"nothing":                        {},
		"a key of preferences":           {"    role: team", "    role: team\n    credits: 5", `9:5: error: unknown key "credits" in an entry of api_keys: it belongs in the preferences of an entry of api_keys`, 1},
		"a proxy beside a role":          {"    role: team", "    role: team\n    proxy: http://proxy.example:3128", `9:5: error: unknown key "proxy" in an entry of api_keys: it belongs in the preferences of the file, or in the preferences of a provider`, 1},
		"an unknown key":                 {"    role: team", "    role: team\n    colour: blue", `9:5: warning: unknown key "colour"`, 0},
		"a rule of nothing":              {"[all]", "[southwind/*]", `9:13: warning: rule "southwind/*" names nothing that exists`, 0},
		"an unset variable":              {"sk-northwind-0123456789abcdef", "${NOT_SET}", `4:10: warning: environment variable NOT_SET is not set`, 0},
		"a bare variable":                {"sk-northwind-0123456789abcdef", "$NORTHWIND_KEY", `4:10: error: $NAME is no form of a variable here, the value is taken as it is written; write ${NORTHWIND_KEY}`, 1},
		"a shell's refusal":              {"sk-northwind-0123456789abcdef", "${NORTHWIND_KEY:?is missing}", `4:10: error: ${NAME:?…} is no form of a variable here`, 1},
		"a shell's default":              {"sk-northwind-0123456789abcdef", "\"${NORTHWIND_KEY-none}\"", `4:10: error: ${NAME-…} is no form of a variable here`, 1},
		"a variable of LiteLLM":          {"sk-northwind-0123456789abcdef", "os.environ/NORTHWIND_KEY", `4:10: error: os.environ/NAME is no form of a variable here, the value is taken as it is written; write ${NORTHWIND_KEY}`, 1},
		"a control character":            {"sk-northwind-0123456789abcdef", `"sk-northwind\x07-0123456789"`, `4:10: error: this key has a control character in it, which no header can carry`, 1},
		"a control character of clients": {"sk-client-0123456789abcdefghij", `"sk-client\x01-0123456789"`, `7:10: error: this key has a control character in it, which no client can send`, 1},
		"a mark that cannot be seen":     {"sk-client-0123456789abcdefghij", `"sk-client\u200b-0123456789abcd"`, `7:10: error: this key has a space or a mark that cannot be seen in it, which no client can send`, 1},
		"curly quotes":                   {"role: team", "role: “team”", `8:11: warning: this value stands in curly quotes`, 0},
		"a misspelt end of an address":   {"/v1/chat/completions", "/v1/chat/completion", `3:15: warning: base_url ends in "/completion", which is nearly /chat/completions`, 0},
		"no path at a known host":        {"https://api.northwind.example/v1/chat/completions", "https://api.openai.com", `3:15: warning: base_url has no path, and api.openai.com has its endpoints below one; write https://api.openai.com/v1/chat/completions`, 0},
		"an account of Vertex elsewhere": {"    model: [gpt-4o]", "    model: [gpt-4o]\n    project_id: northwind-1", `6:17: warning: project_id is for Vertex, and base_url names another place, which is asked; without base_url Vertex is`, 0},
		"an account elsewhere":           {"    model: [gpt-4o]", "    model: [gpt-4o]\n    cf_account_id: northwind-1", `6:20: warning: cf_account_id is for Cloudflare, and`, 0},
		"no path at another host":        {"https://api.northwind.example/v1/chat/completions", "https://llm.example", "", 0},
		"one role twice":                 {"    role: team\n", "    role: team\n  - api: sk-second-0123456789abcdefgh\n    role: team\n", `10:11: warning: the role "team" is that of the key in line 7 too`, 0},
		"one account under two names": {"api_keys:", "  - provider: again\n    base_url: https://api.northwind.example/v1/chat/completions/\n    api: sk-northwind-0123456789abcdef\n    model: [gpt-4o]\napi_keys:",
			`6:5: warning: provider "again" is provider "northwind" of line 2 under another name`, 0},
		"a published key":             {"sk-client-0123456789abcdefghij", "sk-choose-one", `7:10: warning: the key sk-…ne is that of a published example`, 0},
		"a port that is none":         {"api.northwind.example/v1", "api.northwind.example:99999/v1", `3:15: error: base_url "https://api.northwind.example:99999/v1/chat/completions" has a port that does not exist; ports go from 1 to 65535`, 1},
		"a proxy's port that is none": {"    model: [gpt-4o]", "    model: [gpt-4o]\n    preferences: {proxy: \"http://127.0.0.1:0\"}", `6:26: error: this proxy is no proxy URL`, 1},
		"a scheme in capitals":        {"https://", "HTTPS://", "", 0},
		"a merge of something else":   {"    model: [gpt-4o]", "    model: [gpt-4o]\n    <<: [5]", `6:10: error: << must name mappings (<<: [*first, *second]), not a number`, 1},
		"an unknown engine":           {"    model: [gpt-4o]", "    model: [gpt-4o]\n    engine: gtp", `6:13: error: provider "northwind" is left out: engine "gtp" is not known`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(strings.Replace(plainFile, c.old, c.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			printed, code := run(t, dir, nil, "check", "api.yaml")
			found := regexp.MustCompile(`(?m)^api\.yaml:(\d+:\d+: (?:error|warning): .*)$`).FindAllStringSubmatch(printed, -1)
			switch {
			case code != c.code:
				t.Errorf("exit code %d, want %d", code, c.code)
			case c.want == "" && len(found) > 0, c.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0][1], c.want)):
				t.Errorf("want %q", c.want)
			case c.code == 0 && !strings.Contains(printed, "providers:"):
				t.Error("what was understood is not printed")
			}
			if _, strict := run(t, dir, nil, "check", "--strict", "api.yaml"); strict == 0 && c.want != "" || strict != 0 && c.want == "" {
				t.Errorf("--strict ends with %d", strict)
			}
			if t.Failed() {
				t.Log(printed)
			}
		})
	}
}

func TestCheckShowsHowEachProviderIsAsked(t *testing.T) {
	dir := t.TempDir()
	const file = `providers:
  - {provider: openai, base_url: "https://api.openai.com/v1", api: sk-one-0123456789abcdefgh, model: [gpt-4o]}
  - {provider: claude, base_url: "https://api.anthropic.com/v1/messages", api: sk-two-0123456789abcdefgh, model: [claude-sonnet-4-5]}
  - {provider: gemini, base_url: "https://generativelanguage.googleapis.com/v1beta", api: AIza-three-0123456789abc, model: [gemini-2.5-pro]}
  - {provider: azure, base_url: "https://name.openai.azure.com", api: key-four-0123456789abcdef, model: [gpt-4o]}
  - {provider: forced, base_url: "https://relay.example/v1", engine: responses, api: key-five-0123456789abcdef, model: [gpt-4o]}
api_keys: [{api: sk-client-0123456789abcdefghij}]
`
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	printed, code := run(t, dir, nil, "check")
	for _, want := range []string{
		"engine: gpt, by the address\n    asked at: https://api.openai.com/v1/chat/completions\n    capabilities of gpt-4o: ",
		"engine: claude, by the address\n    asked at: https://api.anthropic.com/v1/messages\n",
		"engine: gemini, by the address\n    asked at: https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent\n",
		"engine: azure, by the address\n    asked at: https://name.openai.azure.com/",
		"engine: responses\n    asked at: https://relay.example/v1/responses\n",
	} {
		if code != 0 || !strings.Contains(printed, want) {
			t.Errorf("exit code %d, want %q in\n%s", code, want, printed)
		}
	}
}

func TestFileThatCannotBeServedIsRefusedALineAProblem(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte("providers: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	printed, code := run(t, dir, nil)
	if lines := strings.Split(strings.TrimSpace(printed), "\n"); code != 1 || len(lines) != 2 || !strings.Contains(lines[0], "api.yaml:2:1: error: this is not valid YAML") || strings.Contains(printed, `\n`) {
		t.Errorf("exit code %d\n%s", code, printed)
	}
}

// A file with errors of both kinds: some are found as it is read, some as a provider is made ready.
func TestCheckTellsAllErrorsAtOnce(t *testing.T) {
	dir := t.TempDir()
	text := strings.Replace(plainFile, "api_keys:", `  - provider: southwind
    base_url: ftp://southwind.example
  - provider: westwind
    base_url: https://westwind.example/v1
    engine: gtp
api_keys:`, 1)
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	printed, code := run(t, dir, nil, "check")
	if code != 1 || !regexp.MustCompile(`^api\.yaml:7:15: error: base_url .*\napi\.yaml:10:13: error: provider "westwind" is left out: engine "gtp" is not known.*\n$`).MatchString(printed) {
		t.Errorf("exit code %d\n%s", code, printed)
	}
}

func TestExplainSaysWhatOfTheFileIsLeftOut(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"a provider":    {"https://api.northwind", "ftp://api.northwind", "left out: provider northwind: api.yaml:3:15: error: base_url "},
		"a model":       {"model: [gpt-4o]\n", "model: [gpt-4o, [o3]]\n", "left out: model northwind: api.yaml:5:21: error: a model must be a name"},
		"a client key":  {"    role: team", "    role: team\n    preferences: {rate_limit: 5}", "left out: api key team: api.yaml:11:31: error: rate_limit: "},
		"a rule":        {"[all]", "[all, [x]]", "left out: rule team: api.yaml:11:18: error: a rule must be a text"},
		"a weight":      {"[all]", "[northwind/*: 1.5]", "left out: weight team: api.yaml:11:26: error: the weight of northwind/* "},
		"what is all's": {"api_keys:", "preferences: {cooldown_period: soon}\napi_keys:", "left out: preference: api.yaml:7:32: error: cooldown_period "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			text := strings.Replace(plainFile, "api_keys:\n", "  - {provider: other, base_url: 'https://other.example/v1', model: [gpt-4o]}\napi_keys:\n  - {api: sk-other-0123456789abcdefghij, role: other}\n", 1)
			text = strings.Replace(text, c.old, c.new, 1)
			if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if printed, _ := run(t, dir, nil, "explain", "--key", "other", "--model", "gpt-4o"); !strings.Contains(printed, c.want) {
				t.Errorf("want %q in\n%s", c.want, printed)
			}
		})
	}
}
