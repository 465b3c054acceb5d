//go:build cluster

package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// answering is a server that does with each connection what it is told to.
func answering(t *testing.T, do func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				do(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// between passes on what a Redis says, as tamper has it.
func (r *redisServer) between(t *testing.T, tamper func(from io.Reader, to io.Writer)) string {
	return answering(t, func(client net.Conn) {
		server, err := net.Dial("tcp", r.address)
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			io.Copy(server, client)
			server.Close()
		}()
		tamper(server, client)
	})
}

// later passes on each piece so much later.
func later(by time.Duration) func(io.Reader, io.Writer) {
	return func(from io.Reader, to io.Writer) {
		type piece struct {
			at   time.Time
			text []byte
		}
		pieces := make(chan piece, 1<<12)
		go func() {
			defer close(pieces)
			for buffer := make([]byte, 1<<16); ; {
				n, err := from.Read(buffer)
				if n > 0 {
					pieces <- piece{time.Now().Add(by), append([]byte(nil), buffer[:n]...)}
				}
				if err != nil {
					return
				}
			}
		}()
		for p := range pieces {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.text); err != nil {
				return
			}
		}
	}
}

// TestWhateverRedisDoesRequestsGoOn has a Redis that is none, is slow, hangs, is full or says more than it was asked.
// What is a limit of this instance alone holds meanwhile, memory and log stay small, and with on_failure: refuse what
// must be exact is refused.
func TestWhateverRedisDoesRequestsGoOn(t *testing.T) {
	r := startRedis(t)
	full := startRedis(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	secret := startRedis(t, "--requirepass", "right-password")
	endless := strings.Repeat("x", 1<<16)
	for name, address := range map[string]string{
		"hangs":  answering(t, func(c net.Conn) { io.Copy(io.Discard, c) }),
		"closes": answering(t, func(c net.Conn) {}),
		"HTTP":   answering(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); io.Copy(io.Discard, c) }),
		"OK to everything": answering(t, func(c net.Conn) {
			for b := make([]byte, 4096); ; {
				if _, err := c.Read(b); err != nil {
					return
				}
				io.WriteString(c, "+OK\r\n")
			}
		}),
		"more than was asked": r.between(t, func(from io.Reader, to io.Writer) {
			go io.Copy(to, from)
			time.Sleep(300 * time.Millisecond)
			for range 10 {
				io.WriteString(to, "+OK\r\n")
			}
			time.Sleep(time.Second)
		}),
		"a push of nobody's": r.between(t, func(from io.Reader, to io.Writer) {
			go io.Copy(to, from)
			time.Sleep(300 * time.Millisecond)
			io.WriteString(to, ">2\r\n+subscribe\r\n+x\r\n")
			time.Sleep(time.Second)
		}),
		"a length beyond any": answering(t, func(c net.Conn) {
			c.Read(make([]byte, 1))
			io.WriteString(c, "$99999999999999\r\n")
			io.Copy(io.Discard, c)
		}),
		"a list beyond any": answering(t, func(c net.Conn) {
			c.Read(make([]byte, 1))
			io.WriteString(c, "*2147483647\r\n")
			io.Copy(io.Discard, c)
		}),
		"a line without an end": answering(t, func(c net.Conn) {
			c.Read(make([]byte, 1))
			io.WriteString(c, "+")
			for {
				if _, err := io.WriteString(c, endless); err != nil {
					return
				}
			}
		}),
		"garbage between": r.between(t, func(from io.Reader, to io.Writer) {
			b := make([]byte, 1<<16)
			for {
				n, err := from.Read(b)
				if err != nil {
					return
				}
				if n > 20 {
					b[n/2] ^= 0x55
				}
				to.Write(b[:n])
			}
		}),
		"100 ms late":    r.between(t, later(100*time.Millisecond)),
		"full":           full.address,
		"wrong password": ":wrong-password@" + secret.address,
		"no password":    secret.address,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, log := r.join(t, func(s *config.Cluster) { s.Redis = []string{"redis://" + address} })
			strict, _ := r.join(t, func(s *config.Cluster) { s.Redis, s.OnFailure = []string{"redis://" + address}, config.FailRefuse })
			l := c.Limits().Subject("key "+name, table(config.Limit{Count: 1_000_000, Window: time.Hour}))
			tight := c.Limits().Subject("key tight "+name, table(config.Limit{Count: 3, Window: time.Hour}))
			money := c.Limits().Subject("key money "+name, quotaTable(config.Quota{Of: config.Tokens, Count: 300, Window: time.Hour}))
			a := c.Credits().Account("key of " + name)
			a.Begin(1_700_000_000, 0)
			exact := strict.Limits().Subject("key", table(config.Limit{Count: 1_000_000, Window: time.Hour}))
			var longest time.Duration
			refused, small, tokens := 0, 0, 0
			for began := time.Now(); time.Since(began) < 4*time.Second; time.Sleep(20 * time.Millisecond) {
				one := time.Now()
				if _, ok, _, _ := try(c, l, patience); !ok {
					refused++
				}
				longest = max(longest, time.Since(one))
				if _, ok, _, _ := try(c, tight, patience); ok {
					small++
				}
				if h, ok, _, _ := begin(c, money, limit.Need{Tokens: 100}, patience); ok {
					h.Settle(limit.Need{Tokens: 100}, now())
					tokens++
				}
				if ok, _ := pay(a, 1_000_000, 1, 1, nil); !ok {
					refused++
				}
			}
			if refused > 0 || small != 3 || tokens != 3 {
				t.Errorf("%d were refused; of a limit of 3 %d were let in, of tokens for 3 %d", refused, small, tokens)
			}
			if longest > busyFor+patience {
				t.Errorf("one waited for %v", longest)
			}
			state := c.State()
			if !state.Up && state.Reason == "" {
				t.Error("nothing says what is wrong")
			}
			if !state.Up && !strict.State().Up {
				if _, ok, _, err := try(strict, exact, patience); ok || err == nil || strict.Ready() {
					t.Error("what must be exact is let in, or the instance is ready")
				}
			}
			lines := log.lines()
			if len(lines) > 12 {
				t.Errorf("the log has %d lines in four seconds: %q", len(lines), lines[:12])
			}
			t.Logf("up: %v, %s; %d lines", state.Up, state.Reason, len(lines))
		})
	}
	t.Cleanup(func() {
		runtime.GC()
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapAlloc > 64<<20 {
			t.Errorf("%d MB are in use", m.HeapAlloc>>20)
		}
	})
}

