package server

import (
	"uniapi/config"
	"uniapi/server/relay"
)

// buffers says whether the attempt's stream is to be there whole before the client
// gets any of it, so that another channel can still serve if it breaks.
func (a *attempt) buffers() bool {
	p := a.chosen.Provider.Config
	if a.format.Properties().Repeats && p.Preferences.ResponsesCommit == "completed_usage" {
		return true
	}
	return a.snap.config.StreamRecovery(a.key.APIKey, p) == config.RecoverBuffer
}

// mayBuffer says whether that may be so for a stream of the request.
func (in *inbound) mayBuffer() bool {
	return in.stream && (in.snap.buffers || in.key.Preferences.Recovery == config.RecoverBuffer)
}

// buffersSome says whether a configuration has a stream wait for its end, whoever
// asks for it.
func buffersSome(cfg *config.Config) bool {
	if cfg.Preferences.Recovery == config.RecoverBuffer {
		return true
	}
	for _, p := range cfg.Providers {
		if p.Preferences.Recovery == config.RecoverBuffer || p.Preferences.ResponsesCommit == "completed_usage" {
			return true
		}
	}
	return false
}

// safeguard has the attempt's stream be one that may break off and be served all the same, where that is wanted.
func (a *attempt) safeguard() {
	if a.answer.GoesOn() {
		return
	}
	a.answer.Buffered = a.buffers()
	if a.answer.Joint != nil {
		return
	}
	if q := a.joins(); q != nil {
		a.answer.Joint = relay.NewJoint(a.format.NewStreamEncoder(q), a)
	}
}
