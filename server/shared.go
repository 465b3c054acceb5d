package server

import (
	"context"
	"time"

	"uniapi/balancer"
	"uniapi/cluster"
	"uniapi/config"
	"uniapi/server/admin"
)

// useStores makes the state that outlives configurations, with what other instances share of it. Its failures are
// logged.
func (s *Server) useStores(stores balancer.Stores) {
	if stores.Failed == nil {
		stores.Failed = func(err error) {
			s.unshared.count(s.log, "what instances share cannot be asked", "strict", stores.Strict, "error", err)
		}
	}
	s.state = balancer.NewState(stores)
}

// passOn begins to pass news on, to other instances and to who is to be alarmed, until the server ends.
func (s *Server) passOn() {
	var ctx context.Context
	ctx, s.alone = context.WithCancel(context.Background())
	go s.state.Share(ctx)
	go s.alerts.Run(ctx)
}

// fleet is how what other instances share stands; shared is false if this one is alone.
func (s *Server) fleet() (state cluster.State, shared bool) {
	if s.options.Cluster == nil {
		return cluster.State{}, false
	}
	return s.options.Cluster.State(), true
}

// aloneFor is for how long this instance has shared nothing, though it should.
func (s *Server) aloneFor() time.Duration {
	if state, shared := s.fleet(); shared && !state.Up {
		return time.Since(state.Since)
	}
	return 0
}

// sharing is that as admins are told it, nil of an instance that is alone.
func (s *Server) sharing() *admin.Sharing {
	state, shared := s.fleet()
	if !shared {
		return nil
	}
	return &admin.Sharing{Cluster: state.Redis, Up: state.Up, Since: float64(state.Since.UnixMilli()) / 1000, Error: state.Reason}
}

// tellFleet says that another cluster takes a restart: what is under way is counted in the one that there is.
func (s *Server) tellFleet(old *snapshot, cfg *config.Config) {
	if old == nil || old.config.Preferences.Cluster.Equal(cfg.Preferences.Cluster) {
		return
	}
	s.log.Warn("preferences.cluster has changed, and what was read at the start goes on: restart this instance to have it take effect", "cluster", cfg.Preferences.Cluster.String())
}
