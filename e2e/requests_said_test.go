package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uniapi/server/capture"
)

// keptBodies is what the gateway has kept of what a user wrote.
func keptBodies(s *stage) string {
	s.env = append(s.env, "DISABLE_DATABASE=false")
	s.chatted(`{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "kept")
	said := saidIn(s, "kept")
	if said == nil {
		return "nothing"
	}
	body, err := said.Client.Request.Body()
	var asked struct{ Messages []struct{ Content string } }
	if err != nil || json.Unmarshal(body, &asked) != nil || len(asked.Messages) != 1 {
		s.Fatalf("%v in %s", err, body)
	}
	return asked.Messages[0].Content
}

// chatted sends a chat request under an id.
func (s *stage) chatted(body, id string, headers ...string) {
	s.Helper()
	if got := s.send(http.MethodPost, "/v1/chat/completions", body, append(headers, "X-Request-Id", id)...); got.StatusCode != 200 {
		s.Fatal(got.StatusCode, got.body)
	}
}

// saidIn is what was kept of what was said in a request; nil if nothing was.
func saidIn(s *stage, id string) *capture.Exchange {
	s.Helper()
	var found struct {
		Requests []struct{ Exchange *capture.Exchange }
	}
	s.drawn = true
	for over := time.Now().Add(patience); ; { // a request ends after its answer
		answer := s.send(http.MethodGet, "/v1/requests?bodies=true&id="+id, "")
		err := json.Unmarshal([]byte(answer.body), &found)
		switch {
		case err == nil && len(found.Requests) == 1:
			return found.Requests[0].Exchange
		case err != nil || len(found.Requests) > 1 || time.Now().After(over):
			s.Fatalf("%d %s: %v", answer.StatusCode, answer.body, err)
		}
	}
}

func TestRequestLogWithBodiesKeepsAllThatWasSaidButNoSecret(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.env = []string{"DISABLE_DATABASE=false"}
	s.a.answer = fails(500, "the key "+keyOfA+" is tired")
	s.write(file{other: "{model: [m]}", preferences: "{request_log: bodies, cooldown_period: 0}"}.text(t, inFile, ""))
	s.serve()
	for _, stream := range []bool{false, true} {
		id := fmt.Sprint("by-other-", stream)
		s.chatted(fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"a word and %s"}],"stream":%v}`, keyOfB, stream), id,
			"Authorization", "Bearer "+otherKey, "X-Api-Key", otherKey, "Cookie", "a=planted")
		said := saidIn(s, id)
		if said == nil || len(said.Attempts) != 2 {
			t.Fatalf("stream %v: kept is %+v", stream, said)
		}
		failed, served := said.Attempts[0], said.Attempts[1]
		for name, m := range map[string]struct {
			*capture.Message
			has string
		}{
			"the client's request": {said.Client.Request, "a word"}, "the client's answer": {said.Client.Answer, "choices"},
			"the failed attempt's request": {failed.Request, "a word"}, "the failed attempt's answer": {failed.Answer, "is tired"},
			"the other attempt's request": {served.Request, "a word"}, "the other attempt's answer": {served.Answer, "choices"},
		} {
			if m.Message == nil {
				t.Errorf("stream %v: %s is missing", stream, name)
			} else if body, err := m.Body(); err != nil || !strings.Contains(string(body), m.has) || len(m.Headers) == 0 || m.Cut {
				t.Errorf("stream %v: %s is %+v: %v", stream, name, m.Message, err)
			}
		}
		if failed.Answer.Status != 500 || served.Answer.Status != 200 || said.Client.Answer.Status != 200 || failed.Error == "" || failed.Provider != "a" || served.Request.Method != "POST" {
			t.Errorf("stream %v: attempts are %+v and %+v", stream, failed, served)
		}
		printed, code := run(t, s.dir, nil, "requests", "--data", "data", "--id", id)
		for _, has := range []string{"the client asked", "a word", "attempt 1, a/m", "attempt 2, b/m", "the client got"} {
			if code != 0 || !strings.Contains(printed, has) {
				t.Errorf("uni-api requests --id: %d, without %q:\n%s", code, has, printed)
			}
		}
		if own := s.send(http.MethodGet, "/v1/requests?bodies=true&id="+id, "", "Authorization", "Bearer "+otherKey); own.StatusCode != 403 {
			t.Errorf("another key sees %d %s", own.StatusCode, own.body)
		}
		if listed := s.send(http.MethodGet, "/v1/requests?id="+id, ""); listed.StatusCode != 200 || strings.Contains(listed.body, "a word") {
			t.Errorf("unasked for, there is %s", listed.body)
		}
	}
	if all := s.send(http.MethodGet, "/v1/requests?bodies=true", ""); all.StatusCode != 400 {
		t.Errorf("bodies of all requests: %d", all.StatusCode)
	}
	if found := s.send(http.MethodGet, "/v1/requests?q=a+word", ""); strings.Contains(found.body, "by-other") {
		t.Errorf("a search looks through what was said: %s", found.body)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "requests", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	for _, secret := range []string{keyOfA, keyOfB, clientKey, otherKey, "planted"} {
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s is on the disk: %v", secret, err)
		}
	}
	if checked, _ := run(t, s.dir, nil, "check"); !strings.Contains(checked, "what users write") {
		t.Errorf("check does not warn:\n%s", checked)
	}
}

