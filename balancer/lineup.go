package balancer

import "uniapi/balancer/breaker"

// client finds what rests know a client key by.
func (s *State) client(secret string) *breaker.Client {
	if s.clients[secret] == nil {
		s.clients[secret] = new(breaker.Client)
	}
	return s.clients[secret]
}

// ownLineups is how many orders of turns are kept for a client key for which
// something rests that serves others. One more is computed again when it is needed.
const ownLineups = 16

// ownLineup is the order of a route's turns for one client key.
type ownLineup struct {
	lineup
	of  *rotation
	own uint64 // the client's count of changes when it was made
}
