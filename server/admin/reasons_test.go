package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestReasonsAreToldApartByWhatTheySay(t *testing.T) {
	var r Reasons
	at := time.Unix(1000, 0)
	for i := range 100 {
		r.Add("p", "m", 503, fmt.Sprintf("overloaded, request %d", i), at.Add(time.Duration(i)*time.Second))
	}
	r.Add("p", "n", 429, "overloaded, request 1", at)
	r.Add("q", "m", 401, "wrong key", at)
	got := r.Of("p")
	if len(got) != 2 || got[0].Status != 429 || got[0].Count != 1 || got[1].Count != 100 || got[1].Error != "overloaded, request 99" || got[1].At != 1099 || got[0].Model != "n" {
		t.Errorf("%+v", got)
	}
	for i := range 2 * mostReasons {
		r.Add("p", "m", 500, strings.Repeat("x", i), at)
	}
	if got = r.Of("p"); len(got) != mostReasons || got[0].Error != strings.Repeat("x", 2*mostReasons-1) {
		t.Errorf("%+v", got)
	}
	if got = r.Of("nobody"); got == nil || len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for i := range mostReasoned + 10 {
		r.Add(fmt.Sprint("provider", i), "m", 500, "x", at)
	}
	if len(r.of) > mostReasoned {
		t.Errorf("%d providers are remembered", len(r.of))
	}
}
