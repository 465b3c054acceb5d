package server

import (
	"time"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
	"uniapi/codec/front"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/capture"
	"uniapi/server/relay"
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
	answer relay.Answer // what comes of it
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

	speech
	outcome
	deviations

	recorded *capture.Attempting // nil if it is not collected

	trace  *trace // at debug level; nil as long as there is no answer
	traced bool   // its line has been written
}

// speech is how the attempt speaks to its channel.
type speech struct {
	upstream     string             // the name of the channel's wire format
	to           codec.Format       // it
	known        *capability.Target // what is known of the model in it; nil if nothing is
	rules        front.Rules        // what must be changed in requests in it
	namer        front.ItemNamer    // gives items of the request and the answer the ids that the operator wants; nil leaves them as they are
	untranslated bool               // the upstream speaks as the client does, and is asked what the client asks

	asksUsage bool     // the gateway asks for a stream's usage on its own
	forgoes   bool     // it does not, since the provider refused the attempt for that
	unwanted  []string // members of the gateway's own that the provider has refused the attempt for
}

// outcome is what has come of the attempt.
type outcome struct {
	sent     bool         // the provider was asked
	target   *pool.Target // where
	answered bool         // it has begun to answer, with success
	parted   bool         // it has answered for a part of what was asked for
	short    bool         // there was no room for the attempt
	charged  bool         // what it cost is on the request's bill
	tier     string       // the service tier that the head of the answer tells
}

// deviations are what the provider is asked otherwise than the gateway was.
type deviations struct {
	leftOut []string // of the request, since the channel cannot be told
	changed []string // what is another in it, where it is translated
	besides []string // members that the request has not, where it is not translated
}

// workspace is what attempts keep from one to the next.
type workspace struct {
	request pool.Request
	encoded []byte        // the request in an upstream's format
	sending codec.Request // the request that it is of, fit for the upstream
	parts   [][]byte      // the request's body: the client's bytes and what is spliced in
	scratch []byte        // holds what is spliced in
	header  []byte        // the request's header, where the client's own are passed on
	edited  front.Head    // of a body that was changed
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
	response, err := a.send(channel, ask, from)
	if err != nil {
		return err
	}
	if line := from.Properties().TierLine; line != "" {
		a.tier = codec.TierSaid(string(response.Header.Peek(line)))
	}
	if a.stream && !a.path.Raw && !relay.IsWhole(response) {
		a.safeguard()
	}
	err = a.answer.Read(response)
	if a.answer.Dropped > 0 {
		a.dropped(a.answer.Dropped)
	}
	switch {
	case err != nil && a.answer.Cut != nil && a.unused(err):
		a.cut(a.answer.Cut)
	case err != nil:
	case a.answer.Unread:
		err = a.look()
	case a.path.Raw && a.answer.Open != nil:
		a.streams()
	}
	return err
}

// look looks into a whole answer that nobody else does.
func (a *attempt) look() error {
	if a.endpoint == provider.CountTokens {
		return a.checkCount(a.answer.Body)
	}
	return a.checkVerdict(a.answer.Body)
}

// streams notes that an answer which passes as it comes is a stream.
func (a *attempt) streams() {
	a.live.mu.Lock()
	a.stream = true
	a.live.mu.Unlock()
}

// meet finds out how the attempt's upstream is spoken to, and what must become of its answer.
func (a *attempt) meet(ask provider.Ask) {
	a.upstream = a.backend.channel.Format(ask)
	a.to = formats.All[a.upstream]
	a.known, a.rules = nil, nil
	if known := a.backend.suits[a.model]; known != nil {
		for _, s := range known() {
			if s.upstream == a.upstream {
				a.known, a.rules = s.target, s.rules
			}
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
	a.untranslated = (a.answer.Joint == nil || !a.answer.GoesOn()) && a.speaks.Speaks(a.to) && !(a.endpoint == provider.Chat && a.rules.Anew(a.body))
	a.answer.Terms = relay.Terms{
		Request: a, Redactor: a, Holding: a.holding, Response: &a.ctx.Response, Blanks: max(a.limits.FirstByte, a.server.options.longestSearch),
		Client: a.format, Speaks: a.speaks, Head: &a.head, Upstream: a.upstream, Untranslated: a.untranslated,
		From: front.From{Format: a.to, Endpoint: a.endpoint, Triggers: a.snap.config.Preferences.ErrorTriggers, ItemIDs: a.namer != nil, Body: a.body},
		Raw:  a.path.Raw, Streamless: a.path.Raw && a.inputOnly(), Stream: a.stream, Unread: !a.path.Raw && (a.endpoint == provider.CountTokens || a.endpoint == provider.Moderations),
	}
}
