package anthropic

import (
	"uniapi/codec/native"
	"uniapi/codec/rawjson"
)

// Head is what routing needs to know of a Messages request, and where it stands in the body.
type Head struct{ native.Head }

var (
	hostMembers   = []string{"anthropic_version", "anthropic_beta"}
	versionMember = hostMembers[:1]
	invokeMembers = []string{"anthropic_version", "anthropic_beta", "stream"}
)

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object. Of a member that occurs twice the last one
// counts. An error is a *codec.Error with status 400. It does not allocate.
func ReadHead(body []byte) (Head, error) {
	h, err := native.ReadHead(body, "messages", hostMembers)
	return Head{h}, err
}

// Parts appends to dst the body as host gets it: Anthropic with the model replaced; Vertex and Bedrock, which have the model in the
// address, without it but with the version of the API, and Bedrock without stream and with its betas. Everything else is byte for byte the
// client's. The parts alias body and scratch, which takes the new pieces. It does not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, upstreamModel string, host Format, scratch *[]byte) [][]byte {
	if !host.hosted() {
		return h.Head.Parts(dst, body, native.Edit{Model: upstreamModel}, scratch)
	}
	e := native.Edit{Without: versionMember}
	at := len(*scratch)
	b := append(*scratch, `"anthropic_version":`...)
	b = rawjson.AppendString(b, host.Version)
	if host.OmitStream {
		e.Without = invokeMembers
	}
	if len(host.Betas) > 0 {
		b = append(b, `,"anthropic_beta":[`...)
		for _, flag := range host.Betas {
			b = rawjson.AppendString(rawjson.Comma(b), flag)
		}
		b = append(b, ']')
	}
	*scratch = b
	e.Before = b[at:len(b):len(b)]
	return h.Head.Parts(dst, body, e, scratch)
}
