package config

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// noEnv is an environment without variables.
func noEnv(string) string { return "" }

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// parse is for files that must be good and raise no warnings.
func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("api.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatalf("refused:\n%v", err)
	}
	for _, w := range c.Warnings {
		t.Errorf("warning: %v", w)
	}
	return c
}

// withProvider is a good file with more lines in its one provider.
func withProvider(more string) string {
	return "providers:\n  - provider: p\n    base_url: https://p.example/v1/chat/completions\n    api: upstream-key\n    model: [m]\n" + more +
		"api_keys:\n  - api: sk-client\n"
}

// withKey is a good file with more lines in its one client key.
func withKey(more string) string {
	return withProvider("") + more
}

// withPreferences is a good file with more lines in its global preferences.
func withPreferences(more string) string {
	return withProvider("") + "preferences:\n" + more
}

func full(t *testing.T) ([]byte, *Config) {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data, parse(t, string(data))
}

func TestFullFileIsUnderstood(t *testing.T) {
	_, c := full(t)
	if len(c.Providers) != 7 || len(c.APIKeys) != 3 {
		t.Fatalf("%d providers, %d keys", len(c.Providers), len(c.APIKeys))
	}
	minute, zero := time.Minute, time.Duration(0)
	north, tide, vertex, workers, bedrock, local, web := c.Providers[0], c.Providers[1], c.Providers[2], c.Providers[3], c.Providers[4], c.Providers[5], c.Providers[6]
	team, number := c.APIKeys[1], c.APIKeys[2]
	price := c.Preferences.ModelPrice
	policy := north.Preferences.TimeoutPolicy
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"models in order, with renames and numbers", north.Models, []Model{{"gpt-4o", "gpt-4o"}, {"gpt-4o-2024-11-20", "gpt-4o-dated"},
			{"o3-mini", "o3-mini-high"}, {"o3-mini-2025", "o3-mini-low"}, {"1234", "1234"}}},
		{"one key", north.Keys, []string{"sk-northwind-0123456789abcdef"}},
		{"tools", north.Tools, true},
		{"image", north.Image, false},
		{"exclusions of both places", north.ExcludeEndpoints, []string{"/v1/embeddings", "/v1/audio/speech", "/v1/images/generations"}},
		{"headers in order", north.Preferences.Headers, []Header{{"X-Team", "gateway"}, {"X-Build", "7"}}},
		{"proxy", north.Preferences.Proxy, "socks5h://user:pass%40word@proxy.example:1080"},
		{"cooldown", *north.Preferences.Cooldown, minute},
		{"key schedule", north.Preferences.KeySchedule, "random"},
		{"quota cooldown", north.Preferences.KeyQuotaCooldown, 2 * time.Hour},
		{"body limit", north.Preferences.MaxRequestBody, int64(20 << 20)},
		{"commit policy", north.Preferences.ResponsesCommit, "completed_usage"},
		{"timeout policy default", *policy.Default.FirstByte, minute},
		{"timeout policy conditions", len(policy.Rules[0].Match), 10},
		{"timeout policy zero", *policy.Rules[0].Timeouts.Total, zero},
		{"override in the file's spelling", north.Preferences.Overrides[0], Override{"temperature", []byte("0.10")}},
		{"override of a model", north.Preferences.Overrides[2], Override{"gpt-4o", []byte(`{"max_tokens":1024,"__remove__":"logit_bias"}`)}},
		{"list of keys", tide.Keys, []string{"tide-key-aaaaaaaaaaaaaaaa", "tide-key-bbbbbbbbbbbbbbbb", "9876543210"}},
		{"merged preferences", tide.Preferences.KeySchedule, "random"},
		{"preferences over merged ones", *tide.Preferences.Cooldown, zero},
		{"exclusion rule", tide.ExcludeRules[0].Match[1], Condition{"request_model", []string{"claude-*", "sonnet"}}},
		{"vertex address", vertex.BaseURL, "https://aiplatform.googleapis.com/"},
		{"projects", vertex.ProjectIDs, []string{"project-one", "project-two"}},
		{"regions", vertex.Regions, []string{"us-central1", "europe-west1"}},
		{"private key", strings.Count(vertex.PrivateKey, "\n"), 2},
		{"cloudflare address", workers.BaseURL, "https://api.cloudflare.com/"},
		{"region as text", bedrock.Regions, []string{"us-east-1"}},
		{"session token", bedrock.AWSSessionToken, "invented-session-token"},
		{"ids of items", north.Preferences.NormalizeToolCallIDs, []string{"gpt-5-codex"}},
		{"search defaults", string(web.Preferences.SearchDefaults), `{"gl":"DE","max_results":5}`},
		{"no models", local.Models, []Model(nil)},
		{"no keys", len(local.Keys), 0},
		{"default key schedule", local.Preferences.KeySchedule, "round_robin"},
		{"default quota cooldown", local.Preferences.KeyQuotaCooldown, 6 * time.Hour},
		{"role as alias", c.APIKeys[0].Alias, "admin"},
		{"no rules", c.APIKeys[0].Rules, []Rule{{Kind: RuleAll, Text: "all"}}},
		{"rules", team.Rules, []Rule{
			{Kind: RuleProvider, Provider: "northwind", Weight: 5, Text: "northwind/*"},
			{Kind: RuleProviderModel, Provider: "tidewater", Model: "sonnet", Weight: 3, Text: "tidewater/sonnet"},
			{Kind: RuleModel, Model: "vendor/claude-with-slash", Text: "<vendor/claude-with-slash>"},
			{Kind: RuleModel, Model: "gpt-4o", Text: "gpt-4o"},
			{Kind: RuleKey, Key: c.APIKeys[0].Key, Text: "sk-…wxyz/*"},
		}},
		{"schedule", team.Preferences.Schedule, WeightedRoundRobin},
		{"retries", team.Preferences.AutoRetry, 3},
		{"credits", *team.Preferences.Credits, int64(12_500_000_000)},
		{"created", team.Preferences.CreatedAt.UTC(), time.Date(2024, 6, 30, 16, 0, 0, 0, time.UTC)},
		{"expires", team.Preferences.Access.ExpiresAt.UTC(), time.Date(2099, 6, 30, 15, 0, 0, 0, time.UTC)},
		{"addresses", team.Preferences.Access.summary(), "192.0.2.7, 198.51.100.0/24, 2001:db8::/32"},
		{"not disabled", team.Preferences.Access.Disabled, false},
		{"number as key", number.Key, "12345678"},
		{"retry off", number.Preferences.AutoRetry, 0},
		{"default schedule", number.Preferences.Schedule, FixedPriority},
		{"global limit", c.Preferences.RateLimit, RateLimit{Limits: []Limit{{999999, time.Minute}}}},
		{"prices", []ModelPrice{price[0], price[1], price[2]}, []ModelPrice{
			{"gpt-4o", Price{Input: 2_500_000, Output: 10_000_000, Cached: 1_250_000}, price[0].Line},
			{"claude-sonnet", Price{Input: 3_000_000, Output: 15_000_000, Cached: 3_000_000, CacheWrite: 3_000_000}, price[1].Line},
			{"gemini", Price{Input: 300_000, Output: 2_500_000, Cached: 300_000, CacheWrite: 300_000}, price[2].Line},
		}},
		{"triggers", c.Preferences.ErrorTriggers, []string{"usage is covered", "no longer available"}},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s: got %+v, want %+v", check.what, check.got, check.want)
		}
	}
}

