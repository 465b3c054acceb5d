//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// installed is a peer that can run here. path is empty for direct.
type installed struct {
	peer
	path string
}

// present finds the peers and notes in r what they are.
func (o options) present(bin, older string, r *results) ([]installed, error) {
	var found []installed
	asked := peers(bin, older, o.with)
	if o.guard != "" {
		asked = asked[len(asked)-1:] // the gateway
	}
	for _, p := range asked {
		if p.binary == "" {
			found = append(found, installed{peer: p})
			continue
		}
		path, err := p.locate()
		if err != nil {
			switch p.binary {
			case bin:
				return nil, fmt.Errorf("--bin %s: %w", o.bin, err)
			case older:
				return nil, fmt.Errorf("--before %s: %w", o.before, err)
			}
			r.Missing = append(r.Missing, p.name)
			continue
		}
		found = append(found, installed{p, path})
		r.Versions = append(r.Versions, p.name+": "+p.versionText(path))
	}
	return found, nil
}

// measure runs everything that was asked for.
func (o options) measure(ctx context.Context, progress io.Writer) (*results, error) {
	picked, start, err := chosen(o.scenarios)
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	older := o.before
	if older != "" {
		if older, err = filepath.Abs(older); err != nil {
			return nil, err
		}
	}
	r := &results{When: time.Now(), Environment: machine(), Settings: o.settings()}
	found, err := o.present(bin, older, r)
	if err != nil {
		return nil, err
	}
	if start {
		if r.Start, err = o.measureStart(ctx, bin, progress); err != nil {
			return nil, fmt.Errorf("start: %w", err)
		}
	}
	for _, s := range picked {
		stage := &stage{options: o, scenario: s, bin: bin, progress: progress}
		result, err := stage.measure(ctx, found)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", s.name, err)
		}
		r.Scenarios = append(r.Scenarios, *result)
	}
	return r, nil
}

// stage is where one scenario is played: its mock and its peers.
type stage struct {
	options
	scenario
	bin      string
	progress io.Writer

	dir      string
	upstream string // address of the mock
	mock     *process
}

// contender is a peer that is asked for a model.
type contender struct {
	installed
	model      string
	server     *process // nil for direct, and while it does not run
	address    string
	bodyLength int
}

// name is the peer's, with what is translated.
func (c *contender) name() string { return rowName(c.peer.name, c.model) }

// explain adds to err whose it is and what the peer printed last.
func (c *contender) explain(err error) error {
	if c.server == nil {
		return fmt.Errorf("%s: %w", c.name(), err)
	}
	return fmt.Errorf("%s: %w; its last output:\n%s", c.name(), err, c.server.lastOutput())
}

