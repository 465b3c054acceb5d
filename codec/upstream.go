package codec

import "uniapi/codec/capability"

// What follows are what some formats have for their upstreams, and others do not.

// Searcher is a format in which Google's models are asked for a search of the web by a tool of their own.
type Searcher interface {
	// WithSearch is a request that has the tool. One that has it is returned as it is.
	WithSearch(body []byte) []byte
}

// UsageAsker is a format whose streams tell their usage only if they are asked for it, as a translated request does.
type UsageAsker interface {
	// WithoutUsage is a request that does not ask.
	WithoutUsage(body []byte) []byte
}

// Sealer is a format through whose clients travels what only another provider reads: thinking, and signatures, in
// members of the format's own. A provider of the format would refuse it.
type Sealer interface {
	// MaySeal says whether a request of such a client may have some of it.
	MaySeal(body []byte) bool
	// Unsealed is the request without it; the request itself if it has none.
	Unsealed(body []byte) []byte
}

// Prefixer is a format in which some hosts go on with the assistant's words at the end of a conversation where they are
// marked as a prefix.
type Prefixer interface {
	// Prefixes says whether the host at an address does, for such a request.
	Prefixes(host, path string, q *Request) bool
	// MarkPrefix returns a request whose last message is marked, in memory of its own; the request itself if it has no
	// messages.
	MarkPrefix(body []byte) []byte
}

// Flagger is a format in which flags say what a request needs of its host: in a line of the head, as Properties.Flags
// tells, or in the body of a FlagBearer.
type Flagger interface {
	Flags(q *Request, t *capability.Target) []string
}

// FlagBearer is a Flagger that has them in the body.
type FlagBearer interface {
	Flagger
	// WithFlags is the format that writes those of the flags that the target takes.
	WithFlags(flags []string, t *capability.Target) Format
}
