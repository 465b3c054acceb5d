package server

import (
	"uniapi/codec"
	"uniapi/config"
	"uniapi/server/telemetry/metrics"
)

// stages are what a request passes beside what every request does. What brings them about is known before there is a
// request: the configuration, the path, the client key. So a request has one word of them, a plain one has none, and
// where its way comes to a stage it asks for the bit and goes by.
//
// What only the request itself or its channel tells (a compressed body, an Idempotency-Key, another format) is no bit:
// it is looked at where it is met.
type stages uint32

const (
	withTrace     stages = 1 << iota // an OpenTelemetry collector is told of it: tracing.go
	withDebug                        // the log has lines of its attempts: trace.go
	withLog                          // it is kept in the log of requests: requests.go
	withHedging                      // attempts of it may run beside each other: hedge.go
	withAddress                      // what it may use may depend on where it comes from: inbound.client
	withAccess                       // its key may not be used always or from everywhere: access.go
	withGates                        // something is asked before it counts against limits: passGates
	withNeed                         // limits or credits want to know what it takes at most: need.go
	withQueue                        // it waits for a limit that it meets: waiting.go
	withModerator                    // what the user says is judged: moderation.go
	withAdmin                        // it may be told which channels were asked: respond.go
)

// stagesOf are those of every request under a configuration.
func (s *Server) stagesOf(snap *snapshot) (all stages) {
	add := func(stage stages, is bool) {
		if is {
			all |= stage
		}
	}
	add(withTrace, s.options.Tracer != nil)
	add(withDebug, s.debug)
	add(withLog, s.requests != nil && snap.config.Preferences.RequestLog.Level != config.RequestLogOff)
	add(withHedging, hedgesSome(snap.config))
	add(withAddress, asksClient(snap.config))
	add(withNeed, countsNeed(snap.config))
	return all
}

// stagesOf are those of every request of a key. Whether it has credits may change meanwhile, and is no part of them.
func (k *clientKey) stagesOf() (all stages) {
	add := func(stage stages, is bool) {
		if is {
			all |= stage
		}
	}
	add(withAccess, k.Preferences.Access.Limited())
	add(withGates, k.limitsTokens || k.Preferences.Moderation)
	add(withQueue, k.queue > 0)
	add(withModerator, k.Preferences.Moderation)
	add(withAdmin, k.admin)
	return all
}

// passGates asks what must be known before the request counts against limits.
func (x *exchange) passGates() *codec.Error {
	if x.choosing {
		if err := x.permit(); err != nil {
			return err
		}
	}
	if err := x.unambiguous(); err != nil {
		return err
	}
	if err := x.payable(); err != nil {
		return err
	}
	if err := x.refusesUnpriced(); err != nil {
		return err
	}
	if long := x.tooLong(); long != nil {
		x.server.counters.Limited[metrics.PromptLimit].Add(1)
		return long
	}
	return nil
}