// measure starts everything anew, gives each contender its turns and stops
// everything.
func (s *stage) measure(ctx context.Context, found []installed) (*scenarioResult, error) {
	var err error
	if s.dir, err = os.MkdirTemp("", "uni-api-bench-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(s.dir)
	if s.upstream, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.mock, err = startProcess("mock", s.dir, s.upstream, s.bin, append([]string{"mock", "--addr", s.upstream}, s.scenario.mock...)...); err != nil {
		return nil, err
	}
	defer s.mock.stop()

	var contenders []*contender
	for _, p := range found {
		contenders = append(contenders, &contender{installed: p, model: chatModel})
		if p.peer.name == gateway || p.peer.name == before {
			for _, model := range s.models {
				contenders = append(contenders, &contender{installed: p, model: model})
			}
		}
	}
	result := &scenarioResult{Name: s.scenario.name, Title: s.title}
	if s.kind != saturating {
		loads := map[kindOfLoad]string{paced: pacedLoad, held: heldLoad, counted: countLoad}
		section, err := s.play(ctx, loads[s.kind], 0, contenders)
		if err != nil {
			return nil, err
		}
		result.Sections = append(result.Sections, *section)
		return result, nil
	}

	defer func() {
		for _, c := range contenders {
			c.stop()
		}
	}()
	for _, c := range contenders {
		if err := s.raise(c); err != nil {
			return nil, err
		}
	}
	closed, err := s.play(ctx, saturated, 0, contenders)
	if err != nil {
		return nil, err
	}
	result.Sections = append(result.Sections, *closed)
	loads := []string{light}
	if s.stream {
		loads = append(loads, half)
	}
	for _, load := range loads {
		open, err := s.play(ctx, load, closed.capacity()*shareOf[load], contenders)
		if err != nil {
			return nil, err
		}
		result.Sections = append(result.Sections, *open)
	}
	return result, nil
}

// shareOf is the part of what nginx can do that an open loop asks for.
var shareOf = map[string]float64{light: 0.27, half: 0.5}

// capacity is what nginx can do, or else the gateway.
func (s *section) capacity() float64 {
	if f := s.of(nginx, chatModel); f != nil {
		return f[perSecond]
	}
	return s.of(gateway, chatModel)[perSecond]
}

// raise starts the process of c, if it has one, and asks it once.
func (s *stage) raise(c *contender) error {
	c.address = s.upstream
	if c.binary != "" {
		dir, err := os.MkdirTemp(s.dir, "peer-")
		if err != nil {
			return err
		}
		if c.server, err = c.start(c.path, dir, s.upstream); err != nil {
			return err
		}
		c.address = c.server.listen
	}
	if s.kind == paced || s.kind == held {
		return nil // an answer takes seconds to minutes there
	}
	length, err := probe(c.address, s.scenario, c.model)
	if err != nil {
		return c.explain(err)
	}
	c.bodyLength = length
	return nil
}

func (c *contender) stop() {
	if c.server != nil {
		c.server.stop()
		c.server = nil
	}
}

// play gives each contender its turns under a load. Where memory is measured
// each turn has a process of its own.
func (s *stage) play(ctx context.Context, load string, rate float64, contenders []*contender) (*section, error) {
	rounds := make([][]figures, len(contenders))
	for n := range s.rounds {
		taken := make([]figures, len(contenders))
		var base, passed, direct figures
		older := map[string]figures{} // by model
		for turn := range contenders {
			i := turn
			if n%2 == 1 { // who comes after another pays for what that has left behind, so each round turns the order round
				i = len(contenders) - 1 - turn
			}
			c := contenders[i]
			m, err := s.turn(ctx, rate, c)
			if err != nil {
				return nil, c.explain(err)
			}
			taken[i] = figuresOf(m, c.binary != "", runtime.NumCPU())
			if c.peer.name == before {
				older[c.model] = taken[i]
			}
			if c.model == chatModel {
				switch c.peer.name {
				case nginx:
					base = taken[i]
				case gateway:
					passed = taken[i]
				case withoutPeer:
					direct = taken[i]
				}
			}
			fmt.Fprintf(s.progress, "%s, %s, round %d of %d, %s: %s\n", s.scenario.name, load, n+1, s.rounds, c.name(), taken[i].progress())
		}
		for i := range taken {
			// Each to the others of its round: a machine that gets slower
			// meanwhile is slow for all of them alike.
			taken[i].compare(base, passed, direct)
			if c := contenders[i]; c.peer.name == gateway {
				taken[i].ratio(timesBefore, cpuEach, older[c.model])
				taken[i].ratio(callsBefore, callsEach, older[c.model])
			}
			rounds[i] = append(rounds[i], taken[i])
		}
	}
	out := &section{Load: load, Rate: rate}
	for i, c := range contenders {
		out.Rows = append(out.Rows, row{Peer: c.peer.name, Model: c.model, Figures: medians(rounds[i])})
	}
	return out, nil
}

// turn puts a load on c once.
func (s *stage) turn(ctx context.Context, rate float64, c *contender) (*measurement, error) {
	if s.kind != saturating {
		defer c.stop()
		if err := s.raise(c); err != nil {
			return nil, err
		}
	}
	upstream, err := processTree(s.mock.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	var peer []int
	if c.server != nil {
		if peer, err = processTree(c.server.cmd.Process.Pid); err != nil {
			return nil, err
		}
	}
	l := load{
		address:     c.address,
		request:     s.request(c.address, c.model),
		bodyLength:  c.bodyLength,
		stream:      s.stream,
		connections: s.connections,
		rate:        rate,
		warm:        s.warm,
		seconds:     s.seconds,
	}
	switch {
	case s.kind == counted:
		l.connections, l.counts = 1, true
	case rate > 0:
		l.connections = openConnections
		l.seconds = max(l.seconds, time.Duration(fewest/rate*float64(time.Second)))
	case s.kind != saturating:
		l.connections, l.ramp, l.gaps = min(s.streams, s.most), s.ramp, true
		l.warm = s.ramp + s.warm
	}
	return l.run(ctx, peer, upstream)
}

// An open loop may use that many connections, and has at least that many requests.
const (
	openConnections = 256
	fewest          = 10
)
