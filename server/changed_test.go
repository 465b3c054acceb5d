package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/config"
	"uniapi/server/requestlog"
)

func TestNoteChangesNamesMembersThatWereLeftOutAndAdded(t *testing.T) {
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, `"member-%d":1,`, i)
	}
	const body = `{"model":"m","seed":7,"stop":["a"]}`
	for _, c := range []struct {
		name, body, sent string
		left, added      []string
	}{
		{"nothing", body, body, nil, nil},
		{"left out", body, `{"model":"m","stop":["a"]}`, []string{"seed"}, nil},
		{"added", body, `{"model":"m","top_k":1,"seed":7,"stop":["a"]}`, nil, []string{"top_k"}},
		{"another name", body, `{"model":"m","random_seed":7,"stop":["a"]}`, []string{"seed"}, []string{"random_seed"}},
		{"another value", body, `{"model":"n","seed":8,"stop":["b"]}`, nil, nil},
		{"an escaped name", `{"\u0073eed":1}`, `{}`, []string{"seed"}, nil},
		{"in an object", `{"a":{"x":1,"b":{"y":1,"z":2}},"c":{"d":1}}`, `{"a":{"x":2,"b":{"z":2,"w":1}}}`, []string{"a.b.y", "c"}, []string{"a.b.w"}},
		{"too deep", `{"a":{"b":{"c":{"d":1}}}}`, `{"a":{"b":{"c":{}}}}`, nil, nil},
		{"there twice", `{"a":{"b":1},"a":{"c":1}}`, `{"a":{}}`, []string{"a.b"}, nil},
		{"no object", "[1]", `{"a":1}`, nil, []string{"a"}},
	} {
		a := attemptOf(c.body)
		a.noteChanges([]byte(c.sent))
		if !slices.Equal(a.leftOut, c.left) || !slices.Equal(a.besides, c.added) {
			t.Errorf("%s: without %q, with %q", c.name, a.leftOut, a.besides)
		}
	}
	a := attemptOf("{" + many.String() + `"z":1}`)
	if a.noteChanges([]byte("{}")); len(a.leftOut) != mostChanged {
		t.Errorf("of many %d are named", len(a.leftOut))
	}
	a.leftOut = nil
	a.snap.config.Preferences.RequestLog.Level = config.RequestLogOff
	if a.noteChanges([]byte("{}")); a.leftOut != nil {
		t.Errorf("nothing is kept, and %q noted", a.leftOut)
	}
}

// attemptOf is one at a request with a body, at a gateway that keeps requests.
func attemptOf(body string) *attempt {
	cfg := &config.Config{Preferences: config.Preferences{RequestLog: config.RequestLog{Level: config.RequestLogMetadata}}}
	at := origin{server: &Server{requests: new(requestlog.Log)}, snap: &snapshot{config: cfg}}
	return &attempt{inbound: &inbound{origin: at, body: []byte(body)}}
}
