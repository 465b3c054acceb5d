package metrics

import (
	"testing"
	"time"
)

func TestLacksAreToldOncePerProviderAndHour(t *testing.T) {
	var l Lacks
	now := time.Now()
	for i, test := range []struct {
		provider string
		after    time.Duration
		tells    bool
	}{{"p", 0, true}, {"p", time.Minute, false}, {"q", time.Minute, true}, {"p", lackEvery - 1, false}, {"p", lackEvery, true}, {"p", lackEvery + 1, false}} {
		if got := l.Tell(test.provider, now.Add(test.after)); got != test.tells {
			t.Errorf("%d: %v", i, got)
		}
	}
}
