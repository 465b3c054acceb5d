package openai

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"uniapi/codec/rawjson"
)

// triggered returns the first of the operator's error triggers that occurs in an answer, "" if none does. The answer's \uXXXX
// escapes are decoded first: many upstreams escape all that is not ASCII, and triggers are written in plain text.
func triggered(data []byte, triggers []string) string {
	if len(triggers) == 0 {
		return ""
	}
	if bytes.Contains(data, []byte(`\u`)) {
		data = decodeUnicode(data)
	}
	for _, t := range triggers {
		if t != "" && bytes.Contains(data, []byte(t)) {
			return t
		}
	}
	return ""
}

// decodeUnicode returns a copy of JSON text with its \uXXXX escapes decoded and everything else as it was.
func decodeUnicode(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		if data[i] != '\\' || i+1 >= len(data) {
			out = append(out, data[i])
			i++
			continue
		}
		r, ok := rawjson.Escaped(data[i:])
		if !ok {
			out = append(out, data[i], data[i+1])
			i += 2
			continue
		}
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := rawjson.Escaped(data[i:])
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}
