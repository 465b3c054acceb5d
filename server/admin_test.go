package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

// admin asks as an admin.
func (g *gateway) admin(method, path, body string) answer {
	g.t.Helper()
	return g.do(method, path, body, "Authorization", "Bearer "+adminKeyText)
}

// startPaid has served one request of the client.
func startPaid(t *testing.T, credits string) *gateway {
	t.Helper()
	g := start(t, providerOf("p", listen(t, both)), paidKeys(credits), bookPrices)
	if a := g.chat(plainRequest); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	g.settled(1)
	return g
}

func TestWhoMayAdministrate(t *testing.T) {
	g := startPaid(t, "10")
	for _, test := range []struct {
		method, path string
		admin        int // the status for an admin
		anyKey       bool
	}{
		{"GET", "/v1/stats", 200, false}, {"GET", "/v1/api_keys_states", 200, false}, {"GET", "/v1/credit_history?paid_key=" + clientKeyText, 200, false}, {"GET", "/v1/generate-api-key", 200, false},
		{"GET", "/v1/api_config", 200, false}, {"GET", "/v1/api_config?reveal=true", 200, false}, {"POST", "/v1/api_config/update", 409, false},
		{"POST", "/v1/add_credits?paid_key=" + clientKeyText + "&amount=1", 200, false},
		{"GET", "/v1/channel_key_rankings?provider_name=p", 200, false}, {"GET", "/metrics", 200, false},
		{"GET", "/v1/token_usage", 200, true},
		{"GET", "/dashboard/billing/subscription", 200, true}, {"GET", "/v1/dashboard/billing/subscription", 200, true},
		{"GET", "/dashboard/billing/usage", 200, true}, {"GET", "/v1/dashboard/billing/usage", 200, true},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			g.do(test.method, test.path, "").failure(t, 401, "invalid_api_key")
			g.do(test.method, test.path, "", "Authorization", "Bearer "+otherKeyText).failure(t, 401, "invalid_api_key")
			if a := g.do(test.method, test.path, "", asClient...); test.anyKey && a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			} else if !test.anyKey {
				a.failure(t, 403, "admin_required")
			}
			if a := g.admin(test.method, test.path, "{}"); a.StatusCode != test.admin {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	only := start(t, providerOf("p", listen(t, both)))
	if a := only.do("GET", "/v1/stats", "", asClient...); a.StatusCode != 200 {
		t.Errorf("the only key: %d %s", a.StatusCode, a.body)
	}
}

func TestParametersThatMakeNoSenseAreRefused(t *testing.T) {
	g := startPaid(t, "10")
	const credit = "/v1/add_credits?paid_key=" + clientKeyText
	for _, test := range []struct {
		method, path string
		status       int
		code, names  string // what the message names
	}{
		{"GET", "/v1/stats?hours=0", 400, "bad_query", "hours"},
		{"GET", "/v1/stats?hours=-1", 400, "bad_query", "hours"},
		{"GET", "/v1/stats?hours=721", 400, "bad_query", "720"},
		{"GET", "/v1/stats?hours=1.5", 400, "bad_query", "hours"},
		{"GET", "/v1/stats?hours=day", 400, "bad_query", "hours"},
		{"GET", "/v1/token_usage?last_n_days=0", 400, "bad_query", "last_n_days"},
		{"GET", "/v1/token_usage?last_n_days=-3", 400, "bad_query", "last_n_days"},
		{"GET", "/v1/token_usage?last_n_days=x", 400, "bad_query", "last_n_days"},
		{"GET", "/v1/token_usage?last_n_days=1&start_datetime=2026-01-01", 400, "bad_query", "last_n_days"},
		{"GET", "/v1/token_usage?last_n_days=1&end_datetime=2026-01-01", 400, "bad_query", "last_n_days"},
		{"GET", "/v1/token_usage?start_datetime=2026-02-01&end_datetime=2026-01-01", 400, "bad_query", "end_datetime"},
		{"GET", "/v1/token_usage?start_datetime=2999-01-01", 400, "bad_query", "end_datetime"},
		{"GET", "/v1/token_usage?start_datetime=yesterday", 400, "bad_query", "yesterday"},
		{"GET", "/v1/token_usage?end_datetime=2026-13-01", 400, "bad_query", "2026-13-01"},
		{"GET", "/v1/token_usage?end_datetime=NaN", 400, "bad_query", "NaN"},
		{"GET", "/v1/channel_key_rankings", 400, "bad_query", "provider_name"},
		{"GET", "/v1/credit_history?paid_key=" + otherKeyText, 404, "key_not_found", "paid_key"},
		{"GET", "/v1/channel_key_rankings?provider_name=p&last_n_days=0", 400, "bad_query", "last_n_days"},
		{"POST", credit, 400, "bad_query", "amount"},
		{"POST", credit + "&amount=0", 400, "bad_query", "amount"},
		{"POST", credit + "&amount=-5", 409, "too_much_taken_back", "0 dollars were added"},
		{"POST", credit + "&amount=-2e9", 400, "bad_query", "amount"},
		{"POST", credit + "&amount=1&note=" + strings.Repeat("n", 500+1), 400, "bad_query", "note"},
		{"POST", credit + "&amount=NaN", 400, "bad_query", "amount"},
		{"POST", credit + "&amount=Inf", 400, "bad_query", "amount"},
		{"POST", credit + "&amount=1e300", 400, "bad_query", "amount"},
		{"POST", credit + "&amount=1e-12", 400, "bad_query", "amount"},
		{"POST", "/v1/add_credits?amount=1&paid_key=" + otherKeyText, 404, "key_not_found", "paid_key"},
		{"POST", "/v1/add_credits?amount=1", 404, "key_not_found", "paid_key"},
	} {
		t.Run(test.path, func(t *testing.T) {
			if message := g.admin(test.method, test.path, "").failure(t, test.status, test.code); !strings.Contains(message, test.names) || strings.Contains(message, otherKeyText) {
				t.Error(message)
			}
		})
	}
	if state, _ := g.books.State(clientKeyText); state.Added != 0 {
		t.Errorf("%v dollars were added", state.Added)
	}
	for _, query := range []string{
		"last_n_days=1", "last_n_days=999999999", "start_datetime=2020-01-01", "start_datetime=2020-01-01T00:00:00Z", "start_datetime=2020-01-01T00:00:00%2B02:00",
		"start_datetime=2020-01-01T00:00:00", "start_datetime=0", "start_datetime=1577836800.5", "",
	} {
		var usage struct{ Usage []any }
		if g.admin("GET", "/v1/token_usage?"+query, "").into(t, &usage); len(usage.Usage) != 1 {
			t.Errorf("%s: %v", query, usage.Usage)
		}
	}
}

func TestKeySeesOnlyItsOwnUsage(t *testing.T) {
	g := startPaid(t, "10")
	g.admin("POST", "/v1/chat/completions", plainRequest)
	g.settled(2)
	client, admin := clientKeyText[:7]+"..."+"klmn", adminKeyText[:7]+"..."+"mnop"
	for _, test := range []struct {
		name, key, query string
		sees             []string
		filter           string
	}{
		{"a client", clientKeyText, "", []string{client}, "self"},
		{"a client that names itself", clientKeyText, "api_key_param=" + clientKeyText, []string{client}, "self"},
		{"a client with an empty name", clientKeyText, "api_key_param=", []string{client}, "self"},
		{"a client of another model", clientKeyText, "model=x", nil, "self"},
		{"an admin", adminKeyText, "", []string{client, admin}, "all"},
		{"an admin that names a client", adminKeyText, "api_key_param=" + clientKeyText, []string{client}, config.Mask(clientKeyText)},
		{"an admin that names nobody", adminKeyText, "api_key_param=sk-nobody", nil, config.Mask("sk-nobody")},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := g.do("GET", "/v1/token_usage?"+test.query, "", "Authorization", "Bearer "+test.key)
			var got struct {
				Usage []struct {
					Key      string `json:"api_key_prefix"`
					Model    string
					Prompt   int64 `json:"total_prompt_tokens"`
					Output   int64 `json:"total_completion_tokens"`
					Total    int64 `json:"total_tokens"`
					Requests int64 `json:"request_count"`
				}
				Details map[string]any `json:"query_details"`
			}
			a.into(t, &got)
			var sees []string
			for _, u := range got.Usage {
				sees = append(sees, u.Key)
				if u.Model != "m" || u.Prompt != 11 || u.Output != 7 || u.Total != 18 || u.Requests != 1 {
					t.Errorf("%+v", u)
				}
			}
			slices.Sort(sees)
			slices.Sort(test.sees)
			if !slices.Equal(sees, test.sees) || got.Details["api_key_filter"] != test.filter {
				t.Errorf("%v %v", sees, got.Details)
			}
			if strings.Contains(a.body, clientKeyText) || strings.Contains(a.body, adminKeyText) {
				t.Errorf("a key is shown: %s", a.body)
			}
			for _, moment := range []string{"start_datetime", "end_datetime"} {
				if text, _ := got.Details[moment].(string); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(text) {
					t.Errorf("%s is %q", moment, text)
				}
			}
			if slices.Equal(sees, []string{client}) && (got.Details["credits"] != "$10.00" || got.Details["total_cost"] != "$0.025" && got.Details["total_cost"] != "$0.022" || got.Details["balance"] == nil) {
				t.Errorf("%v", got.Details)
			}
		})
	}
	g.do("GET", "/v1/token_usage?api_key_param="+adminKeyText, "", asClient...).failure(t, 403, "admin_required")
}

func TestStatisticsStatesAndRankingsHaveUniAPIsShape(t *testing.T) {
	g := startPaid(t, "10")
	for path, want := range map[string]string{
		"/v1/stats": `^\{"time_range":"Last 24 hours","channel_model_success_rates":\[\{"provider":"p","model":"m","success_rate":1,"total_requests":1\}\],` +
			`"channel_success_rates":\[\{"provider":"p","success_rate":1,"total_requests":1\}\],"model_request_counts":\[\{"model":"m","count":1\}\],` +
			`"endpoint_request_counts":\[\{"endpoint":"POST /v1/chat/completions","count":1\}\],"ip_request_counts":\[\{"ip":"127.0.0.1","count":1\}\]\}\s*$`,
		"/v1/api_keys_states":                       `"sk-clie\.\.\.klmn":\{"alias":"payer","credits":10,"added_credits":0,"created_at":"\d{4}-[^"]*","all_tokens_info":\[\{[^]]*\}\],"total_cost":0\.02\d*,"enabled":true\}`,
		"/v1/channel_key_rankings?provider_name=p":  `"rankings":\[\{"api_key":"sk-…wxyz","success_count":1,"total_requests":1,"success_rate":1\}\]`,
		"/v1/channel_key_rankings?provider_name=no": `"rankings":\[\]`,
		"/v1/generate-api-key":                      `^\{"api_key":"sk-[A-Za-z0-9]{48}"\}\s*$`,
	} {
		a := g.admin("GET", path, "")
		if a.StatusCode != 200 || !regexp.MustCompile(want).MatchString(a.body) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestChatUIsAreToldWhatIsLeft(t *testing.T) {
	g := startPaid(t, "10")
	type subscription struct {
		Object string
		Soft   float64 `json:"soft_limit_usd"`
		Hard   float64 `json:"hard_limit_usd"`
		System float64 `json:"system_hard_limit_usd"`
	}
	check := func(key string, limit, least, most float64) {
		t.Helper()
		for _, base := range []string{"/dashboard/billing", "/v1/dashboard/billing"} {
			var s subscription
			g.do("GET", base+"/subscription", "", "Authorization", "Bearer "+key).into(t, &s)
			if s != (subscription{"billing_subscription", limit, limit, limit}) {
				t.Errorf("%+v", s)
			}
			var u struct {
				Object string
				Total  float64 `json:"total_usage"` // cents
			}
			g.do("GET", base+"/usage?start_date=2026-01-01&end_date=2026-02-01", "", "Authorization", "Bearer "+key).into(t, &u)
			if u.Object != "list" || u.Total < least || u.Total > most {
				t.Errorf("%+v", u)
			}
		}
	}
	check(clientKeyText, 10, 2, 3)
	check(adminKeyText, 1e8, 0, 0)
	a := g.admin("POST", "/v1/add_credits?amount=2.5&paid_key="+clientKeyText, "")
	var added struct {
		Message string
		Key     string  `json:"paid_key"`
		Credits float64 `json:"new_credits"`
		Enabled bool
	}
	if a.into(t, &added); added.Credits != 12.5 || !added.Enabled || added.Key != config.Mask(clientKeyText) || added.Message != "Credits added successfully" {
		t.Errorf("%s", a.body)
	}
	check(clientKeyText, 12.5, 2, 3)
}

// A thousand in the place of ten is taken back, and who did what is kept.
func TestCreditsThatWereAddedCanBeTakenBack(t *testing.T) {
	g := startPaid(t, "10")
	change := func(amount, note string) answer {
		return g.admin("POST", "/v1/add_credits?paid_key="+clientKeyText+"&amount="+amount+"&note="+note, "")
	}
	for _, step := range []struct {
		amount, note string
		credits      string
	}{{"1000", "a%20gift", `"new_credits":1010`}, {"-990", "ten%20were%20meant", `"new_credits":20`}, {"-10", "", `"new_credits":10`}} {
		if a := change(step.amount, step.note); a.StatusCode != 200 || !strings.Contains(a.body, step.credits) {
			t.Errorf("%s: %d %s", step.amount, a.StatusCode, a.body)
		}
	}
	change("-0.01", "").failure(t, 409, "too_much_taken_back")
	a := g.admin("GET", "/v1/credit_history?paid_key="+clientKeyText, "")
	var history struct {
		List []struct {
			At       time.Time
			Dollars  float64
			Added    float64 `json:"added_in_all"`
			By, Note string
		} `json:"credit_history"`
	}
	a.into(t, &history)
	var got []string
	for _, c := range history.List {
		got = append(got, fmt.Sprint(c.Dollars, " ", c.Added, " ", c.Note))
		if c.By == "" || time.Since(c.At).Abs() > time.Hour {
			t.Errorf("%+v", c)
		}
	}
	if want := []string{"1000 1000 a gift", "-990 10 ten were meant", "-10 0 "}; !slices.Equal(got, want) || strings.Contains(a.body, clientKeyText) {
		t.Errorf("%q: %s", got, a.body)
	}
}

func TestConfigurationIsShownWithoutItsSecrets(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up,
		"    api: [CANARY-api-0123456789, sk-CANARY-second-0123456789]\n",
		"    preferences:\n      headers: {X-Secret: CANARY-header-0123456789}\n      proxy: http://user:CANARY-proxy-0123456789@127.0.0.1:1\n"),
		"  - provider: cloud\n    base_url: https://bedrock-runtime.us-east-1.amazonaws.com\n    aws_access_key: CANARY-access-0123456789\n    aws_secret_key: CANARY-secret-0123456789\n    model: [claude]\n",
		"api_keys:\n  - api: "+adminKeyText+"\n    role: admin\n  - api: sk-CANARY-client-0123456789abcd\n    model: [p/*]\n")
	a := g.admin("GET", "/v1/api_config", "")
	if a.StatusCode != 200 || strings.Contains(a.body, "CANARY") || strings.Contains(a.body, adminKeyText) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if !strings.Contains(a.body, up.addr) || !strings.Contains(a.body, `"provider":"cloud"`) {
		t.Errorf("too much is masked: %s", a.body)
	}
	for _, reveal := range []string{"1", "false", "TRUE"} {
		if a := g.admin("GET", "/v1/api_config?reveal="+reveal, ""); strings.Contains(a.body, "CANARY") {
			t.Errorf("reveal=%s shows %s", reveal, a.body)
		}
	}
	a = g.admin("GET", "/v1/api_config?reveal=true", "")
	if n := strings.Count(a.body, "CANARY"); n != 7 {
		t.Errorf("%d of 7 secrets are shown: %s", n, a.body)
	}
	if g.log.Count("the configuration was shown with its secrets") != 1 || strings.Contains(g.log.String(), "CANARY") {
		t.Errorf("the log is\n%s", g.log)
	}
}

func TestProvidersAreReplacedInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.yaml")
	const file = "# mine\nproviders:\n  - provider: p\n    base_url: http://127.0.0.1:1/v1/chat/completions\n    api: k-0123456789\napi_keys:\n  - api: " + adminKeyText + " # me\n    role: admin\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	source := config.Source{Path: path, Getenv: func(string) string { return "" }}
	g := startWith(t, Options{Update: source.Update}, providerOf("p", listen(t, both)), "api_keys:\n  - api: "+adminKeyText+"\n    role: admin\n")
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"no JSON":              {"{", 400},
		"text behind it":       {`{"preferences":{}} x`, 400},
		"a list":               {`[{"preferences":{}}]`, 400},
		"a member twice":       {`{"preferences":{},"preferences":{}}`, 400},
		"half a letter":        {`{"preferences":{"error_triggers":["\ud83d"]}}`, 400},
		"no object":            {"[]", 400},
		"nothing":              {"{}", 400},
		"another key":          {`{"listen":1}`, 400},
		"a masked key":         {`{"providers":[{"provider":"n","base_url":"http://127.0.0.1:2/v1","api":"sk-…wxyz"}]}`, 400},
		"no providers":         {`{"providers":[ ]}`, 422},
		"null for providers":   {`{"providers":null,"preferences":{}}`, 422},
		"an object":            {`{"providers":{}}`, 422},
		"no keys":              {`{"api_keys":[]}`, 422},
		"another's key":        {`{"api_keys":[{"api":"` + clientKeyText + `","role":"admin"}]}`, 409},
		"no more an admin":     {`{"api_keys":[{"api":"` + adminKeyText + `"},{"api":"` + clientKeyText + `"}]}`, 409},
		"a provider without a": {`{"providers":[{"provider":"n","api":"CANARY-0123456789"}]}`, 422},
	} {
		message := g.admin("POST", "/v1/api_config/update", test.body).failure(t, test.status, "")
		if text, err := os.ReadFile(path); err != nil || string(text) != file || strings.Contains(message, "CANARY") {
			t.Errorf("%s: %s\n%s %v", name, message, text, err)
		}
	}
	a := g.admin("POST", "/v1/api_config/update", `{"providers":[{"provider":"n","base_url":"http://127.0.0.1:2/v1/chat/completions","api":"CANARY-0123456789"}]}`)
	var told struct {
		Message  string
		Warnings []string
	}
	if a.into(t, &told); told.Message != "API config updated" {
		t.Error(a.body)
	}
	a = g.admin("POST", "/v1/api_config/update", `{"providers":[{"provider":"n","base_url":"http://127.0.0.1:2/v1/chat/completions","api":"CANARY-0123456789","preferences":{"isolate_key":true}}]}`)
	if a.into(t, &told); len(told.Warnings) == 0 || !strings.Contains(told.Warnings[0], `"isolate_key"`) || strings.Contains(a.body, "CANARY") {
		t.Error(a.body)
	}
	if a := g.admin("POST", "/v1/api_config/update", `{"preferences":{"cooldown_period":3}}`); a.StatusCode != 200 { // providers left out is none of them emptied
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "# mine\nproviders:\n") || !strings.Contains(string(text), "CANARY") || !strings.Contains(string(text), "# me\n") || strings.Contains(string(text), "k-0123456789\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if strings.Contains(g.log.String(), "CANARY") {
		t.Errorf("a key is in the log:\n%s", g.log)
	}
}

