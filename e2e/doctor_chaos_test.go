//go:build chaos

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nginx runs nginx before a gateway, with what a location has beside the address, and returns its URL.
func nginx(t *testing.T, gateway, location string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	dir := t.TempDir()
	text := fmt.Sprintf("user root;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"+
		"server { listen %s; location / { proxy_pass %s; %s } } }\n", address, gateway, location)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-c", file, "-g", "daemon off;")
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (apt-get install nginx)", err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	over, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := http.Get("http://" + address + "/healthz"); err == nil {
			resp.Body.Close()
			return "http://" + address
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatal("nginx does not answer")
		}
	}
}

func TestDoctorNamesNginxWhereItCollectsStreamsOrTakesSmallBodies(t *testing.T) {
	s := served(t, file{}, works)
	for location, want := range map[string][]string{
		"client_max_body_size 0;": nil, // it heeds X-Accel-Buffering
		"client_max_body_size 0; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;": {`FAIL  stream .*nginx/\S+ collects the stream\n +change: .*proxy_buffering off`},
		"proxy_buffering off;": {`FAIL  large body +nginx/\S+ refuses the body as too large \(413\)\n +change: .*client_max_body_size`},
	} {
		address := nginx(t, s.address, location)
		for agent := range agents {
			printed, code := s.doctor(agent, address)
			if fails := strings.Count(printed, "FAIL  "); fails != len(want) || (code == 1) != (fails > 0) || !strings.Contains(printed, "between it and here: nginx/") {
				t.Errorf("%s, %s: exit code %d\n%s", location, agent, code, printed)
			}
			for _, pattern := range want {
				if !regexp.MustCompile(pattern).MatchString(printed) {
					t.Errorf("%s, %s: want %s in\n%s", location, agent, pattern, printed)
				}
			}
		}
	}
}
