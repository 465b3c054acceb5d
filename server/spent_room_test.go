package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/codec/estimate"
)

// An answer for which there is no room at any stage, whole or on its way into
// another format, is charged as the provider counted it, or estimated.
func TestAnswerThatFindsNoRoomIsCharged(t *testing.T) {
	t.Parallel()
	for _, d := range tongues {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := &stage{}
			up := listen(t, func(p *peer, _ seen) bool {
				p.say(s.next.Load().first)
				return true
			})
			s.gateway = startWith(t, Options{RequestMemory: 2 << 20}, d.section(up.addr), "preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n",
				"api_keys: [{api: "+clientKeyText+", role: tester-admin, model: [all], preferences: {AUTO_RETRY: false}}]\n")
			type said struct {
				size  int
				usage string
			}
			sizes, usages, answers := []int{100 << 10, 300 << 10, 600 << 10, 1 << 20, 3 << 20}, []string{d.own, ""}, map[said]string{}
			for _, size := range sizes {
				for _, usage := range usages {
					answers[said{size, usage}] = reply(200, jsonKind, strings.Replace(d.plain(usage), answeredText, strings.Repeat("say ", size/4), 1))
				}
			}
			refused := 0
			for _, ask := range askers {
				for _, stream := range []bool{false, true} {
					for _, size := range sizes {
						for _, usage := range usages {
							what := fmt.Sprintf("%s, stream %v, %d KB, counted %v", ask.name, stream, size>>10, usage != "")
							s.next.Store(&play{first: answers[said{size, usage}]})
							path, body := ask.plain(stream)
							c := s.charge(func() { s.post(path, body) })
							if c.status == 200 {
								continue
							}
							refused++
							told := c.prompt == toldPrompt && c.completion == toldCompletion && !c.estimated
							if guessed := c.prompt >= 1000 && c.completion >= 1000 && c.estimated; !told && !guessed || told && usage == "" {
								t.Errorf("%s: %+v", what, c)
							}
						}
					}
				}
			}
			if refused == 0 {
				t.Error("there was room for all")
			}
		})
	}
}

// Images that find no room are as many as were asked for.
func TestImagesThatFindNoRoomAreCharged(t *testing.T) {
	t.Parallel()
	image := `{"b64_json":"` + strings.Repeat("A", 1<<20) + `"}`
	for _, usage := range []string{"", `{"input_tokens":10,"output_tokens":40000,"total_tokens":40010}`} {
		s := &stage{}
		up := listen(t, says(reply(200, jsonKind, with(`{"created":1,"data":[`+strings.Repeat(image+",", 3)+image+`]}`, "usage", usage))))
		s.gateway = startWith(t, Options{RequestMemory: 2 << 20}, providerOf("p", up), "preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n")
		const edit = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\ndraw\r\n--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n4\r\n--b--\r\n"
		for path, body := range map[string]string{"/v1/images/generations": `{"model":"m","prompt":"draw","n":4}`, "/v1/images/edits": edit} {
			kind := jsonKind
			if body == edit {
				kind = "multipart/form-data; boundary=b"
			}
			c := s.charge(func() {
				s.do("POST", path, body, "Authorization", "Bearer "+clientKeyText, "Content-Type", kind)
			})
			if c.status == 200 || c.completion < 4*estimate.MediaTokens || c.prompt < 1 || !c.estimated {
				t.Errorf("%s: %+v", path, c)
			}
		}
	}
}

// So is one that is not done when the time of the whole is over.
func TestAnswerThatIsNotDoneInTimeIsCharged(t *testing.T) {
	t.Parallel()
	s := &stage{}
	up := listen(t, func(p *peer, _ seen) bool {
		p.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n" + tongues[0].plain("")[:300])
		p.gone()
		return false
	})
	s.gateway = start(t, tongues[0].section(up.addr), "preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n  timeout_policy: {default: {total: 1.5}}\n")
	path, body := askers[0].plain(false)
	if c := s.charge(func() { s.post(path, body) }); c.status != 504 || c.prompt < 1000 || c.completion < 1 || !c.estimated || c.nano == 0 {
		t.Errorf("%+v", c)
	}
}
