package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// problemsOf returns all problems of a file, errors and warnings alike, and whether it was refused.
func problemsOf(t *testing.T, text string, getenv func(string) string) (Problems, bool) {
	t.Helper()
	c, err := Parse("api.yaml", []byte(text), getenv)
	if err == nil {
		return c.Warnings, false
	}
	p, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("the error is no Problems: %v", err)
	}
	return p, true
}

func TestErrorsNameThePlaceAndTheWord(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want string // how a problem begins
		word string
	}{
		"open bracket":                     {"providers: [", `api.yaml:2:1: error: this is not valid YAML: while parsing a flow node: did not find expected node content; a bracket or quote is open at the end of the file`, ""},
		"open bracket in a list":           {"providers: [a\n", `api.yaml:2:1: error: this is not valid YAML: while parsing a flow sequence that begins in line 1: did not find expected ',' or ']'; a bracket or quote is open at the end of the file`, ""},
		"variable in braces":               {"providers:\n  - {api: ${X}, provider: a}\n", `api.yaml:2:12: error: this is not valid YAML: while parsing a flow mapping: did not find expected ',' or '}'; put ${NAME} in quotes`, ""},
		"open quote":                       {"providers: \"a\n", `api.yaml:2:1: error: this is not valid YAML: while scanning a quoted scalar that begins in line 1: found unexpected end of stream; a bracket or quote is open at the end of the file`, ""},
		"colon in a value":                 {"providers: a: b\n", `api.yaml:1:13: error: this is not valid YAML: mapping values are not allowed in this context; put a value that has a colon and a space in it in quotes`, ""},
		"indented otherwise":               {"providers:\n  - provider: a\n api_keys: b\n", `api.yaml:3:2: error: this is not valid YAML: while parsing a block mapping that begins in line 1: did not find expected key; this line is not indented as those that it belongs to`, ""},
		"tab":                              {"providers:\n\t- provider: a\n", `api.yaml:2:1: error: this is not valid YAML: while scanning for the next token: found character that cannot start any token; indent with spaces, not with tabs`, ""},
		"at sign":                          {"providers:\n  - provider: @cf/x\n", `api.yaml:2:15: error: this is not valid YAML: while scanning for the next token: found character that cannot start any token; put the value in quotes`, ""},
		"unknown anchor":                   {"providers: *sk-secret-anchor\n", `api.yaml:1:12: error: this is not valid YAML: unknown anchor`, ""},
		"empty file":                       {"", `api.yaml:1:1: error: the file is empty`, ""},
		"only comments":                    {"# nothing\n", `api.yaml:1:1: error: the file is empty`, ""},
		"second document":                  {withProvider("") + "---\na: 1\n", `api.yaml:8:1: error: a second document begins here`, "---"},
		"a list":                           {"- a\n", `api.yaml:1:1: error: the file must be a mapping (key: value), not a list`, ""},
		"a text":                           {"<html>login</html>\n", `api.yaml:1:1: error: the file must be a mapping (key: value), not a text`, ""},
		"no api_keys":                      {"providers: []\n", `api.yaml:1:1: error: api_keys is missing`, ""},
		"empty api_keys":                   {"providers: []\napi_keys: []\n", `api.yaml:1:1: error: api_keys is missing`, ""},
		"bare client key":                  {"api_keys:\n  - sk-abcdefghijkl\n", `api.yaml:2:5: error: an entry of api_keys must be a mapping; write - api: before the key`, ""},
		"api_keys is a mapping":            {"api_keys:\n  api: sk-1\n", `api.yaml:2:3: error: api_keys must be a list; begin each entry with "- "`, ""},
		"key missing":                      {"api_keys:\n  - role: x\n", `api.yaml:2:5: error: this entry of api_keys has no key`, ""},
		"key twice":                        {withKey("  - api: sk-client\n"), `api.yaml:8:10: error: the key sk-…t is in api_keys twice, first in line 7`, "sk-…t"},
		"key with a space":                 {withKey("  - api: sk a\n"), `api.yaml:8:10: error: this key has a space in it`, ""},
		"yaml key twice":                   {withProvider("    api: k\n"), `api.yaml:6:5: error: "api" is written twice, first in line 4; remove one`, "api"},
		"bare provider":                    {"providers:\n  - openai\n", `api.yaml:2:5: error: a provider must be a mapping that begins with "- provider: NAME"`, ""},
		"provider without name":            {"providers:\n  - base_url: https://a.example\n", `api.yaml:2:5: error: this provider has no name`, ""},
		"provider named sk-":               {"providers:\n  - provider: sk-abcdefghijkl\n    base_url: https://a.example\n", `api.yaml:2:5: error: provider "sk-…jkl" has a name that begins with sk-`, "sk-…jkl"},
		"no base_url":                      {"providers:\n  - provider: a\n", `api.yaml:2:5: error: provider "a" has no base_url`, ""},
		"base_url without http":            {"providers:\n  - provider: a\n    base_url: api.a.example/v1\n", `api.yaml:3:15: error: base_url "api.a.example/v1" must begin with https://`, "api.a.example/v1"},
		"base_url of ftp":                  {"providers:\n  - provider: a\n    base_url: ftp://a.example\n", `api.yaml:3:15: error: base_url "ftp://a.example" must begin with https://`, "ftp://a.example"},
		"base_url without host":            {"providers:\n  - provider: a\n    base_url: https:///v1\n", `api.yaml:3:15: error: base_url "https:///v1" is no URL with a host`, "https:///v1"},
		"base_url is a list":               {"providers:\n  - provider: a\n    base_url: [x]\n", `api.yaml:3:15: error: base_url must be a text, not a list`, ""},
		"model is odd":                     {withProvider("    region: {a: b}\n"), `api.yaml:6:13: error: region must be a text, not a mapping`, ""},
		"alias is a list":                  {strings.Replace(withProvider(""), "[m]", "[{m: [a]}]", 1), `api.yaml:5:17: error: the alias of model "m" must be a text, not a list`, "m"},
		"half a service account":           {withProvider("    private_key: pem\n"), `api.yaml:6:18: error: provider "p" has private_key but no client_email`, "private_key"},
		"half an AWS key":                  {withProvider("    aws_secret_key: s\n"), `api.yaml:6:21: error: provider "p" has aws_secret_key but no aws_access_key`, "aws_secret_key"},
		"tools":                            {withProvider("    tools: maybe\n"), `api.yaml:6:12: error: tools must be true or false, not "maybe"`, "maybe"},
		"proxy":                            {withPreferences("  proxy: ftp://u:p@h:1\n"), `api.yaml:9:10: error: this proxy is no proxy URL`, ""},
		"header name":                      {withProvider("    preferences:\n      headers:\n        a b: c\n"), `api.yaml:8:9: error: "a b" is no header name`, "a b"},
		"header value":                     {withProvider("    preferences:\n      headers:\n        A: \"x\\ny\"\n"), `api.yaml:8:12: error: header "A" has a line break`, "A"},
		"schedule":                         {withKey("    preferences:\n      SCHEDULING_ALGORITHM: round-robin\n"), `api.yaml:9:29: error: SCHEDULING_ALGORITHM cannot be "round-robin": did you mean "round_robin"?`, "round-robin"},
		"schedule without likeness":        {withKey("    preferences:\n      SCHEDULING_ALGORITHM: fastest\n"), `api.yaml:9:29: error: SCHEDULING_ALGORITHM cannot be "fastest"; it is one of fixed_priority, round_robin`, "fastest"},
		"key schedule":                     {withProvider("    preferences:\n      api_key_schedule_algorithm: lottery\n"), `api.yaml:7:35: error: api_key_schedule_algorithm cannot be "lottery"; it is one of round_robin, random`, "lottery"},
		"rate limit":                       {withKey("    preferences:\n      rate_limit: 5/fortnight\n"), `api.yaml:9:19: error: rate_limit: "5/fortnight" is no rate limit; write`, "5/fortnight"},
		"one of two rate limits":           {withKey("    preferences:\n      rate_limit: {m: \"1/min, 2/eon\"}\n"), `api.yaml:9:23: error: rate_limit.m: "2/eon" is no rate limit`, "2/eon"},
		"bare rate limit":                  {withPreferences("  rate_limit: 60\n"), `api.yaml:9:15: error: rate_limit: "60" is no rate limit`, "60"},
		"first_token of no time":           {withPreferences("  timeout_policy: {default: {first_token: soon}}\n"), `api.yaml:9:43: error: first_token must be a number of seconds, such as 30, or adaptive, not "soon"`, "soon"},
		"timeout as text":                  {withPreferences("  model_timeout: {gpt: soon}\n"), `api.yaml:9:24: error: model_timeout.gpt must be a number of seconds, such as 30, not "soon"`, "soon"},
		"timeout of zero":                  {withPreferences("  model_timeout: 0\n"), `api.yaml:9:18: error: model_timeout must be more than 0 seconds`, "0"},
		"negative cooldown":                {withPreferences("  cooldown_period: -1\n"), `api.yaml:9:20: error: cooldown_period must be a number of seconds`, "-1"},
		"price":                            {withPreferences("  model_price: {gpt: 3}\n"), `api.yaml:9:22: error: model_price.gpt: "3" is no price`, "3"},
		"price too fine":                   {withPreferences("  model_price: {gpt: \"0.0000001,1\"}\n"), `api.yaml:9:22: error: model_price.gpt: "0.0000001,1" is no price`, "0.0000001,1"},
		"retries":                          {withKey("    preferences:\n      AUTO_RETRY: -2\n"), `api.yaml:9:19: error: AUTO_RETRY must be a whole number from 0 to 1000, not "-2"`, "-2"},
		"credits":                          {withKey("    preferences:\n      credits: lots\n"), `api.yaml:9:16: error: credits must be an amount of dollars such as 10 or 2.50, not negative and at most a billion, not "lots"`, "lots"},
		"price of an image":                {withPreferences("  model_price: {gpt: {per_image: {1x1 2x2: 1}}}\n"), `api.yaml:9:44: error: model_price.gpt: per_image has prices by size and quality`, "1x1 2x2"},
		"price_source of a strange scheme": {withPreferences("  price_source: ftp://a.example/prices.json\n"), `api.yaml:9:17: error: price_source must be an http or https address, or the path of a file`, ""},
		"price_source pinned by a word":    {withPreferences("  price_source: {file: prices.json, sha256: abc}\n"), `api.yaml:9:17: error: price_source: sha256 must be the 64 hexadecimal digits that sha256sum prints of the list`, ""},
		"price_source of two":              {withPreferences("  price_source: {file: a, url: https://a.example}\n"), `api.yaml:9:17: error: price_source must name a list of prices by url or by file`, ""},
		"unpriced_media":                   {withPreferences("  unpriced_media: cheap\n"), `api.yaml:9:19: error: unpriced_media must be refuse, free or the dollars that a request costs, such as 0.05, not "cheap"`, "cheap"},
		"renews":                           {withKey("    preferences:\n      renews: weekly\n"), `api.yaml:9:15: error: renews must be monthly or monthly @ Europe/Berlin, not "weekly"`, "weekly"},
		"renews zone":                      {withKey("    preferences:\n      renews: monthly @ Mars\n"), `api.yaml:9:15: error: renews: behind @ goes a time zone such as Europe/Berlin or UTC, not "Mars"`, "monthly @ Mars"},
		"expires_at":                       {withKey("    preferences:\n      expires_at: tomorrow\n"), `api.yaml:9:19: error: expires_at must be a date`, "tomorrow"},
		"expires_at zone":                  {withKey("    preferences:\n      expires_at: 2030-01-01 @ Mars\n"), `api.yaml:9:19: error: expires_at: behind @ goes a time zone such as Europe/Berlin or UTC, not "Mars"`, "2030-01-01 @ Mars"},
		"expires_at empty":                 {withKey("    preferences:\n      expires_at:\n"), `api.yaml:9:18: error: expires_at has no value; give it one, or remove it`, ""},
		"allow_ips":                        {withKey("    preferences:\n      allow_ips: office\n"), `api.yaml:9:18: error: allow_ips: "office" is neither an address such as 192.0.2.7 nor a range`, "office"},
		"allow_ips in a range":             {withKey("    preferences:\n      allow_ips: 10.1.2.3/8\n"), `api.yaml:9:18: error: allow_ips: "10.1.2.3/8" is an address in a range; write 10.0.0.0/8 for the range, or 10.1.2.3 for the address`, "10.1.2.3/8"},
		"allow_ips mapped":                 {withKey("    preferences:\n      allow_ips: \"::ffff:10.0.0.0/104\"\n"), `api.yaml:9:18: error: allow_ips: "::ffff:10.0.0.0/104" is a range of IPv4 addresses in the form of IPv6; write it as one of IPv4`, "::ffff:10.0.0.0/104"},
		"allow_ips empty":                  {withKey("    preferences:\n      allow_ips: []\n"), `api.yaml:9:18: error: allow_ips is empty: nobody could use the key`, ""},
		"disabled":                         {withKey("    preferences:\n      disabled: perhaps\n"), `api.yaml:9:17: error: disabled must be true or false`, "perhaps"},
		"created_at":                       {withKey("    preferences:\n      created_at: yesterday\n"), `api.yaml:9:19: error: created_at must be a date`, "yesterday"},
		"size":                             {withProvider("    preferences:\n      max_request_body_bytes: 20XB\n"), `api.yaml:7:31: error: max_request_body_bytes must be a size`, "20XB"},
		"hedging":                          {withPreferences("  hedging: {max_inflight_attempts: 9}\n"), `api.yaml:9:36: error: max_inflight_attempts must be a whole number from 1 to 4, not "9"`, "9"},
		"request type":                     {withProvider("    only_request_types: compation\n"), `api.yaml:6:25: error: only_request_types cannot be "compation": did you mean "compaction"?`, "compation"},
		"overrides":                        {withProvider("    preferences:\n      post_body_parameter_overrides: [a]\n"), `api.yaml:7:38: error: post_body_parameter_overrides must be a mapping (field: value), not a list`, ""},
		"override no JSON has":             {withProvider("    preferences:\n      post_body_parameter_overrides: {a: .inf}\n"), `api.yaml:7:42: error: post_body_parameter_overrides: JSON has no number ".inf"`, ".inf"},
		"removal without path":             {withProvider("    preferences:\n      post_body_parameter_overrides: {__remove__: [{where: x}]}\n"), `api.yaml:7:52: error: an item of __remove__ has no path`, ""},
		"incomplete rule":                  {withKey("    model: [p/]\n"), `api.yaml:8:13: error: rule "p/" is incomplete`, "p/"},
		"merge of a text":                  {withProvider("    <<: text\n"), `api.yaml:6:9: error: << must name a mapping`, "<<"},
	} {
		t.Run(name, func(t *testing.T) {
			got, refused := problemsOf(t, test.text, noEnv)
			if !refused {
				t.Fatalf("accepted; warnings:\n%v", got)
			}
			for _, p := range got {
				if strings.HasPrefix(p.String(), test.want) {
					if p.Word != test.word {
						t.Errorf("word %q, want %q", p.Word, test.word)
					}
					return
				}
			}
			t.Errorf("got:\n%v\nwant: %s", got, test.want)
		})
	}
}

