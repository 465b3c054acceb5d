package admin

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/config"
	"uniapi/pool"
)

// Whatever else is in flight, an admin may end it; all else waits its turn.
func TestWhatAdminsPostIsKnownByItsPath(t *testing.T) {
	a := newAPI(t, new(gateway))
	for path, want := range map[string]bool{
		"/v1/explain": true, "/v1/add_credits": true, "/v1/api_config/update": true, "/v1/channels/wake": true, "/v1/channels/ask": true,
		"/v1/stats": false, "/v1/chat/completions": false, "": false, "/v1/explain/": false,
	} {
		if got := a.Posts([]byte(path)); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

// What shows secrets is for admins, and a list of its own.
func TestOnlyTwoPathsRevealSecretsAndWhatEveryKeyMayAskIsCounted(t *testing.T) {
	count := map[Who]int{}
	for _, r := range newAPI(t, new(gateway)).Routes() {
		count[r.Who]++
		switch r.Path {
		case "/v1/api_keys_states", "/v1/api_config":
			if r.Who != Revealing {
				t.Errorf("%s is for %v", r.Path, r.Who)
			}
		}
	}
	if count[Revealing] != 2 || count[Anyone] != 9 {
		t.Errorf("%v", count)
	}
}

func TestOverviewTellsHowTheGatewayItselfStands(t *testing.T) {
	g := &gateway{now: Now{Draining: true, Clients: 7, Upstream: pool.Stats{Open: 5, Idle: 3}, Refused: 9, ReloadError: "line 3: no",
		LeftOut: config.Problems{{Item: config.ItemModel, Message: "it has no name"}}}}
	a := newAPI(t, g)
	a.Limits = Limits{InFlight: 1<<63 - 1, Connections: 100, Body: 64, Memory: 0}
	ctx := asks(fasthttp.MethodGet, "/v1/overview")
	a.overview(ctx, a.caller())
	var told struct {
		Version  string
		Draining bool
		Ledger   string `json:"ledger_error"`
		Limits   map[string]int64
		Clients  int                              `json:"client_connections"`
		Upstream int                              `json:"upstream_connections"`
		Idle     int                              `json:"upstream_connections_idle"`
		Refused  int                              `json:"requests_refused"`
		Reload   string                           `json:"reload_error"`
		LeftOut  []struct{ Item, Problem string } `json:"left_out"`
	}
	if err := json.Unmarshal(ctx.Response.Body(), &told); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %v %q %v %d %d %d %d %s %d %s", told.Version, told.Draining, told.Ledger, told.Limits, told.Clients, told.Upstream, told.Idle, told.Refused, told.Reload, len(told.LeftOut), told.LeftOut[0].Item)
	const want = `v0-test true "" map[max_body_bytes:64 max_connections:100 max_in_flight:0 memory_bytes:0] 7 5 3 9 line 3: no 1 model`
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWhatIsUnderWayIsListedFromTheOldestAndUpToAMost(t *testing.T) {
	g := new(gateway)
	for i := range mostOpen + 5 {
		g.live = append(g.live, Live{ID: fmt.Sprint(i), Stream: i%2 == 0, Since: time.Unix(int64(10_000-i), 0)})
	}
	a := newAPI(t, g)
	ctx := asks(fasthttp.MethodGet, "/v1/live")
	a.live(ctx, a.caller())
	var told struct {
		InFlight int `json:"in_flight"`
		Streams  int
		Requests []struct{ ID string }
	}
	if err := json.Unmarshal(ctx.Response.Body(), &told); err != nil {
		t.Fatal(err)
	}
	if told.InFlight != mostOpen+5 || told.Streams != (mostOpen+6)/2 || len(told.Requests) != mostOpen || told.Requests[0].ID != fmt.Sprint(mostOpen+4) {
		t.Errorf("%d in flight, %d streams, %d listed from %v on", told.InFlight, told.Streams, len(told.Requests), told.Requests[0])
	}
}
