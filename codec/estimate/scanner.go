package estimate

import "bytes"

// scanner goes over JSON, or what there is of it, and adds up what counts.
type scanner struct {
	data []byte
	all  bool // every text counts, not only those of members that an answer says something in

	at     int
	before byte   // the last byte that was no space, outside of texts
	name   []byte // of the member whose value comes or goes on
	inside int    // how deep in a member of which everything counts; 0 is not

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
			if s.inside > 0 || s.before == ':' && whole(s.name) {
				s.inside++
			}
		case c == '}' || c == ']':
			s.inside = max(s.inside-1, 0)
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

// text takes the text that begins here.
func (s *scanner) text() {
	inner := s.data[s.at+1:]
	value := s.before == ':'
	if value && s.isMedia(inner) {
		end := bytes.IndexByte(inner, '"') // there are no escapes in it
		if end < 0 {
			end = len(inner)
		}
		s.media(end)
		return
	}
	n, end := characters(inner)
	s.at += min(end+2, len(s.data)-s.at)
	switch inner = inner[:end]; {
	case !value && s.names():
		s.name = inner
		if s.all || s.inside > 0 {
			s.characters += n
		}
	case !value && s.isMedia(inner):
		s.tokens += Media(end)
	case s.all && passes(s.name):
	case s.all, s.inside > 0, says(s.name):
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
			n++
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

// whole names the members all of whose texts are what an answer says: the arguments of a call.
func whole(name []byte) bool {
	switch string(name) {
	case "arguments", "input", "args":
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

// isMedia says whether the text of a member is a file, or in a request the address of one.
func (s *scanner) isMedia(inner []byte) bool {
	look := inner[:min(len(inner), mostLooked)]
	if bytes.HasPrefix(look, []byte("data:")) && s.all || bytes.HasPrefix(look, []byte("data:image/")) {
		return true
	}
	switch string(s.name) {
	case "url", "image_url", "file_url", "audio_url", "video_url", "fileUri", "file_uri", "file_id":
		return s.all && !bytes.HasPrefix(look, []byte(`"`))
	case "data", "b64_json", "file_data", "bytes", "image", "audio", "partial_image_b64":
	default:
		return false
	}
	for _, c := range look {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '+' && c != '/' && c != '=' && c != '-' && c != '_' {
			return false // or the end: a file is longer
		}
	}
	return len(look) == mostLooked
}