func TestWarningsNameThePlaceAndTheWord(t *testing.T) {
	for name, test := range map[string]struct {
		text, want, word string
	}{
		"unknown key at the top":         {withProvider("") + "preference: {}\n", `api.yaml:8:1: warning: unknown key "preference" in the file: did you mean "preferences"?`, "preference"},
		"unknown key in a provider":      {withProvider("    modle: [x]\n"), `api.yaml:6:5: warning: unknown key "modle" in a provider: did you mean "model"?`, "modle"},
		"unknown key in preferences":     {withProvider("    preferences:\n      coldown_period: 3\n"), `api.yaml:7:7: warning: unknown key "coldown_period" in the preferences of a provider: did you mean "cooldown_period"?`, "coldown_period"},
		"unknown key of a client key":    {withKey("    rol: x\n"), `api.yaml:8:5: warning: unknown key "rol" in an entry of api_keys: did you mean "role"?`, "rol"},
		"key in the wrong case":          {withKey("    preferences:\n      auto_retry: true\n"), `api.yaml:9:7: warning: unknown key "auto_retry" in preferences: did you mean "AUTO_RETRY"?`, "auto_retry"},
		"key of the preferences":         {withProvider("    isolate_keys: true\n"), `api.yaml:6:5: error: unknown key "isolate_keys" in a provider: it belongs in the preferences of the file, or in the preferences of a provider`, "isolate_keys"},
		"key of another's preferences":   {withKey("    preferences: {headers: {a: b}}\n"), `api.yaml:8:19: error: unknown key "headers" in preferences: it belongs in the preferences of a provider`, "headers"},
		"key that is a flag":             {withProvider("") + "preferences: {request_memory: 1GB}\n", `api.yaml:8:15: warning: unknown key "request_memory" in preferences: it is a flag, --request-memory of uni-api serve`, "request_memory"},
		"key like no other":              {withProvider("") + "zebra: 1\n", `api.yaml:8:1: warning: unknown key "zebra" in the file`, "zebra"},
		"unknown condition":              {withProvider("    exclude_request_rules: {match: {endpoint: y, endpont: x}}\n"), `api.yaml:6:50: warning: unknown key "endpont" in match: did you mean "endpoint"?`, "endpont"},
		"exclusion of nothing":           {withProvider("    exclude_request_rules: [{reason: x}]\n"), `api.yaml:6:29: warning: this rule of exclude_request_rules has no conditions`, ""},
		"timeout rule without timeout":   {withPreferences("  timeout_policy: {rules: [{match: {model: x}}]}\n"), `api.yaml:9:28: warning: this rule of timeout_policy sets no timeout`, ""},
		"provider written twice":         {strings.Replace(withProvider(""), "api_keys", "  - provider: p\n    base_url: http://b.example\napi_keys", 1), `api.yaml:6:5: warning: provider "p" is written twice, first in line 2`, "p"},
		"provider with a slash":          {strings.Replace(withProvider(""), "provider: p", "provider: p/q", 1), `api.yaml:2:5: warning: provider "p/q" has a slash in its name`, "p/q"},
		"upstream key twice":             {strings.Replace(withProvider(""), "upstream-key", "[upstream-key, upstream-key]", 1), `api.yaml:4:10: warning: provider "p" has the key …key twice`, "…key"},
		"model with a colon too many":    {strings.Replace(withProvider(""), "[m]", "[{m: }]", 1), `api.yaml:5:14: warning: model "m" has a colon and no alias`, "m"},
		"empty item":                     {strings.Replace(withProvider(""), "[m]", "\n      - m\n      -", 1), `api.yaml:7:8: warning: model has an empty item`, ""},
		"no providers":                   {"api_keys:\n  - api: sk-1\n", `api.yaml:1:1: warning: providers is missing or empty`, ""},
		"a key of search":                {withProvider("    preferences: {search_defaults: {topic: general}}\n"), `api.yaml:6:36: warning: search_defaults changes nothing: provider p does not search`, "search_defaults"},
		"a key of video":                 {withProvider("    preferences: {access_key: a-key-of-video}\n"), `api.yaml:6:31: warning: access_key changes nothing: there are no video tasks here`, "access_key"},
		"video":                          {withProvider("") + "video_providers: []\n", `api.yaml:8:18: warning: video_providers is not supported`, "video_providers"},
		"rule of no provider":            {withKey("    model: [pp/*]\n"), `api.yaml:8:13: warning: rule "pp/*" names nothing that exists: there is no provider "pp": did you mean "p"?`, "pp/*"},
		"rule of no model":               {withKey("    model: [gpt-4o]\n"), `api.yaml:8:13: warning: rule "gpt-4o" names nothing that exists: no provider has this model`, "gpt-4o"},
		"rule of no model of a provider": {withKey("    model: [p/mm]\n"), `api.yaml:8:13: warning: rule "p/mm" names nothing that exists: provider "p" has no such model: did you mean "m"?`, "p/mm"},
		"model with a slash":             {strings.Replace(withKey("    model: [a/b]\n"), "[m]", "[a/b]", 1), `api.yaml:8:13: warning: rule "a/b" names nothing that exists: to name a model with a slash write <a/b>`, "a/b"},
		"star":                           {withKey("    model: ['*']\n"), `api.yaml:8:13: warning: rule "*" names nothing that exists: write all`, "*"},
		"rule of an unknown key":         {withKey("    model: [sk-nobody/*]\n"), `api.yaml:8:13: warning: rule "sk-…y/*" names nothing that exists: this key is not in api_keys`, "sk-…y/*"},
		"model its key may not use":      {withKey("    model: [sk-other/x]\n  - api: sk-other\n"), `api.yaml:8:13: warning: rule "sk-…r/x" names nothing that exists: the key it names may not use this model`, "sk-…r/x"},
		"rule of its own key":            {withKey("    model: [sk-client/*, all]\n"), `api.yaml:8:13: warning: rule "sk-…t/*" names the key it belongs to; it is ignored`, "sk-…t/*"},
		"weight of a bare model":         {withKey("    model: [{m: 3}]\n"), `api.yaml:8:14: warning: the weight of rule "m" is ignored`, "m"},
		"weight of zero":                 {withKey("    model: [{p/m: 0}]\n"), `api.yaml:8:19: warning: the weight of p/m must be 1 or more; it is ignored`, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			got, refused := problemsOf(t, test.text, noEnv)
			if refused {
				t.Fatalf("refused:\n%v", got)
			}
			if len(got) != 1 || !strings.HasPrefix(got[0].String(), test.want) || got[0].Word != test.word {
				t.Errorf("got (word %q):\n%v\nwant: %s", wordOf(got), got, test.want)
			}
		})
	}
}

