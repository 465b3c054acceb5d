package e2e

import (
	"bufio"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"uniapi/loadtest/scripted"
	"uniapi/server/capture"
)

// captures are real exchanges that uni-api capture has written: a user's becomes a test by copying it there. Beside one
// may stand an api.yaml of the same name, with which it is replayed; without one a configuration is made of it.
const captures = "captures"

var update = flag.Bool("update", false, "write the captures of the runs in this file anew, into "+captures)

func TestCapturesAreReplayedWithoutADifference(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(captures, "*.json"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d captures: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			replays(t, file, 0)
		})
	}
}

// replays replays a capture, and holds it to a status.
func replays(t *testing.T, file string, want int, args ...string) (printed string) {
	t.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	if config := strings.TrimSuffix(file, ".json") + ".yaml"; len(args) == 0 {
		if _, err := os.Stat(config); err == nil {
			args = []string{"--config", config}
		}
	}
	printed, code := run(t, t.TempDir(), nil, append([]string{"replay", file}, args...)...)
	if code != want {
		t.Errorf("replay ends with %d, want %d:\n%s", code, want, printed)
	}
	return printed
}

// Pieces of the runs below.
const (
	toChat      = `{provider: %, base_url: "$MOCK/v1/chat/completions", api: sk-planted-upstream-0123456789, model: [{mock@: m}]}`
	toMessages  = `{provider: %, base_url: "$MOCK/v1/messages", api: sk-planted-upstream-0123456789, model: [{claude-mock@: m}]}`
	toResponses = `{provider: %, base_url: "$MOCK/v1/responses", api: sk-planted-upstream-0123456789, model: [{mock@: m}]}`
	toGemini    = `{provider: %, base_url: "$MOCK/v1beta", engine: gemini, api: planted-upstream-0123456789, model: [{gemini-mock@: m}]}`
	toConverse  = `{provider: %, base_url: "$MOCK", engine: aws, api: planted-upstream-0123456789, model: [{mock@: m}]}`

	toInvoke = `{provider: %, base_url: "$MOCK", engine: aws, api: planted-upstream-0123456789, model: [{anthropic.claude-mock@: m}]}`

	plantedSystem = `you are planted, mail planted@mail.example`
	openAITools   = `"tools":[{"type":"function","function":{"name":"get_weather","description":"planted","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]`
	claudeTools   = `"tools":[{"name":"get_weather","description":"planted","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]`
	geminiTools   = `"tools":[{"functionDeclarations":[{"name":"get_weather","description":"planted","parameters":{"type":"OBJECT","properties":{"city":{"type":"STRING"}},"required":["city"]}}]}]`
	pixel         = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

// askedFor is a chat in which the user names a scene of the mock; without one the name of the model does.
func askedFor(scene, more string) string {
	if scene != "" {
		scene = "[" + scene + "] "
	}
	return `{"model":"m","messages":[{"role":"system","content":"` + plantedSystem + `"},{"role":"user","content":"` + scene + `planted: is sk-planted-in-a-prompt-0123456789 a key?"}]` + more + `}`
}

// runs are what is captured: requests to gateways before mock providers. A provider is one of those above and what its
// model has behind its name.
var runs = []struct {
	name      string
	providers []string
	path      string
	body      string
}{
	{"chat-plain", []string{toChat}, "/v1/chat/completions", askedFor("plain", `,"temperature":0.5,"user":"planted@mail.example"`)},
	{"chat-stream", []string{toChat}, "/v1/chat/completions", askedFor("plain", `,"stream":true,"stream_options":{"include_usage":true}`)},
	{"chat-failover-stream-to-messages", []string{toChat + "-error500", toMessages}, "/v1/chat/completions", askedFor("", `,"stream":true`)},
	{"chat-tools-to-messages", []string{toMessages}, "/v1/chat/completions", askedFor("tool", `,`+openAITools)},
	{"chat-tools-stream-to-gemini", []string{toGemini}, "/v1/chat/completions", askedFor("tool", `,"stream":true,`+openAITools)},
	{"chat-tool-results-to-converse", []string{toConverse}, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"[plain] planted"},
		{"role":"assistant","tool_calls":[{"id":"call_planted1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Planted\"}"}}]},{"role":"tool","tool_call_id":"call_planted1","content":"planted: 17 degrees"}],` + openAITools + `}`},
	{"chat-tools-stream-to-converse", []string{toConverse}, "/v1/chat/completions", askedFor("tool", `,"stream":true,`+openAITools)},
	{"messages-stream-to-invoke", []string{toInvoke}, "/v1/messages", `{"model":"m","max_tokens":99,"stream":true,"system":"` + plantedSystem + `","messages":[{"role":"user","content":"[plain] planted"}]}`},
	{"chat-image-to-gemini", []string{toGemini}, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"[image] planted"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `"}}]}]}`},
	{"chat-refused-by-the-provider", []string{toChat + "-error400"}, "/v1/chat/completions", askedFor("error400", "")},
	{"chat-all-limited", []string{toChat + "-error429", toMessages + "-error429"}, "/v1/chat/completions", askedFor("error429", "")},
	{"chat-stream-broken-off", []string{toChat}, "/v1/chat/completions", askedFor("cut", `,"stream":true`)},
	{"chat-unknown-model", []string{toChat}, "/v1/chat/completions", `{"model":"another","messages":[{"role":"user","content":"planted"}]}`},
	{"messages-plain", []string{toMessages}, "/v1/messages", `{"model":"m","max_tokens":99,"system":"` + plantedSystem + `","metadata":{"user_id":"planted"},"messages":[{"role":"user","content":"[plain] planted"}]}`},
	{"messages-tools-stream-to-chat", []string{toChat}, "/v1/messages", `{"model":"m","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"[tool] planted"}],` + claudeTools + `}`},
	{"responses-stream-failover-to-messages", []string{toResponses + "-overloaded", toMessages}, "/v1/responses", `{"model":"m","stream":true,"instructions":"` + plantedSystem + `","input":"planted"}`},
	{"responses-tools", []string{toResponses}, "/v1/responses", `{"model":"m","input":"[tool] planted","tools":[{"type":"function","name":"get_weather","description":"planted","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}`},
	{"gemini-stream-to-chat", []string{toChat}, "/v1beta/models/m:streamGenerateContent?alt=sse", `{"systemInstruction":{"parts":[{"text":"` + plantedSystem + `"}]},"contents":[{"role":"user","parts":[{"text":"[plain] planted"}]}],"generationConfig":{"maxOutputTokens":99}}`},
	{"gemini-tools", []string{toGemini}, "/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"[tool] planted"}]}],` + geminiTools + `}`},
}

