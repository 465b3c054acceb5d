package server

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/server/idempotency"
)

// counted is an upstream's script that says which of its answers it is.
func counted(p *peer, r seen) bool {
	nth := p.up.nth()
	if wantsStream(r) {
		p.say(streamHead + chunk(event(nth)) + chunk("data: [DONE]\n\n") + "0\r\n\r\n")
		return true
	}
	p.say(reply(200, "application/json", plainBodyOf(nth)))
	return true
}

// nth is the number of requests so far, in words.
func (u *upstream) nth() string { return fmt.Sprint("answer ", len(u.requests())) }

func keyedBy(key string) []string { return []string{"Idempotency-Key", key} }

// told is what an answer says of its Idempotency-Key.
func (a answer) told() string { return a.Header.Get("X-Uni-Api-Idempotency-Status") }

func TestIdempotencyKeyGetsTheFirstAnswerAgain(t *testing.T) {
	const messages = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
	const items = `{"model":"m","input":"hi"}`
	for _, c := range []struct{ name, path, body, kind string }{
		{"chat", "/v1/chat/completions", plainRequest, "application/json"},
		{"a stream of chat", "/v1/chat/completions", streamRequest, "text/event-stream"},
		{"Messages", "/v1/messages", messages, "application/json"},
		{"a stream of Messages", "/v1/messages", strings.Replace(messages, "{", `{"stream":true,`, 1), "text/event-stream"},
		{"Responses", "/v1/responses", items, "application/json"},
		{"a stream of Responses", "/v1/responses", strings.Replace(items, "{", `{"stream":true,`, 1), "text/event-stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := listen(t, counted)
			g := start(t, providerOf("p", up), keyed("rate_limit: 2/hour, credits: 1"), bookPrices)
			ask := func(key, body string) answer {
				return g.do("POST", c.path, body, append(keyedBy(key), asClient...)...)
			}
			first := ask("a", c.body)
			if first.StatusCode != 200 || first.told() != "executed" {
				t.Fatalf("%d %q %s", first.StatusCode, first.told(), first.body)
			}
			cost := g.log.Next(t, "request")
			if cost["attempts"] != 1.0 {
				t.Errorf("logged as %v", cost)
			}
			spent := g.spentOf(t)
			for range 3 {
				again := ask("a", c.body)
				if again.StatusCode != 200 || again.body != first.body || again.told() != "replayed" || !strings.HasPrefix(again.Header.Get("Content-Type"), c.kind) {
					t.Errorf("%d %q %q %s", again.StatusCode, again.told(), again.Header, again.body)
				}
				if line := g.log.Next(t, "request"); line["attempts"] != 0.0 || line["status"] != 200.0 {
					t.Errorf("logged as %v", line)
				}
			}
			if n := len(up.requests()); n != 1 {
				t.Errorf("the provider was asked %d times", n)
			}
			if now := g.spentOf(t); now != spent || spent == 0 {
				t.Errorf("spent %v, and %v after it was sent again", spent, now)
			}
			// The limit is 2: none of those was counted. Another key is another request, the third is refused.
			if other := ask("b", c.body); other.StatusCode != 200 || other.told() != "executed" || other.body == first.body {
				t.Errorf("%d %q %s", other.StatusCode, other.told(), other.body)
			}
			if over := ask("c", c.body); over.StatusCode != 429 {
				t.Errorf("%d %s", over.StatusCode, over.body)
			}
			if again := ask("a", c.body); again.body != first.body {
				t.Errorf("%d %s", again.StatusCode, again.body)
			}
			conflict := ask("a", strings.Replace(c.body, "hi", "ho", 1))
			if conflict.StatusCode != 409 || conflict.told() != "conflict" || !strings.Contains(conflict.body, "Idempotency-Key") {
				t.Errorf("%d %q %s", conflict.StatusCode, conflict.told(), conflict.body)
			}
		})
	}
}

