package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/capability"
)

var _ codec.Flagger = Format{}

// Flags implements codec.Flagger.
func (Format) Flags(q *codec.Request, t *capability.Target) []string { return betas(q, t) }

// betas are the anthropic-beta flags that a request needs at a model. Anthropic and Vertex take them in that header,
// beside those of the client; where they stand in the body EncodeRequest puts them there.
func betas(q *codec.Request, t *capability.Target) (flags []string) {
	if q.Reasoning != nil && t.EffortBeta != "" {
		flags = append(flags, t.EffortBeta)
	}
	if hasFile(q) {
		flags = append(flags, "files-api-2025-04-14")
	}
	for _, m := range []struct{ member, flag string }{
		{"context_management", "context-management-2025-06-27"}, {"mcp_servers", "mcp-client-2025-11-20"},
	} {
		if q.Extra.Get(m.member) != nil {
			flags = append(flags, m.flag)
		}
	}
	return flags
}

func hasFile(q *codec.Request) bool {
	for i := range q.Messages {
		for _, p := range q.Messages[i].Parts {
			if p.Media != nil && p.Media.FileID != "" {
				return true
			}
		}
	}
	return false
}
