//go:build example

package server

import (
	"strings"
	"testing"
)

// A schedule's file and its name are all that api.yaml, attempts and explain need.
func TestPretendedScheduleIsFollowedByItsFileAndItsName(t *testing.T) {
	first, last := listen(t, both), listen(t, both)
	g := start(t, keyed("SCHEDULING_ALGORITHM: backwards"), providerOf("first", first), providerOf("last", last))
	for range 2 {
		if a := g.do("POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, asClient...); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	if n, m := len(first.requests()), len(last.requests()); n != 0 || m != 2 {
		t.Errorf("the first provider was asked %d times, the last one %d", n, m)
	}
	if a := g.do("GET", "/v1/explain?key=admin&model=m", "", asClient...); !strings.Contains(a.body, "backwards: the last in the key's rules first") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
