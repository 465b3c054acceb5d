package server

import (
	"bytes"
	"strings"

	"uniapi/codec/rawjson"
)

const (
	mostChanged  = 16  // members of a request that are named as left out, or as added
	mostCompared = 256 // that are looked at in one object: formats have some thirty
	deepestNamed = 3   // the request, an object in it, and one in that
)

// tellsLeftOut says whether somebody is told what of the request was left out for a channel: in the log, in
// X-Debug-Attempts, a trace, or where requests are kept.
func (a *attempt) tellsLeftOut() bool {
	return a.stages&withDebug != 0 || a.place.Sampled() || a.keepsRequests() || string(a.headerLine(debugAttempts)) == "1"
}

// noteChanges notes which members of the client's body are not in the one that a channel is sent, and which are beside
// them, where requests are kept.
func (a *attempt) noteChanges(sent []byte) {
	if !a.keepsRequests() || sameBytes(sent, a.body) {
		return
	}
	a.leftOut, a.besides = nil, nil
	a.noteMembers("", a.body, sent, deepestNamed)
}

// noteMembers notes those of two objects, and of the objects in them that are in both. Of one that is in one alone only
// its own name is said.
func (a *attempt) noteMembers(path string, client, sent []byte, deep int) {
	before, now := membersOf(client), membersOf(sent)
	for i, m := range before {
		other := find(now, m.name)
		switch {
		case find(before[:i], m.name) != nil: // nothing is gone through twice
		case other == nil:
			a.leftOut = noted(a.leftOut, path, m.name)
		case deep > 1 && m.value[0] == '{' && other.value[0] == '{' && !bytes.Equal(m.value, other.value):
			a.noteMembers(path+clip(m.name)+".", m.value, other.value, deep-1)
		}
	}
	for _, m := range now {
		if find(before, m.name) == nil {
			a.besides = noted(a.besides, path, m.name)
		}
	}
}

// memberOf is a member of an object, which aliases it.
type memberOf struct {
	name  string
	value []byte
}

func membersOf(object []byte) (list []memberOf) {
	for m := rawjson.MembersOf(object); len(list) < mostCompared && m.Next(); {
		list = append(list, memberOf{m.Name(), m.Value.Raw(object)})
	}
	return list
}

func find(list []memberOf, name string) *memberOf {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// noted is a list with one more name, which outlives the body, if it is not too long yet.
func noted(names []string, path, name string) []string {
	if len(names) >= mostChanged {
		return names
	}
	return append(names, path+strings.Clone(clip(name)))
}
