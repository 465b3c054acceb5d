// Package telemetry is the log, and what takes secrets out of it and out of what
// clients are told.
package telemetry

import (
	"cmp"
	"encoding/base64"
	"html"
	"net/url"
	"slices"
	"strings"
	"unsafe"

	"uniapi/codec/rawjson"
	"uniapi/config"
	"uniapi/server/conn"
)

// redactor takes the secrets of a configuration out of texts: of whatever a
// provider repeats in an error, of log lines, of what panics say. Whatever is there
// of a secret, from any place in it on, is taken out if it is 12 characters or more,
// and more than a row of a few characters that any text may have.
// It knows them as they are and in base64, wherever they lie in it, and looks through
// whatever escapes they stand in (redact_escapes.go).
//
// It is for texts that may hold one: errors, lines of the log, pages for admins.
// Answers of models pass as they come. The nil redactor knows nothing.
type Redactor struct {
	forms    []secretForm
	grams    gramIndex
	shortest int // what is shorter holds none
	longest  int // of the forms, in bytes
}

// secretForm is a secret, or what an encoding makes of it.
type secretForm struct {
	text, mask string
	public     int // bytes at its beginning that give nothing away
}

const (
	// shortestSecret is what is looked for at least: shorter ones are placeholders
	// such as "none", which any text may hold.
	shortestSecret = 8
	// secretRun is how much of a secret in a row is too much. It is longer than the
	// alias of a client's key, and than what keys of most providers begin with.
	SecretRun = 12

	bearerScheme   = "earer " // after a letter of either case
	shortestToken  = 32
	shortestBearer = len(bearerScheme) + shortestToken
)

func NewRedactor(secrets []config.Secret) *Redactor {
	r := &Redactor{shortest: 1 << 30}
	seen := map[string]bool{}
	for _, secret := range secrets {
		if len(secret.Text) < shortestSecret {
			continue
		}
		mask := config.Mask(secret.Text)
		for _, form := range secretForms(secret) {
			if len(form.text) < shortestSecret || seen[form.text] || config.IsRow(form.text) {
				continue
			}
			seen[form.text] = true
			form.mask = mask
			r.forms = append(r.forms, form)
			r.shortest = min(r.shortest, len(form.text), SecretRun)
			r.longest = max(r.longest, len(form.text))
		}
	}
	r.grams = indexed(r.forms, r.shortest)
	return r
}

// secretForms are a secret as it is, as it is when escapes are undone that are none but
// stand in it, and in base64.
func secretForms(secret config.Secret) []secretForm {
	forms := []secretForm{{text: secret.Text, public: secret.Public},
		{text: plainest(secret.Text), public: len(plainest(secret.Text[:secret.Public]))},
		{text: strings.ReplaceAll(secret.Text, " ", "+"), public: secret.Public}} // as queries have it
	forms = appendBase64(forms, secret.Text, secret.Public)
	for _, escape := range escapesInBase64 {
		if text := escape(secret.Text); text != secret.Text {
			forms = appendBase64(forms, text, len(escape(secret.Text[:secret.Public])))
		}
	}
	return forms
}

// escapesInBase64 are what a secret goes through before somebody puts it in base64: as
// a part of a query, of a path, of a form, of a program's text or of a page.
var escapesInBase64 = []func(string) string{url.QueryEscape, url.PathEscape, escapedAsURIComponent, quotedInJSON, html.EscapeString,
	func(text string) string {
		return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(quotedInJSON(text)) // Go
	},
	func(text string) string { return strings.ReplaceAll(quotedInJSON(text), "/", `\/`) }, // PHP
}

// escapedAsURIComponent is what JavaScript's encodeURIComponent makes of a text.
func escapedAsURIComponent(text string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(url.QueryEscape(text))
}

// quotedInJSON is a text as it stands in JSON, without the quotes.
func quotedInJSON(text string) string {
	quoted := rawjson.AppendString(nil, text)
	return string(quoted[1 : len(quoted)-1])
}

// appendBase64 appends what base64 makes of a text, which depends on how many bytes
// are before it, modulo 3; the characters that it shares with its neighbours are left
// out.
func appendBase64(forms []secretForm, secret string, publicBytes int) []secretForm {
	for before := range 3 {
		text := strings.Repeat("\x00", before) + secret
		first := (before*8 + 5) / 6
		whole := base64.StdEncoding.EncodeToString([]byte(text))[first : len(text)*8/6]
		public := 0
		if publicBytes > 0 {
			public = max(0, (before+publicBytes)*8/6-first)
		}
		forms = append(forms, secretForm{text: whole, public: public},
			secretForm{text: strings.NewReplacer("+", "-", "/", "_").Replace(whole), public: public})
	}
	return forms
}

