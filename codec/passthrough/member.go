package passthrough

import (
	"bytes"

	"uniapi/codec/rawjson"
)

// LastMember finds, in the end of a JSON text that is cut off before it, the value of the last member of that quoted
// name. Inside a string a quote has a backslash before it, so a bare "name": is a member; of which object is not known.
// Kind Missing if there is none, or if its value is not whole.
func LastMember(tail []byte, quoted string) rawjson.Value {
	at := bytes.LastIndex(tail, []byte(quoted))
	if at <= 0 || tail[at-1] == '\\' {
		return rawjson.Value{}
	}
	at += len(quoted)
	for at < len(tail) && (tail[at] == ' ' || tail[at] == '\t') {
		at++
	}
	if at == len(tail) || tail[at] != ':' {
		return rawjson.Value{}
	}
	v, err := rawjson.Skip(tail, at+1)
	if err != nil {
		return rawjson.Value{}
	}
	return v
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
