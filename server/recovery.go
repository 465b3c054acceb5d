package server

import (
	"io"

	"uniapi/codec"
	"uniapi/codec/responses"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/budget"
)

// mostBuffered is how much of a stream waits for its end, in bytes. One that is
// longer goes out from there on as it comes.
const mostBuffered = 4 << 20

// buffers says whether the attempt's stream is to be there whole before the client
// gets any of it, so that another channel can still serve if it breaks.
func (x *exchange) buffers() bool {
	p := x.attempt.Provider.Config
	if _, is := x.format.(responses.Format); is && p.Preferences.ResponsesCommit == "completed_usage" {
		return true
	}
	return x.snap.config.StreamRecovery(x.key.APIKey, p) == config.RecoverBuffer
}

// mayBuffer says whether that may be so for a stream of the request.
func (x *exchange) mayBuffer() bool {
	return x.stream && (x.snap.buffers || x.key.Preferences.Recovery == config.RecoverBuffer)
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
func (x *exchange) readStream(answer *pool.Response, from codec.Format) error {
	if err := x.openFlow(from); err != nil {
		answer.Close()
		return err
	}
	var all []byte
	for {
		in, err := answer.Next()
		var out []byte
		switch err {
		case nil:
			if out, err = x.flow.Push(in); err == nil && x.flow.Done() {
				err = io.EOF
			}
		case io.EOF:
			if out, err = x.flow.End(); err == nil {
				err = io.EOF
			}
		}
		all = append(all, out...) // it is theirs until the next call
		if err == nil || err == io.EOF {
			if refused := x.holding.Hold(budget.Stream, beyondKept(all)+x.flow.Held()); refused != nil {
				err = refused
			}
		}
		switch {
		case err == io.EOF:
			x.first = all
			answer.CloseLater()
			return nil
		case err != nil:
			answer.Close()
			return err
		case !x.flow.Started():
			continue
		}
		answer.Begin()
		if len(all) > mostBuffered {
			x.first, x.answer = all, answer
			return nil
		}
	}
}
