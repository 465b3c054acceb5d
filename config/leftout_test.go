package config

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// twoOfEach is a good file with more lines in the first of its two providers, the first of its two client keys, and its
// preferences.
func twoOfEach(provider, key, preferences string) string {
	return "providers:\n  - provider: p\n    base_url: https://p.example/v1\n    api: upstream-key\n    model: [m]\n" + provider +
		"  - provider: q\n    base_url: https://q.example/v1\n    api: other-key\n    model: [m]\n" +
		"api_keys:\n  - api: sk-client\n    model: [q/m]\n" + key + "  - api: sk-second\n    model: [p/m, q/m]\npreferences:\n  cooldown_period: 60\n" + preferences
}

func ofProvider(more string) string { return twoOfEach(more, "", "") }
func ofKey(more string) string      { return twoOfEach("", more, "") }
func forAll(more string) string     { return twoOfEach("", "", more) }
func instead(old, new string) string {
	return strings.Replace(twoOfEach("", "", ""), old, new, 1)
}

// An error costs what it belongs to and nothing else. Who adds one puts a file with it here, under what it costs: the
// last test below looks for those that nobody has put anywhere.
var costs = map[Item][]string{
	ItemFile: {
		"", "providers: [", "a: &x [*x]\n", twoOfEach("", "", "") + "---\na: 1\n", "- a\n", "providers: []\n", "api_keys:\n  api: sk-1\n",
		twoOfEach("", "", "") + "providers: []\n", twoOfEach("", "", "") + "[a]: b\n", twoOfEach("", "", "") + "<<: text\n",
		"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
	},
	ItemProvider: {
		instead("  - provider: p\n    base_url: https://p.example/v1\n    api: upstream-key\n    model: [m]\n", "  - openai\n"),
		instead("provider: p\n", "provider:\n"), instead("provider: p\n", "provider: sk-abcdefghijkl\n"), instead("provider: p\n", "provider: [p]\n"),
		instead("    base_url: https://p.example/v1\n", ""), instead("https://p.example", "p.example"), instead("https://p.example/v1", "https:///v1"),
		instead("https://p.example/v1", "https://p.example:99999/v1"), instead("https://p.example/v1", "https://p.example:0/v1"), ofProvider("    <<: [5]\n"),
		instead("https://p.example/v1", "\"https://p example/v1\""), instead("https://p.example/v1", "\"https://p example\""),
		instead("upstream-key", "\"upstream\\nkey\""), instead("upstream-key", "{a: b}"),
		ofProvider("    api: twice\n"), ofProvider("    <<: text\n"), ofProvider("    private_key: pem\n"), ofProvider("    tools: maybe\n"), ofProvider("    tools: [a]\n"),
		ofProvider("    preferences: [a]\n"), ofProvider("    preferences: {proxy: \"socks5://[username]:[password]@[ip]:[port]\"}\n"),
		ofProvider("    preferences: {headers: [a]}\n"), ofProvider("    preferences: {headers: {a b: c}}\n"), ofProvider("    preferences: {headers: {A: [b]}}\n"),
		ofProvider("    preferences: {headers: {A: \"b\\nc\"}}\n"), ofProvider("    preferences: {passthrough_request_headers: [a b]}\n"),
		ofProvider("    preferences: {api_key_rate_limit: 5/eon}\n"), ofProvider("    preferences: {api_key_rate_limit: {m: [1]}}\n"),
		ofProvider("    preferences: {max_request_body_bytes: 20XB}\n"), ofProvider("    preferences: {max_request_body_bytes: [1]}\n"),
		ofProvider("    preferences: {post_body_parameter_overrides: [a]}\n"), ofProvider("    preferences: {post_body_parameter_overrides: {a: .inf}}\n"),
		ofProvider("    preferences: {post_body_parameter_overrides: {__remove__: [{where: x}]}}\n"),
		ofProvider("    preferences: {post_body_parameter_overrides: {a: " + strings.Repeat("[", 110) + strings.Repeat("]", 110) + "}}\n"),
		ofProvider("    preferences: {search_defaults: [a]}\n"), ofProvider("    preferences: {model_price: 3}\n"), ofProvider("    preferences: {retry_on: [999]}\n"),
		ofProvider("    preferences: {cooldown_period: [1]}\n"), ofProvider("    preferences: {model_timeout: 0}\n"), ofProvider("    preferences: {model_timeout: {'': 3}}\n"),
		ofProvider("    preferences: {api_key_schedule_algorithm: lottery}\n"), ofProvider("    preferences: {capabilities: [{modle: x}]}\n"),
		ofProvider("    ? [a]\n    : b\n"),
		"x: &x\n" + nestedMerges(20) + ofProvider("    <<: *m20\n"),
	},
	ItemProviderKey: {instead("upstream-key", "[upstream-key, {a: b}]"), instead("upstream-key", "[\"upstream\\x07key\", {a: b}, upstream-key]")},
	ItemModel:       {instead("[m]", "[m, [a]]"), instead("[m]", "[m, {a: [b]}]"), instead("[m]", "[m, '']")},
	ItemKey: {
		instead("  - api: sk-client\n    model: [q/m]\n", "  - sk-abcdefghijkl\n"), instead("api: sk-client", "role: x"), instead("sk-client", "\"sk client\""),
		instead("sk-client", "\"sk\\x07client\""), twoOfEach("", "  - api: sk-client\n", ""), ofKey("    api: sk-other\n"), ofKey("    role: [a]\n"),
		ofKey("    preferences: {rate_limit: 1/eon}\n"), ofKey("    preferences: {rate_limit: [[1/s]]}\n"), ofKey("    preferences: {credits: lots}\n"), ofKey("    preferences: {credits: [1]}\n"),
		ofKey("    preferences: {created_at: yesterday}\n"), ofKey("    preferences: {created_at: [1]}\n"), ofKey("    preferences: {expires_at: soon}\n"), ofKey("    preferences: {expires_at: ''}\n"),
		ofKey("    preferences: {expires_at: }\n"), ofKey("    preferences: {expires_at: 2030-01-01 @ Mars/Base}\n"), ofKey("    preferences: {disabled: maybe}\n"), ofKey("    preferences: {credits: 5, renews: weekly}\n"), ofKey("    preferences: {disabled: }\n"),
		ofKey("    disabled: true\n"), ofKey("    expires_at: 2030-01-01\n"), ofKey("    preferences: {allow_ips: }\n"), ofKey("    preferences: {allow_ips: []}\n"), ofKey("    preferences: {allow_ips: [office]}\n"),
		ofKey("    preferences: {allow_ips: [192.0.2.7, 10.1.2.3/8]}\n"), ofKey("    preferences: {allow_ips: \"${OFFICE}\"}\n"), ofKey("    preferences: {allow_ips: {a: b}}\n"),
		ofKey("    preferences: {SCHEDULING_ALGORITHM: fastest}\n"),
		ofKey("    preferences: {AUTO_RETRY: -2}\n"), ofKey("    preferences: {queue: 900}\n"), ofKey("    preferences: {queue: a while}\n"), ofKey("    preferences: {queue: [1]}\n"), ofKey("    preferences: {ENABLE_MODERATION: perhaps}\n"),
	},
	ItemRule: {
		instead("[q/m]", "[q/m, [a]]"), instead("[q/m]", "[q/m, q/]"), instead("[q/m]", "[q/]"),
		instead("[q/m]", "[q/m, sk-third/*]\n  - api: sk-third\n    model: [sk-client/*]"),
	},
	ItemWeight: {instead("[q/m]", "[{q/m: 1.5}]"), instead("[q/m]", "[{q/m: 20000}]"), instead("[q/m]", "[{q/m: heavy}]"), ofKey("    weights: {q/m: 1.5}\n"), ofKey("    weights: [5]\n"), instead("[q/m]", "[{q/m: [5]}]")},
	ItemPrice: {forAll("  model_price: {m: \"1,2,3\"}\n"), forAll("  model_price: {m: [[1], 2]}\n"), ofProvider("    preferences: {model_price: {m: 3}}\n"),
		forAll("  model_price: {m: {inptu: 1}}\n"), forAll("  model_price: {m: {input: -1}}\n"), forAll("  model_price: {m: {above: 3}}\n"),
		forAll("  model_price: {m: {per_image: {1x1 2x2: 1}}}\n"), forAll("  model_price: {m: {per_image: {high: -1}}}\n"),
		forAll("  model_price: {m: {above: {x: {input: 1}}}}\n"), forAll("  model_price: {m: {service: {flex: 3}}}\n"),
		forAll("  model_price: {m: {off_peak: night}}\n"), forAll("  model_price: {m: {off_peak: {hours: [night], input: 1}}}\n"), forAll("  model_price: {m: {off_peak: {hours: '1:00-2:00'}}}\n"),
		forAll("  model_price: {m: {off_peak: {hours: {a: b}, input: 1}}}\n"), forAll("  model_price: {m: {off_peak: {hours: '1:00-2:00', zone: [UTC], input: 1}}}\n"),
		forAll("  model_price: {m: {off_peak: {hours: '1:00-2:00', zone: Mars, input: 1}}}\n")},
	ItemPreference: {
		forAll("  proxy: \"socks5://[username]:[password]@[ip]:[port]\"\n"), forAll("  model_price: 3\n"), forAll("  rate_limit: 60\n"), forAll("  model_timeout: soon\n"),
		forAll("  cooldown_period: 5\n"), forAll("  timeout_policy: {default: {first_token: soon}}\n"), forAll("  hedging: {share: 500}\n"), forAll("  hedging: {share: many}\n"),
		forAll("  hedging: {share: [1]}\n"), forAll("  hedging: {max_inflight_attempts: 9}\n"), forAll("  image_fetch: {allow: [https://a]}\n"),
		forAll("  capabilities: [{modle: x}]\n"), forAll("  request_log: everything\n"), forAll("  unpriced_media: dear\n"), forAll("  price_source: ftp://a.example/x\n"), forAll("  price_source: {file: x, sha256: abc}\n"), forAll("  price_source: {}\n"), forAll("  cluster: {name: prod}\n"), forAll("  cluster: {redis: 'http://a.example'}\n"), forAll("  cluster: {redis: 'redis://a.example', name: a b}\n"), forAll("  cluster: {redis: 'redis://a.example', on_failure: wait}\n"), forAll("  alerts: {on: [credit_80]}\n"), forAll("  alerts: {webhook: somewhere}\n"), forAll("  alerts: {webhook: https://a.example, on: [all]}\n"), forAll("  request_log: {keep_days: 0}\n"), forAll("  request_log: {size: 1KiB}\n"),
	},
}

