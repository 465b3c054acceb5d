package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLoneRequestDoesNotWaitBehindTheManyOfAnotherKey has one key with a hundred requests wait for what all keys
// share, and another one with as many as its own limit never lets through; then comes a third with a single one.
func TestLoneRequestDoesNotWaitBehindTheManyOfAnotherKey(t *testing.T) {
	const places, many, stuck = 4, 100, 20
	s := newStage(t)
	s.drawn = true
	keys := map[string]string{"many": clientKey, "lone": otherKey, "stuck": "sk-of-the-key-that-is-stuck"}
	s.write(`
providers:
  - {provider: a, base_url: $A/v1/chat/completions, api: ` + keyOfA + `, model: [m]}
api_keys:
  - {api: ` + keys["many"] + `, role: admin, model: [all]}
  - {api: ` + keys["lone"] + `, role: other, model: [all]}
  - {api: ` + keys["stuck"] + `, role: third, model: [all], preferences: {rate_limit: 1 concurrent}}
preferences: {rate_limit: "` + fmt.Sprint(places) + ` concurrent", queue: 120s}
`)
	come, next, unstick := make(chan string, 2*many), make(chan bool), make(chan bool)
	usual := s.a.answer
	s.a.answer = func(w http.ResponseWriter, r seen) {
		who := "many"
		for name := range keys {
			if strings.Contains(r.body, `"`+name+`"`) {
				who = name
			}
		}
		come <- who
		if who == "stuck" {
			<-unstick
		} else {
			<-next
		}
		usual(w, r)
	}
	s.serve()
	var all sync.WaitGroup
	send := func(who string, times int) {
		for range times {
			all.Go(func() {
				a := s.send("POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"`+who+`"}]}`, "Authorization", "Bearer "+keys[who])
				if a.StatusCode != http.StatusOK {
					t.Errorf("%s: %d %s", who, a.StatusCode, a.body)
				}
			})
		}
	}
	waiting := func(n int) {
		for look := time.NewTicker(10 * time.Millisecond); !strings.Contains(s.send("GET", "/metrics", "").body, fmt.Sprintf("\nuniapi_waiting_requests %d\n", n)); {
			<-look.C
		}
	}
	send("stuck", 1)
	if who := <-come; who != "stuck" {
		t.Fatal(who)
	}
	send("stuck", stuck)
	waiting(stuck)
	send("many", many)
	for range places - 1 {
		<-come
	}
	waiting(stuck + many - places + 1)
	send("lone", 1)
	waiting(stuck + many - places + 2)
	turns := []string{}
	for range 3 { // a place after the other becomes free
		next <- true
		turns = append(turns, <-come)
	}
	if got := strings.Join(turns, " "); !strings.Contains(got, "lone") || strings.Contains(got, "stuck") {
		t.Errorf("let in: %s", got)
	}
	close(next)
	waiting(stuck)
	close(unstick)
	all.Wait()
}
