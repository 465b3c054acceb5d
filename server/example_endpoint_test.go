//go:build example

package server

import (
	"strings"
	"testing"
)

// An endpoint's line is all that it needs to be found, let in, passed on and written down.
func TestPretendedEndpointIsPassedOnByItsLine(t *testing.T) {
	u := listen(t, both)
	g := start(t, providerOf("p", u))
	if a := g.do("POST", "/v1/pretended/things", `{"model":"m","thing":1}`, asClient...); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if line := g.log.Next(t, "request"); line["model"] != "m" || line["provider"] != "p" {
		t.Errorf("logged as %v", line)
	}
	if a := g.do("GET", "/v1/stats", "", asClient...); !strings.Contains(a.body, "pretended/things") {
		t.Errorf("the statistics do not tell of it: %s", a.body)
	}
	if asked := u.requests(); len(asked) != 1 || asked[0].URL.Path != "/v1/pretended/things" || !strings.Contains(asked[0].body, `"thing":1`) {
		t.Errorf("the provider was asked %+v", asked)
	}
}
