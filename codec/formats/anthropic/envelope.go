package anthropic

import (
	"strings"

	"uniapi/codec"
)

// Thinking of other providers travels through Anthropic's clients in the fields of Anthropic's own, which they send
// back unread. An envelope says whose it is; nothing that Anthropic writes begins with the mark.
const envelope = "~uniapi~"

// sealed is the signature of a thinking block for a client. Thinking that nobody signed has one too, by which it is
// told from Claude's in the next turn.
func sealed(s codec.Signature) string {
	if s.Provider == providerName {
		return s.Value
	}
	return envelope + s.Provider + "~" + s.Value
}

func unsealed(value string) codec.Signature {
	if value == "" {
		return codec.Signature{}
	}
	rest, ok := strings.CutPrefix(value, envelope)
	if provider, inner, found := strings.Cut(rest, "~"); ok && found {
		return codec.Signature{Provider: provider, Value: inner}
	}
	return codec.Signature{Provider: providerName, Value: value}
}

// sealedData is the data of a redacted_thinking block for a client.
func sealedData(info *codec.ReasoningInfo) string {
	if info.ID == "" && (info.Format == "" || strings.HasPrefix(info.Format, providerName)) {
		return info.Encrypted
	}
	return envelope + info.ID + "~" + info.Format + "~" + info.Encrypted
}

func unsealedData(data string) *codec.ReasoningInfo {
	rest, ok := strings.CutPrefix(data, envelope)
	if fields := strings.SplitN(rest, "~", 3); ok && len(fields) == 3 {
		return &codec.ReasoningInfo{ID: fields[0], Format: fields[1], Encrypted: fields[2]}
	}
	return &codec.ReasoningInfo{Encrypted: data}
}
