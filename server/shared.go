package server

import (
	"context"

	"uniapi/balancer"
)

// useStores makes the state that outlives configurations, with what other instances share of it. Its failures are logged.
func (s *Server) useStores(stores balancer.Stores) {
	if stores.Failed == nil {
		stores.Failed = func(err error) {
			s.unshared.count(s.log, "what instances share cannot be asked", "strict", stores.Strict, "error", err)
		}
	}
	s.state = balancer.NewState(stores)
}

// passOn begins to pass news on between instances, until the server ends.
func (s *Server) passOn() {
	var ctx context.Context
	ctx, s.alone = context.WithCancel(context.Background())
	go s.state.Share(ctx)
}
