package front

import (
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// Inbound is what the clients of a format speak at a path of theirs. What it does in the format itself is for upstreams
// that speak the same: the bytes pass through, but for what must change. All others are served by way of the neutral
// model.
//
// It keeps nothing of a request: what it finds in one stands in its Head.
type Inbound interface {
	// Format is what the client is answered in. Asked may be nil where nothing is known of it.
	Format(asked Asked) codec.Format
	// Address is the model, if it stands in the path; "" if it does not.
	Address(path []byte) string
	// ReadHead finds in one pass what routing needs. h has the model of the address, and nothing else. An error is a
	// *codec.Error with status 400.
	ReadHead(body []byte, asked Asked, h *Head) error
	// Conversation is where what was said stands in the body: a list, or a text. What is no conversation has none.
	Conversation(body []byte, h *Head) rawjson.Value
	// Decode reads the whole request, whose head has been read.
	Decode(body []byte, h *Head) (*codec.Request, error)

	// Speaks says whether an upstream's format needs no translation. It is nil before an upstream is known.
	Speaks(upstream codec.Format) bool
	// Splice appends to dst the request for such an upstream, in pieces that alias the body and scratch, which takes
	// the new ones.
	Splice(dst [][]byte, body []byte, h *Head, to To, scratch *[]byte) ([][]byte, error)
	// NewPass makes the way of the streams of such an upstream.
	NewPass(upstream codec.Format) Pass
	// Check looks whether a whole answer of such an upstream is one, and returns it as the client gets it where that is
	// another: nil is as it came.
	Check(body []byte, from From, room Room) (u codec.Usage, anew []byte, err error)
}

// Asked is what a client sends beside a body.
type Asked interface {
	Method() []byte
	Path() []byte
	// Query is a parameter of the address, Header a line of the head; nil if there is none of that name.
	Query(name string) []byte
	Header(name string) []byte
}

// To says what an upstream is to get.
type To struct {
	Format   codec.Format
	Model    string // its name of it
	AskUsage bool   // a stream is asked for its usage, where the format has that
	Asked    Asked
	Target   *capability.Target // what is known of the model; nil is nothing

	// Edited says that the body is not the client's, of which the head is: it must be read again, for which Spare is
	// the room.
	Edited bool
	Spare  *Head
}

// Again is the head of an edited body, once it has been read into Spare. Where that names another model, the operator
// wants it so.
func (to *To) Again(h *Head) *Head {
	if to.Spare.Model != h.Model {
		to.Model = to.Spare.Model
	}
	return to.Spare
}

// From says where an answer comes from.
type From struct {
	Format   codec.Format
	Endpoint codec.Endpoint
	Triggers []string
	ItemIDs  bool   // items get the ids of an ItemNamer
	Body     []byte // that the client has sent
}

// Recoder is an Inbound whose clients say how an answer that passes is to be written, which some upstreams do not heed.
type Recoder interface {
	// Recode returns an answer as the client gets it: nil is as it came.
	Recode(answer []byte, from From, room Room) ([]byte, error)
}

// ItemNamer is an Inbound whose items get other ids where the operator wants that: those that the vendor gives them,
// and other servers do not.
type ItemNamer interface {
	// WithItemIDs is a request or an answer with such ids; the same slice if nothing is to be changed.
	WithItemIDs(body []byte) []byte
}

// Room is asked for memory, in bytes beside the answer, before an answer is written anew.
type Room interface{ Room(bytes int) error }

// Pass is the way of streams that need no translation. One is kept from stream to stream, with its buffers.
type Pass interface {
	// Open begins a stream. What passes as it comes goes through s.
	Open(s *passthrough.Stream, o Opening) passthrough.Flow
}

// Opening is what a stream begins with.
type Opening struct {
	Client   codec.Format // as Inbound.Format tells
	Head     *Head
	Triggers []string
	Censor   sse.Censor
	ItemIDs  bool // as in From
}

// Route is a path at which clients ask a model for something.
type Route struct {
	// Path is as the router has it. Where several verbs stand behind the last colon of a path with a name in it, each
	// has a route.
	Path, Verb string
	// Get says that it may be asked by GET, too: what is asked stands in the address then.
	Get      bool
	Endpoint codec.Endpoint
	Inbound  Inbound
	// Label is what the books call it: the path without a model.
	Label string
	// Raw says that answers are no conversation's: they pass as they come.
	Raw bool
	// ReadsWhole says that ReadHead reads the whole request, which takes memory.
	ReadsWhole bool
	// Fallback is the model of requests that name none; "" refuses them.
	Fallback string
}

// Addressed is the error of an address without a model, nil if there is one. To is a path that has one.
func (h *Head) Addressed(to string) error {
	if h.Model != "" {
		return nil
	}
	return codec.BadRequest("model", "the address names no model: it is "+to)
}
