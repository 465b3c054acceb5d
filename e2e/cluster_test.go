package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// clusterRows have no Redis at all: what is shared with other instances is in the cluster's own tests.
var clusterRows = []row{
	{section: "preferences", key: "cluster", set: `{cluster: {redis: "redis://127.0.0.1:1"}}`, play: shares, without: "alone", with: "uni-api at Redis 127.0.0.1:1, on_failure: local"},
	{section: "cluster", key: "redis", set: `{cluster: {redis: ["redis://127.0.0.1:1", "redis://127.0.0.1:2"]}}`, unset: `{cluster: {redis: "redis://127.0.0.1:1"}}`, play: shares,
		without: "uni-api at Redis 127.0.0.1:1, on_failure: local", with: "uni-api at Redis 127.0.0.1:1, 127.0.0.1:2, on_failure: local"},
	{section: "cluster", key: "ca", set: `{cluster: {redis: "rediss://127.0.0.1:1", ca: /etc/redis-ca.pem}}`, unset: `{cluster: {redis: "rediss://127.0.0.1:1"}}`, play: shares,
		without: "uni-api at Redis 127.0.0.1:1 over TLS, on_failure: local", with: "uni-api at Redis 127.0.0.1:1 over TLS by /etc/redis-ca.pem, on_failure: local"},
	{section: "cluster", key: "name", set: `{cluster: {redis: "redis://127.0.0.1:1", name: prod}}`, unset: `{cluster: {redis: "redis://127.0.0.1:1"}}`, play: shares,
		without: "uni-api at Redis 127.0.0.1:1, on_failure: local", with: "prod at Redis 127.0.0.1:1, on_failure: local"},
	{section: "cluster", key: "on_failure", set: `{cluster: {redis: "redis://127.0.0.1:1", on_failure: refuse}}`, unset: `{cluster: {redis: "redis://127.0.0.1:1"}}`,
		file: file{keyPreferences: "{rate_limit: 2/min}"}, play: refuses, without: "200 200 429 200", with: "503 503 503 503"},
}

// overview is what the gateway says of how it stands.
func (s *stage) overview() (o struct{ Cluster *struct{ Cluster string } }) {
	s.serve()
	said := s.send("GET", "/v1/overview", "")
	if err := json.Unmarshal([]byte(said.body), &o); err != nil {
		s.Fatal(err, said.body)
	}
	return o
}

func shares(s *stage) string {
	if o := s.overview(); o.Cluster != nil {
		return o.Cluster.Cluster
	}
	return "alone"
}

func refuses(s *stage) string {
	s.drawn = true // nobody can foretell what another instance would say
	return s.chats(3) + " " + fmt.Sprint(s.ready())
}

// ready is what a load balancer is told.
func (s *stage) ready() int {
	got, err := http.Get(s.address + "/readyz")
	if err != nil {
		s.Fatal(err)
	}
	got.Body.Close()
	return got.StatusCode
}

func TestNothingOfARedisPasswordIsShown(t *testing.T) {
	const password = "correct-horse-battery"
	s := newStage(t)
	s.write(file{preferences: `{cluster: {redis: "redis://gate:` + password + `@127.0.0.1:1/0"}}`}.text(t, inFile, ""))
	checked, _ := s.check()
	s.serve()
	told := checked + s.send("GET", "/v1/overview", "").body + s.send("GET", "/v1/api_config", "").body + s.send("GET", "/metrics", "").body
	s.log.await(s, "Redis does not answer: until it does, what this instance shares is decided by what it knows alone")
	told += fmt.Sprint(s.log.all)
	if strings.Contains(told, password) {
		t.Errorf("the password is in %s", told)
	}
	for _, want := range []string{"cluster: uni-api at Redis 127.0.0.1:1, on_failure: local", `"up":false`, "# TYPE uniapi_cluster_away_seconds gauge"} {
		if !strings.Contains(told, want) {
			t.Errorf("nothing says %q: %s", want, told)
		}
	}
}
