// Package mediatype finds out what media are by their first bytes, which tell the truth more often than what clients
// say.
package mediatype

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// looked is how many characters of base64 are looked at: enough for every type that providers take.
const looked = 4096

// OfBase64 is the type of content by its beginning, "" if that tells nothing. Text is told from what is none, and not
// always of which kind it is.
func OfBase64(data string) string {
	clean := strings.Map(standard, data[:min(len(data), looked)])
	raw, err := base64.StdEncoding.DecodeString(clean[:len(clean)&^3])
	if err != nil && len(raw) == 0 {
		return ""
	}
	found, _, _ := strings.Cut(mimetype.Detect(raw).String(), ";")
	switch found {
	case "application/octet-stream":
		return ""
	case "audio/mpeg": // as OpenAI and Google call it
		return "audio/mp3"
	}
	return found
}

// IsMedia says whether a type that was found is certain enough to be believed rather than the client: that of text is a
// guess.
func IsMedia(found string) bool {
	return found == "application/pdf" || strings.HasPrefix(found, "image/") || strings.HasPrefix(found, "audio/") || strings.HasPrefix(found, "video/")
}

// Of is the type of content in base64 by its first bytes, if that is certain, and else what the client says it is, in
// its registered spelling.
func Of(data, said string) string {
	if found := OfBase64(data); IsMedia(found) {
		return found
	}
	mime, _, _ := strings.Cut(strings.ToLower(said), ";")
	if mime = strings.TrimSpace(mime); mime == "image/jpg" {
		return "image/jpeg"
	}
	return mime
}

// textual are types of text that do not begin with text/.
var textual = []string{"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml", "application/javascript",
	"application/x-javascript", "application/typescript", "application/sql", "application/x-sh", "application/csv", "application/x-ndjson", "application/jsonl"}

// IsText says whether content of a type is text that anybody can read.
func IsText(mime string) bool {
	return strings.HasPrefix(mime, "text/") || strings.HasSuffix(mime, "+json") || strings.HasSuffix(mime, "+xml") && mime != "image/svg+xml" ||
		slices.Contains(textual, mime)
}

// Clean is base64 with only what belongs to it: some clients break it into lines, or use the alphabet of addresses.
func Clean(data string) string { return strings.Map(standard, data) }

func standard(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '+', r == '/', r == '=':
		return r
	case r == '-':
		return '+'
	case r == '_':
		return '/'
	}
	return -1
}
