//go:build !race

package server

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Whoever it is, by whatever way: no more is held than is said here, all of it is taken out of the budget before, and
// nothing is left.
func TestWhatAnAttackerMakesTheGatewayHoldIsBounded(t *testing.T) {
	const (
		together = 12
		memory   = 16 << 20
		// A request allocates what is not counted, and what is garbage when its buffers grow.
		uncounted = 512 << 10
	)
	images := hugeImages(t)
	for _, a := range attacks() {
		t.Run(a.name(), func(t *testing.T) {
			up := a.prey(t, "prey")
			g := startWith(t, Options{RequestMemory: memory}, a.section("prey", up.addr), providerOf("good", listen(t, both), "    model: [honest]\n"),
				fmt.Sprintf("api_keys:\n  - {api: %s, role: admin}\n  - {api: %s, role: small, model: [prey]}\n", clientKeyText, attackerKeyText),
				"preferences: {image_fetch: {allow: 127.0.0.1}, cooldown_period: 0}\n")
			wire := a.wire("prey", images)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var crowd sync.WaitGroup
			statuses := make([]int, together)
			for i := range together {
				crowd.Go(func() {
					patience := patience
					if a.left > 0 {
						patience = time.Second // they leave
					}
					statuses[i] = try(g.addr, wire, patience)
				})
			}
			crowd.Wait()
			runtime.ReadMemStats(&after)
			eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 && g.inFlight.Load() == 0 })
			held, allocated := g.budget.Highest(), int64(after.TotalAlloc-before.TotalAlloc)
			t.Logf("%v: held %d KB, allocated %d KB", statuses, held>>10, allocated>>10)
			if most := min(together*a.each, g.budget.Most()+64<<10); held > most {
				t.Errorf("%d bytes were held, more than %d", held, most)
			}
			// How many of them hold theirs at once is up to the machine.
			if most := garbage * together * (max(held/together, min(a.each, held)) + uncounted); allocated > most {
				t.Errorf("%d bytes were allocated, held were %d", allocated, held)
			}
			for _, status := range statuses {
				if a.keyless && status != 401 && status != 0 {
					t.Errorf("a stranger got %d", status)
				}
			}
			if a := g.chat(strings.Replace(plainRequest, `"m"`, `"honest"`, 1)); a.StatusCode != 200 {
				t.Errorf("an honest key gets %d afterwards", a.StatusCode)
			}
		})
	}
}
