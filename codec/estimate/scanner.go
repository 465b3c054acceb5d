package estimate

import (
	"bytes"
	"encoding/binary"

	"uniapi/codec/quoted"
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
	talk   int    // how deep in a member of a request that a model is told
	own    bool   // the name is none that a format has there
	depth  int
	textAt int // how deep the object is that says it is a text; 0 is none
	mimeAt int // and the one that says of the file in it that it is one
	held   held

	words *quoted.List // that are looked for in passing; nil looks for none
	found quoted.Set

	characters int64
	tokens     int64 // of what is not text
	files      int64 // bytes of the request that are files
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
			if s.inside > 0 || s.before == ':' && (s.own || s.whole()) {
				s.inside++
			}
			if s.talk > 0 || s.before == ':' && s.tells() {
				s.talk++
			}
			s.depth++
			if c == '{' {
				s.name = nil
			}
		case c == '}' || c == ']':
			s.inside, s.talk = max(s.inside-1, 0), max(s.talk-1, 0)
			s.leave()
		case c == '-' || c >= '0' && c <= '9':
			s.number()
			continue
		case c == 't' || c == 'f' || c == 'n':
			s.literal()
			continue
		}
		s.before = s.data[s.at]
		s.at++
	}
}

// longestToken is how long the number of a token is at most.
const longestToken = 8

// number passes over a number. One in a list may be a token.
func (s *scanner) number() {
	begin := s.at
	for s.at++; s.at < len(s.data); s.at++ {
		if c := s.data[s.at]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			break
		}
	}
	if listed := s.before != ':'; s.all && listed && s.at-begin <= longestToken {
		s.tokens++
	} else {
		s.unquoted(s.at-begin, listed)
	}
	s.before = '0'
}

// literal passes over true, false or null.
func (s *scanner) literal() {
	begin := s.at
	for s.at++; s.at < len(s.data) && s.data[s.at] >= 'a' && s.data[s.at] <= 'z'; s.at++ {
	}
	s.unquoted(s.at-begin, s.before != ':')
	s.before = '0'
}

// unquoted takes a value that is no text. It counts where a model reads it as it stands, and in a request also where it
// is no setting: in a list of what is told, in a member that no format has, and if it is long.
func (s *scanner) unquoted(length int, listed bool) {
	if s.inside > 0 || s.all && (s.talk > 0 && (listed || s.own) || length > longestWord) {
		s.characters += int64(length)
	}
}

// held is a file in the object at that depth, which is a text if the object turns out to say so.
type held struct {
	depth      int
	bytes      int
	characters int64
	encoded    int64 // of the text that it is in base64; 0 if it is none
}

// decoded is for a file in the object at that depth of which it is said beside it that it is a text, whatever it begins
// with.
func (h *held) decoded(depth int) {
	if h.depth == depth && h.encoded == 0 {
		h.encoded = h.characters * 3 / 4
	}
}

// leave is for the end of an object or a list.
func (s *scanner) leave() {
	if s.held.depth == s.depth {
		s.release(false)
	}
	if s.textAt == s.depth {
		s.textAt = 0
	}
	if s.mimeAt == s.depth {
		s.mimeAt = 0
	}
	s.depth = max(s.depth-1, 0)
	s.own = false
	s.name = nil // what follows in a list is none of the member's
}

