package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestADailyLimitSurvivesTheEndOfTheProgram(t *testing.T) {
	const other = "sk-other-0123456789abcdefghijkl"
	for _, end := range []struct {
		name   string
		signal syscall.Signal
	}{{"told to end", syscall.SIGTERM}, {"killed", syscall.SIGKILL}} {
		t.Run(end.name, func(t *testing.T) {
			up := listen(t, both)
			c := build(t)
			file := c.file(t, "api.yaml", "providers:\n"+providerOf("p", up)+"api_keys:\n  - {api: "+clientKeyText+", preferences: {rate_limit: 3/day}}\n  - {api: "+other+"}\n")
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
			if end.signal == syscall.SIGKILL { // what was counted is written within a second: at the latest by the second write from now
				writes, last := 0, written(t, data)
				eventually(t, "the ledger is written twice", func() bool {
					ask(s, other)
					if now := written(t, data); now != last {
						writes, last = writes+1, now
					}
					return writes >= 2
				})
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

// written is when the ledger was written last.
func written(t *testing.T, data string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(data, "usage.db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime().UnixNano()
}
