package sse

import (
	"bytes"
	"strings"
)

// AppendData appends an event with that data, which is split at line ends as the standard wants it; JSON has none.
func AppendData[T string | []byte](dst []byte, data T) []byte { return AppendEvent(dst, "", data) }

// AppendEvent appends an event with a name, or without one if it is empty. Of a name of several lines the first counts:
// the others would be fields of their own.
func AppendEvent[T string | []byte](dst []byte, name string, data T) []byte {
	if strings.IndexByte(name, '\n') >= 0 || strings.IndexByte(name, '\r') >= 0 {
		name = name[:strings.IndexAny(name, "\r\n")]
	}
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	dst = append(dst, "data: "...)
	at := len(dst)
	dst = append(dst, data...)
	if bytes.IndexByte(dst[at:], '\n') >= 0 || bytes.IndexByte(dst[at:], '\r') >= 0 {
		dst = appendLines(dst[:at], bytes.Clone(dst[at:]))
	}
	return append(dst, "\n\n"...)
}

// appendLines appends data as lines of which each is a field.
func appendLines(dst, data []byte) []byte {
	for {
		end := lineEnd(data, 0)
		dst = append(dst, data[:end]...)
		if end == len(data) {
			return dst
		}
		if bytes.HasPrefix(data[end:], []byte("\r\n")) {
			end++
		}
		dst = append(dst, "\ndata: "...)
		data = data[end+1:]
	}
}

// AppendComment appends a comment, which clients ignore: a sign of life.
func AppendComment(dst []byte, text string) []byte {
	return append(append(append(dst, ": "...), text...), "\n\n"...)
}