func TestCaptureWritesARequestWithoutTextsHostsAndSecrets(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.env = []string{"DISABLE_DATABASE=false"}
	s.a.answer = fails(500, "planted: the key "+keyOfA+" is tired")
	s.write(file{other: "{model: [m]}", preferences: "{request_log: bodies, cooldown_period: 0}"}.text(t, inFile, ""))
	s.serve()
	message := `"messages":[{"role":"user","content":"planted"}]`
	for id, ask := range map[string]struct{ path, body, has string }{
		"chat":             {"/v1/chat/completions", `{"model":"m",` + message + `}`, "chat.completion"},
		"chat-stream":      {"/v1/chat/completions", `{"model":"m","stream":true,` + message + `}`, "chat.completion.chunk"},
		"messages":         {"/v1/messages", `{"model":"m","max_tokens":9,` + message + `}`, "stop_reason"},
		"messages-stream":  {"/v1/messages", `{"model":"m","max_tokens":9,"stream":true,` + message + `}`, "event: content_block_delta"},
		"responses":        {"/v1/responses", `{"model":"m","input":"planted"}`, "output_text"},
		"responses-stream": {"/v1/responses", `{"model":"m","input":"planted","stream":true}`, "event: response.created"},
		"gemini":           {"/v1beta/models/m:generateContent?planted=planted", `{"contents":[{"role":"user","parts":[{"text":"planted"}]}]}`, "finishReason"},
		"gemini-stream":    {"/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"planted"}]}]}`, "finishReason"},
		"refused":          {"/v1/chat/completions", `{"model":"planted model",` + message + `}`, "invalid_request_error"},
	} {
		s.send(http.MethodPost, ask.path, ask.body, "Authorization", "Bearer "+otherKey, "X-Request-Id", id, "User-Agent", "planted", "X-Planted", "planted")
		saidIn(s, id) // it has been written then
		text, code := run(t, s.dir, nil, "capture", id, "--data", "data", "--out", id+".json")
		if code != 0 || !strings.Contains(text, id+".json") {
			t.Fatalf("%s: %d %s", id, code, text)
		}
		written, err := os.ReadFile(filepath.Join(s.dir, id+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"planted", "Planted", keyOfA, keyOfB, clientKey, otherKey, "127.0.0.1", "localhost"} {
			if strings.Contains(string(written), secret) {
				t.Errorf("%s: %s is in the file:\n%s", id, secret, written)
			}
		}
		f, err := capture.Read(written)
		if err != nil {
			t.Fatal(id, err)
		}
		got, err := f.Client.Answer.Body()
		if err != nil || !strings.Contains(string(got), ask.has) {
			t.Errorf("%s: %v: the client got %s", id, err, got)
		}
		if asked, err := f.Client.Request.Body(); err != nil || len(asked) != len(ask.body) || !json.Valid(asked) {
			t.Errorf("%s: %v: the client asked %s", id, err, asked)
		}
		if id != "refused" && (len(f.Attempts) != 2 || f.Attempts[0].Answer.Status != 500 || f.Attempts[1].Provider != "provider-2") {
			t.Errorf("%s: attempts are %+v", id, f.Attempts)
		}
	}
	if text, code := run(t, s.dir, nil, "capture", "chat", "--data", "data"); code != 0 || !strings.HasPrefix(text, "{\n  \"uni_api_capture\": 1,") {
		t.Errorf("%d %s", code, text)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "id of a request"}, {[]string{"chat", "more"}, 2, "one word too many"}, {[]string{"nobody", "--data", "data"}, 1, "no request with that id"},
		{[]string{"chat", "--data", "nowhere"}, 1, "request_log: bodies"},
	} {
		if text, code := run(t, s.dir, nil, append([]string{"capture"}, c.args...)...); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%v: %d %s", c.args, code, text)
		}
	}
}

