package capture

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// version is that of the file's form.
const version = 1

// File is an exchange that may be shown to others: its texts are replaced, its structure is kept.
type File struct {
	Version int `json:"uni_api_capture"`
	Exchange
}

// JSON is the file, fit to be read by people.
func (f *File) JSON() ([]byte, error) {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	to.SetIndent("", "  ")
	err := to.Encode(f)
	return printable(out.Bytes()), err
}

// printable is a JSON text without what a terminal would obey, which is in its strings alone: it has escapes for that.
func printable(text []byte) []byte {
	obeyed := func(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
	if bytes.IndexFunc(text, obeyed) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for _, r := range string(text) {
		if !obeyed(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, "\\u%04x", unit)
		}
	}
	return out
}

// Shown is an exchange as the text of a file that may be shown to others.
func (e *Exchange) Shown() ([]byte, error) { return e.File([]byte(rand.Text())).JSON() }

// What a file may have, which comes from somebody else. Bodies may be longer than they are captured: a redactor has
// other words for what it takes out.
const (
	LongestFile    = 32 << 20
	longestBody    = 2 * mostOfBody
	longestBodies  = 2 * mostOfAll
	mostHeaders    = 256 // of a request or an answer
	mostOfExchange = 2 * (1 + mostTries) * (mostPieces + mostHeaders)
)

// objects is how many a JSON text has. Those of a few bytes take a hundred once they are read.
func objects(text []byte) (n int) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			n++
		case '"':
			i += 1 + endOfString(text[i+1:])
		}
	}
	return n
}

// Read reads a file.
func Read(text []byte) (*File, error) {
	if len(text) > LongestFile {
		return nil, fmt.Errorf("it is longer than %d bytes, as no capture is", LongestFile)
	}
	if objects(text) > mostOfExchange {
		return nil, fmt.Errorf("it has more than the %d parts that a capture has at most", mostOfExchange)
	}
	f := new(File)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("it is no capture: %w", err)
	}
	switch {
	case f.Version == 0:
		return nil, errors.New("it is no capture: it has no uni_api_capture")
	case f.Version != version:
		return nil, fmt.Errorf("it is of version %d, and this program reads version %d", f.Version, version)
	case f.Client.Request == nil:
		return nil, errors.New("it has no client.request")
	case len(f.Attempts) > mostTries:
		return nil, fmt.Errorf("it has more than the %d attempts that are captured of a request", mostTries)
	}
	for i := range f.Attempts {
		if f.Attempts[i].Request == nil {
			return nil, fmt.Errorf("attempts[%d] has no request", i)
		}
	}
	bodies := 0
	for _, m := range f.messages() {
		body, err := m.Body()
		if err != nil {
			return nil, fmt.Errorf("a piece is no base64: %w", err)
		}
		if bodies += len(body); len(body) > longestBody || bodies > longestBodies {
			return nil, errors.New("it has more of what was said than is captured of a request")
		}
	}
	return f, nil
}
