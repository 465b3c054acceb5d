package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/capture"
)

// exchange is one in which a client asked for something.
func exchange(t *testing.T, text string) *capture.Exchange {
	e := new(capture.Exchange)
	kept := `{"client":{"request":{"method":"POST","url":"/v1/chat/completions","pieces":[{"text":"{\"messages\":[{\"content\":\"` + text + `\"}]}"}]}}}`
	if err := json.Unmarshal([]byte(kept), e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCapturesAreAskedForAndFetched(t *testing.T) {
	g := &gateway{}
	a := newAPI(t, g)
	ask := func(serve Handler, path, body string) (*codec.Error, int, string) {
		ctx := asks(fasthttp.MethodPost, path)
		g.told, g.body = nil, body
		serve(ctx, a.caller())
		return g.told, ctx.Response.StatusCode(), string(ctx.Response.Body())
	}
	for _, body := range []string{"", "{}", "[]", `{"key":""}`, `{"key":"tester-admin","seconds":-1}`, `{"key":"tester-admin","seconds":3601}`, `{"key":7}`} {
		if told, _, _ := ask(a.captureNext, "/v1/captures", body); told == nil || told.Code != "bad_query" {
			t.Errorf("%s: %v", body, told)
		}
	}
	if told, _, _ := ask(a.captureNext, "/v1/captures", `{"key":"nobody"}`); told == nil || told.Code != "key_not_found" {
		t.Errorf("nobody's key: %v", told)
	}
	if told, _, _ := ask(a.captured, "/v1/captures?id=none", ""); told == nil || told.Code != "capture_not_found" {
		t.Errorf("none: %v", told)
	}
	var state CaptureState
	told, status, body := ask(a.captureNext, "/v1/captures", `{"key":"`+a.key.Alias+`","seconds":60}`)
	if json.Unmarshal([]byte(body), &state) != nil || told != nil || status != 202 || state.State != CaptureWaiting || len(state.Keys) != 1 {
		t.Fatalf("%v %d %s", told, status, body)
	}
	fetch := "/v1/captures?id=" + state.ID
	if _, status, body := ask(a.captured, fetch, ""); status != 202 || !strings.Contains(body, `"waiting"`) {
		t.Errorf("before: %d %s", status, body)
	}
	want := g.captures.Claim(a.key.Alias)
	if _, status, body := ask(a.captured, fetch, ""); status != 202 || !strings.Contains(body, `"answering"`) {
		t.Errorf("while it goes on: %d %s", status, body)
	}
	want.Bring(exchange(t, "planted words"))
	told, status, body = ask(a.captured, fetch, "")
	if f, err := capture.Read([]byte(body)); told != nil || status != 200 || err != nil || strings.Contains(body, "planted") || f.Client.Request.URL != "/v1/chat/completions" {
		t.Errorf("%v %d %v %s", told, status, err, body)
	}
	want.GiveUp()
	for i := range 5 {
		if told, _, _ := ask(a.captureNext, "/v1/captures", `{"key":"`+a.key.Key+`","seconds":0.000000001}`); i == 4 && (told == nil || told.Status != 429) {
			t.Errorf("the fifth: %v", told)
		} else if i < 4 && told != nil {
			t.Errorf("number %d: %v", i, told)
		}
	}
}

func TestCaptureThatIsOverIsSaidToBe(t *testing.T) {
	g := &gateway{}
	a := newAPI(t, g)
	want, err := g.captures.Want([]string{"k"}, 0, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	a.captured(asks(fasthttp.MethodGet, "/v1/captures?id="+want.ID), a.caller())
	if g.told == nil || g.told.Code != "nothing_captured" || g.captures.Find(want.ID) != nil {
		t.Errorf("%v", g.told)
	}
}

func TestCaptureLiveWaitsForTheGateway(t *testing.T) {
	file := `{"uni_api_capture":1,"client":{"request":{"url":"/v1/x"}}}`
	for _, c := range []struct {
		name    string
		answers []string // one after the other: a status and a body
		says    string
	}{
		{"it comes", []string{`202 {"id":"i","keys":["alice"]}`, "202 {}", "200 " + file}, ""},
		{"the key is no admin's", []string{"403 {}"}, "UNI_API_ADMIN_KEY"},
		{"there is no such key", []string{`404 {"error":{"message":"no such key"}}`}, "no such key"},
		{"nothing comes", []string{`202 {"id":"i"}`, `410 {"error":{"message":"nothing came"}}`}, "nothing came"},
		{"it is no gateway", []string{"200 <html>"}, "no capture"},
		{"it is no capture", []string{`202 {"id":"i"}`, "200 {}"}, "no uni_api_capture"},
	} {
		at := 0
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/captures" || r.Header.Get("Authorization") != "Bearer k" || (at == 0) != (r.Method == http.MethodPost) || at > 0 && r.URL.RawQuery != "id=i" {
				t.Errorf("%s: asked %s %s", c.name, r.Method, r.URL)
			}
			status, body, _ := strings.Cut(c.answers[at], " ")
			at++
			var code int
			fmt.Sscan(status, &code)
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}))
		told := ""
		f, err := CaptureLive(t.Context(), gateway.URL+"/", "k", "alice", time.Minute, func(aliases []string) { told = fmt.Sprint(aliases) })
		gateway.Close()
		switch {
		case c.says == "" && (err != nil || f.Client.Request.URL != "/v1/x" || told != "[alice]"):
			t.Errorf("%s: %v, told of %s", c.name, err, told)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := CaptureLive(t.Context(), "http://127.0.0.1:1", "k", "alice", time.Minute, func([]string) {}); err == nil || strings.Contains(err.Error(), "alice") {
		t.Errorf("nobody there: %v", err)
	}
}