// TestRedisIsReachedOverTLSByAUserOfItsOwn has a certificate that only the configuration's ca knows, and a user who
// may do what is needed.
func TestRedisIsReachedOverTLSByAUserOfItsOwn(t *testing.T) {
	cert, key, ca := certificate(t)
	r := newRedis(t)
	r.more = []string{"--port", "0", "--tls-port", r.port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no",
		"--user", "gateway", "on", ">pass/word", "~{test}:*", "+@read", "+@write", "+@scripting", "+@connection", "+time", "--user", "default", "off"}
	r.start()
	with := func(user, ca string) *Cluster {
		c, _ := r.join(t, func(s *config.Cluster) { s.Redis, s.CA = []string{"rediss://" + user + "@" + r.address}, ca })
		return c
	}
	c := with("gateway:pass%2Fword", ca)
	if s := c.State(); !s.Up {
		t.Fatal(s.Reason)
	}
	served, _, failed := burst([]*Cluster{c}, []limit.Limiter{c.Limits().Subject("key k", table(config.Limit{Count: 5, Window: time.Hour}))}, 10)
	h, ok, _, err := begin(c, c.Limits().Subject("key q", quotaTable(config.Quota{Of: config.Money, Count: 5, Window: time.Hour})), limit.Need{Money: 1}, time.Second)
	if h.Settle(limit.Need{}, now()); served != 5 || failed > 0 || !ok || err != nil {
		t.Errorf("%d of 5 were served, %d failed, %v, %v", served, failed, ok, err)
	}
	for what, c := range map[string]*Cluster{"certificate": with("gateway:pass%2Fword", ""), "WRONGPASS": with("gateway:other", ca), "cannot be read": with("gateway:other", ca+".none"), "has no certificate": with("gateway:other", key)} {
		if s := c.State(); s.Up || !strings.Contains(s.Reason, what) {
			t.Errorf("%+v, want %s", s, what)
		}
	}
}

