//go:build !race

package capture

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What nobody may see, in every place of both sides: keys, tokens, addresses of mail, what was said.
func TestCaptureHasNoSecretInAnyPlace(t *testing.T) {
	for _, secret := range []string{"sk-proj-Aq3bT9xYz", "sk-ant-api03-abc_def", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "AIzaSyA1b2C3d4E5f6G7h8I9j0KlMnOp", "AKIAIOSFODNN7EXAMPLE", "gsk_a1b2c3d4",
		"hf_QwErTyUiOp", "0123456789abcdef0123456789abcdef", "someone@mail.example", "tell nobody that", "https://inside.example/path"} {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		q := string(quoted)
		var members []string
		for _, in := range []map[string]bool{schemas, frees, ids, words, callers, partials, {"messages": true, "anything": true, secret: true}} {
			for name := range in {
				n, _ := json.Marshal(name)
				members = append(members, string(n)+":"+q, string(n)+":["+q+"]", string(n)+`:{"type":`+q+`,"name":`+q+`,"id":`+q+`,"`+strings.Trim(q, `"`)+`":1,"properties":{"p":{"enum":[`+q+`],"type":`+q+`}}}`,
					string(n)+`:"{\"a\":\"`+strings.Trim(q, `"`)+`\"}"`)
			}
		}
		object := "{" + strings.Join(members, ",") + "}"
		bodies := []string{object, "[" + object + "]", "data: " + object + "\n\n", "event: " + secret + "\ndata: " + secret + "\nid: " + secret + "\nretry: " + secret + "\n: " + secret + "\n" + secret + ": x\n\n", secret, object[:len(object)/2]}
		for _, body := range bodies {
			e, _ := fileOf(t, body, len(body)/3)
			e.Attempts[0].Error, e.Attempts[0].Provider, e.Attempts[0].Upstream, e.Attempts[0].Format = secret, secret, secret, secret
			e.Client.Answer.Pieces, e.Attempts[0].Request.Pieces = nil, nil // the other two are enough
			for _, m := range e.messages() {
				m.Method = secret
				m.URL = "https://" + secret + "/" + secret + "/v1/models/" + secret + ":" + secret + "?key=" + secret + "&alt=" + secret + "&" + secret + "=1"
				for _, name := range slices.Concat(plainHeaders, knownHeaders, []string{secret, "x-ratelimit-limit-requests", "X-Other"}) {
					m.Headers = append(m.Headers, Header{name, secret})
				}
			}
			text, err := e.File([]byte("salt")).JSON()
			if err != nil {
				t.Fatal(err)
			}
			for part := range strings.FieldsSeq(secret) {
				if len(part) > 4 && strings.Contains(string(text), part) && part != "Bearer" {
					at := strings.Index(string(text), part)
					t.Errorf("%s is in the file: …%s…", part, text[max(0, at-60):min(len(text), at+60)])
					break
				}
			}
		}
	}
}
