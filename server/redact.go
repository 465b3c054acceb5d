package server

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"uniapi/config"
)

// redactor takes the secrets of a configuration out of texts: of whatever a
// provider repeats in an error, of log lines, of what panics say. It knows them as
// they are, escaped for a URL or for JSON, and in base64 wherever they lie in it.
// A secret that was cut short is known by its first 16 characters.
//
// It is for texts that may hold one: errors, lines of the log, pages for admins.
// Answers of models pass as they come. The nil redactor knows nothing.
type redactor struct {
	byStart  map[uint64][]secretForm // by the first eight bytes
	starts   [1 << 10]uint64         // bit set of hashes of them: what is not in it is none
	shortest int
}

// secretForm is a secret, or what an encoding makes of it.
type secretForm struct{ text, mask string }

const (
	// shortestSecret is what is looked for at least: shorter ones are placeholders
	// such as "none", which any text may hold.
	shortestSecret = 8
	// secretStart is how much of a secret gives it away. It is longer than what
	// keys of one provider have in common, and than the alias of a client's key.
	secretStart = 16

	bearerScheme   = "earer " // after a letter of either case
	shortestToken  = 2 * secretStart
	shortestBearer = len(bearerScheme) + shortestToken
)

func newRedactor(secrets []string) *redactor {
	r := &redactor{byStart: map[uint64][]secretForm{}, shortest: 1 << 30}
	seen := map[string]bool{}
	for _, secret := range secrets {
		if len(secret) < shortestSecret {
			continue
		}
		mask := config.Mask(secret)
		for _, form := range secretForms(secret) {
			if len(form) < shortestSecret || seen[form] {
				continue
			}
			seen[form] = true
			start := uint64(0)
			for i := range shortestSecret {
				start = push(start, form[i])
			}
			r.byStart[start] = append(r.byStart[start], secretForm{form, mask})
			r.starts[bucket(start)/64] |= 1 << (bucket(start) % 64)
			r.shortest = min(r.shortest, len(form), secretStart)
		}
	}
	for _, forms := range r.byStart { // the longest that fits is meant
		slices.SortFunc(forms, func(a, b secretForm) int { return cmp.Compare(len(b.text), len(a.text)) })
	}
	return r
}

// secretForms are a secret as it is and as it may be written.
func secretForms(secret string) []string {
	escaped, _ := json.Marshal(secret)
	quoted := strconv.Quote(secret)
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	forms := []string{secret, string(escaped[1 : len(escaped)-1]), quoted[1 : len(quoted)-1], query, path, lowerHex(query), lowerHex(path)}
	// What base64 makes of it depends on how many bytes are before it, modulo 3;
	// the characters that it shares with its neighbours are left out.
	for before := range 3 {
		text := strings.Repeat("\x00", before) + secret
		whole := base64.StdEncoding.EncodeToString([]byte(text))[(before*8+5)/6 : len(text)*8/6]
		forms = append(forms, whole, strings.NewReplacer("+", "-", "/", "_").Replace(whole))
	}
	return forms
}

// lowerHex is a percent-encoded text with small letters in the codes.
func lowerHex(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(text[i+1:i+3]))
		}
	}
	return string(b)
}

// push adds a byte to the last eight.
func push(last uint64, c byte) uint64 { return last>>8 | uint64(c)<<56 }

// bucket is where in starts the first eight bytes of a secret stand.
func bucket(start uint64) uint64 { return start * 0x9e3779b97f4a7c15 >> 48 }

// find is the first secret in text from a place on: where it begins and ends, with
// all that overlap it, and the mask of the first.
func (r *redactor) find(text string, from int) (start, end int, mask string) {
	if r == nil || r.short(text[from:]) {
		return -1, -1, ""
	}
	last := uint64(0)
	for i := from; i < len(text); i++ {
		last = push(last, text[i])
		at := i - shortestSecret + 1
		if end > 0 && at >= end {
			break
		}
		if b := bucket(last); r.starts[b/64]&(1<<(b%64)) == 0 || at < from {
			continue
		}
		if n, its := longest(r.byStart[last], text[at:]); n > 0 {
			if end == 0 {
				start, mask = at, its
			}
			end = max(end, at+n)
		}
	}
	if end == 0 {
		return -1, -1, ""
	}
	return start, end, mask
}

// longest is how much of text is one of forms: the longest that is there whole, or
// else as much of one as there is.
func longest(forms []secretForm, text string) (n int, mask string) {
	for _, form := range forms {
		switch same := common(text, form.text); {
		case same == len(form.text):
			return same, form.mask
		case same >= secretStart && same > n:
			n, mask = same, form.mask
		}
	}
	return n, mask
}

// common is how many bytes two texts begin with alike.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// short says that there is no room for a secret in text.
func (r *redactor) short(text string) bool {
	if r == nil {
		return len(text) < shortestBearer
	}
	return len(text) < r.shortest
}

// has says whether there is a secret in text.
func (r *redactor) has(text string) bool {
	start, _, _ := r.find(text, 0)
	return start >= 0 || bearerToken(text) >= 0
}

// hasBytes is has without a copy.
func (r *redactor) hasBytes(text []byte) bool {
	return r.has(unsafe.String(unsafe.SliceData(text), len(text)))
}

// clean is text with every secret replaced by its mask, text itself if there is
// none.
func (r *redactor) clean(text string) string {
	if !r.has(text) {
		return text
	}
	var out strings.Builder
	at := 0
	for {
		start, end, mask := r.find(text, at)
		if start < 0 {
			break
		}
		out.WriteString(text[at:start])
		out.WriteString(mask)
		at = end
	}
	out.WriteString(text[at:])
	text = out.String()
	for i := bearerToken(text); i >= 0; i = bearerToken(text) {
		end := i + tokenLength(text[i:])
		text = text[:i] + config.Mask(text[i:end]) + text[end:]
	}
	return text
}

// bearerToken finds a token behind a Bearer: one that was fetched for a service
// account stands in no configuration. -1 if there is none.
func bearerToken(text string) int {
	if len(text) < shortestBearer {
		return -1
	}
	for from := 0; ; {
		i := strings.Index(text[from:], bearerScheme)
		if i < 0 {
			return -1
		}
		if from += i + len(bearerScheme); tokenLength(text[from:]) >= shortestToken {
			return from
		}
	}
}

// tokenLength is how much of text may be a token.
func tokenLength(text string) int {
	for i := range len(text) {
		if c := text[i]; !tokens[c] && c != '/' && c != '=' {
			return i
		}
	}
	return len(text)
}