func TestAdminKeyIsReplacedInTwoSteps(t *testing.T) {
	const fresh = "sk-fresh-0123456789abcdefghijklm"
	entry := func(key string) string { return `{"api":"` + key + `","role":"admin"}` }
	path, up := filepath.Join(t.TempDir(), "api.yaml"), listen(t, both)
	section := "api_keys:\n  - api: " + adminKeyText + "\n    role: admin\n"
	if err := os.WriteFile(path, []byte("providers:\n"+providerOf("p", up)+section), 0o600); err != nil {
		t.Fatal(err)
	}
	source := config.Source{Path: path, Getenv: func(string) string { return "" }}
	g := startWith(t, Options{Update: source.Update}, providerOf("p", up), section)
	update := func(key, keys string) answer {
		return g.do("POST", "/v1/api_config/update", `{"api_keys":[`+keys+`]}`, "Authorization", "Bearer "+key)
	}
	if message := update(adminKeyText, entry(fresh)).failure(t, 409, "locked_out"); !strings.Contains(message, "add the new admin key first") {
		t.Errorf("told %q", message)
	}
	for _, step := range []struct{ key, keys string }{{adminKeyText, entry(adminKeyText) + "," + entry(fresh)}, {fresh, entry(fresh)}} {
		if a := update(step.key, step.keys); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		cfg, err := source.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g.Apply(cfg)
	}
	if a := g.do("GET", "/v1/stats", "", "Authorization", "Bearer "+adminKeyText); a.StatusCode != 401 {
		t.Errorf("the old key is let in: %d", a.StatusCode)
	}
}

