package server

import (
	"bytes"
	"errors"
	"iter"
	"time"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/capture"
)

// listenIn has the request's exchange collected, from its own bytes on, if it is to be kept or somebody waits for it.
func (x *exchange) listenIn() {
	if x.server.captures.Some() {
		x.wanted = x.server.captures.Claim(x.key.id)
	}
	if !x.snap.keepsBodies && x.wanted == nil {
		return
	}
	x.tap = capture.New(x.start, x.server.budget, x.key.share)
	client := x.tap.Client()
	client.Request(string(x.ctx.Method()), string(x.ctx.RequestURI()), x.ctx.Request.Header.All())
	client.Add(x.body)
}

// recordAsked collects what an upstream is asked.
func (a *attempt) recordAsked() {
	if a.recorded = a.tap.Try(a.chosen.Provider.Config.Name, a.chosen.Upstream, a.upstream, a.chosen.Key+1); a.recorded == nil {
		return
	}
	ask := &a.recorded.Ask
	ask.Request(a.request.Method, a.target.URL(a.request.Path), headerLines(a.request.Header))
	ask.Add(bytes.Join(a.request.Body, nil))
}

// recordFailure collects why an attempt has no answer, or not all of it.
func (x *exchange) recordFailure(err error) {
	if x.at.recorded == nil {
		return // the words are made for it alone
	}
	kind := ""
	if e, is := errors.AsType[*pool.Error](err); is {
		kind = e.Kind.String()
	}
	x.at.recorded.Failed(err.Error(), kind)
}

// headerLines are the lines of a head as it is sent.
func headerLines(head []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for line := range bytes.SplitSeq(head, []byte("\r\n")) {
			if name, value, is := bytes.Cut(line, []byte(": ")); is && !yield(name, value) {
				return
			}
		}
	}
}

// CaptureNext waits for the next exchange under one of some client keys.
func (s *Server) CaptureNext(keys []*config.APIKey, within, lease time.Duration) (*capture.Want, error) {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = keyID(k.Key)
	}
	return s.captures.Want(ids, within, lease)
}

// said is all that was said, without secrets.
func (x *exchange) said() *capture.Exchange {
	answer, got := x.tap.Answer(), &x.ctx.Response
	answer.Answer(got.StatusCode(), got.Header.All())
	if !got.IsBodyStream() && answer.Empty() {
		answer.Add(got.Body())
	}
	e := x.tap.Exchange()
	e.Clean(x.snap.secrets.Clean)
	return e
}

// stopListening gives what was said to whom it is for.
func (x *exchange) stopListening() {
	if x.wanted != nil {
		x.wanted.Bring(x.said())
	}
	x.tap.End()
}

// keepExchange adds all that was said to the request's line.
func (x *exchange) keepExchange() {
	text, err := x.said().JSON()
	if err != nil {
		x.server.log.Error("an exchange cannot be kept", "id", string(x.id), "error", err)
		return
	}
	x.line.Raw("exchange", text)
}