// costsMore are files in which one error costs more than what it belongs to.
var costsMore = []string{
	forAll("  proxy: ftp://proxy.example\n"), // all that would go around it
	instead("upstream-key", "[{a: b}, [c]]"), // all keys, and so the provider
}

// nestedMerges are mappings each of which merges the one before it.
func nestedMerges(n int) string {
	var b strings.Builder
	b.WriteString("  - &m0 {notes: x}\n")
	for i := range n {
		b.WriteString("  - &m" + strconv.Itoa(i+1) + " {<<: *m" + strconv.Itoa(i) + "}\n")
	}
	return b.String()
}

func TestErrorCostsWhatItBelongsTo(t *testing.T) {
	for item, files := range costs {
		for i, text := range files {
			t.Run(string(item)+strconv.Itoa(i), func(t *testing.T) {
				all, refused := problemsOf(t, text, noEnv)
				var found Problems
				for _, p := range all {
					if p.Item != "" {
						found = append(found, p)
					}
				}
				if !refused || len(found) == 0 {
					t.Fatalf("no error in it:\n%s", text)
				}
				for _, p := range found {
					if p.Item != item {
						t.Errorf("costs %s: %v", p.Item, p)
					}
				}
				c, err := ParseLenient("api.yaml", []byte(text), noEnv)
				if item == ItemFile {
					if _, is := errors.AsType[*Unusable](err); !is {
						t.Fatalf("it can be served from: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if !slices.Equal(c.LeftOut, found) {
					t.Errorf("left out %v, of %v", c.LeftOut, found)
				}
				var providers, keys []string
				for _, p := range c.Providers {
					providers = append(providers, p.Name)
				}
				for _, k := range c.APIKeys {
					keys = append(keys, k.Key)
				}
				if got, want := slices.Contains(providers, "p"), item != ItemProvider; got != want || !slices.Contains(providers, "q") {
					t.Errorf("providers %q", providers)
				}
				wantKey := item != ItemKey || strings.Contains(text, "- api: sk-client\n  - ") || strings.Contains(text, "]\n  - api: sk-client\n")
				if got := slices.Contains(keys, "sk-client"); got != wantKey || !slices.Contains(keys, "sk-second") {
					t.Errorf("keys %q", keys)
				}
			})
		}
	}
}

func TestWhatIsLeftOutIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		ofProvider("    tools: maybe\n"):                            "provider p",
		instead("https://p.example", "p.example"):                   "provider p",
		instead("upstream-key", "[upstream-key, {a: b}]"):           "provider key p",
		instead("[m]", "[m, [a]]"):                                  "model p",
		ofProvider("    preferences: {model_price: {m: 3}}\n"):      "price p",
		ofKey("    role: team\n    preferences: {credits: lots}\n"): "api key team",
		ofKey("    preferences: {credits: lots}\n"):                 "api key sk-…t",
		instead("sk-client", "\"sk client\""):                       "api key …nt",
		instead("[q/m]", "[q/m, [a]]"):                              "rule sk-…t",
		instead("[q/m]", "[q/m, q/]"):                               "rule sk-…t",
		instead("[q/m]", "[{q/m: 1.5}]"):                            "weight sk-…t",
		instead("provider: p\n", "provider: sk-abcdefghijkl\n"):     "provider sk-…jkl",
		forAll("  model_timeout: soon\n"):                           "preference",
	} {
		c, err := ParseLenient("api.yaml", []byte(text), noEnv)
		if err != nil || len(c.LeftOut) == 0 {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if got := c.LeftOut[0].Lost(); !strings.HasPrefix(got, want+": api.yaml:") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestEveryErrorIsKnownToCostSomething(t *testing.T) {
	var told strings.Builder
	for _, files := range append(slices.Collect(maps.Values(costs)), costsMore) {
		for _, text := range files {
			all, _ := problemsOf(t, text, noEnv)
			for _, p := range all {
				if p.Item != "" {
					told.WriteString(p.Message + "\n")
				}
			}
		}
	}
	formats := failures(t)
	if len(formats) < 60 {
		t.Fatalf("only %d errors were found in the source", len(formats))
	}
	verb := regexp.MustCompile(`%[a-z]`)
	for _, format := range formats {
		var pattern []string
		for _, part := range verb.Split(format, -1) {
			pattern = append(pattern, regexp.QuoteMeta(strings.ReplaceAll(part, "%%", "%")))
		}
		if !regexp.MustCompile("(?m)^" + strings.Join(pattern, ".*")).MatchString(told.String()) {
			t.Errorf("no file of the table above has this error, so nobody has said what it costs: %s", format)
		}
	}
}

// failures are the formats of all errors that this package may note.
func failures(t *testing.T) (formats []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is {
				return true
			}
			method, is := call.Fun.(*ast.SelectorExpr)
			if !is || method.Sel.Name != "fail" && method.Sel.Name != "failFile" || len(call.Args) < 3 {
				return true
			}
			if literal, is := call.Args[2].(*ast.BasicLit); is {
				format, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				formats = append(formats, format)
			} else if method.Sel.Name != "failFile" && name != "leftout.go" {
				t.Errorf("%s: the format of an error is no text of its own", name)
			}
			return true
		})
	}
	return formats
}

