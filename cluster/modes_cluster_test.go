//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// servedBy is how many of 200 requests two instances let in at 100 an hour.
func servedBy(t *testing.T, address string) int64 {
	var all []*Cluster
	var of []limit.Limiter
	for range 2 {
		c, _ := (&redisServer{t: t}).join(t, func(s *config.Cluster) { s.Redis = []string{address} })
		within(t, 10*time.Second, func() bool { return c.State().Up })
		all, of = append(all, c), append(of, c.Limits().Subject("key k", table(config.Limit{Count: 100, Window: time.Hour})))
	}
	served, _, failed := burst(all, of, 100)
	if failed > 0 {
		t.Errorf("%d could not be asked for", failed)
	}
	return served
}

func TestRedisClusterIsShared(t *testing.T) {
	r := startRedis(t, "--cluster-enabled", "yes")
	for _, args := range [][]string{{"cluster", "addslotsrange", "0", "16383"}} {
		if out, err := exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	within(t, 10*time.Second, func() bool {
		out, _ := exec.Command("redis-cli", "-p", r.port, "cluster", "info").Output()
		return len(out) > 17 && string(out[:16]) == "cluster_state:ok"
	})
	if got := servedBy(t, "redis://"+r.address); got != 100 {
		t.Errorf("%d were served of 100", got)
	}
}

func TestRedisBehindSentinelsIsShared(t *testing.T) {
	r := startRedis(t)
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(path, fmt.Appendf(nil, "sentinel monitor mymaster 127.0.0.1 %s 1\n", r.port), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSentinel(t, path)
	if got := servedBy(t, "redis+sentinel://"+s.address+"/mymaster"); got != 100 {
		t.Errorf("%d were served of 100", got)
	}
}