func TestFullFileUsesEveryKey(t *testing.T) {
	data, _ := full(t)
	known := slices.Concat(keysOf(rootFields), keysOf(providerFields), keysOf(providerPreferenceFields), keysOf(apiKeyFields),
		keysOf(keyPreferenceFields), keysOf(preferenceFields), keysOf(excludeRuleFields), keysOf(timeoutPolicyFields),
		keysOf(timeoutRuleFields), keysOf(timeoutFields), keysOf(hedgingFields), keysOf(removalFields), excludeMatchKeys, timeoutMatchKeys)
	unused := []string{"access_key", "secret_key", "video_providers", "weights", "_model_dict_cache"} // refused, and what uni-api leaves behind
	for _, key := range known {
		if !strings.Contains(string(data), key+":") && !slices.Contains(unused, key) {
			t.Errorf("testdata/full.yaml does not use %s", key)
		}
	}
}

func keysOf[T any](fields []field[T]) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.key)
	}
	return out
}

func TestFilesAsPeopleWriteThem(t *testing.T) {
	for name, text := range map[string]string{
		"the smallest file": "providers:\n  - provider: a\n    base_url: https://a.example/v1/chat/completions\n    api: k\napi_keys:\n  - api: sk-1\n",
		"Chinese comments and a byte order mark": "\ufeff# 我的配置\nproviders: # 服务商\n  - provider: 甲\n    base_url: https://a.example/v1\n    api: k\n    model: [模型]\n" +
			"api_keys:\n  - api: sk-1\n    model: [甲/模型]\n",
		"keys without values": "providers:\n  - provider: a\n    base_url: https://a.example/v1\n    api:\n    model:\n    tools:\n    preferences:\n      headers:\n" +
			"api_keys:\n  - api: sk-1\n    model:\n    role:\n    preferences:\n      rate_limit:\npreferences:\n",
		"anchors": "providers:\n  - &a\n    provider: a\n    base_url: https://a.example/v1\n    api: &k k1\n  - <<: *a\n    provider: b\n    api: [*k, k2]\n" +
			"api_keys:\n  - api: sk-1\n",
		"JSON":                `{"providers":[{"provider":"a","base_url":"http://127.0.0.1:9/v1","api":"k","model":["m"]}],"api_keys":[{"api":"sk-1","model":["all"]}]}`,
		"Windows line ends":   strings.ReplaceAll(withProvider("    tools: false\n"), "\n", "\r\n"),
		"what uni-api leaves": withProvider("    _model_dict_cache: {m: m}\n") + "    weights: {p/*: 5}\n    model: [p/*]\n",
		"a document start":    "---\n" + withProvider("") + "...\n",
		"yes and no":          withProvider("    tools: no\n    image: Yes\n"),
	} {
		t.Run(name, func(t *testing.T) { parse(t, text) })
	}
}

