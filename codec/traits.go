package codec

// Traits are what a format says of itself to those who carry its requests and answers, and know no format by its name.
type Traits struct {
	// Rules is what the table of what hosts and models take calls the format. Place is where it is spoken in this way, as that table calls it, whatever the
	// address is; "" is anywhere.
	Rules, Place string
	// Added are the members that the gateway may put into an upstream's request of its own accord.
	Added []string
	// Fetches are the kinds of media that upstreams read from an http address by themselves. A format for which that depends on the address is a URLTaker.
	Fetches []PartKind

	// StreamType is the content type of a stream; nil is that of server-sent events.
	StreamType []byte
	// Heartbeat is what a client is shown within a stream that keeps it waiting; nil if clients bear nothing there.
	Heartbeat []byte
	// Pinged says that clients give up a stream in which they see nothing for long, so that they are shown it unasked.
	Pinged bool
	// Repeats says that the last event of a stream has the whole answer in it again, usage and all.
	Repeats bool
	// Later is the member by which a request asks to be answered before it is worked on, "" if there is none.
	Later string
	// Count is the member in which clients look for how many tokens a request has.
	Count string
	// Addressed says that the model stands in the address, and a member called model is none.
	Addressed bool
}

// URLTaker is a format whose upstreams read some addresses by themselves, and others not.
type URLTaker interface{ TakesURL(*Media) bool }

// Comment is the Heartbeat of streams in which clients pass over comments.
var Comment = []byte(": keepalive\n\n")