func wordOf(p Problems) string {
	if len(p) == 0 {
		return ""
	}
	return p[0].Word
}

func TestAllProblemsAreReportedAtOnceInOrder(t *testing.T) {
	got, refused := problemsOf(t, `providers:
  - provider: a
    base_ulr: https://a.example
  - provider: b
    base_url: nonsense
    tools: perhaps
api_keys:
  - api: sk-1
    preferences:
      rate_limit: 1/eon
      AUTO_RETRY: never
prefrences: {}
`, noEnv)
	if !refused {
		t.Fatal("accepted")
	}
	want := []string{"api.yaml:2:5: ", "api.yaml:3:5: ", "api.yaml:5:15: ", "api.yaml:6:12: ", "api.yaml:10:19: ", "api.yaml:11:19: ", "api.yaml:12:1: "}
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(got), len(want), got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i].String(), want[i]) {
			t.Errorf("problem %d: %v, want %s", i, got[i], want[i])
		}
	}
}

func TestKeysThatNameEachOtherAreRefused(t *testing.T) {
	for name, rules := range map[string][3]string{
		"two":                     {"[sk-bbbbbbbb/*]", "[sk-aaaaaaaa/*]", "[all]"},
		"three":                   {"[sk-bbbbbbbb/*]", "[sk-cccccccc/m]", "[sk-aaaaaaaa/m]"},
		"with other rules before": {"[p/*, sk-cccccccc/*]", "[all]", "[m, sk-aaaaaaaa/*]"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(withProvider(""), "sk-client", "sk-client\n  - api: sk-aaaaaaaa\n    model: "+rules[0]+
				"\n  - api: sk-bbbbbbbb\n    model: "+rules[1]+"\n  - api: sk-cccccccc\n    model: "+rules[2], 1)
			got, refused := problemsOf(t, text, noEnv)
			if !refused || len(got) != 1 || !strings.Contains(got[0].Message, "lead back to where they began: sk-…aa (line 8) → sk-…") {
				t.Errorf("refused: %v, got:\n%v", refused, got)
			}
		})
	}
	parse(t, withKey("    model: [sk-a/*, sk-b/*]\n  - api: sk-a\n    model: [sk-b/m]\n  - api: sk-b\n")) // a diamond is no ring
}

