package alternation

import (
	"slices"

	"uniapi/codec"
)

// Target is what can be told in a format. Each format describes itself.
type Target struct {
	// Format is the format's name: what only it knows goes to it as it is.
	Format string
	// Files is the provider whose names of files it knows, "" if there are none; ImageIDs says that images have such
	// names too.
	Files    string
	ImageIDs bool
	// Takes are the media that a user may send, and Says those that may stand in a message of the assistant's.
	Takes, Says []codec.PartKind
	// TextFiles says that a file may be text; else its text is said.
	TextFiles bool
	// Refusals says that there is a form for the assistant's refusals, which elsewhere are words like others.
	Refusals bool
	// Unended says that thinking may be the last that stands in a message.
	Unended bool
	// Objects says that the arguments of a call are an object, and no text.
	Objects bool
	// PlainErrors says that the result of a tool that failed is text alone; one with media then says in words that it
	// is an error.
	PlainErrors bool
	// AnyJSON says that an answer in JSON may be of any type; else it is an object.
	AnyJSON bool
}

// Describes is a format that says what can be told in it.
type Describes interface{ Target() Target }

// Readable is a format that says in the words of all what only it knows. Nothing, where there is nothing to say.
type Readable interface {
	Readable(opaque []byte) []codec.Part
}

// Binding is a format that knows what of a request only its own provider can follow. The error says what that is.
type Binding interface {
	Bound(q *codec.Request) *codec.Error
}

func (t *Target) takes(p *codec.Part) bool { return slices.Contains(t.Takes, p.Kind) }

func (t *Target) says(p *codec.Part) bool {
	return p.Media.Data != "" && slices.Contains(t.Says, p.Kind)
}
