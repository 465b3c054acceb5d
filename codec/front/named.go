package front

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// WithID gives an answer that passes an id, where its upstream gave none: clients tell answers apart by it. Nil is one
// that has one.
func WithID(body []byte, prefix string, room Room) ([]byte, error) {
	whole := rawjson.Value{Start: max(bytes.IndexByte(body, '{'), 0), End: len(body), Kind: rawjson.Object} // it has been read before
	if passthrough.HasID(body, whole) {
		return nil, nil
	}
	return Identified(body, codec.NewID(prefix), room)
}

// Identified is an answer with an id.
func Identified(body []byte, id string, room Room) ([]byte, error) {
	const member = 64 // bytes, at the most
	if err := room.Room(len(body) + member); err != nil {
		return nil, err
	}
	return passthrough.WithID(body, id), nil
}

// Member is a member of a body that is an object, Missing if it has none of that name.
func Member(body []byte, name string) rawjson.Value {
	top, err := rawjson.One(body)
	if err != nil {
		return rawjson.Value{}
	}
	return top.Get(body, name)
}
