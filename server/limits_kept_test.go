package server

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDailyLimitSurvivesTheEndOfTheProgram(t *testing.T) {
	t.Parallel()
	const other = "sk-other-0123456789abcdefghijkl"
	for _, end := range []struct {
		name   string
		signal syscall.Signal
	}{{"told to end", syscall.SIGTERM}, {"killed", syscall.SIGKILL}} {
		t.Run(end.name, func(t *testing.T) {
			up := listen(t, both)
			c := build(t)
			file := c.file(t, "api.yaml", "providers:\n"+providerOf("p", up)+"api_keys:\n  - {api: "+clientKeyText+", preferences: {rate_limit: 3/day}}\n  - {api: "+other+", role: admin}\n")
			data := filepath.Join(c.dir, "data")
			serve := func() *serving {
				return c.serve(t, nil, "--config", file, "--listen", "127.0.0.1:0", "--data", data)
			}
			ask := func(s *serving, key string) int {
				req, err := http.NewRequest("POST", s.url+"/v1/chat/completions", strings.NewReader(plainRequest))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+key)
				req.Close = true
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				return resp.StatusCode
			}
			s := serve()
			var got []int
			for range 4 {
				got = append(got, ask(s, clientKeyText))
			}
			if fmt.Sprint(got) != "[200 200 200 429]" {
				t.Fatalf("three requests a day: %v", got)
			}
			if end.signal == syscall.SIGKILL {
				s.waitForLedger(t, other)
			}
			s.Process.Signal(end.signal)
			s.ends(t)
			s = serve()
			if status := ask(s, clientKeyText); status != 429 {
				t.Errorf("the first request of the next process: %d", status)
			}
			if status := ask(s, other); status != 200 {
				t.Errorf("another key: %d", status)
			}
		})
	}
}

var ledgerTimes = regexp.MustCompile(`(?m)^uniapi_ledger_(?:lag|fold)_seconds (\S+)$`)

// waitForLedger waits until the gateway has written down what it has counted so far, as an admin's key is told: by a
// flush that began after now.
func (s *serving) waitForLedger(t *testing.T, key string) {
	t.Helper()
	now := time.Now()
	eventually(t, "the ledger is written", func() bool {
		asked := time.Now()
		req, _ := http.NewRequest("GET", s.url+"/metrics", nil)
		req.Header.Set("Authorization", "Bearer "+key)
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, _ := io.ReadAll(resp.Body)
		times := ledgerTimes.FindAllSubmatch(page, -1)
		if len(times) != 2 {
			t.Fatalf("%d of the two times of the ledger are among the metrics", len(times))
		}
		began := asked
		for _, seconds := range times {
			n, err := strconv.ParseFloat(string(seconds[1]), 64)
			if err != nil {
				t.Fatal(err)
			}
			began = began.Add(-time.Duration(n * float64(time.Second)))
		}
		return began.After(now)
	})
}

func TestEveryFormOfALongLimitSurvivesAKill(t *testing.T) {
	t.Parallel()
	goOn := make(chan bool)
	defer close(goOn)
	up := listen(t, func(p *peer, r seen) bool {
		if strings.Contains(r.body, "hold") {
			<-goOn
		}
		return both(p, r)
	})
	const admin = "sk-admin-0123456789abcdefghijkl"
	forms := []struct {
		limit string
		kept  bool
	}{
		{"1/hour", true}, {"1/day", true}, {"1/month", true}, {"1/year", true}, {"1/day @ Europe/Berlin", true}, {"1/month @ UTC", true}, {"1/year @ Asia/Tokyo", true},
		{"40 tokens/hour", true}, {"40 tokens/day", true}, {"40 tokens/month", true}, {"40 tokens/year", true}, {"40 tokens/day @ America/New_York", true}, {"40 tokens/month @ UTC", true}, {"40 tokens/year @ UTC", true},
		{"0.00002 usd/hour", true}, {"0.00002 usd/day", true}, {"0.00002 usd/month", true}, {"0.00002 usd/year", true}, {"0.00002 usd/day @ Asia/Kolkata", true}, {"0.00002 usd/month @ Europe/Paris", true},
		{"100/day, 40 tokens/day, 5 usd/month, 8 concurrent", true},
		{"1 concurrent", false}, // whoever was under way is not any more
	}
	keys := ""
	key := func(i int) string { return fmt.Sprintf("sk-key-%02d-0123456789abcdefghij", i) }
	for i, f := range forms {
		keys += fmt.Sprintf("  - {api: %s, preferences: {rate_limit: %q}}\n", key(i), f.limit)
	}
	c := build(t)
	file := c.file(t, "api.yaml", "providers:\n"+providerOf("p", up)+"api_keys:\n  - {api: "+admin+", role: admin}\n"+keys)
	data := filepath.Join(c.dir, "data")
	serve := func() *serving { return c.serve(t, nil, "--config", file, "--listen", "127.0.0.1:0", "--data", data) }
	ask := func(s *serving, key, body string) int {
		req, err := http.NewRequest("POST", s.url+"/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0 // the gateway was killed
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	s := serve()
	for i, f := range forms {
		body := plainRequest
		if !f.kept {
			body = strings.Replace(body, "hi", "hold", 1)
			before := len(up.requests())
			go ask(s, key(i), body)
			eventually(t, "a request is under way", func() bool { return len(up.requests()) > before })
		} else if status := ask(s, key(i), body); status != 200 {
			t.Errorf("%s: the first request: %d", f.limit, status)
		}
		if status := ask(s, key(i), plainRequest); status != 429 {
			t.Errorf("%s: the second request: %d", f.limit, status)
		}
	}
	s.waitForLedger(t, admin)
	s.Process.Signal(syscall.SIGKILL)
	s.ends(t)
	s = serve()
	for i, f := range forms {
		want := 200
		if f.kept {
			want = 429
		}
		if status := ask(s, key(i), plainRequest); status != want {
			t.Errorf("%s: the first request of the next process: %d, want %d", f.limit, status, want)
		}
	}
}