// release counts what was held, as a text or as a file.
func (s *scanner) release(text bool) {
	if s.held.depth == 0 {
		return
	}
	switch {
	case text:
		s.characters += s.held.characters
	case s.held.encoded > 0:
		s.characters += s.held.encoded
	default:
		s.tokens += Media(s.held.bytes)
		s.files += int64(s.held.bytes)
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
	n, end := characters(inner, &s.found)
	s.at += min(end+2, len(s.data)-s.at)
	if s.words != nil {
		s.found |= s.words.OfString(inner[:min(end+1, len(inner))])
	}
	inner = inner[:end]
	switch {
	case !value && s.names():
		s.name = inner
		s.own = s.talk > 0 && !said.Member(inner)
		if s.inside > 0 || s.own || s.all && end > longestWord {
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
	if s.inside > 0 || s.own && s.before == ':' { // a model reads it as it stands
		s.characters += n
		return
	}
	switch kind, size := s.fileOf(inner); kind {
	case isAddress:
		s.tokens += Media(0)
		return
	case isEncoded, isFile:
		if string(s.name) != "data" {
			if kind == isEncoded {
				s.characters += int64(size)
			} else {
				s.tokens += Media(len(inner))
				s.files += int64(len(inner))
			}
			return
		}
		s.release(true)
		s.held = held{s.depth, len(inner), n, int64(size)}
		if s.mimeAt == s.depth {
			s.held.decoded(s.depth)
		}
		if s.textAt == s.depth {
			s.release(true)
		}
		return
	}
	if saysText(s.name, inner) {
		s.mimeAt = s.depth
		s.held.decoded(s.depth)
	}
	if string(s.name) == "type" && string(inner) == "text" {
		s.textAt = s.depth
		if s.held.depth == s.depth {
			s.release(true)
		}
	}
	if passes(s.name) || len(inner) <= longestWord && word(s.name) && !s.unusual(inner) {
		return
	}
	s.characters += n
}

// saysText says whether a member tells that the file beside it is a text, whatever it begins with.
func saysText(name, inner []byte) bool {
	switch string(name) {
	case "mimeType", "mime_type", "media_type":
		return len(inner) >= 4 && (bytes.EqualFold(inner[:4], []byte("text")) || bytes.HasSuffix(inner, []byte("json")) || bytes.HasSuffix(inner, []byte("xml")))
	}
	return false
}

// unusual says whether a text in the place of a role or a type, of what is told a model, is none that a format has.
func (s *scanner) unusual(inner []byte) bool {
	return s.talk > 0 && (string(s.name) == "role" || string(s.name) == "type") && !said.Word(inner)
}

// tells says whether a member at the top of a request is told to a model.
func (s *scanner) tells() bool {
	if !s.all || s.depth != 1 {
		return false
	}
	switch string(s.name) {
	case "messages", "input", "contents", "documents", "system", "systemInstruction", "system_instruction", "instructions", "prompt", "prediction", "tools",
		"functions", "chat_history", "tool_results":
		return true
	}
	return false
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

// characters counts those of a text, by its inside and whatever follows, each as what it weighs, and finds where it
// ends. Eight bytes of plain ASCII are taken at once. Where nothing else comes for a while the library searches on,
// which takes more bytes at once than a loop can: in pieces that grow, so that little is looked at in vain. It adds to
// found if something that words are made of is escaped.
func characters(inner []byte, found *quoted.Set) (n int64, end int) {
	const near, least, most = 64, 256, 4 << 10
	far, piece := near, least
	for end < len(inner) {
		if end >= far {
			part := inner[end:min(end+piece, len(inner))]
			whole := len(part)
			if i := bytes.IndexByte(part, '\\'); i >= 0 {
				part = part[:i]
			}
			if i := bytes.IndexByte(part, '"'); i >= 0 {
				part = part[:i]
			}
			n += plain(part)
			end += len(part)
			if piece = min(2*piece, most); len(part) < whole {
				far, piece = end+near, least
			}
			continue
		}
		if end+8 <= len(inner) {
			if w := binary.LittleEndian.Uint64(inner[end:]); w&highBits == 0 && !hasZero(w^backslashs) && !hasZero(w^quotes) {
				n += 8
				end += 8
				continue
			}
		}
		for stop := min(end+8, len(inner)); end < stop; {
			c := inner[end]
			if w := weights[c]; w != special {
				n += int64(w)
				end++
				continue
			}
			if c == '"' {
				return n, end
			}
			if end++; end+2 < len(inner) && inner[end] == 'u' {
				n += code(inner[end-1:], found)
				end += 4
			} else {
				n++
			}
			end++
			far = end + near
		}
	}
	return n, min(end, len(inner))
}

// code is the weight of a character that JSON has as its code.
//
//go:noinline
func code(text []byte, found *quoted.Set) int64 {
	if quoted.Hides(text) {
		*found |= quoted.Escaped
	}
	return escaped(text[2], text[3])
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

// whole says whether everything in the member counts, by whatever name it goes: the arguments of a call, and in a
// request what came of it, and schemas.
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

// longestWord is how long names and words of the format are at most, in bytes. What is longer counts as text, wherever
// it stands.
const longestWord = 64

// word names the members of a request in which a word of the format stands, or the name of a thing that the model does
// not read.
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
