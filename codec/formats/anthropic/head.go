package anthropic

import (
	"slices"

	"uniapi/codec/choice"
	"uniapi/codec/fields"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// Head is what routing needs to know of a Messages request, and where it stands in the body.
type Head front.Head

var (
	hostMembers   = []string{"anthropic_version", "anthropic_beta"}
	versionMember = hostMembers[:1]
	invokeMembers = []string{"anthropic_version", "anthropic_beta", "stream"}
)

// known are the members that the gateway reads of a Messages request.
var known = fields.NewKnown(slices.Concat([]string{"model", "stream", "messages", "tools"}, hostMembers, []string{
	"system", "max_tokens", "temperature", "top_p", "top_k", "tool_choice", "thinking", "output_config", "output_format", "stop_sequences", "metadata", "service_tier",
	"cache_control", "context_management", "container", "mcp_servers", "inference_geo", "speed", "betas", "thread",
}, choice.Members())...).
	Inside("thinking", fields.NewKnown("type", "budget_tokens", "display")).
	Inside("output_config", fields.NewKnown("effort", "format")).
	Inside("metadata", fields.NewKnown("user_id")).
	Inside("thread", fields.NewKnown("type")).
	Mark(choice.Members()...)

var layout = front.NewLayout(known, "messages", hostMembers...).Watch("max_tokens", "temperature", "top_p", "top_k", "tool_choice", "thinking", "output_config")

// ReadHead finds in one pass what routing needs, and checks that the body is one JSON object in which each member that
// the gateway reads is there once. An error is a *codec.Error with status 400. It does not allocate.
func ReadHead(body []byte) (Head, error) {
	h, err := layout.ReadHead(body)
	return Head(h), err
}

// Parts appends to dst the body as host gets it: Anthropic with the model replaced; Vertex and Bedrock, which have the
// model in the address, without it but with the version of the API, and Bedrock without stream and with its betas.
// Everything else is byte for byte the client's. The parts alias body and scratch, which takes the new pieces. It does
// not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, upstreamModel string, host Format, scratch *[]byte) [][]byte {
	if !host.hosted() {
		return (*front.Head)(h).Parts(dst, body, front.Edit{Model: upstreamModel}, scratch)
	}
	e := front.Edit{Without: versionMember}
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
	return (*front.Head)(h).Parts(dst, body, e, scratch)
}
