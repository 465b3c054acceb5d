package gemini

import (
	"bytes"
	"regexp"

	"uniapi/codec"
)

var _ codec.Sealer = Format{}

// enveloped is how the envelope begins in base64: the last of its bits are those of the next letter.
var enveloped = []byte(`"dW5pLWFwaS`)

var foreign = regexp.MustCompile(string(enveloped) + `[89+/_-][A-Za-z0-9+/_=-]*"`)

// MaySeal implements codec.Sealer.
func (Format) MaySeal(body []byte) bool { return bytes.Contains(body, enveloped) }

// Unsealed implements codec.Sealer. Google checks the signatures that it is sent; the text that stands for one is taken
// where another model began.
func (Format) Unsealed(body []byte) []byte {
	return foreign.ReplaceAllLiteral(body, []byte(`"`+skipValidator+`"`))
}
