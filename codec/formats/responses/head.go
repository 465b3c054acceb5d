package responses

import (
	"uniapi/codec/formats/openai"
	"uniapi/codec/front"
)

var layout = front.NewLayout(openai.Known, "input")

// Head is what routing needs to know of a Responses request, and where it stands in the body. Its Messages are the
// input.
type Head front.Head

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object in which each member that
// the gateway reads is there once. An error is a *codec.Error with status 400. It does not allocate.
func ReadHead(body []byte) (Head, error) {
	h, err := layout.ReadHead(body)
	return Head(h), err
}

// Parts appends to dst the body with the model replaced. Everything else is byte for byte the client's. The parts alias
// body and scratch, which takes the new pieces. It does not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, upstreamModel string, scratch *[]byte) [][]byte {
	return (*front.Head)(h).Parts(dst, body, front.Edit{Model: upstreamModel}, scratch)
}