func TestNoProblemShowsASecret(t *testing.T) {
	const secret = "s3cret-0123456789-abcdefghijkl"
	for name, text := range map[string]string{
		"base_url with a password":    "providers:\n  - provider: a\n    base_url: htp://user:" + secret + "@a.example\n",
		"base_url with a query":       "providers:\n  - provider: a\n    base_url: htp://a.example?key=" + secret + "\n",
		"proxy":                       withPreferences("  proxy: ftp://u:" + secret + "@h:1\n"),
		"key under the wrong name":    withProvider("    aws_access_key: " + secret + "\n    tools: " + secret + "\n"),
		"key as a YAML key":           withProvider("    sk-" + secret + ": x\n"),
		"provider named like a key":   "providers:\n  - provider: sk-" + secret + "\n",
		"client key twice":            withKey("  - api: " + secret + "\n  - api: " + secret + "\n"),
		"client key as a schedule":    withKey("  - api: " + secret + "\n    preferences: {SCHEDULING_ALGORITHM: " + secret + "}\n"),
		"rule of a client key":        withKey("    model: [sk-" + secret + "/x]\n"),
		"upstream key twice":          withProvider("    model: {" + secret + ": }\n    private_key: " + secret + "\n"),
		"from the environment":        withProvider("    tools: ${SECRET}\n"),
		"value with quotes":           withProvider("    private_key: 'a\"" + secret + "'\n    tools: 'a\"" + secret + "'\n"),
		"long value, cut in messages": withProvider("    private_key: " + strings.Repeat(secret, 4) + "\n    tools: " + strings.Repeat(secret, 4) + "\n"),
		"syntax":                      "api: " + secret + ": x\n",
		"anchor":                      "api: *" + secret + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := problemsOf(t, text, env("SECRET", secret))
			if len(got) == 0 {
				t.Fatal("no problem")
			}
			for _, p := range got {
				if strings.Contains(p.String()+p.Word, secret[:len(secret)/2]) {
					t.Errorf("%v (word %q)", p, p.Word)
				}
			}
		})
	}
}

