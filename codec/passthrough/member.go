package passthrough

import (
	"bytes"

	"uniapi/codec/rawjson"
)

// EndMember finds, in the end of a JSON text, the value of the last member of that quoted name that is in no more than
// so many objects and lists. What is in more may be anybody's: a client's metadata, which some servers repeat behind
// all that is their own, or what a model has made up. Kind Missing if there is none, or if its value is not whole. It
// is read from behind, where no string can be cut off.
func EndMember(tail []byte, quoted string, deepest int) rawjson.Value {
	depth := 0
	for at := len(tail) - 1; at >= 0; at-- {
		switch tail[at] {
		case '}', ']':
			depth++
		case '{', '[':
			depth--
		case '"':
			begin := opening(tail[:at])
			if begin < 0 {
				return rawjson.Value{}
			}
			if depth <= deepest && string(tail[begin:at+1]) == quoted {
				if colon := afterBlanks(tail, at+1); colon < len(tail) && tail[colon] == ':' {
					v, err := rawjson.Skip(tail, colon+1)
					if err != nil {
						return rawjson.Value{}
					}
					return v
				}
			}
			at = begin
		}
	}
	return rawjson.Value{}
}

// opening is where the string begins that a quote behind text ends: at the last quote without a backslash before it.
// -1 is that it is cut off.
func opening(text []byte) int {
	for {
		at := bytes.LastIndexByte(text, '"')
		if at < 0 {
			return -1
		}
		text = text[:at]
		if escapes := len(text) - len(bytes.TrimRight(text, "\\")); escapes%2 == 0 {
			return at
		}
	}
}

func afterBlanks(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return at
}

// CutMember is the value of the member that a JSON object is cut off in, as far as it goes: an object whose members can
// be walked up to the one that is cut off in turn. Kind Missing if it is no object. It is the member that it stopped
// at.
func CutMember(data []byte, it *rawjson.Members) rawjson.Value {
	at := it.Key.End
	if it.Err() == nil || at == 0 || at <= it.Value.End {
		return rawjson.Value{}
	}
	for at < len(data) && (data[at] == ':' || data[at] <= ' ') {
		at++
	}
	if at == len(data) || data[at] != '{' {
		return rawjson.Value{}
	}
	return rawjson.Value{Start: at, End: len(data), Kind: rawjson.Object}
}
