package server

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"uniapi/server/servertest"
)

func TestAnswerThatAnUpstreamGaveNoIDGetsOneOfItsOwn(t *testing.T) {
	const message = `{"type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`
	const response = `{"object":"response","status":"completed","model":"r","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`
	begun := strings.Replace(message, `[{"type":"text","text":"hi"}]`, `[]`, 1)
	messages := "event: message_start\ndata: {\"type\":\"message_start\",\"message\":" + begun + "}\n\n" +
		named("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`) + named("content_block_delta", servertest.MessagesEvent(`"hi"`)) + claudeOver(named)
	responses := named("response.created", `{"type":"response.created","sequence_number":0,"response":{"object":"response","status":"in_progress","output":[]}}`) +
		named("response.output_text.delta", servertest.ResponsesEvent(`"hi"`)) + named("response.completed", `{"type":"response.completed","sequence_number":2,"response":`+response+`}`)
	for _, test := range []struct{ name, engine, at, path, body, whole, stream, prefix string }{
		{"messages", "claude", "/v1/messages", "/v1/messages", `"max_tokens":9,"messages":[{"role":"user","content":"q"}]`, message, messages, "msg_"},
		{"responses", "responses", "/v1/responses", "/v1/responses", `"input":"q"`, response, responses, "resp_"},
	} {
		for _, has := range []bool{false, true} {
			given := func(said string) string {
				if has {
					said = strings.ReplaceAll(strings.ReplaceAll(said, `{"type":"message","role":"assistant","model"`, `{"id":"own","type":"message","role":"assistant","model"`), `{"object":"response"`, `{"id":"own","object":"response"`)
				}
				return said
			}
			up := listen(t, func(p *peer, s seen) bool {
				if strings.Contains(s.body, `"stream":true`) {
					p.say(streamHeadOnly + given(test.stream))
				} else {
					p.say(reply(200, jsonKind, given(test.whole)))
				}
				return false
			})
			g := start(t, "  - provider: p\n    base_url: http://"+up.addr+test.at+"\n    engine: "+test.engine+"\n    api: k\n    model: [m]\n")
			ids := map[string]int{}
			for _, stream := range []string{"", `"stream":true,`, ""} {
				a := g.do("POST", test.path, `{`+stream+`"model":"m",`+test.body+`}`, asClient...)
				found := regexp.MustCompile(`"id":"(own|`+test.prefix+`[^"]{8,})"`).FindAllStringSubmatch(a.body, -1)
				if a.StatusCode != 200 || len(found) == 0 {
					t.Fatalf("%s: %d %s", test.name, a.StatusCode, a.body)
				}
				for _, id := range found { // the same in all events of a stream
					if id[1] != found[0][1] || has != (id[1] == "own") {
						t.Errorf("%s: %q in %s", test.name, id[1], a.body)
					}
				}
				ids[found[0][1]]++
				if stream == "" && !json.Valid([]byte(a.body)) {
					t.Error(a.body)
				}
			}
			if !has && len(ids) != 3 {
				t.Errorf("%s: ids are not unique: %v", test.name, ids)
			}
		}
	}
}