// certificate writes one for 127.0.0.1, which has signed itself.
func certificate(t *testing.T) (cert, key, ca string) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	of := s.TLS.Certificates[0]
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", of.Certificate[0]), write("key.pem", "PRIVATE KEY", privateKey(t, of)), write("ca.pem", "CERTIFICATE", of.Certificate[0])
}

func privateKey(t *testing.T, of tls.Certificate) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(of.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestWhenAReplicaTakesOverRequestsGoOnAndAreCountedOnce kills the master under load. What it had not passed on is lost
// to limits of requests; of tokens each instance says again what it has used.
func TestWhenAReplicaTakesOverRequestsGoOnAndAreCountedOnce(t *testing.T) {
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1", master.port)
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor mymaster 127.0.0.1 %s 1\nsentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n", master.port)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startSentinel(t, path)
	within(t, 15*time.Second, func() bool { return strings.Contains(cli(sentinel, "sentinel", "replicas", "mymaster"), replica.port) })
	within(t, 15*time.Second, func() bool { return strings.Contains(cli(master, "info", "replication"), "state=online") })

	var all []*Cluster
	var log *logged
	for range 2 {
		c, said := replica.join(t, func(s *config.Cluster) { s.Redis = []string{"redis+sentinel://" + sentinel.address + "/mymaster"} })
		within(t, 10*time.Second, func() bool { return c.State().Up })
		all, log = append(all, c), said
	}
	const most = 3000
	var requests, tokens, failed atomic.Int64
	var longest atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for _, c := range all {
		l := c.Limits().Subject("key k", table(config.Limit{Count: most, Window: time.Hour}))
		q := c.Limits().Subject("key q", quotaTable(config.Quota{Of: config.Tokens, Count: most, Window: time.Hour}))
		group.Go(func() {
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				began := time.Now()
				_, ok, _, _ := try(c, l, patience)
				h, also, _, _ := begin(c, q, limit.Need{Tokens: 1}, patience)
				longest.Store(max(longest.Load(), int64(time.Since(began))))
				if h.Settle(limit.Need{Tokens: 1}, now()); ok && also {
					requests.Add(1)
					tokens.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	time.Sleep(time.Second)
	master.stop()
	within(t, 5*time.Second, func() bool { return !all[0].State().Up && !all[1].State().Up })
	within(t, 30*time.Second, func() bool { return all[0].State().Up && all[1].State().Up })
	time.Sleep(time.Second)
	close(stop)
	group.Wait()
	within(t, 3*time.Second, func() bool {
		return all[0].limits.quiet() && all[1].limits.quiet() && len(all[0].limits.allQuotas())+len(all[1].limits.allQuotas()) == 0
	})
	if failed.Load() > 0 {
		t.Errorf("%d of %d were refused", failed.Load(), failed.Load()+requests.Load())
	}
	t.Logf("%d served, the slowest in %v", requests.Load(), time.Duration(longest.Load()))

	late, _ := replica.join(t, nil)
	if s := late.State(); !s.Up {
		t.Fatal(s.Reason)
	}
	more := late.rest(t, "key k", config.Limit{Count: most, Window: time.Hour})
	if sum := more + requests.Load(); sum < most-10 || sum > most+20 {
		t.Errorf("%d requests were let in of %d", sum, most)
	}
	within(t, 20*time.Second, func() bool { return late.State().Up })
	rest := late.Limits().Subject("key q", quotaTable(config.Quota{Of: config.Tokens, Count: most, Window: time.Hour}))
	if _, ok, _, err := begin(late, rest, limit.Need{Tokens: most - tokens.Load()}, time.Second); !ok || err != nil {
		t.Errorf("tokens are counted twice: %v", err)
	}
	if _, ok, _, _ := begin(late, rest, limit.Need{Tokens: 1}, time.Second); ok {
		t.Error("tokens were lost")
	}
	if n := len(log.lines()); n > 6 {
		t.Errorf("the log has %d lines: %q", n, log.lines())
	}
}

// rest is how many requests are let in until the limit is reached. They come a few at a time: where answers are late
// each instance decides alone.
func (c *Cluster) rest(t *testing.T, subject string, of config.Limit) (served int64) {
	l := c.Limits().Subject(subject, table(of))
	for {
		within(t, 20*time.Second, func() bool { return c.State().Up })
		some, _, failed := burst([]*Cluster{c}, []limit.Limiter{l}, 20)
		if failed > 0 {
			t.Errorf("%d could not be asked for", failed)
		}
		if served += some; some == 0 {
			return served
		}
	}
}

func cli(r *redisServer, args ...string) string {
	out, _ := exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).CombinedOutput()
	return string(out)
}

// TestWhatRedisWasToldCountsOnceHoweverManyAnswersAreLost has a connection that breaks before the answer, several times
// in a row.
func TestWhatRedisWasToldCountsOnceHoweverManyAnswersAreLost(t *testing.T) {
	r := startRedis(t)
	var eat atomic.Int64
	address := r.between(t, func(from io.Reader, to io.Writer) {
		for b := make([]byte, 1<<16); ; {
			n, err := from.Read(b)
			if err != nil || eat.Add(-1) >= 0 {
				return
			}
			to.Write(b[:n])
		}
	})
	c, _ := r.join(t, func(s *config.Cluster) { s.Redis = []string{"redis://" + address} })
	const most = 1000
	l := c.Limits().Subject("key k", table(config.Limit{Count: most, Window: time.Hour}))
	q := c.Limits().Subject("key q", quotaTable(config.Quota{Of: config.Tokens, Count: most, Window: time.Hour}))
	served, tokens := int64(0), int64(0)
	for round := range 6 {
		eat.Store(int64(round))
		for range 20 {
			if _, ok, _, _ := try(c, l, patience); ok {
				served++
			}
			if h, ok, _, _ := begin(c, q, limit.Need{Tokens: 1}, patience); ok {
				h.Settle(limit.Need{Tokens: 1}, now())
				tokens++
			}
		}
		eat.Store(0)
		within(t, 20*time.Second, func() bool {
			return c.State().Up && c.limits.quiet() && len(c.limits.allQuotas()) == 0
		})
	}
	if served != 120 || tokens != 120 {
		t.Errorf("%d and %d were served of 120", served, tokens)
	}
	other, _ := r.join(t, nil)
	more := other.rest(t, "key k", config.Limit{Count: most, Window: time.Hour})
	if more+served != most {
		t.Errorf("%d were let in of %d", more+served, most)
	}
	rest := other.Limits().Subject("key q", quotaTable(config.Quota{Of: config.Tokens, Count: most, Window: time.Hour}))
	if _, ok, _, _ := begin(other, rest, limit.Need{Tokens: most - tokens}, time.Second); !ok {
		t.Error("tokens are counted twice")
	}
	if _, ok, _, _ := begin(other, rest, limit.Need{Tokens: 1}, time.Second); ok {
		t.Error("tokens are not counted")
	}
}

// TestBusyRedisIsWaitedFor has one whose answers take 30 ms, so that whoever comes while a question is on its way
// waits for 60: longer than a request waits for a Redis that is away.
func TestBusyRedisIsWaitedFor(t *testing.T) {
	r := startRedis(t)
	address := r.between(t, later(30*time.Millisecond))
	var all []*Cluster
	var limits, quotas []limit.Limiter
	for range 2 {
		c, _ := r.join(t, func(s *config.Cluster) { s.Redis = []string{"redis://" + address} })
		all = append(all, c)
		limits = append(limits, c.Limits().Subject("key k", table(config.Limit{Count: 10, Window: time.Hour})))
		quotas = append(quotas, c.Limits().Subject("key q", quotaTable(config.Quota{Of: config.Requests, Count: 10, Window: day, Zone: "Europe/Berlin"})))
	}
	for name, ask := range map[string]func(i int) bool{
		"limit": func(i int) bool {
			_, ok, _, _ := try(all[i], limits[i], patience)
			return ok
		},
		"quota": func(i int) bool {
			h, ok, _, _ := begin(all[i], quotas[i], limit.Need{Tokens: 1}, patience)
			h.Settle(limit.Need{Tokens: 1}, now())
			return ok
		},
	} {
		var served atomic.Int64
		var group sync.WaitGroup
		for n := range 200 {
			group.Go(func() {
				time.Sleep(time.Duration(n/10) * time.Millisecond)
				if ask(n % len(all)) {
					served.Add(1)
				}
			})
		}
		group.Wait()
		if served.Load() != 10 {
			t.Errorf("%s: %d were let in of 10", name, served.Load())
		}
	}
}