// TestNearestLooksThroughNoMoreThanIsWorthIt has a list in which everything is compared with everything: what is at its
// end is not found, and what is at its beginning is.
func TestNearestLooksThroughNoMoreThanIsWorthIt(t *testing.T) {
	word := strings.Repeat("ab", 30)
	near, other := word[:59]+"x", strings.Repeat("cd", 30)
	long := slices.Repeat([]string{other}, mostCompared/len(word)/len(word))
	if got := nearest(word, append([]string{near}, long...)); got != near {
		t.Errorf("got %q", got)
	}
	if got := nearest(word, append(long, near)); got != "" {
		t.Errorf("got %q behind %d others", got, len(long))
	}
	if got := nearest("gpt4-o", append(slices.Repeat([]string{"a-model-with-a-much-longer-name"}, 10_000), "gpt-4o")); got != "gpt-4o" {
		t.Errorf("names that are not compared count: got %q", got)
	}
}

func TestNearestKnowsMisspellings(t *testing.T) {
	known := keysOf(providerFields)
	for word, want := range map[string]string{
		"base_ulr": "base_url", "baseurl": "base_url", "models": "model", "Provider": "provider", "project-id": "project_id",
		"ap": "api", "xy": "", "something_else": "", "": "", strings.Repeat("a", 1000): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
