package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
)

// Frames of AWS's event streams: a prelude of two lengths and their checksum, headers, a payload, and the checksum of
// all of it.
const (
	preludeSize  = 12
	checksumSize = 4
)

// frame is one of them, in the body itself.
type frame struct{ whole, headers, payload []byte }

// firstFrame is the frame that a body begins with, and what is behind it; false if it begins with none, or not with all
// of one.
func firstFrame(body []byte) (f frame, rest []byte, is bool) {
	if len(body) < preludeSize+checksumSize || crc32.ChecksumIEEE(body[:8]) != binary.BigEndian.Uint32(body[8:]) {
		return f, nil, false
	}
	size, headers := uint64(binary.BigEndian.Uint32(body)), uint64(binary.BigEndian.Uint32(body[4:]))
	if size > uint64(len(body)) || size < preludeSize+headers+checksumSize {
		return f, nil, false
	}
	f.whole, rest = body[:size], body[size:]
	f.headers, f.payload = f.whole[preludeSize:preludeSize+headers], f.whole[preludeSize+headers:size-checksumSize]
	return f, rest, true
}

func isFrames(body []byte) bool {
	_, _, is := firstFrame(body)
	return is
}

// frames shapes a stream of them in place. What is no whole frame at its end is filler.
func (s *shaper) frames(body []byte) {
	for len(body) > 0 {
		f, rest, is := firstFrame(body)
		if !is {
			fill(body)
			return
		}
		f.eachHeader(func(name, value []byte, text bool) {
			if !isWord(string(name)) {
				fill(name)
			}
			if !text || !isWord(string(value)) {
				fill(value)
			}
		})
		s.payload(f.payload)
		binary.BigEndian.PutUint32(f.whole[len(f.whole)-checksumSize:], crc32.ChecksumIEEE(f.whole[:len(f.whole)-checksumSize]))
		body = rest
	}
}

// payload shapes that of a frame: JSON, in which another may be, in base64.
func (s *shaper) payload(payload []byte) {
	at, inner := innerOf(payload)
	if s.body(payload); inner == nil {
		return
	}
	s.json(inner, plain)
	copy(payload[at:], base64.StdEncoding.EncodeToString(inner))
}

// innerOf is the JSON that a payload has as its bytes, and where its base64 begins; nil if it has none.
func innerOf(payload []byte) (at int, inner []byte) {
	var of struct{ Bytes string }
	if json.Unmarshal(payload, &of) != nil || of.Bytes == "" {
		return 0, nil
	}
	inner, err := base64.StdEncoding.DecodeString(of.Bytes)
	if at = bytes.Index(payload, []byte(of.Bytes)); err != nil || at < 0 || !json.Valid(inner) || base64.StdEncoding.EncodeToString(inner) != of.Bytes {
		return 0, nil
	}
	return at, inner
}

// sizes are those of values of headers by their type: whether it is true or false, numbers, a time, a UUID.
var sizes = map[byte]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}

// eachHeader gives the headers' names and values, and whether a value is a text. What cannot be read is a value without
// a name.
func (f *frame) eachHeader(give func(name, value []byte, text bool)) {
	left := f.headers
	for len(left) > 1 {
		n := int(left[0])
		if len(left) < 2+n {
			break
		}
		name, kind, value := left[1:1+n], left[1+n], left[2+n:]
		size, fixed := sizes[kind]
		if !fixed {
			if kind != 6 && kind != 7 || len(value) < 2 {
				break
			}
			size, value = int(binary.BigEndian.Uint16(value)), value[2:]
		}
		if len(value) < size {
			break
		}
		give(name, value[:size], kind == 7)
		left = value[size:]
	}
	if len(left) > 0 {
		give(nil, left, false)
	}
}

// name is what kind of a frame it is.
func (f *frame) name() (name string) {
	f.eachHeader(func(header, value []byte, text bool) {
		if h := string(header); text && (h == ":event-type" || h == ":exception-type") {
			name = string(value)
		}
	})
	return name
}

// frames tells of each, in its order.
func (o *outline) frames(body []byte) {
	for len(body) > 0 {
		f, rest, is := firstFrame(body)
		if !is {
			o.say("", "%s that are no frame", o.size(len(body)))
			return
		}
		payload := f.payload
		if _, inner := innerOf(payload); inner != nil {
			payload = inner
		}
		o.again(func(one *outline) { one.event(f.name(), string(payload)) })
		body = rest
	}
}