func TestWhatIsLeftOutOpensNothing(t *testing.T) {
	lenient := func(text string) *Config {
		t.Helper()
		c, err := ParseLenient("api.yaml", []byte(text), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := lenient(instead("[q/m]", "[q/, [x]]")); len(c.APIKeys[0].Rules) != 0 {
		t.Errorf("a key whose rules cannot be read may use %v", c.APIKeys[0].Rules)
	}
	if c := lenient(instead("[m]", "[[a]]")); c.Providers[0].Models == nil {
		t.Error("a provider whose models cannot be read is asked what it has")
	}
	if c := lenient(ofKey("    preferences: {credits: lots}\n")); c.LoneAdmin() != nil || c.IsAdmin(c.APIKeys[0]) {
		t.Error("the key beside one that is left out is an admin's")
	}
	if c := lenient(instead("  - api: sk-client\n    model: [q/m]\n", "  - sk-abcdefghijkl\n")); c.LoneAdmin() != nil {
		t.Error("the key beside one that is no entry is an admin's")
	}
	if c := lenient(costsMore[1]); len(c.Providers) != 1 || c.Providers[0].Name != "q" {
		t.Error("a provider none of whose keys can be read is asked without one")
	}
}

func TestProxyThatCannotBeReadIsNotGoneAround(t *testing.T) {
	text := twoOfEach("    preferences: {proxy: \"http://own.example:1\"}\n", "", "  proxy: ftp://user:secret-of-proxy@proxy.example\n")
	c, err := ParseLenient("api.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Providers) != 1 || c.Providers[0].Name != "p" {
		t.Errorf("%d providers are left", len(c.Providers))
	}
	if len(c.LeftOut) != 2 || !strings.Contains(c.LeftOut.Error(), `provider "q" would go around preferences.proxy`) || strings.Contains(c.LeftOut.Error(), "secret-of-proxy") {
		t.Errorf("%v", c.LeftOut)
	}
	for proxy, form := range map[string]bool{
		"socks5://[username]:[password]@[ip]:[port]": true, "socks5://[用户名]:[密码]@[地址]:[端口]": true, "http://<host>:<port>": true,
		"socks5://user:p[w]d@10.0.0.1:port": false, "socks5://user:x@[2001:db8::1:1080": false, "10.0.0.1:1080": false, "http://[2001:zz::1]:80x": false,
	} {
		c, err := ParseLenient("api.yaml", []byte(forAll("  proxy: \""+proxy+"\"\n")), noEnv)
		if serves := err == nil && len(c.Providers) == 2; serves != form {
			t.Errorf("%s: served without it: %v", proxy, serves)
		}
	}
}

func TestFileOfWhichNothingIsLeftIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no provider": "providers:\n  - provider: p\n    base_url: nonsense\napi_keys:\n  - api: sk-client\n",
		"no key":      "providers:\n  - provider: p\n    base_url: https://p.example\napi_keys:\n  - api: \"sk client\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseLenient("api.yaml", []byte(text), noEnv); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestSecretOfWhatIsLeftOutIsStillOne(t *testing.T) {
	c, err := ParseLenient("api.yaml", []byte(twoOfEach("    tools: maybe\n", "    preferences: {credits: lots}\n", "")), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"upstream-key", "sk-client", "other-key", "sk-second"} {
		if !slices.ContainsFunc(c.Secrets(), func(s Secret) bool { return s.Text == want }) {
			t.Errorf("%s is no secret", want)
		}
	}
}
