//go:build chaos

package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// proxyInFront is a load balancer with its configuration of deploy/.
type proxyInFront struct {
	name, file string
	// command checks, and then runs, a configuration file in a folder.
	check, run func(file string) []string
	wrap       string                   // what the file is part of; %s is the file
	adapt      func(text string) string // to the version that is installed; may be nil
}

var proxiesInFront = []proxyInFront{
	{
		name: "haproxy", file: "haproxy.cfg",
		check: func(file string) []string { return []string{"haproxy", "-c", "-f", file} },
		run:   func(file string) []string { return []string{"haproxy", "-db", "-f", file} },
	},
	{
		name: "nginx", file: "nginx.conf",
		check: func(file string) []string { return []string{"nginx", "-t", "-c", file} },
		run:   func(file string) []string { return []string{"nginx", "-c", file, "-g", "daemon off;"} },
		wrap: "user root;\npid nginx.pid;\nerror_log stderr;\nworker_processes 1;\nevents { worker_connections 4096; }\n" +
			"http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s; include %s; }\n",
	},
	{
		name: "Caddy", file: "Caddyfile",
		check: func(file string) []string {
			return []string{"caddy", "validate", "--adapter", "caddyfile", "--config", file}
		},
		run: func(file string) []string {
			return []string{"caddy", "run", "--adapter", "caddyfile", "--config", file}
		},
		adapt: func(text string) string {
			if version, _ := exec.Command("caddy", "version").Output(); strings.HasPrefix(string(version), "2.6.2") {
				return strings.Replace(text, "request_buffers 64MB", "buffer_requests", 1)
			}
			return text
		},
	},
}

// start runs the proxy before two addresses, and returns its URL.
func (f proxyInFront) start(t *testing.T, one, two string) string {
	t.Helper()
	dir, addr := t.TempDir(), freeAddresses(t, 1)[0]
	_, port, _ := net.SplitHostPort(addr)
	text, err := os.ReadFile(filepath.Join("..", "deploy", f.file))
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer("127.0.0.1:8001", one, "127.0.0.1:8002", two,
		"bind :8080", "bind "+addr, "listen 8080", "listen "+addr, "\n:8080 {", "\n{\n\tadmin off\n}\nhttp://:"+port+" {\n\tbind 127.0.0.1").Replace(string(text))
	if f.adapt != nil {
		replaced = f.adapt(replaced)
	}
	for _, want := range []string{one, two, port} {
		if !strings.Contains(replaced, want) {
			t.Fatalf("%s has other addresses than this test expects", f.file)
		}
	}
	file := filepath.Join(dir, f.file)
	if err := os.WriteFile(file, []byte(replaced), 0o600); err != nil {
		t.Fatal(err)
	}
	if f.wrap != "" {
		whole := filepath.Join(dir, "whole.conf")
		if err := os.WriteFile(whole, fmt.Appendf(nil, f.wrap, file), 0o600); err != nil {
			t.Fatal(err)
		}
		// nginx wants relative paths to be below its prefix.
		file = whole
	}
	command := func(args []string) *exec.Cmd {
		if f.name == "nginx" {
			args = append(args, "-p", dir)
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		return cmd
	}
	if out, err := command(f.check(file)).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v (apt-get install haproxy nginx caddy)\n%s", f.name, err, out)
	}
	var said strings.Builder
	cmd := command(f.run(file))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", f.name, said.String())
		}
	})
	url := "http://" + addr
	eventually(t, f.name+" passes requests on", func() bool {
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	})
	return url
}

// freeAddresses are so many that nobody listens on, each another one. They are none
// of the ports that the kernel hands out by itself, so that no connection and no
// test beside this one gets one before it is used.
func freeAddresses(t *testing.T, count int) (addresses []string) {
	t.Helper()
	for tries := 0; len(addresses) < count; tries++ {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
		if err != nil {
			if tries > 1000 {
				t.Fatal(err)
			}
			continue
		}
		defer ln.Close()
		addresses = append(addresses, ln.Addr().String())
	}
	return addresses
}

func TestTwoInstancesBehindALoadBalancerAreRestartedWithoutALoss(t *testing.T) {
	program := build(t)
	for _, f := range proxiesInFront {
		t.Run(f.name, func(t *testing.T) {
			goOn := make(chan bool)
			up := listen(t, waiting(goOn))
			path := program.file(t, "balanced.yaml", strings.Replace(goodFile, "127.0.0.1:1/", up.addr+"/", 1))
			addrs := freeAddresses(t, 2)
			serve := func(addr string) *serving {
				return program.serve(t, nil, "--config", path, "--listen", addr, "--data", t.TempDir(), "--trusted-proxies", "127.0.0.1", "--drain-grace", "4s")
			}
			instances := []*serving{serve(addrs[0]), serve(addrs[1])}
			url := f.start(t, addrs[0], addrs[1])
			// That each brings its first event, while its upstream waits, says
			// that nothing between them collects events.
			rests := openStreams(t, strings.TrimPrefix(url, "http://"), 50)
			crowd := startCrowd(t, url, 8)
			crowd.more(t)

			for i, old := range instances {
				old.Process.Signal(syscall.SIGTERM)
				old.log.Next(t, "ending; a second signal ends at once")
				crowd.more(t)
				if i == 0 {
					close(goOn)
				}
				if code := old.ends(t); code != 0 {
					t.Errorf("instance %d ended with %d\n%s", i, code, old.log)
				}
				crowd.more(t)
				fresh := serve(addrs[i])
				eventually(t, "the proxy finds it again", func() bool { return fresh.log.Count("request") > 0 })
			}
			for range 50 {
				if rest, want := receive(t, rests, "the rest of a stream"), event(" two")+stopEvent+doneEvent+"<nil>"; rest != want {
					t.Errorf("a stream went on with %q", rest)
				}
			}
			crowd.end()
			if n := crowd.lost.Load(); n > 0 {
				t.Errorf("%d requests of %d were lost", n, n+crowd.served.Load())
			}
			t.Logf("%d requests were served", crowd.served.Load())
		})
	}
}

func TestClientThatLeavesALoadBalancerEndsItsUpstreamRequest(t *testing.T) {
	for _, f := range proxiesInFront {
		t.Run(f.name, func(t *testing.T) {
			ended := make(chan bool, 1)
			up := listen(t, func(p *peer, _ seen) bool {
				p.say(streamHead + chunk(event("one")))
				p.gone()
				ended <- true
				return false
			})
			g := start(t, providerOf("p", up))
			url := f.start(t, g.addr, g.addr)
			c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			stream := newClient(t, c)
			stream.post(streamRequest)
			stream.head()
			stream.Close()
			receive(t, ended, "the end of the upstream's connection")
		})
	}
}
