package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// requestRows are the keys of the log of requests.
var requestRows = []row{
	{section: "preferences", key: "request_log", set: "{request_log: metadata}", play: kept, without: "0", with: "1"},
	{section: "request_log", key: "level", set: "{request_log: {level: metadata}}", unset: "{request_log: {size: 1GiB}}", play: kept, without: "0", with: "1"},
	{section: "request_log", key: "level", set: "{request_log: {level: bodies}}", unset: "{request_log: {level: metadata}}", play: keptBodies, without: "nothing", with: "hi"},
	{section: "request_log", key: "keep_days", set: "{request_log: {level: metadata, keep_days: 1}}", unset: "{request_log: {level: metadata}}",
		play: func(s *stage) string { return keptBesides(s, 3*24*time.Hour, 1) }, without: "2", with: "1"},
	{section: "request_log", key: "size", set: "{request_log: {level: metadata, size: 1MiB}}", unset: "{request_log: {level: metadata}}",
		play: func(s *stage) string { return keptBesides(s, time.Hour, 3) }, without: "4", with: "2"},
}

// kept is how many requests the gateway has kept after one.
func kept(s *stage) string {
	s.env = append(s.env, "DISABLE_DATABASE=false")
	asked := s.chat().Header.Get("X-Request-Id")
	keeps := !strings.Contains(s.send(http.MethodGet, "/v1/requests", "").body, `"level":"off"`)
	for over := time.Now().Add(patience); keeps && len(keptRequests(s, "id="+asked)) == 0; { // a request ends after its answer
		if time.Now().After(over) {
			s.Fatal("the request is not kept")
		}
	}
	return fmt.Sprint(len(keptRequests(s, "")))
}

// keptAtLast are the requests that are kept, once they are so many: each ends after its answer.
func keptAtLast(s *stage, many int) (all []map[string]any) {
	s.Helper()
	for over := time.Now().Add(patience); len(all) < many && time.Now().Before(over); {
		all = keptRequests(s, "")
	}
	if len(all) != many {
		s.Fatalf("%d requests are kept, not %d: %v", len(all), many, all)
	}
	return all
}

func keptRequests(s *stage, query string) []map[string]any {
	s.Helper()
	s.drawn = true
	var found struct{ Requests []map[string]any }
	answer := s.send(http.MethodGet, "/v1/requests?"+query, "")
	if err := json.Unmarshal([]byte(answer.body), &found); err != nil || answer.StatusCode != 200 {
		s.Fatalf("%d %s: %v", answer.StatusCode, answer.body, err)
	}
	return found.Requests
}

// keptBesides is kept where so many segments of more than half a MiB and less than one, however well they are
// compressed, lie there already, written some time ago.
func keptBesides(s *stage, ago time.Duration, segments int) string {
	folder := filepath.Join(s.dir, "data", "requests")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.Fatal(err)
	}
	noise := make([]byte, 540<<10)
	for i := range segments {
		rand.Read(noise)
		at := time.Now().UTC().Add(time.Duration(i)*time.Minute - ago)
		name := filepath.Join(folder, "requests-"+at.Format("20060102T150405.000000Z")+".jsonl")
		line := fmt.Sprintf(`{"time":%q,"id":"old-%d","status":200,"error":%q}`+"\n", at.Format(time.RFC3339), i, base64.StdEncoding.EncodeToString(noise))
		if err := os.WriteFile(name, []byte(line), 0o600); err != nil {
			s.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			s.Fatal(err)
		}
	}
	return kept(s)
}

func TestRequestsThatWereKeptAreFoundByWhoMaySeeThem(t *testing.T) {
	s := newStage(t)
	s.drawn = true
	s.env = []string{"DISABLE_DATABASE=false"}
	s.a.answer = fails(500, "the key "+keyOfA+" is tired")
	s.write(file{other: "{model: [m]}", preferences: "{request_log: metadata}"}.text(t, inFile, ""))
	s.serve()
	s.send(http.MethodPost, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "X-Request-Id", "by-admin")
	if got := s.send(http.MethodPost, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"a secret word"}],"stream":true}`,
		"Authorization", "Bearer "+otherKey, "X-Request-Id", "by-other"); got.StatusCode != 200 {
		t.Fatal(got.StatusCode, got.body)
	}
	s.send(http.MethodPost, "/v1/chat/completions", `{"model":"none","messages":[]}`, "X-Request-Id", "failed")

	all := keptAtLast(s, 3)
	for query, want := range map[string][]string{
		"id=by-other": {"by-other"}, "key=other": {"by-other"}, "status=404": {"failed"}, "status=2xx": {"by-other", "by-admin"}, "failed=true": {"failed"},
		"provider=a": {"by-other", "by-admin"}, "provider=b&limit=1": {"by-other"}, "q=tired": {"by-other", "by-admin"}, "model=none": {"failed"},
	} {
		var ids []string
		for _, r := range keptRequests(s, query) {
			ids = append(ids, fmt.Sprint(r["id"]))
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s finds %v, want %v", query, ids, want)
		}
	}
	one := all[1]
	attempts, _ := one["attempts"].([]any)
	if len(attempts) != 2 || one["provider"] != "b" || one["pieces"] == nil || one["first_byte_ms"] == nil || one["prompt_tokens"] == nil || one["cost"] == nil {
		t.Errorf("kept as %v", one)
	}
	for _, query := range []string{"status=6xx", "limit=0", "start_datetime=yesterday", "from=nowhere"} {
		if got := s.send(http.MethodGet, "/v1/requests?"+query, ""); got.StatusCode != 400 {
			t.Errorf("%s: %d %s", query, got.StatusCode, got.body)
		}
	}
	own := s.send(http.MethodGet, "/v1/requests?key=admin&provider=a", "", "Authorization", "Bearer "+otherKey)
	if own.StatusCode != 200 || strings.Contains(own.body, "by-admin") || strings.Contains(own.body, "provider") || strings.Contains(own.body, "attempts") {
		t.Errorf("another key sees %s", own.body)
	}
	if whose := s.send(http.MethodGet, "/v1/requests", "", "Authorization", "Bearer nobody"); whose.StatusCode != 401 {
		t.Errorf("nobody sees %d %s", whose.StatusCode, whose.body)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "requests", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	for _, secret := range []string{"a secret word", keyOfA, clientKey, otherKey} {
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s is on the disk: %v", secret, err)
		}
	}
	if printed, code := run(t, s.dir, nil, "requests", "--data", "data", "--provider", "b"); code != 0 || strings.Count(printed, "\n") != 3 || !strings.Contains(printed, "by-other") {
		t.Errorf("uni-api requests: %d\n%s", code, printed)
	}
	if printed, code := run(t, s.dir, nil, "requests", "--data", "data", "--id", "by-other"); code != 0 || !strings.Contains(printed, "attempt 2") || !strings.Contains(printed, "pieces") {
		t.Errorf("uni-api requests --id: %d\n%s", code, printed)
	}
	for _, args := range [][]string{{"--status", "9"}, {"--since", "soon"}} {
		if printed, code := run(t, s.dir, nil, append([]string{"requests", "--data", "data"}, args...)...); code != 2 {
			t.Errorf("uni-api requests %v: %d\n%s", args, code, printed)
		}
	}
	if printed, code := run(t, s.dir, nil, "requests", "--data", "nowhere"); code != 1 || !strings.Contains(printed, "request_log: metadata") {
		t.Errorf("without a folder: %d\n%s", code, printed)
	}
}
