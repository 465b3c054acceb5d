package native

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Triggered returns the first of the operator's error triggers that occurs in an answer, "" if none does. The answer's escapes are decoded
// first: many upstreams escape all that is not ASCII, and triggers are written in plain text.
func Triggered(data []byte, triggers []string) string {
	if len(triggers) == 0 {
		return ""
	}
	plain := data
	if bytes.IndexByte(data, '\\') >= 0 {
		plain = unescaped(data)
	}
	for _, t := range triggers {
		if t != "" && (bytes.Contains(plain, []byte(t)) || bytes.Contains(data, []byte(t))) {
			return t
		}
	}
	return ""
}

// unescaped is JSON with the escapes in its strings decoded. No string reaches over the end of a line, so that each line can be read as the
// inside of one.
func unescaped(data []byte) []byte {
	plain := make([]byte, 0, len(data))
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		plain, _ = rawjson.AppendText(plain, line, rawjson.Value{Start: -1, End: len(line) + 1, Kind: rawjson.String})
		plain = append(plain, '\n')
	}
	return plain
}

// TriggerError is the error of an answer that holds a trigger.
func TriggerError(trigger string) *codec.Error {
	return codec.NoAnswer("the upstream's answer matches the error trigger '" + trigger + "'")
}