func TestRequestThatWasKeptTellsItsWayAllOfIt(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.env = []string{"DISABLE_DATABASE=false"}
	s.a.answer = fails(500, "tired")
	s.write(file{bPreferences: "{post_body_parameter_overrides: {top_k: 7, __remove__: [{path: seed}]}}", preferences: "{request_log: bodies, cooldown_period: 0, model_price: {default: '1,1'}}"}.text(t, inFile, ""))
	s.serve()
	const id = "all-of-it"
	s.chatted(`{"model":"m","seed":7,"stream":true,"messages":[{"role":"user","content":"a word"}]}`, id)
	saidIn(s, id) // it has been written then
	for _, args := range [][]string{{"requests", id}, {"requests", "--id", id}} {
		printed, code := run(t, s.dir, nil, append(args, "--data", "data")...)
		for _, has := range []string{"asked", "POST /v1/chat/completions m, stream true, by key admin", "took", "first byte after 0.", "tokens", " in, ", "cost ", " dollars",
			"attempt 1", "a/m key 1: status 500: tired", "attempt 2", "b/m key 1: status 200, without seed, with top_k", "stream", " bytes in ", "the longest wait between two was", "after 0."} {
			if code != 0 || !strings.Contains(printed, has) {
				t.Errorf("%v: %d, without %q:\n%s", args, code, has, printed)
			}
		}
	}
	found := keptRequests(s, "id="+id)
	if len(found) != 1 {
		t.Fatal(found)
	}
	for _, member := range []string{"attempts", "ms", "first_byte_ms", "own_ms", "lost_ms", "prompt_tokens", "completion_tokens", "cost", "flow", "pieces", "bytes"} {
		if found[0][member] == nil {
			t.Errorf("GET /v1/requests has no %s: %v", member, found[0])
		}
	}
	attempts, _ := found[0]["attempts"].([]any)
	if len(attempts) != 2 {
		t.Fatalf("%v", found[0])
	}
	if second := attempts[1].(map[string]any); fmt.Sprint(second["left_out"], second["added"]) != "[seed] [top_k]" {
		t.Errorf("changed on its way was %v", second)
	}
	for query, status := range map[string]int{"capture=true&id=" + id: 200, "capture=true&id=nobody": 404, "capture=true": 400} {
		got := s.send(http.MethodGet, "/v1/requests?"+query, "")
		if got.StatusCode != status {
			t.Errorf("%s: %d %s", query, got.StatusCode, got.body)
		}
		if _, err := capture.Read([]byte(got.body)); (err == nil) != (status == 200) || strings.Contains(got.body, "a word") {
			t.Errorf("%s: %v: %s", query, err, got.body)
		}
	}
}

func TestCaptureNextSaysWhatIsWrong(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.write(file{other: "{model: [m]}"}.text(t, inFile, ""))
	s.serve()
	for _, c := range []struct {
		env  []string
		args []string
		code int
		says string
	}{
		{nil, []string{"--next"}, 2, "--next needs --key"},
		{nil, []string{"--next", "--key", "other", "an-id"}, 2, "either --next, or the id"},
		{nil, []string{"--next", "--key", "other"}, 1, "UNI_API_ADMIN_KEY"},
		{[]string{"UNI_API_ADMIN_KEY=" + otherKey}, []string{"--next", "--key", "other"}, 1, "403"},
		{[]string{"UNI_API_ADMIN_KEY=" + clientKey}, []string{"--next", "--key", "nobody"}, 1, "no client key with that role"},
		{[]string{"UNI_API_ADMIN_KEY=" + clientKey, "UNI_API_KEY=" + otherKey}, []string{"--next", "--wait", "700ms"}, 1, "No request of that key came"},
		{[]string{"UNI_API_ADMIN_KEY=" + clientKey}, []string{"--next", "--key", "sk-…mnop", "--wait", "100ms"}, 1, "No request of that key came"},
	} {
		printed, code := run(t, s.dir, c.env, append([]string{"capture", "--url", s.address}, c.args...)...)
		if code != c.code || !strings.Contains(printed, c.says) || strings.Contains(printed, otherKey) {
			t.Errorf("%v: %d %s", c.args, code, printed)
		}
	}
}
