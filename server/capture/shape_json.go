package capture

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// realm is whose words stand in a part of a JSON text.
type realm uint8

const (
	plain  realm = iota // the API's
	schema              // of a tool, or of what is to be answered
	free                // what a model or a tool said, or a client noted: also names of members are theirs
)

// Members by what their values are.
var (
	schemas  = set("parameters input_schema inputSchema schema parametersJsonSchema responseSchema responseJsonSchema response_schema")
	frees    = set("arguments args metadata labels logit_bias embedding embeddings embeddings_by_type bytes")
	ids      = set("id tool_call_id call_id tool_use_id item_id response_id responseId previous_response_id message_id file_id request_id system_fingerprint")
	words    = set("type role object event finish_reason finishReason stop_reason status model modelVersion format detail media_type mediaType mimeType mime_type effort reasoning_effort service_tier encoding_format tool_choice voice size quality verbosity truncation include modalities responseModalities mode allowedFunctionNames category threshold thinkingLevel phase")
	callers  = set("function custom tool_choice functionCall functionResponse functionDeclarations tools tool_calls content_block content item output function_call input parts json_schema toolUse toolSpec")
	partials = set("partial_json arguments")
)

func set(names string) map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(names) {
		all[name] = true
	}
	return all
}

// nest is an object or a list that is open.
type nest struct {
	list   bool
	key    string // of the member at hand; in a list that of the list
	parent string // the key that the object has
	realm  realm
	kind   string // the value of its member type
	naming bool   // a name follows
}

// json shapes a text of JSON in place, also one that is cut.
func (s *shaper) json(text []byte, all realm) {
	stack := []nest{{list: true, realm: all}}
	for i := 0; i < len(text); i++ {
		at := &stack[len(stack)-1]
		switch c := text[i]; {
		case c == '{' || c == '[':
			stack = append(stack, at.open(c))
		case c == '}' || c == ']':
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
		case c == ',':
			at.naming = !at.list
		case c == '"':
			end := i + 1 + endOfString(text[i+1:])
			if inner := text[i+1 : end]; at.naming {
				at.key, at.naming = string(inner), false
				s.name(inner, at.realm)
			} else {
				s.text(inner, at)
			}
			i = end
		case c == ':' || c <= ' ':
		case c == '-' || c >= '0' && c <= '9':
			for i < len(text) && strings.IndexByte("+-.eE0123456789", text[i]) >= 0 {
				if (at.list || at.realm == free) && text[i] > '1' && text[i] <= '9' {
					text[i] = '1' // as what a list has may be tokens of a text
				}
				i++
			}
			i--
		default:
			n := 0
			for n < len(text)-i && text[i+n] >= 'a' && text[i+n] <= 'z' {
				n++
			}
			if word := string(text[i : i+n]); word != "true" && word != "false" && word != "null" {
				n = max(n, 1)
				fill(text[i : i+n])
			}
			i += n - 1
		}
	}
}

// open is what an object or a list begins in a place.
func (at *nest) open(c byte) nest {
	in := nest{list: c == '[', key: at.key, parent: at.key, realm: at.realm, naming: c == '{'}
	switch {
	case at.realm != plain:
	case schemas[at.key]:
		in.realm = schema
	case frees[at.key], at.key == "response" && at.parent == "functionResponse", at.key == "input" && c == '{' && !at.list:
		in.realm = free
	}
	return in
}

// endOfString is where a string ends whose beginning has been read: the place of its quote, or the end.
func endOfString(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}

// name shapes the name of a member.
func (s *shaper) name(inner []byte, in realm) {
	if text := string(inner); in == free && !s.properties[text] || !isWord(text) {
		if bytes.IndexByte(inner, '\\') >= 0 {
			fillString(inner, false)
			return
		}
		copy(inner, s.mixed(text, len(inner)))
	}
}

// text shapes a string that is a value.
func (s *shaper) text(inner []byte, at *nest) {
	text := string(inner)
	if at.key == "type" {
		at.kind = text
	}
	switch {
	case at.realm == plain && (partials[at.key] || at.key == "delta" && strings.Contains(at.kind, "arguments")):
		s.arguments(inner)
	case at.realm == free:
		fillString(inner, false)
	case at.realm == schema:
		if at.key != "type" && at.key != "required" || !isWord(text) {
			fillString(inner, false)
		}
	case ids[at.key]:
		if bytes.IndexByte(inner, '\\') >= 0 {
			fillString(inner, false)
			return
		}
		s.id(inner)
	case (words[at.key] || at.key == "code" && at.parent == "error") && isWord(text), at.key == "name" && callers[at.parent] && isWord(text):
	default:
		if data := strings.Index(text, ";base64,"); strings.HasPrefix(text, "data:") && data > 0 && isWord(text[len("data:"):data]) {
			inner = inner[data+len(";base64,"):]
		}
		fillString(inner, false)
	}
}

