package server

import (
	"io"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/budget"
)

// mostBuffered is how much of a stream waits for its end, in bytes. One that is
// longer goes out from there on as it comes.
const mostBuffered = 4 << 20

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

// readStream reads a stream to its end, and has it go out then.
func (a *attempt) readStream(answer *pool.Response, from codec.Format) error {
	if err := a.openFlow(from); err != nil {
		answer.Close()
		return err
	}
	var all []byte
	for {
		in, err := answer.Next()
		var out []byte
		switch err {
		case nil:
			if out, err = a.flow.Push(in); err == nil && a.flow.Done() {
				err = io.EOF
			}
		case io.EOF:
			if out, err = a.flow.End(); err == nil {
				err = io.EOF
			}
		}
		all = append(all, out...) // it is theirs until the next call
		if err == nil || err == io.EOF {
			if refused := a.holding.Hold(budget.Stream, budget.Beyond(all)+a.flow.Held()); refused != nil {
				err = refused
			}
		}
		switch {
		case err == io.EOF:
			a.first = all
			answer.CloseLater()
			return nil
		case err != nil:
			a.halfway = a.flow.Started()
			answer.Close()
			return err
		case !a.flow.Started():
			continue
		}
		answer.Begin()
		if len(all) > mostBuffered {
			a.first, a.answer = all, answer
			return nil
		}
	}
}
