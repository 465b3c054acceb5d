//go:build chaos

package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// siegeTime is how long the attackers of each kind push.
const siegeTime = 8 * time.Second

// TestHonestKeyIsServedWhileAttackersPush has the program attacked in every way at once, by strangers, by a key, by
// providers, under a limit of memory: whoever asks for little is served each time, and the process stays near the
// limit.
func TestHonestKeyIsServedWhileAttackersPush(t *testing.T) {
	const limit, most = 128 << 20, 256 << 20
	images, sections, kinds := hugeImages(t), "", map[string][][]byte{}
	var models []string
	for i, a := range attacks() {
		model := fmt.Sprintf("prey%d", i)
		models = append(models, model)
		sections += a.section(model, a.prey(t, model).addr)
		kinds[a.by] = append(kinds[a.by], a.wire(model, images))
	}
	file := "providers:\n" + providerOf("good", listen(t, both), "    model: [m]\n") + sections +
		fmt.Sprintf("api_keys:\n  - {api: %s, role: admin, model: [m]}\n  - {api: %s, role: small, model: [%s]}\n", clientKeyText, attackerKeyText, strings.Join(models, ", ")) +
		"preferences: {image_fetch: {allow: 127.0.0.1}, cooldown_period: 0}\n"
	program := build(t)
	path := program.file(t, "siege.yaml", file)
	s := program.serve(t, append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", limit)), "--config", path, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	addr := strings.TrimPrefix(s.url, "http://")
	for by, wires := range kinds {
		over := time.Now().Add(siegeTime)
		var pushed, served atomic.Int64
		var crowd sync.WaitGroup
		for _, wire := range wires {
			for range 3 {
				crowd.Go(func() {
					for time.Now().Before(over) {
						try(addr, wire, 2*time.Second)
						pushed.Add(1)
					}
				})
			}
		}
		for _, request := range []string{plainRequest, streamRequest, bigRequest(100 << 10)} {
			crowd.Go(func() {
				for time.Now().Before(over) {
					if err := honest(s.url, request); err != nil {
						t.Errorf("while a %s pushes: %v", by, err)
						return
					}
					served.Add(1)
				}
			})
		}
		crowd.Wait()
		peak := highest(t, s.Process.Pid)
		t.Logf("%s: %d attacks, %d honest requests served, %d MiB at the most so far", by, pushed.Load(), served.Load(), peak>>20)
		if peak > most {
			t.Errorf("the process had %d MiB under a limit of %d", peak>>20, limit>>20)
		}
	}
	s.Process.Signal(syscall.SIGTERM)
	if code := s.ends(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// honest asks once, and says what is wrong with the answer.
func honest(url, request string) error {
	req, err := http.NewRequest("POST", url+chatPath, strings.NewReader(request))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+clientKeyText)
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(text), "hello") && !strings.Contains(string(text), doneEvent) {
		return fmt.Errorf("an honest request got %d %.300s, %v", resp.StatusCode, text, err)
	}
	return nil
}
