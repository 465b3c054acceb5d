package balancer

import "sync/atomic"

// client is a client key as rests remember it. It outlives a reload that keeps
// the key.
type client struct {
	named   atomic.Int32  // in how many places rests name it: 0 is a client for whom nothing rests that does not rest for all
	changes atomic.Uint64 // how often what they say of it has changed
}

// client finds what rests know a client key by.
func (s *State) client(secret string) *client {
	if s.clients[secret] == nil {
		s.clients[secret] = new(client)
	}
	return s.clients[secret]
}

// ownLineups is how many orders of turns are kept for a client key for which
// something rests that serves others. One more is computed again when it is needed.
const ownLineups = 16

// ownLineup is the order of a route's turns for one client key.
type ownLineup struct {
	lineup
	of  *rota
	own uint64 // the client's count of changes when it was made
}