func TestWeightsBesideTheRulesCount(t *testing.T) {
	for name, test := range map[string]struct {
		key  string
		want []Rule
	}{
		"as uni-api writes them": {"    model: [p/*, p/m]\n    weights: {p/*: 5, p/m: 3}\n", []Rule{{Kind: RuleProvider, Provider: "p", Weight: 5, Text: "p/*"},
			{Kind: RuleProviderModel, Provider: "p", Model: "m", Weight: 3, Text: "p/m"}}},
		"before the rules":            {"    weights: {p/*: 5}\n    model: [p/*]\n", []Rule{{Kind: RuleProvider, Provider: "p", Weight: 5, Text: "p/*"}}},
		"the rule's own weight first": {"    model: [{p/*: 7}]\n    weights: {p/*: 5}\n", []Rule{{Kind: RuleProvider, Provider: "p", Weight: 7, Text: "p/*"}}},
		"of a key that may use all":   {"    weights: {p/*: 5}\n", []Rule{{Kind: RuleAll, Text: "all"}, {Kind: RuleProvider, Provider: "p", Weight: 5, Text: "p/*"}}},
		"empty":                       {"    model: [p/m]\n    weights: {}\n", []Rule{{Kind: RuleProviderModel, Provider: "p", Model: "m", Text: "p/m"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parse(t, withKey(test.key)).APIKeys[0].Rules; !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	c, err := Parse("api.yaml", []byte(withKey("    model: [p/m]\n    weights: {p/*: 5}\n")), noEnv)
	if err != nil || len(c.APIKeys[0].Rules) != 1 || len(c.Warnings) != 1 {
		t.Errorf("a weight lets a key use more: %v %+v", err, c)
	}
}

func TestRulesThatNobodyFilledInAreNotEverything(t *testing.T) {
	for model, want := range map[string]int{"[]": 1, "": 1, "[null]": 0, "\n      -\n      -": 0, "[null, p/m]": 1} {
		c, err := Parse("api.yaml", []byte(withKey("    model: "+model+"\n")), noEnv)
		if err != nil || len(c.APIKeys[0].Rules) != want {
			t.Errorf("model: %s is %+v, %v", model, c, err)
		} else if told := strings.Contains(Problems(c.Warnings).Error(), "so that the key may use nothing"); told != (want == 0) {
			t.Errorf("model: %s is told so: %v", model, c.Warnings)
		}
	}
}

func TestSchemeMayBeInCapitals(t *testing.T) {
	c := parse(t, strings.Replace(withProvider(""), "base_url: http", "base_url: HTTP", 1))
	if got := c.Providers[0].BaseURL; !strings.HasPrefix(got, "http") {
		t.Errorf("%q", got)
	}
}

func TestAliasesOfKeysAreSafeAndUnique(t *testing.T) {
	c := parse(t, withProvider("")+"  - api: sk-short1\n  - api: sk-short2\n  - api: sk-abcdefghijklmnopqrstuvwxyz\n  - api: sk-zzzz\n    role: ops\n")
	var got []string
	for _, k := range c.APIKeys {
		got = append(got, k.Alias)
	}
	want := []string{"sk-…t", "sk-…1", "sk-…2", "sk-abcde", "ops"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c = parse(t, withProvider("")+"  - api: sk-a\n  - api: sk-b\n")
	if a, b := c.APIKeys[1].Alias, c.APIKeys[2].Alias; a != "sk-…" || b != "sk-…#3" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestHashChangesWithTheFileAndTheEnvironment(t *testing.T) {
	text := []byte(strings.Replace(withProvider(""), "upstream-key", "${KEY:-none}", 1))
	hash := func(text []byte, getenv func(string) string) [32]byte {
		c, err := Parse("api.yaml", text, getenv)
		if err != nil {
			t.Fatal(err)
		}
		return c.Hash
	}
	first := hash(text, env("KEY", "a"))
	if first != hash(text, env("KEY", "a")) {
		t.Error("the same file has two hashes")
	}
	if first == hash(text, env("KEY", "b")) {
		t.Error("another environment has the same hash")
	}
	if first == hash(append(text, '\n'), env("KEY", "a")) {
		t.Error("another file has the same hash")
	}
}

func TestDuplicateAliasKeepsTheLastUpstream(t *testing.T) {
	c, err := Parse("api.yaml", []byte(strings.Replace(withProvider(""), "[m]", "[{a: m}, x, {b: m}]", 1)), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Model{{"b", "m"}, {"x", "x"}}; !slices.Equal(c.Providers[0].Models, want) {
		t.Errorf("got %v, want %v", c.Providers[0].Models, want)
	}
	if len(c.Warnings) != 1 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}