// arguments shapes a text that is JSON itself, or a part of it.
func (s *shaper) arguments(inner []byte) {
	var whole string
	if json.Unmarshal(append(append([]byte{'"'}, inner...), '"'), &whole) == nil && json.Valid([]byte(whole)) && utf8.ValidString(whole) {
		shaped := []byte(whole)
		s.json(shaped, free)
		if raw, is := requoted(inner, shaped); is {
			copy(inner, raw)
			return
		}
	}
	fillString(inner, true)
}

// requoted is a string's text with other characters, each written as the one before it was; false if that does not go.
func requoted(inner, shaped []byte) (raw []byte, fits bool) {
	for i := 0; i < len(inner); {
		r, size := escaped(inner[i:])
		if len(shaped) == 0 {
			return nil, false
		}
		now, n := utf8.DecodeRune(shaped)
		shaped = shaped[n:]
		switch {
		case now == r:
			raw = append(raw, inner[i:i+size]...)
		case inner[i] != '\\' && utf8.RuneLen(now) == size:
			raw = utf8.AppendRune(raw, now)
		case size == 6 && now < 0x10000:
			raw = append(raw, `\u`...)
			raw = appendHex(raw, now)
		default:
			raw = append(raw, inner[i:i+size]...) // an escape, or a pair of them: filler is written as such
			if size == 12 {
				copy(raw[len(raw)-12:], `\ud83d\ude00`)
			}
		}
		i += size
	}
	return raw, len(shaped) == 0 && len(raw) == len(inner)
}

func appendHex(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// decode is the first character; what is none is one byte.
func decode(text []byte) (r rune, size int) { return utf8.DecodeRune(text) }

// filler is what stands for a character.
func filler(r rune, size int) string {
	switch {
	case r == ' ' || r == '\n' || r == '\r' || r == '\t':
		return string(r)
	case size == 2:
		return "é"
	case size == 3:
		return "あ"
	case size == 4:
		return "😀"
	}
	return "x"
}

// escaped is the first character of a string's text, and how long it is written. One that is cut or wrong is a byte.
func escaped(text []byte) (r rune, size int) {
	if text[0] != '\\' {
		return decode(text)
	}
	if len(text) < 2 {
		return utf8.RuneError, 1
	}
	if text[1] != 'u' {
		if to := strings.IndexByte(`"\/bfnrt`, text[1]); to >= 0 {
			return rune("\"\\/\b\f\n\r\t"[to]), 2
		}
		return utf8.RuneError, 1
	}
	var one string
	for _, n := range []int{12, 6} {
		if len(text) >= n && (n == 6 || text[6] == '\\' && text[7] == 'u') && json.Unmarshal(slices.Concat([]byte{'"'}, text[:n], []byte{'"'}), &one) == nil && utf8.RuneCountInString(one) == 1 {
			r, _ = utf8.DecodeRuneInString(one)
			return r, n
		}
	}
	return utf8.RuneError, 1
}

// fillString fills the text of a string in JSON in place. Of one that is a part of JSON itself the signs stay.
func fillString(text []byte, signs bool) {
	for i := 0; i < len(text); {
		r, size := escaped(text[i:])
		switch in := text[i : i+size]; {
		case size == 1 && in[0] == '\\', size == 2 && in[0] == '\\': // escapes of one letter stand for signs and white space
		case size == 6 && in[0] == '\\':
			code := rune('x')
			if n := utf8.RuneLen(r); n == 2 {
				code = 'é'
			} else if n == 3 {
				code = 'あ'
			}
			copy(in[2:], appendHex(nil, code))
		case size == 12:
			copy(in, `\ud83d\ude00`)
		case signs && size == 1 && strings.ContainsRune(`{}[]:,"-.`, r):
		case signs && r >= '0' && r <= '9':
			in[0] = min(in[0], '1')
		case signs && literal(text, i) > 0:
			size = literal(text, i)
		case size == 1 && r == '=' && i+2 >= len(text): // the end of base64
		default:
			copy(in, filler(r, size))
		}
		i += size
	}
}

// literal is how long a true, false or null is that stands in a part of JSON; 0 if there is none.
func literal(text []byte, at int) int {
	if at > 0 && (text[at-1]|0x20 >= 'a' && text[at-1]|0x20 <= 'z' || text[at-1] == '"') {
		return 0
	}
	for _, word := range []string{"true", "false", "null"} {
		if rest, is := bytes.CutPrefix(text[at:], []byte(word)); is && (len(rest) == 0 || strings.IndexByte(",}] ", rest[0]) >= 0) {
			return len(word)
		}
	}
	return 0
}

// gatherProperties finds the names that schemas in a body give to members.
func (s *shaper) gatherProperties(body []byte) {
	var all any
	if json.Unmarshal(body, &all) == nil {
		s.propertiesIn(all, false)
	}
}

func (s *shaper) propertiesIn(value any, within bool) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			s.propertiesIn(one, within)
		}
	case map[string]any:
		for name, one := range v {
			if named, is := one.(map[string]any); is && within && name == "properties" {
				for property := range named {
					s.properties[property] = true
				}
			}
			if !frees[name] {
				s.propertiesIn(one, within || schemas[name])
			}
		}
	}
}
