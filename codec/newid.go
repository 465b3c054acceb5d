package codec

import (
	"crypto/rand"
	"strings"
)

// NewID is an id that no other answer, or call, has: for those to which an upstream gave none. Clients put together
// what has one id, and take what they know already for said.
func NewID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }
