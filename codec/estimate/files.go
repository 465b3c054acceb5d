package estimate

import (
	"bytes"
	"encoding/base64"
	"uniapi/codec/said"
)

// mostLooked is how much of a text is looked at to see whether it is a file.
const mostLooked = 256

// isMedia says whether the text of a member of an answer is a file.
func (s *scanner) isMedia(inner []byte) bool {
	look := inner[:min(len(inner), mostLooked)]
	if bytes.HasPrefix(look, []byte("data:image/")) {
		return true
	}
	return holdsFile(s.name) && len(look) == mostLooked && isBase64(look)
}

// holdsFile names the members that hold a file in base64.
func holdsFile(name []byte) bool {
	switch string(name) {
	case "data", "b64_json", "file_data", "bytes", "image", "images", "mask", "audio", "video", "partial_image_b64":
		return true
	}
	return false
}

// holdsAddress names the members that hold the address of a file.
func holdsAddress(name []byte) bool {
	switch string(name) {
	case "url", "image_url", "file_url", "audio_url", "video_url", "fileUri", "file_uri", "file_id", "image", "images":
		return true
	}
	return false
}

// kind is what a text of a request is.
type kind int

const (
	isWords   kind = iota
	isAddress      // of a file
	isFile         // that is no text
	isEncoded      // a text in base64
)

// longestAddress is one that counts as a file and not for its length.
const longestAddress = 2048

// fileOf says what the text of the member is. A file is looked at to its end: what only begins like one is read by its
// words. The size is that of an encoded text, in bytes.
func (s *scanner) fileOf(inner []byte) (k kind, size int) {
	holds, leads := holdsFile(s.name), holdsAddress(s.name)
	if !holds && !leads {
		return isWords, 0
	}
	encoded, head := inner, inner[:min(len(inner), mostLooked)]
	if bytes.HasPrefix(head, []byte("data:")) {
		mark := bytes.Index(head, []byte(";base64,"))
		if mark < 0 {
			return isWords, 0
		}
		encoded = inner[mark+len(";base64,"):]
		holds = true
	}
	switch {
	case holds && isBase64(encoded) && (len(encoded) >= mostLooked || len(encoded) < len(inner)):
		if isEncodedText(encoded) || len(encoded) < len(inner) && bytes.HasPrefix(bytes.TrimLeft(head[len("data:"):], " "), []byte("text")) {
			return isEncoded, base64.RawStdEncoding.DecodedLen(len(encoded))
		}
		return isFile, 0
	case leads && isURL(inner) || string(s.name) == "file_id" && len(inner) <= longestWord:
		return isAddress, 0
	}
	return isWords, 0
}

// isEncodedText says whether base64 is of a text, by its beginning.
func isEncodedText(encoded []byte) bool {
	var room [mostLooked]byte
	look := room[:0]
	for _, c := range encoded[:min(len(encoded), mostLooked)] {
		switch c {
		case '-':
			c = '+'
		case '_':
			c = '/'
		case '\\', '=':
			continue
		}
		look = append(look, c)
	}
	var decoded [mostLooked]byte
	n, _ := base64.RawStdEncoding.Decode(decoded[:], look)
	return n > 0 && said.IsText(decoded[:n])
}

// isURL says whether a text is an address.
func isURL(text []byte) bool {
	scheme := bytes.Index(text[:min(len(text), len("https://"))], []byte("://"))
	return scheme > 0 && len(text) <= longestAddress && bytes.IndexByte(text, ' ') < 0
}

// isBase64 says whether a text can be base64 from its beginning to its end.
func isBase64(text []byte) bool {
	for i, c := range text {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		slash := c == '\\' && i+1 < len(text) && text[i+1] == '/' // as some write it in JSON
		if !letter && !slash && (c < '0' || c > '9') && c != '+' && c != '/' && c != '=' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
