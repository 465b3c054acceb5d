package estimate

import (
	"bytes"
	"encoding/base64"

	"uniapi/codec/said"
)

// scanner goes over JSON, or what there is of it, and adds up what counts.
type scanner struct {
	data []byte
	all  bool // of a request: every text counts, not only those of members that an answer says something in

	at     int
	before byte   // the last byte that was no space, outside of texts
	name   []byte // of the member whose value comes or goes on
	inside int    // how deep in a member of which everything counts; 0 is not
	depth  int
	textAt int // how deep the object is that says it is a text; 0 is none
	held   held

	characters int64
	tokens     int64 // of what is not text
}

func (s *scanner) run() {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; {
		case c == '"':
			s.text()
			s.before = c
			continue
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			s.at++
			continue
		case c == '{' || c == '[':
			if s.inside > 0 || s.before == ':' && s.whole() {
				s.inside++
			}
			s.depth++
			if c == '{' {
				s.name = nil
			}
		case c == '}' || c == ']':
			s.inside = max(s.inside-1, 0)
			s.leave()
		case c == '-' || c >= '0' && c <= '9':
			s.number()
			continue
		}
		s.before = s.data[s.at]
		s.at++
	}
}

// number passes over a number. One in a list may be a token.
func (s *scanner) number() {
	if s.all && s.before != ':' {
		s.tokens++
	}
	for s.at++; s.at < len(s.data); s.at++ {
		if c := s.data[s.at]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			break
		}
	}
	s.before = '0'
}

// held is a file in the object at that depth, which is a text if the object turns out to say so.
type held struct {
	depth      int
	bytes      int
	characters int64
}

// leave is for the end of an object or a list.
func (s *scanner) leave() {
	if s.held.depth == s.depth {
		s.release(false)
	}
	if s.textAt == s.depth {
		s.textAt = 0
	}
	s.depth = max(s.depth-1, 0)
	s.name = nil // what follows in a list is none of the member's
}

// release counts what was held, as a text or as a file.
func (s *scanner) release(text bool) {
	if s.held.depth == 0 {
		return
	}
	if text {
		s.characters += s.held.characters
	} else {
		s.tokens += Media(s.held.bytes)
	}
	s.held = held{}
}

// text takes the text that begins here.
func (s *scanner) text() {
	inner := s.data[s.at+1:]
	value := s.before == ':'
	if !s.all && value && s.isMedia(inner) {
		end := bytes.IndexByte(inner, '"') // there are no escapes in it
		if end < 0 {
			end = len(inner)
		}
		s.media(end)
		return
	}
	n, end := characters(inner)
	s.at += min(end+2, len(s.data)-s.at)
	inner = inner[:end]
	switch {
	case !value && s.names():
		s.name = inner
		if s.inside > 0 || s.all && end > longestWord {
			s.characters += n
		}
	case s.all:
		s.said(inner, n)
	case !value && s.isMedia(inner):
		s.tokens += Media(end)
	case s.inside > 0, says(s.name):
		s.characters += n
	}
}

// said takes a text in a request that is no member's name.
func (s *scanner) said(inner []byte, n int64) {
	if s.inside > 0 { // a model reads it as it stands
		s.characters += n
		return
	}
	switch kind, size := s.fileOf(inner); kind {
	case isAddress:
		s.tokens += Media(0)
		return
	case isEncoded:
		s.characters += int64(size)
		return
	case isFile:
		if string(s.name) != "data" {
			s.tokens += Media(len(inner))
			return
		}
		s.release(true)
		s.held = held{s.depth, len(inner), n}
		if s.textAt == s.depth {
			s.release(true)
		}
		return
	}
	if string(s.name) == "type" && string(inner) == "text" {
		s.textAt = s.depth
		if s.held.depth == s.depth {
			s.release(true)
		}
	}
	if !passes(s.name) && (len(inner) > longestWord || !word(s.name)) {
		s.characters += n
	}
}

// media passes over a file of so many bytes.
func (s *scanner) media(bytes int) {
	s.tokens += Media(bytes)
	s.at = min(s.at+bytes+2, len(s.data))
}

// names says whether what comes next makes a name of the text before it.
func (s *scanner) names() bool {
	for i := s.at; i < len(s.data); i++ {
		switch s.data[i] {
		case ' ', '\n', '\r', '\t':
		case ':':
			return true
		default:
			return false
		}
	}
	return false
}

// characters counts those of a text, by its inside and whatever follows, and finds where it ends.
func characters(inner []byte) (n int64, end int) {
	for end < len(inner) && inner[end] != '"' {
		switch c := inner[end]; {
		case c == '\\':
			end++
			if end < len(inner) && inner[end] == 'u' {
				end += 4
			}
			n++ // a character beyond the first 65,536 counts twice if it is written so
		case c&0xc0 != 0x80: // a byte that begins a character
			n++
		}
		end++
	}
	return n, min(end, len(inner))
}

// says names the members in which an answer says something.
func says(name []byte) bool {
	switch string(name) {
	case "content", "text", "reasoning_content", "reasoning", "refusal", "thinking", "arguments", "input", "transcript", "tool_plan", "delta", "code",
		"partial_json", "output_text", "response", "generated_text":
		return true
	}
	return false
}

// whole says whether everything in the member counts, by whatever name it goes: the arguments of a call, and in a request what came of it, and schemas.
func (s *scanner) whole() bool {
	switch string(s.name) {
	case "arguments", "args":
		return true
	case "input": // of a request itself it is a conversation
		return !s.all || s.depth > 1
	case "parameters", "parametersJsonSchema", "parameters_json_schema", "schema", "input_schema", "inputSchema", "responseSchema", "response_schema",
		"responseJsonSchema", "response_json_schema", "response", "variables":
		return s.all
	}
	return false
}

// longestWord is how long names and words of the format are at most, in bytes. What is longer counts as text, wherever it stands.
const longestWord = 64

// word names the members of a request in which a word of the format stands, or the name of a thing that the model does not read.
func word(name []byte) bool {
	switch string(name) {
	case "model", "role", "type", "id", "user", "status", "phase", "object", "detail", "format", "service_tier", "serviceTier", "tool_choice", "reasoning_effort",
		"effort", "verbosity", "call_id", "tool_call_id", "tool_use_id", "media_type", "mimeType", "mime_type", "language", "outcome", "ttl", "category",
		"threshold", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "previous_response_id", "size", "quality", "style", "background",
		"moderation", "voice", "response_format", "output_format", "stream_format", "encoding_format", "input_type", "input_fidelity", "truncate", "truncation":
		return true
	}
	return false
}

// passes names the members of a request that a model does not read.
func passes(name []byte) bool {
	switch string(name) {
	case "signature", "thoughtSignature", "encrypted_content":
		return true
	}
	return false
}

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

// fileOf says what the text of the member is. A file is looked at to its end: what only begins like one is read by its words. The size is that of an encoded
// text, in bytes.
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
		if isEncodedText(encoded) {
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
