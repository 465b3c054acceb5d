package server

import (
	"time"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/fit"
	"uniapi/codec/formats/openai"
	"uniapi/codec/passthrough"
	"uniapi/pool"
	"uniapi/server/budget"
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
	upstream  string    // the channel's wire format
	began     time.Time // the attempt
	limits    pool.Deadlines
	hurried   bool // it has less time than that, since another channel could serve
	curtailed bool // it has less time than its channel's, since those before have used it up

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
	flow    flow                // what a stream goes through: one of the workspace's, or another face's
	encoder codec.StreamEncoder // writes a translated stream
	joint   *joint              // the answer that the stream is a part of, where another may go on with it
	first   []byte              // what the first event check has let through
	broken  error               // that the stream broke off with behind that
	wrapped *codec.OutputFormat // that the answer comes in, which is not what the client gets; nil if it comes as it is
	leftOut []string            // of the request, since the channel cannot be told
	usage   codec.Usage         // that was told, and at the end what is charged
	said    int64               // about how many tokens a plain answer that is no longer there had; 0 if nobody knows

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
	chat        openai.Inspector
	mixed       translation
	natives     *natives
}

// reset lets go of what the attempt holds, and keeps the memory for the next.
func (a *attempt) reset() {
	clear(a.parts) // the client's bytes are not ours to hold
	a.encoded, a.parts, a.scratch, a.contentType = kept(a.encoded), a.parts[:0], a.scratch[:0], a.contentType[:0]
	a.whole = nil // the connection keeps it
	a.sending = codec.Request{}
	a.inbound, a.call, a.holding, a.progress = nil, nil, nil, progress{}
}
