package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/pool"
)

const (
	poolIdle     = 300 * time.Millisecond // the gateway keeps an idle connection to a provider
	poolDistrust = 100 * time.Millisecond // it keeps none to one that sent what it was not asked for
)

// trouble is a gateway before providers that fail, each with a sound one behind
// it for some of its models.
type trouble struct {
	*gateway
	seed      uint64
	bad, good *troubled
	alarms    *alarms

	sent, ended, left atomic.Int64 // requests that were begun, came to a result, and were left by their clients
	refusals, broken  atomic.Int64 // of those that ended
	late              atomic.Int64 // that took the gateway's patience, for no reason of the fault or the client
	wrong             atomic.Int64
	mu                sync.Mutex
	byModel           map[string]int
}

// alarms keeps of a log only what must not happen.
type alarms struct {
	mu    sync.Mutex
	lines []string
}

func (a *alarms) Write(p []byte) (int, error) {
	told := bytes.Contains(p, []byte(`"level":"ERROR"`)) && !bytes.Contains(p, []byte(strayMessage)) // of which these providers send enough
	if told || bytes.Contains(p, []byte("panicked")) {
		a.mu.Lock()
		a.lines = append(a.lines, string(p))
		a.mu.Unlock()
	}
	return len(p), nil
}

// startTrouble starts all of it. It is over with quiet.
func startTrouble(t *testing.T, seed uint64) *trouble {
	s := &trouble{seed: seed, alarms: &alarms{}, byModel: map[string]int{}}
	s.bad, s.good = listenTroubled(t, seed, false), listenTroubled(t, seed, true)
	section := func(name, addr string, d *dialect, timeout time.Duration, models ...string) string {
		return fmt.Sprintf("  - provider: %s\n    base_url: http://%s%s\n    api: %s\n    model: [%s]\n    preferences: {model_timeout: %g, cooldown_period: 0, passthrough_request_headers: [%s]}\n",
			name, addr, d.at, upstreamKeyText, strings.Join(models, ", "), timeout.Seconds(), questionHeader)
	}
	var bad, good []string
	for i, d := range spoken {
		other := spoken[(i+1)%len(spoken)]
		models := []string{d.name + "-alone", d.name + "-backed"}
		bad = append(bad, section("bad-"+d.name, s.bad.addr, d, faultyPatience, models...), section("roomy-"+d.name, s.bad.addr, d, patience, d.name+"-roomy"))
		good = append(good, section("good-"+d.name, s.good.addr, other, patience, models[1]))
	}
	for _, name := range []string{"limits", "kept"} {
		bad = append(bad, section("bad-"+name, s.bad.addr, chatDialect, faultyPatience, name+"-alone", name+"-backed"),
			section("roomy-"+name, s.bad.addr, chatDialect, patience, name+"-roomy"))
		good = append(good, section("good-"+name, s.good.addr, messagesDialect, patience, name+"-backed"))
	}
	sections := append(append(bad, good...), paidKeys("1000000", "      AUTO_RETRY: 1\n      rate_limit: 1000000/day\n"), "preferences:\n  keepalive_interval: {kept: 0.05}\n")
	log := slog.New(slog.NewJSONHandler(s.alarms, &slog.HandlerOptions{Level: slog.LevelDebug}))
	// Nobody waits here until the usual times are over.
	s.gateway = startWith(t, Options{Log: log, pool: pool.Options{IdleTimeout: poolIdle, Distrust: poolDistrust}}, sections...)
	return s
}

// draw makes a request that meets a fault, of any client to any provider.
func (s *trouble) draw(f *fault, stream bool, rng *rand.Rand) *inquiry {
	provider := spoken[rng.IntN(len(spoken))].name
	switch {
	case f.rests:
		provider = "limits"
	case rng.IntN(8) == 0:
		provider = "kept"
	}
	return s.inquiry(f, provider, asked[rng.IntN(len(asked))], stream, rng.IntN(2) == 0, rng)
}

// inquiry makes a request that meets a fault.
func (s *trouble) inquiry(f *fault, provider string, client *dialect, stream, alone bool, rng *rand.Rand) *inquiry {
	i := &inquiry{dialect: client, fault: f, stream: stream, alone: alone, kept: provider == "kept"}
	i.question = question{nonce: fmt.Sprintf("%s%012x", nonceStart, rng.Uint64()>>16), words: 3 + rng.IntN(30), fault: f.name, padding: rng.IntN(20)}
	if f.long > 0 {
		i.words = f.long
	}
	if f.heavy {
		i.padding = 1000 + rng.IntN(60_000)
	}
	i.model = provider + "-backed"
	if alone {
		i.model = provider + "-alone"
	}
	if alone && f.long > 0 {
		i.model = provider + "-roomy" // whose time is no fault, however slow the machine is
	}
	return i
}

// visitor is a client with a connection that it keeps as long as it can.
type visitor struct {
	*trouble
	conn *net.TCPConn
	br   *bufio.Reader
}

func (v *visitor) dial() error {
	if v.conn != nil {
		return nil
	}
	c, err := net.Dial("tcp", v.addr)
	if err != nil {
		return fmt.Errorf("connecting to the gateway: %w", err)
	}
	v.conn, v.br = c.(*net.TCPConn), bufio.NewReader(c)
	return nil
}

func (v *visitor) hangUp() {
	if v.conn != nil {
		v.conn.Close()
		v.conn = nil
	}
}

// ask sends an inquiry and reads what comes of it.
func (v *visitor) ask(i *inquiry, slowly bool) (*result, error) {
	if err := v.dial(); err != nil {
		return nil, err
	}
	v.sent.Add(1)
	v.conn.SetDeadline(time.Now().Add(2 * patience))
	began := time.Now()
	if _, err := io.WriteString(v.conn, i.wire()); err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	r, err := receiveFrom(v.br, began, slowly)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.byModel[i.model]++
	v.mu.Unlock()
	v.ended.Add(1)
	if r.took >= faultyPatience && !i.fault.waits && i.fault.long == 0 && !slowly {
		v.late.Add(1)
	}
	if r.StatusCode != 200 {
		v.refusals.Add(1)
	} else if r.err != nil {
		v.broken.Add(1)
	}
	if r.err != nil || r.Close {
		v.hangUp()
	}
	return r, nil
}

// inquire asks and judges what comes of it.
func (v *visitor) inquire(i *inquiry, slowly, lenient bool) (*result, error) {
	r, err := v.ask(i, slowly)
	if err == nil {
		err = i.judge(r, faultyPatience, lenient)
	}
	if err != nil {
		v.hangUp()
	}
	return r, err
}

// complain reports a wrong result.
func (s *trouble) complain(i *inquiry, r *result, err error) {
	if s.wrong.Add(1) <= 20 {
		s.t.Errorf("%v: %v\n\t%v", i, err, r)
	}
}