func TestCaptureNextWritesWhatReplayPlaysAndNoSecret(t *testing.T) {
	mock := httptest.NewServer(scripted.Handler())
	t.Cleanup(mock.Close)
	for _, r := range runs {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.drawn = true
			var providers []string
			for i, p := range r.providers {
				p, behind, _ := strings.Cut(p, "}]}")
				p = strings.NewReplacer("%", "planted-"+string(rune('a'+i)), "@", behind, "$MOCK", mock.URL).Replace(p + "}]}")
				providers = append(providers, "  - "+p)
			}
			s.write("providers:\n" + strings.Join(providers, "\n") + "\napi_keys:\n  - {api: " + clientKey + ", role: admin}\n  - {api: " + otherKey + ", role: other, model: [all]}\npreferences: {cooldown_period: 0, request_log: metadata}\n")
			s.env = []string{"DISABLE_DATABASE=false"}
			s.serve()
			file := filepath.Join(s.dir, r.name+".json")
			wait := captureNext(s, file, "--key", "other")
			s.send("POST", r.path, `{"model":"m","messages":[{"role":"user","content":"of another key"}]}`) // is none that is waited for
			s.send("POST", r.path, r.body, "Authorization", "Bearer "+otherKey, "X-Planted", "planted", "User-Agent", "planted", "Cookie", "planted")
			wait()
			if said := saidIn(s, keptAtLast(s, 2)[0]["id"].(string)); said != nil {
				t.Errorf("the log of requests has what was said: %+v", said)
			}
			written, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := capture.Read(written)
			if err != nil {
				t.Fatal(err)
			}
			sides := []capture.Sides{f.Client}
			for _, a := range f.Attempts {
				sides = append(sides, a.Sides)
			}
			for _, side := range sides {
				for _, m := range []*capture.Message{side.Request, side.Answer} {
					body, err := m.Body() // of which some stands in the file as base64
					if err != nil || strings.Contains(strings.ToLower(string(body)), "planted") {
						t.Errorf("%v: %s", err, body)
					}
				}
			}
			for _, secret := range []string{"planted", "Planted", "sk-", clientKey, otherKey, "mail.example", "AKIA", "127.0.0.1", "localhost"} {
				if strings.Contains(string(written), secret) {
					t.Errorf("%s is in the file:\n%s", secret, written)
				}
			}
			replays(t, file, 0)
			if *update {
				if err := os.WriteFile(filepath.Join(captures, r.name+".json"), written, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// captureNext begins uni-api capture --next. What it returns waits for its end.
func captureNext(s *stage, file string, args ...string) (wait func()) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), program, append([]string{"capture", "--next", "--url", s.address, "--out", file}, args...)...)
	cmd.Dir, cmd.Env = s.dir, []string{"HOME=" + s.dir, "UNI_API_ADMIN_KEY=" + clientKey}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.Contains(lines.Text(), "waiting for the next request of [other]") {
		s.Fatalf("it says %q", lines.Text())
	}
	return func() {
		s.Helper()
		for lines.Scan() {
			s.Errorf("it says %s", lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			s.Fatal(err)
		}
	}
}
