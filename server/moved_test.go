package server

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
)

// exampleFile is what a file looks like that somebody has made of an example: all that the Python uni-api's
// documentation shows, with its forms to fill in left as they are. The first provider is a real one.
const exampleFile = `providers:
  - provider: first
    base_url: BASE/v1/chat/completions
    api: KEY
    model:
      - m
      - upstream-name: alias
  - provider: anthropic
    base_url: https://api.anthropic.com/v1/messages
    api:
      - sk-ant-api03-invented-one
      - sk-ant-api02-invented-two
    model:
      - claude-3-7-sonnet-20250219: claude-3-7-sonnet-think
    tools: true
  - provider: gemini
    base_url: https://generativelanguage.googleapis.com/v1beta
    api: [AIza-invented-1, AIza-invented-2]
    model:
      - gemini-2.5-pro
      - gemini-2.5-flash: gemini-2.5-flash-think-24576-search
    preferences:
      api_key_rate_limit: 15/min
      api_key_cooldown_period: 60
      api_key_schedule_algorithm: round_robin
      model_timeout: {gemini-2.5-pro: 10, default: 10}
      keepalive_interval: {gemini-2.5-pro: 50}
      proxy: socks5://[username]:[password]@[ip]:[port]
      headers: {Custom-Header-1: Value-1}
  - provider: vertex
    project_id: a-project
    private_key: "-----BEGIN PRIVATE KEY-----\nxxxxx\n-----END PRIVATE"
    client_email: robot@a-project.example
    model:
      - claude-3-opus@20240229: claude-3-opus
  - provider: cloudflare
    api: an-invented-token
    cf_account_id: an-invented-account
    model:
      - '@cf/meta/llama-3.1-8b-instruct': llama-3.1-8b
  - provider: azure
    base_url: https://an-endpoint.openai.azure.com
    api: an-invented-key
    model: [gpt-4o]
  - provider: aws
    base_url: https://bedrock-runtime.us-east-1.amazonaws.com
    aws_access_key: xxxxxxxx
    aws_secret_key: xxxxxxxx
    model:
      - anthropic.claude-3-5-sonnet-20240620-v1:0: claude-3-5-sonnet
  - provider: other
    base_url: https://other.example/v1/messages
    api: an-invented-key
    model: [causallm-35b-beta2ep-q6k: causallm-35b, anthropic/claude-3-5-sonnet]
    tools: false
    engine: openrouter
api_keys:
  - api: CLIENT
    model: [m, gpt-4o, gemini/*]
    role: admin
  - api: sk-invented-client-number-two
    model: [anthropic/claude-3-5-sonnet, <anthropic/claude-3-5-sonnet>, first/text-moderation-latest, sk-invented-client-number-three/*]
    preferences: {SCHEDULING_ALGORITHM: fixed_priority, AUTO_RETRY: true, rate_limit: 15/min, ENABLE_MODERATION: true}
  - api: sk-invented-client-number-three
    model: [gcp1/*: 5, gcp2/*: 3, gcp3/*: 2]
    preferences: {SCHEDULING_ALGORITHM: weighted_round_robin, AUTO_RETRY: true, credits: 10, created_at: 2024-01-01T00:00:00+08:00}
preferences:
  model_timeout: {gpt-4o: 10, default: 10, o1-mini: 30}
  cooldown_period: 300
  rate_limit: 999999/min
  keepalive_interval: {gemini-2.5-pro: 50}
  error_triggers: [process this request due to overload]
  proxy: socks5://[username]:[password]@[ip]:[port]
  model_price: {gpt-4o: 1,2, default: 1,2}
`

// leftOutOf are the items that /v1/overview says were left out, and what it says of the reload.
func leftOutOf(t *testing.T, s *serving) (items []string, reload string) {
	t.Helper()
	status, body := s.get(t, "/v1/overview")
	var o struct {
		Reload string                           `json:"reload_error"`
		Left   []struct{ Item, Problem string } `json:"left_out"`
	}
	if err := json.Unmarshal([]byte(body), &o); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, l := range o.Left {
		items = append(items, l.Item+" "+l.Problem)
	}
	return items, o.Reload
}

func TestFileMadeOfAnExampleServes(t *testing.T) {
	up := listen(t, both)
	text := strings.NewReplacer("BASE", "http://"+up.addr, "KEY", upstreamKeyText, "CLIENT", clientKeyText).Replace(exampleFile)
	text = strings.ReplaceAll(text, "{gpt-4o: 1,2, default: 1,2}", "\n    gpt-4o: 1,2\n    default: 1,2")
	program := build(t)
	path := program.file(t, "api.yaml", text)

	_, stderr, code := program.run(t, nil, "--listen", "127.0.0.1:0", "--strict")
	if code != 1 || !strings.Contains(stderr, "this proxy is no proxy URL") {
		t.Errorf("--strict: code %d\n%s", code, stderr)
	}
	s := program.serve(t, nil, "--listen", "127.0.0.1:0")
	if status, body := s.post(t, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	items, reload := leftOutOf(t, s)
	want := []string{"provider ", "preference ", "provider "}
	for i := range want {
		if len(items) != len(want) || !strings.HasPrefix(items[i], want[i]+"api.yaml:") {
			t.Fatalf("left out: %q", items)
		}
	}
	if reload != "" {
		t.Errorf("reload: %q", reload)
	}
	if log := s.log.String(); strings.Count(log, "left out of the configuration; the rest serves") != 2 || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log says\n%s", log)
	}
	metric := func(line string) {
		t.Helper()
		if _, page := s.get(t, "/metrics"); !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("/metrics has no line %q", line)
		}
	}
	metric(`uniapi_config_left_out{item="provider"} 2`)
	metric(`uniapi_config_left_out{item="preference"} 1`)
	metric(`uniapi_config_left_out{item="api_key"} 0`)
	metric(`uniapi_config_last_reload_successful 1`)

	// Whatever a start would have left out, a reload with an error keeps the old configuration whole.
	change := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	change(strings.Replace(text, "provider: other\n", "provider: another\n", 1))
	eventually(t, "the error of the reload is told", func() bool {
		_, reload := leftOutOf(t, s)
		return strings.Contains(reload, "this proxy is no proxy URL")
	})
	metric(`uniapi_config_last_reload_successful 0`)
	if status, body := s.post(t, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
		t.Errorf("the old configuration: %d %s", status, body)
	}
	if status, body := s.get(t, "/v1/overview"); strings.Contains(body, `"another"`) {
		t.Errorf("a part of the new one is in force: %d %s", status, body)
	}
	change(text)
	eventually(t, "the file is again what is in force", func() bool { _, reload := leftOutOf(t, s); return reload == "" })
	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	metric(`uniapi_config_last_reload_successful 1`)
	const form = "  proxy: socks5://[username]:[password]@[ip]:[port]\n"
	change(strings.ReplaceAll(strings.ReplaceAll(text, "    "+form, ""), form, ""))
	s.log.Next(t, "the configuration was reloaded")
	metric(`uniapi_config_left_out{item="preference"} 0`)
	metric(`uniapi_config_left_out{item="provider"} 1`) // the private key that is none
	noSecrets(t, s.log.String())
}

// post asks for something with the client's key.
func (s *serving) post(t *testing.T, path, body string) (status int, answer string) {
	t.Helper()
	return s.request(t, "POST", path, body)
}
