// Package trigger finds the operator's error_triggers in answers: texts that some providers send with a success status
// and mean as an error.
package trigger

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// InJSON returns the error of an answer that holds a trigger, nil if it holds none. The answer's escapes are decoded
// first: many upstreams escape all that is not ASCII, and triggers are written in plain text.
func InJSON(data []byte, triggers []string) *codec.Error {
	if len(triggers) == 0 {
		return nil
	}
	plain := data
	if bytes.IndexByte(data, '\\') >= 0 {
		plain = unescaped(data)
	}
	for _, t := range triggers {
		if t != "" && (bytes.Contains(plain, []byte(t)) || bytes.Contains(data, []byte(t))) {
			return matched(t)
		}
	}
	return nil
}

// InText is InJSON for text that is decoded already.
func InText(text string, triggers []string) *codec.Error {
	for _, t := range triggers {
		if t != "" && strings.Contains(text, t) {
			return matched(t)
		}
	}
	return nil
}

// unescaped is JSON with the escapes in its strings decoded. No string reaches over the end of a line, so that each
// line can be read as the inside of one.
func unescaped(data []byte) []byte {
	plain := make([]byte, 0, len(data))
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		plain, _ = rawjson.AppendText(plain, line, rawjson.Value{Start: -1, End: len(line) + 1, Kind: rawjson.String})
		plain = append(plain, '\n')
	}
	return plain
}

func matched(trigger string) *codec.Error {
	return codec.NoAnswer("the upstream's answer matches the error trigger '" + trigger + "'")
}