// spentOf is what the test's key has spent.
func (g *gateway) spentOf(t *testing.T) float64 {
	t.Helper()
	var states struct {
		Keys map[string]struct {
			Cost float64 `json:"total_cost"`
		} `json:"api_keys_states"`
	}
	if err := json.Unmarshal([]byte(g.do("GET", "/v1/api_keys_states", "", asClient...).body), &states); err != nil {
		t.Fatal(err)
	}
	for _, k := range states.Keys {
		return k.Cost
	}
	t.Fatal("no key")
	return 0
}

func TestIdempotencyKeyIsOfOneClientKeyAndOneEndpoint(t *testing.T) {
	const other = "sk-other-0123456789abcdefghijklmnop"
	up := listen(t, counted)
	g := start(t, providerOf("p", up), "api_keys:\n  - api: "+clientKeyText+"\n  - api: "+other+"\n")
	body := `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
	for i, c := range []struct{ path, key string }{
		{"/v1/chat/completions", clientKeyText}, {"/v1/chat/completions", other}, {"/v1/messages", clientKeyText}, {"/v1/messages?beta=true", clientKeyText},
	} {
		a := g.do("POST", c.path, body, "Authorization", "Bearer "+c.key, "Idempotency-Key", "same")
		if a.StatusCode != 200 || a.told() != "executed" || !strings.Contains(a.body, fmt.Sprint("answer ", i+1)) {
			t.Errorf("%v: %d %q %s", c, a.StatusCode, a.told(), a.body)
		}
	}
	if a := g.do("POST", "/v1/chat/completions", body, "Authorization", "Bearer sk-nobody", "Idempotency-Key", "same"); a.StatusCode != 401 {
		t.Errorf("without a key: %d %s", a.StatusCode, a.body)
	}
	for range 2 {
		if a := g.do("POST", "/v1/embeddings", `{"model":"m","input":"hi"}`, "Authorization", "Bearer "+other, "Idempotency-Key", "same"); a.told() != "" {
			t.Errorf("embeddings: %q", a.told())
		}
	}
	if n := len(up.requests()); n != 6 {
		t.Errorf("%d requests", n)
	}
}

func TestIdempotencyKeyHasItsCharacters(t *testing.T) {
	g := start(t, providerOf("p", listen(t, counted)))
	for key, status := range map[string]int{
		"stainless-node-retry-5c3d9d5e": 200, "A_b.c:d-1": 200, strings.Repeat("k", 128): 200,
		strings.Repeat("k", 129): 400, "a b": 400, `"a"`: 400, "é": 400, "": 400,
	} {
		a := g.chat(plainRequest, keyedBy(key)...)
		if a.StatusCode != status || (a.told() == "invalid-key") != (status == 400) {
			t.Errorf("%q: %d %q %s", key, a.StatusCode, a.told(), a.body)
		}
	}
}

// FuzzIsIdempotencyKey: whatever is taken is what is documented.
func FuzzIsIdempotencyKey(f *testing.F) {
	f.Add("a-Z_0.:")
	f.Add("a\x00")
	f.Fuzz(func(t *testing.T, line string) {
		rest := strings.Trim(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")
		if want := line != "" && len(line) <= 128 && rest == ""; isIdempotencyKey([]byte(line)) != want {
			t.Errorf("%q: %v", line, !want)
		}
	})
}

func TestIdempotencyKeyWaitsForTheFirstRequest(t *testing.T) {
	for _, body := range []string{plainRequest, streamRequest} {
		goOn, arrived := make(chan bool), make(chan bool, 9)
		up := listen(t, func(p *peer, r seen) bool {
			arrived <- true
			<-goOn
			return counted(p, r)
		})
		g := start(t, providerOf("p", up))
		got := make(chan answer, 9)
		go func() { got <- g.chat(body, keyedBy("k")...) }()
		receive(t, arrived, "the first request")
		for range 4 {
			go func() { got <- g.chat(body, keyedBy("k")...) }()
		}
		eventually(t, "all are in flight", func() bool { return g.inFlight.Load() == 5 })
		close(goOn)
		told := map[string]int{}
		bodies := map[string]bool{}
		for range 5 {
			a := receive(t, got, "an answer")
			told[a.told()]++
			bodies[a.body] = true
		}
		if told["executed"] != 1 || told["replayed"] != 4 || len(bodies) != 1 || len(up.requests()) != 1 {
			t.Errorf("%v, %d requests, %v", told, len(up.requests()), bodies)
		}
	}
}

// However the first request ends: if that was no answer the next one is served anew, and
// nothing is left of the first.
func TestIdempotencyKeyIsFreeAgainBehindWhatWasNoAnswer(t *testing.T) {
	t.Parallel()
	status := func(n int) script {
		return says(reply(n, "application/json", `{"error":{"message":"no","type":"x"}}`))
	}
	goOn := make(chan bool)
	defer close(goOn) // nobody is left waiting if the test fails
	for _, c := range []struct {
		name, path, body string
		first            script
		leaves           bool
	}{
		{name: "the provider fails", body: plainRequest, first: status(500)},
		{name: "the provider has limits", body: plainRequest, first: status(429)},
		{name: "the provider refuses its key", body: plainRequest, first: status(401)},
		{name: "the provider dies in a plain answer", body: plainRequest, first: func(p *peer, _ seen) bool {
			p.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 600\r\n\r\n{\"id\":")
			return false
		}},
		{name: "the provider dies in a stream", body: streamRequest, first: func(p *peer, _ seen) bool {
			p.say(streamHead + chunk(event("one")))
			return false
		}},
		{name: "the client leaves before the answer", body: plainRequest, leaves: true, first: func(p *peer, _ seen) bool {
			p.gone()
			return false
		}},
		{name: "the client leaves in a stream", body: streamRequest, leaves: true, first: func(p *peer, _ seen) bool {
			p.say(streamHead + chunk(event("one")))
			p.gone()
			return false
		}},
		{name: "a panic in an attempt", path: "/attempt", body: plainRequest},
		{name: "a panic in an answer", path: "/answer", body: plainRequest},
		{name: "a panic in a stream", path: "/stream", body: streamRequest, first: func(p *peer, _ seen) bool {
			p.say(streamHead + chunk(event("one")))
			<-goOn
			p.say(chunk(event("two")))
			p.gone()
			return false
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			arrived := make(chan bool, 99)
			var asked atomic.Int32
			var mended atomic.Bool
			up := listen(t, func(p *peer, r seen) bool {
				arrived <- true
				if first := asked.Add(1) == 1; c.first != nil && (first || !c.leaves && !mended.Load()) {
					return c.first(p, r)
				}
				return counted(p, r)
			})
			g := start(t, providerOf("p", up), keyed("credits: 1"), "preferences: {cooldown_period: 0}\n")
			front := g.addr
			if c.path != "" {
				g.addr = g.serveFaulty()
			}
			client := g.dial()
			text := chatText(c.body, "Idempotency-Key", "k", "Connection", "close")
			if c.path != "" {
				text = strings.Replace(text, "/v1/chat/completions", c.path, 1)
			}
			client.send(text)
			// One that waits for it: it is served when the first has ended.
			waits := make(chan answer, 1)
			if c.leaves {
				receive(t, arrived, "the request at the upstream")
				if c.body == streamRequest {
					client.br.Peek(1)
				}
				go func() { waits <- g.chat(c.body, keyedBy("k")...) }()
				eventually(t, "both are in flight", func() bool { return g.inFlight.Load() == 2 })
				client.Close()
			} else {
				if c.path == "/stream" {
					client.br.Peek(1)
					goOn <- true
				}
				io.ReadAll(client.br)
				mended.Store(true)
				g.addr = front
				eventually(t, "the first has ended", func() bool { return g.inFlight.Load() == 0 })
				go func() { waits <- g.chat(c.body, keyedBy("k")...) }()
			}
			second := receive(t, waits, "the second answer")
			if second.StatusCode != 200 || second.told() != "executed" {
				t.Errorf("%d %q %s", second.StatusCode, second.told(), second.body)
			}
			if third := g.chat(c.body, keyedBy("k")...); third.told() != "replayed" || third.body != second.body {
				t.Errorf("%d %q %s", third.StatusCode, third.told(), third.body)
			}
		})
	}
}

func TestIdempotencyKeyKeepsWhatWasRefusedForTheClientsMistake(t *testing.T) {
	up := listen(t, says(reply(400, "application/json", `{"error":{"message":"the prompt is wrong","type":"invalid_request_error"}}`)))
	g := start(t, providerOf("p", up))
	first := g.chat(plainRequest, keyedBy("k")...)
	again := g.chat(plainRequest, keyedBy("k")...)
	if first.StatusCode != 400 || again.StatusCode != 400 || again.body != first.body || again.told() != "replayed" || len(up.requests()) != 1 {
		t.Errorf("%d %q %s; %d requests", again.StatusCode, again.told(), again.body, len(up.requests()))
	}
	// What the gateway refuses itself may be mended in its file.
	unknown := strings.Replace(plainRequest, `"m"`, `"nobody"`, 1)
	for range 2 {
		if a := g.chat(unknown, keyedBy("u")...); a.StatusCode != 404 || a.told() != "executed" {
			t.Errorf("%d %q %s", a.StatusCode, a.told(), a.body)
		}
	}
}

func TestIdempotencyKeySaysWhatIsNotKept(t *testing.T) {
	long := plainBodyOf(strings.Repeat("long ", 4<<10))
	up := listen(t, says(reply(200, "application/json", long)))
	g := start(t, providerOf("p", up))
	g.idempotent = idempotency.New(idempotency.Limits{Entries: 2, Bytes: 16 << 10, Answer: 8 << 10, Time: time.Minute})
	if a := g.chat(plainRequest, keyedBy("k")...); a.StatusCode != 200 || a.body != long {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a := g.chat(plainRequest, keyedBy("k")...)
	a.failure(t, 409, "executed_nonreplayable")
	if n := len(up.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestIdempotencyKeyIsRefusedWhereTooManyAreUnderWay(t *testing.T) {
	goOn, arrived := make(chan bool), make(chan bool, 9)
	up := listen(t, func(p *peer, r seen) bool {
		arrived <- true
		<-goOn
		return counted(p, r)
	})
	g := start(t, providerOf("p", up))
	g.idempotent = idempotency.New(idempotency.Limits{Entries: 1, Bytes: 16 << 10, Answer: 8 << 10, Time: time.Minute})
	first := make(chan answer, 1)
	go func() { first <- g.chat(plainRequest, keyedBy("a")...) }()
	receive(t, arrived, "the first request")
	refused := g.chat(plainRequest, keyedBy("b")...)
	close(goOn)
	if refused.failure(t, 503, "overloaded"); refused.Header.Get("Retry-After") == "" || refused.told() != "capacity-exhausted" {
		t.Errorf("%v", refused.Header)
	}
	if a := receive(t, first, "the first answer"); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestIdempotencyKeyWaitsNoLongerThanItsClient(t *testing.T) {
	arrived, goOn := make(chan bool, 2), make(chan bool)
	up := listen(t, func(p *peer, r seen) bool {
		arrived <- true
		<-goOn
		return counted(p, r)
	})
	g := start(t, providerOf("p", up))
	first := make(chan answer, 1)
	go func() { first <- g.chat(plainRequest, keyedBy("k")...) }()
	receive(t, arrived, "the first request")
	c := g.dial()
	c.post(plainRequest, "Idempotency-Key", "k")
	eventually(t, "both are in flight", func() bool { return g.inFlight.Load() == 2 })
	c.Close()
	if line := g.log.Next(t, "request"); line["status"] != 499.0 || line["attempts"] != 0.0 {
		t.Errorf("logged as %v", line)
	}
	close(goOn)
	if a := receive(t, first, "the first answer"); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestIdempotencyKeysOfManyAtOnce(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			body := plainRequest
			if i%2 == 0 {
				body = streamRequest
			}
			if a := g.chat(body, keyedBy(fmt.Sprint("k", i%6))...); a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	all.Wait()
	if n := len(up.requests()); n != 6 {
		t.Errorf("%d requests for 6 keys", n)
	}
}

func TestIdempotencyKeyDoesNotWaitForever(t *testing.T) {
	arrived, goOn := make(chan bool, 2), make(chan bool)
	up := listen(t, func(p *peer, r seen) bool {
		arrived <- true
		<-goOn
		return counted(p, r)
	})
	g := start(t, providerOf("p", up))
	g.idempotent = idempotency.New(idempotency.Limits{Entries: 2, Bytes: 16 << 10, Answer: 8 << 10, Time: 10 * time.Millisecond})
	first := make(chan answer, 1)
	go func() { first <- g.chat(plainRequest, keyedBy("k")...) }()
	receive(t, arrived, "the first request")
	late := g.chat(plainRequest, keyedBy("k")...)
	close(goOn)
	if late.failure(t, 409, "wait_timeout"); late.Header.Get("Retry-After") == "" || late.told() != "wait-timeout" {
		t.Errorf("%v", late.Header)
	}
	if a := receive(t, first, "the first answer"); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestIdempotencyKeyKeepsStreamsOfOldClients(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	old := g.dial()
	old.send(strings.Replace(chatText(streamRequest, "Idempotency-Key", "k"), "HTTP/1.1", "HTTP/1.0", 1))
	if got := old.rest(); !strings.HasSuffix(got, "\r\n\r\n"+streamSeen) || !strings.Contains(got, "executed") {
		t.Errorf("%q", got)
	}
	again := g.chat(streamRequest, keyedBy("k")...)
	if again.body != streamSeen || again.told() != "replayed" || again.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || len(up.requests()) != 1 {
		t.Errorf("%q %v %s", again.told(), again.Header, again.body)
	}
}

func TestIdempotencyKeyKeepsStreamsBehindComments(t *testing.T) {
	goOn := make(chan bool)
	up := listen(t, func(p *peer, r seen) bool {
		<-goOn
		return both(p, r)
	})
	g := start(t, providerOf("p", up), "preferences: {keepalive_interval: 0.01}\n")
	c := g.dial()
	c.post(streamRequest, "Idempotency-Key", "k")
	c.br.Peek(1) // it has begun, with a comment
	close(goOn)
	first := c.answer()
	if !strings.Contains(first.body, ": ") || !strings.HasSuffix(first.body, streamSeen) {
		t.Errorf("%q", first.body)
	}
	if again := g.chat(streamRequest, keyedBy("k")...); again.body != streamSeen || again.told() != "replayed" {
		t.Errorf("%q %s", again.told(), again.body)
	}
}

func TestIdempotencyKeysOfOneClientPushOutNoneOfAnothers(t *testing.T) {
	up := listen(t, counted)
	g := start(t, providerOf("p", up), paidKeys("100"))
	g.idempotent = idempotency.New(idempotency.Limits{Entries: 4, Bytes: 64 << 10, Answer: 8 << 10, Time: time.Minute})
	asAdmin := func(key string) []string { return append(keyedBy(key), "Authorization", "Bearer "+adminKeyText) }
	first := g.chat(plainRequest, keyedBy("k")...)
	for i := range 9 {
		if a := g.chat(plainRequest, asAdmin(fmt.Sprint("other-", i))...); a.StatusCode != 200 || a.told() != "executed" {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	if again := g.chat(plainRequest, keyedBy("k")...); again.told() != "replayed" || again.body != first.body {
		t.Errorf("%s: %s", again.told(), again.body)
	}
	m := g.scrape(adminKeyText)
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"uniapi_idempotency_requests_total", []string{"status", "executed"}, 10}, {"uniapi_idempotency_requests_total", []string{"status", "replayed"}, 1},
		{"uniapi_idempotency_answers", nil, 4}, {"uniapi_idempotency_forgotten_total", nil, 6},
	} {
		if got := m.Total(want.name, want.labels...); got != want.value {
			t.Errorf("%s%v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}