func TestRemoteConfigurationIsNotUpdated(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	g.do("POST", "/v1/api_config/update", `{"providers":[]}`, asClient...).failure(t, http.StatusConflict, "config_is_remote")
}

// The only key is an admin's if nobody has said what it is: whatever a reload takes
// away, a key with a role stays what its role says. A log line tells what nobody
// has written.
func TestOnlyKeyIsAnAdminsOnlyWithoutARole(t *testing.T) {
	const admin, user = "api_keys:\n  - api: " + adminKeyText + "\n    role: admin\n", "  - api: " + clientKeyText + "\n"
	up := listen(t, both)
	for _, c := range []struct {
		name, before, after string // more of the only key that stays
		status              int
		told                string // at which level, "" if not at all
	}{
		{"it has none", admin + user, "", 200, "WARN"},
		{"it is empty", admin + user, "    role:\n", 200, "WARN"},
		{"it was the only one before", "api_keys:\n" + user, "    model: [all]\n", 200, "INFO"},
		{"it says user", admin + user + "    role: user\n", "    role: user\n", 403, ""},
		{"it is a name", admin + user + "    role: Ada\n", "    role: Ada\n", 403, ""},
		{"it is a space", admin + user, "    role: ' '\n", 200, "WARN"},
		{"it was given with the reload", admin + user, "    role: user\n", 403, ""},
		{"it says admin", admin + user + "    role: user\n", "    role: team-admin\n", 200, ""},
		{"the key is its own channel's name", admin + user + "    role: user\n    model: [p/*]\n", "    role: user\n    model: [p/*]\n", 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, providerOf("p", up), c.before)
			g.Apply(parseConfig(t, providerOf("p", up), "api_keys:\n"+user+c.after))
			if a := g.do("GET", "/v1/api_config?reveal=true", "", asClient...); a.StatusCode != c.status {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			told := ""
			for line := range strings.Lines(g.log.String()) {
				if strings.Contains(line, "the only key is an admin's") {
					told = regexp.MustCompile(`"level":"([A-Z]+)"`).FindStringSubmatch(line)[1]
				}
			}
			if told != c.told {
				t.Errorf("told at level %q, want %q:\n%s", told, c.told, g.log)
			}
		})
	}
}

func TestUpdateThatCannotBeWrittenIsTheGatewaysFault(t *testing.T) {
	full := func(map[string]json.RawMessage, func(*config.Config) error) error {
		return fmt.Errorf("%w: no space left on device", config.ErrNotWritten)
	}
	g := startWith(t, Options{Update: full}, providerOf("p", listen(t, both)))
	message := g.do("POST", "/v1/api_config/update", `{"preferences":{}}`, asClient...).failure(t, http.StatusInternalServerError, "config_not_written")
	if !strings.Contains(message, "no space left") || g.log.Next(t, "an update of the configuration was not written")["error"] == "" {
		t.Error(message)
	}
}
