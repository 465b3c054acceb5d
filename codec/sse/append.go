package sse

import "bytes"

// AppendData appends an event with that data, which is split at line ends as the standard wants it; JSON has none.
func AppendData[T string | []byte](dst []byte, data T) []byte { return AppendEvent(dst, "", data) }

// AppendEvent appends an event with a name, or without one if it is empty.
func AppendEvent[T string | []byte](dst []byte, name string, data T) []byte {
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	dst = append(dst, "data: "...)
	at := len(dst)
	dst = append(dst, data...)
	if bytes.IndexByte(dst[at:], '\n') >= 0 {
		dst = append(dst[:at], bytes.ReplaceAll(dst[at:], []byte("\n"), []byte("\ndata: "))...)
	}
	return append(dst, "\n\n"...)
}

// AppendComment appends a comment, which clients ignore: a sign of life.
func AppendComment(dst []byte, text string) []byte {
	return append(append(append(dst, ": "...), text...), "\n\n"...)
}
