package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/pool"
)

// incidents are the times at which the gateway told of an upstream, by its address.
type incidents struct {
	mu    sync.Mutex
	first map[string]time.Time
	lines int
}

func (i *incidents) Write(p []byte) (int, error) {
	var line struct{ Msg, Upstream string }
	if json.Unmarshal(p, &line) == nil && line.Msg == strayMessage {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.lines++
		if addr := strings.TrimPrefix(line.Upstream, "http://"); i.first[addr].IsZero() {
			i.first[addr] = time.Now()
		}
	}
	return len(p), nil
}

func (i *incidents) at(h *hostile) time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.first[h.addr]
}

// wrong is an answer that was another request's.
type wrong struct {
	mine, got string
	began     time.Time
	from      *hostile
}

// siege is a gateway before hostile providers, each of which has a model of its own.
type siege struct {
	*gateway
	incidents
	providers []*hostile

	served, failed atomic.Int64
	mu             sync.Mutex
	wrongs         []wrong
}

func besiege(t *testing.T, distrust time.Duration, preferences string) *siege {
	s := &siege{incidents: incidents{first: map[string]time.Time{}}}
	var sections []string
	for _, m := range moments {
		for _, bytes := range []bool{false, true} {
			for _, pieces := range []bool{false, true} {
				h := listenHostile(t, &hostile{moment: m, bytes: bytes, pieces: pieces, seed: rand.Uint64()})
				s.providers = append(s.providers, h)
				sections = append(sections, providerOf(fmt.Sprint("p", len(s.providers)), h.upstream, fmt.Sprintf("    model: [m%d]\n    preferences: {cooldown_period: 0}\n", len(s.providers))))
			}
		}
	}
	sections = append(sections, "api_keys:\n  - {api: sk-a-0123456789abcdef, role: admin, model: [all]}\n  - {api: sk-b-0123456789abcdef, model: [all]}\n", preferences)
	log := slog.New(slog.NewJSONHandler(&s.incidents, nil))
	s.gateway = startWith(t, Options{Log: log, pool: pool.Options{Distrust: distrust}}, sections...)
	return s
}

var marks = regexp.MustCompile(`for (\w-\d+-\d+)`)

// run has the clients ask until all requests have been made.
func (s *siege) run(requests int) {
	var clients sync.WaitGroup
	each := requests/(len(s.providers)*strayClients) + 1
	transport := &http.Transport{MaxIdleConnsPerHost: len(s.providers) * strayClients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for i, h := range s.providers {
		for c := range strayClients {
			clients.Go(func() {
				rng := rand.New(rand.NewPCG(h.seed, uint64(c)))
				for n := range each {
					s.ask(client, h, fmt.Sprint("m", i+1), string("ab"[c%2]), fmt.Sprintf("%d-%d", c, n), rng)
				}
			})
		}
	}
	clients.Wait()
}

func (s *siege) ask(client *http.Client, h *hostile, model, key, number string, rng *rand.Rand) {
	mine := key + "-" + number
	body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":%q}]}`, model, rng.IntN(2) == 0, mine)
	if rng.IntN(20) == 0 {
		body = body[:len(body)-1] + `,"user":"` + strings.Repeat("u", 100_000) + `"}` // it is written in another way
	}
	if rng.IntN(50) == 0 {
		time.Sleep(time.Duration(rng.Int64N(int64(100 * time.Millisecond))))
	}
	began := time.Now()
	answer, err := client.Do(s.request("POST", "/v1/chat/completions", strings.Replace(body, `"stream":false,`, "", 1), "Authorization", "Bearer sk-"+key+"-0123456789abcdef"))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != 200 || err != nil {
		s.failed.Add(1) // broken, but nobody else's
	} else {
		s.served.Add(1)
	}
	for _, found := range marks.FindAllStringSubmatch(string(text), -1) {
		if found[1] != mine {
			s.mu.Lock()
			s.wrongs = append(s.wrongs, wrong{mine, found[1], began, h})
			s.mu.Unlock()
			break
		}
	}
}

// Hostile providers send what they were not asked for at every moment, to two keys under load. The first of it may
// reach somebody, if it comes neither too early nor too late; no request that is made after it was noticed gets what is
// another's.
func TestAfterTheFirstStrayAnswerNoneGoesWrong(t *testing.T) {
	s := besiege(t, 0, "")
	s.run(strayRequests)
	before, noticed := map[*hostile]int{}, 0
	for _, w := range s.wrongs {
		if noticed := s.incidents.at(w.from); !noticed.IsZero() && w.began.After(noticed) {
			t.Errorf("%v: %s got %s, %v after it was noticed", w.from, w.mine, w.got, w.began.Sub(noticed))
		}
		before[w.from]++
	}
	for _, h := range s.providers {
		t.Logf("%-50v %5d requests, %4d with more, %3d answers went wrong before it was noticed", h, h.came.Load(), h.strays.Load(), before[h])
		// What breaks the answer itself ends the connection without more.
		if unseen := s.incidents.at(h).IsZero(); unseen && h.strays.Load() > 20 && h.moment != within {
			t.Errorf("%v: nobody noticed", h)
		} else if !unseen {
			noticed++
		}
	}
	stats := s.pool.Stats()
	t.Logf("%d served, %d failed, %+v", s.served.Load(), s.failed.Load(), stats)
	if n := stats.Strays; n != int64(noticed) || s.lines != noticed {
		t.Errorf("%d incidents and %d lines in the log, for %d providers", n, s.lines, noticed)
	}
}

// With isolate_keys nothing crosses from key to key, though connections are used again after each incident.
func TestWithIsolatedKeysNoAnswerCrosses(t *testing.T) {
	t.Parallel()
	s := besiege(t, time.Millisecond, "preferences: {isolate_keys: true}\n")
	s.run(strayRequests)
	for _, w := range s.wrongs {
		if w.mine[0] != w.got[0] {
			t.Errorf("%v: %s got %s", w.from, w.mine, w.got)
		}
	}
	t.Logf("%d served, %d failed, %d went wrong within a key, %+v", s.served.Load(), s.failed.Load(), len(s.wrongs), s.pool.Stats())
}