// find is the first piece of a secret in text from a place on: where it begins and
// ends, with all that overlap it, and the mask of the secret that is there whole or
// of which the most is there.
func (r *Redactor) find(text string, from int) (start, end int, mask string) {
	if r == nil || r.Short(text[from:]) {
		return -1, -1, ""
	}
	most := 0
	for at, look := r.grams.near(text, from); at+gramSize <= len(text); at++ {
		if end > 0 && at >= end+gramStep { // no piece that begins before end is still to come
			break
		}
		if end == 0 && at > look { // nothing came of that look
			if at, look = r.grams.near(text, at); at+gramSize > len(text) {
				break
			}
		}
		last := gramAt(text, at)
		if !r.grams.may(last) {
			continue
		}
		for g := r.grams.first(last); g != nil; g = r.grams.next(g) {
			if g.bytes != last {
				continue
			}
			form := &r.forms[g.form]
			left, right := alike(text, at, from, form.text, int(g.at))
			size := right - left
			whole := size == len(form.text)
			if !whole && (size < SecretRun || int(g.at)-(at-left)+size <= form.public) || end > 0 && left >= end || config.IsRow(text[left:right]) {
				continue
			}
			if end == 0 || left < start {
				start = left
			}
			end = max(end, right)
			if whole { // counts for more than any piece
				size += len(text)
			}
			if size > most {
				most, mask = size, form.mask
			}
		}
	}
	if end == 0 {
		return -1, -1, ""
	}
	return start, end, mask
}

// alike is how far a text and a form are the same around a place in both; the text
// not before from.
func alike(text string, at, from int, form string, in int) (left, right int) {
	left, right = at, at+gramSize
	for i := in; left > from && i > 0 && text[left-1] == form[i-1]; i-- {
		left--
	}
	for i := in + gramSize; right < len(text) && i < len(form) && text[right] == form[i]; i++ {
		right++
	}
	return left, right
}

// short says that there is no room for a secret in text.
func (r *Redactor) Short(text string) bool {
	if r == nil {
		return len(text) < shortestBearer
	}
	return len(text) < r.shortest
}

// has says whether there is a secret in text.
func (r *Redactor) Has(text string) bool {
	if r.Short(text) {
		return false
	}
	if r.hasPlain(text) {
		return true
	}
	return hasEscapes(text) && r.hasWithin(text)
}

// hasPlain says whether a secret stands in text as it is.
func (r *Redactor) hasPlain(text string) bool {
	start, _, _ := r.find(text, 0)
	return start >= 0 || bearerToken(text, 0) >= 0
}

// hasWithin says whether there is one behind escapes.
func (r *Redactor) hasWithin(text string) (found bool) {
	layers(text, false, func(u *unescaped) bool {
		found = r.hasPlain(u.text)
		return !found
	})
	return found
}

// hasBytes is has without a copy.
func (r *Redactor) HasBytes(text []byte) bool {
	return r.Has(unsafe.String(unsafe.SliceData(text), len(text)))
}

// mostPasses is how often a text is searched again: what is left between two masks may
// be a secret together with their ends.
const mostPasses = 4

// clean is text with every piece of a secret replaced by the secret's mask, text
// itself if there is none.
func (r *Redactor) Clean(text string) string {
	return r.CleanBut(text, func(string) bool { return false })
}

// cleanBut leaves pieces as they are of which keep is true, as they read when the
// escapes around them are undone.
func (r *Redactor) CleanBut(text string, keep func(piece string) bool) string {
	if !r.Has(text) {
		return text
	}
	for pass, some := 0, true; some && pass < mostPasses; pass++ {
		text, some = r.masked(text, pass > 0, keep)
	}
	return text
}

// piece is a secret, or some of one, in a text.
type piece struct {
	start, end int
	mask       string
}

// masked is text with masks, or without any trace, in the place of secrets, and
// whether there were some.
func (r *Redactor) masked(text string, bare bool, keep func(piece string) bool) (masked string, some bool) {
	var pieces []piece
	layers(text, true, func(u *unescaped) bool {
		pieces = r.pieces(pieces, u, keep)
		return true
	})
	if len(pieces) == 0 {
		return text, false
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.start, b.start) })
	var out strings.Builder
	done := 0
	for i, p := range pieces {
		if p.start < done && i > 0 { // the same, or more of it
			done = max(done, p.end)
			continue
		}
		out.WriteString(text[done:p.start])
		if bare {
			p.mask = "…"
		}
		out.WriteString(p.mask)
		done = p.end
	}
	out.WriteString(text[done:])
	return out.String(), true
}

// pieces appends those in one layer of a text, but for those of which keep is true.
func (r *Redactor) pieces(dst []piece, u *unescaped, keep func(piece string) bool) []piece {
	add := func(start, end int, mask string) {
		if start, end = u.place(start, end); end > start {
			dst = append(dst, piece{start, end, mask})
		}
	}
	for at := 0; ; {
		start, end, mask := r.find(u.text, at)
		if start < 0 {
			break
		}
		if !keep(u.text[start:end]) {
			add(start, end, mask)
		}
		at = end
	}
	for i := bearerToken(u.text, 0); i >= 0; {
		end := i + tokenLength(u.text[i:])
		add(i, end, config.Mask(u.text[i:end]))
		i = bearerToken(u.text, end)
	}
	return dst
}

// bearerToken finds a token behind a Bearer: one that was fetched for a service
// account stands in no configuration. -1 if there is none from that place on.
func bearerToken(text string, from int) int {
	begin := from
	for len(text)-from >= shortestBearer {
		space := strings.IndexByte(text[from:], ' ') // rarer than a letter
		if space < 0 {
			return -1
		}
		from += space + 1
		if !strings.HasSuffix(text[begin:from], bearerScheme) {
			continue
		}
		n := tokenLength(text[from:])
		if n >= shortestToken {
			return from
		}
		from += n
	}
	return -1
}

// tokenLength is how much of text may be a token.
func tokenLength(text string) int {
	for i := range len(text) {
		if c := text[i]; !conn.IsToken(c) && c != '/' && c != '=' {
			return i
		}
	}
	return len(text)
}
