package server

import (
	"bytes"
	"time"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/fit"
	"uniapi/codec/formats"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/capture"
	"uniapi/server/telemetry/tracing"
)

// attempt is one try to have a request answered: by a channel, with a key of its
// provider. It knows what is asked, and nothing of other attempts.
type attempt struct {
	*inbound
	call    *pool.Call      // under which it runs
	holding *budget.Holding // of what it takes

	progress
	workspace
}

// progress is how far an attempt is. Nothing of it is left for the next.
type progress struct {
	chosen    balancer.Attempt
	backend   *backend       // the provider of that; nil if there is none
	began     time.Time      // the attempt
	span      tracing.SpanID // where traces are kept
	limits    pool.Deadlines
	hurried   bool // it has less time than that, since another channel could serve
	curtailed bool // it has less time than its channel's, since those before have used it up

	upstream     string             // the name of the channel's wire format
	to           codec.Format       // it
	known        *capability.Target // what is known of the model in it; nil if nothing is
	rules        front.Rules        // what must be changed in requests in it
	namer        front.ItemNamer    // gives items of the request and the answer the ids that the operator wants; nil leaves them as they are
	untranslated bool               // the upstream speaks as the client does, and is asked what the client asks

	names     fit.Names    // the client's, of tools that the upstream knows under others
	asksUsage bool         // the gateway asks for a stream's usage on its own
	forgoes   bool         // it does not, since the provider refused the attempt for that
	unwanted  []string     // members of the gateway's own that the provider has refused the attempt for
	sent      bool         // the provider was asked
	target    *pool.Target // where
	answered  bool         // it has begun to answer, with success
	halfway   bool         // its stream has begun, and is to be whole before the client has any of it
	parted    bool         // it has answered for a part of what was asked for
	short     bool         // there was no room for the attempt
	charged   bool         // what it cost is on the request's bill

	answer  *pool.Response      // open while a stream goes on
	flow    flow                // what a stream goes through: one of the workspace's, or another inbound API's
	encoder codec.StreamEncoder // writes a translated stream
	joint   *joint              // the answer that the stream is a part of, where another may go on with it
	first   []byte              // what the first event check has let through
	broken  error               // that the stream broke off with behind that
	wrapped *codec.OutputFormat // that the answer comes in, which is not what the client gets; nil if it comes as it is
	leftOut []string            // of the request, since the channel cannot be told
	changed []string            // what is another in it, where it is translated
	besides []string            // members that the request has not, where it is not translated
	usage   codec.Usage         // that was told, and at the end what is charged
	tier    string              // the service tier that the head of the answer tells
	said    int64               // about how many tokens a plain answer that is no longer there had; 0 if nobody knows

	recorded *capture.Attempting // nil if it is not collected

	trace  *trace // at debug level; nil as long as there is no answer
	traced bool   // its line has been written
}

// workspace is what attempts keep from one to the next.
type workspace struct {
	request pool.Request
	encoded []byte        // the request in an upstream's format
	sending codec.Request // the request that it is of, fit for the upstream
	parts   [][]byte      // the request's body: the client's bytes and what is spliced in
	scratch []byte        // holds what is spliced in
	header  []byte        // the request's header, where the client's own are passed on

	whole       []byte // a plain answer as the client gets it
	contentType []byte // of an answer that passes as it comes
	pass        passthrough.Stream
	mixed       translation
	passes      passes
	edited      front.Head // of a body that was changed
}

// hurry gives the attempt less time to begin, if it is less.
func (a *attempt) hurry(within time.Duration) {
	if a.limits.FirstByte == 0 || within < a.limits.FirstByte {
		a.limits.FirstByte, a.curtailed, a.hurried = within, false, true
	}
}

// try makes one attempt.
func (a *attempt) try() error {
	err := a.ask()
	switch {
	case err != nil:
		return a.again(err)
	case !a.untranslated:
		a.took()
	}
	if a.stream && a.asksUsage {
		a.backend.asking[a.model].served()
	}
	return nil
}

// ask sends the request and waits for the first event of a stream, or for the
// whole of a plain answer.
func (a *attempt) ask() error {
	channel := a.backend.channel
	ask := provider.Ask{Endpoint: a.endpoint, Client: a.format.Name(), Model: a.chosen.Upstream, Key: a.chosen.Key}
	a.meet(ask)
	if a.endpoint != provider.Chat && !a.untranslated {
		return a.apart(channel, ask) // all else that is no conversation is not translated
	}
	from := a.to
	var err error
	if ask.Stream, err = a.write(channel, from); err != nil {
		return err
	}
	answer, err := a.send(channel, ask, from)
	if err != nil {
		return err
	}
	a.tier = ""
	if line := from.Properties().TierLine; line != "" {
		a.tier = codec.TierSaid(string(answer.Header.Peek(line)))
	}
	whole := bytes.HasPrefix(answer.Header.ContentType(), contentTypeJSON)
	switch {
	case a.path.Raw:
		return a.receive(answer, whole)
	case a.stream && !whole:
		if !a.goesOn() && a.buffers() {
			return a.readStream(answer, from)
		}
		return a.readFirstEvent(answer, from)
	case !a.stream && !whole && isEvents(&answer.Header):
		return a.collectAnswer(answer, from)
	}
	answer.Begin()
	if a.stream {
		return a.replayAnswer(answer, from)
	}
	return a.readAnswer(answer, from)
}

// meet finds out how the attempt's upstream is spoken to.
func (a *attempt) meet(ask provider.Ask) {
	a.upstream = a.backend.channel.Format(ask)
	a.to = formats.All[a.upstream]
	a.known, a.rules = nil, nil
	for _, s := range a.backend.suits[a.model] {
		if s.upstream == a.upstream {
			a.known, a.rules = s.target, s.rules
		}
	}
	if a.rules == nil {
		a.rules = front.RulesOf(a.to, nil, "")
	}
	if len(a.chosen.Provider.Config.Preferences.NormalizeToolCallIDs) > 0 {
		a.namer = a.itemNamer()
	}
	// A request is written anew though the upstream speaks as the client does where that takes less than the format
	// has.
	a.untranslated = (a.joint == nil || !a.joint.again) && a.speaks.Speaks(a.to) && !(a.endpoint == provider.Chat && a.rules.Anew(a.body))
}
