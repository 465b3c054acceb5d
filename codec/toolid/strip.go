package toolid

import (
	"bytes"
	"regexp"
)

// carried is a signature behind an id, up to the quote that ends it.
var carried = regexp.MustCompile(mark + `[ago][bt][A-Za-z0-9_-]*"`)

// Carries says whether a body may have a signature in one of its ids.
func Carries(body []byte) bool { return bytes.Contains(body, []byte(mark)) }

// Strip takes the signatures out of the ids in a JSON body, for an upstream to which the body passes without being
// translated: they are another provider's, and OpenAI refuses ids of more than 64 characters. A body without any is
// returned as it is.
func Strip(body []byte) []byte {
	if !Carries(body) {
		return body
	}
	return carried.ReplaceAll(body, []byte{'"'})
}
