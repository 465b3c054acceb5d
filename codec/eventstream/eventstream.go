// Package eventstream is the binary framing of AWS streams (application/vnd.amazon.eventstream): finding messages in
// bytes that arrive split anywhere, and writing them. It exists beside the SDK's because that one reads from an
// io.Reader and allocates per message.
package eventstream

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Message is one frame. The slices alias the reader's bytes and are valid until the next Push.
type Message struct {
	// Type is event, exception or error (:message-type).
	Type []byte
	// Event is the kind of an event, Exception that of an exception.
	Event, Exception []byte
	// ErrorCode and ErrorMessage are those of an error.
	ErrorCode, ErrorMessage []byte
	Payload                 []byte
}

// A frame is a prelude (its length, that of its headers, a checksum of both), the headers, the payload and a checksum
// of all before it.
const (
	preludeSize = 12
	sumSize     = 4
	smallest    = preludeSize + sumSize
	// maxFrame is the most that AWS allows: 16 MiB of payload and 128 KiB of headers.
	maxFrame = 16<<20 + 128<<10 + smallest
)

var (
	errSize     = errors.New("the frame's length is not possible")
	errChecksum = errors.New("the frame's checksum is wrong")
	errHeader   = errors.New("the frame's headers cannot be read")
)

// Reader gives the messages of a stream whose bytes come in pieces. The zero value is ready.
type Reader struct {
	buf  []byte // what has come: the last piece, or held
	from int    // where the current frame starts in it
	held []byte // what was kept of pieces
}

// keptBuffer is how large a buffer is kept behind the frame that needed it.
const keptBuffer = 1 << 20

// Push takes the next piece, which must stay unchanged until the next.
func (r *Reader) Push(p []byte) {
	switch rest := r.buf[r.from:]; {
	case len(rest) == 0:
		if r.buf = p; cap(r.held) > keptBuffer {
			r.held = nil
		}
	case r.from == 0 && r.isHeld():
		r.held = append(r.held, p...)
		r.buf = r.held
	default: // it came with the last piece, so that no byte moves twice
		r.held = append(append(r.held[:0], rest...), p...)
		r.buf = r.held
	}
	r.from = 0
}

// isHeld says whether buf is held, all of it.
func (r *Reader) isHeld() bool {
	return len(r.held) > 0 && len(r.buf) > 0 && &r.buf[0] == &r.held[0]
}

// Next returns the next whole message. False if more bytes are needed; an error ends the stream.
func (r *Reader) Next() (m Message, ok bool, err error) {
	b := r.buf[r.from:]
	if len(b) < preludeSize {
		r.keep()
		return m, false, nil
	}
	total, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch {
	case total < smallest || total > maxFrame || headers > total-smallest:
		return m, false, errSize
	case crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]):
		return m, false, errChecksum
	case uint32(len(b)) < total:
		r.keep()
		return m, false, nil
	}
	b = b[:total]
	r.from += int(total)
	body := b[:total-sumSize]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(b[total-sumSize:]) {
		return m, false, errChecksum
	}
	if !m.read(body[preludeSize : preludeSize+headers]) {
		return m, false, errHeader
	}
	m.Payload = body[preludeSize+headers:]
	return m, true, nil
}

// keep copies what is left of a piece, which belongs to the caller.
func (r *Reader) keep() {
	if r.isHeld() {
		return
	}
	r.held = append(r.held[:0], r.buf[r.from:]...)
	r.buf, r.from = r.held, 0
}

// Rest is how many bytes of an unfinished message there are.
func (r *Reader) Rest() int { return len(r.buf) - r.from }

// sizes of the values of header types 0 to 9; -1 has its length before it.
var sizes = [...]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16}

const textType = 7

func (m *Message) read(b []byte) bool {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+1 {
			return false
		}
		name, kind := b[1:1+n], b[1+n]
		b = b[n+2:]
		if int(kind) >= len(sizes) {
			return false
		}
		size := sizes[kind]
		if size < 0 {
			if len(b) < 2 {
				return false
			}
			size = int(binary.BigEndian.Uint16(b))
			b = b[2:]
		}
		if len(b) < size {
			return false
		}
		if kind == textType {
			m.set(name, b[:size])
		}
		b = b[size:]
	}
	return true
}

func (m *Message) set(name, value []byte) {
	switch string(name) {
	case ":message-type":
		m.Type = value
	case ":event-type":
		m.Event = value
	case ":exception-type":
		m.Exception = value
	case ":error-code":
		m.ErrorCode = value
	case ":error-message":
		m.ErrorMessage = value
	}
}

// AppendEvent appends an event with a JSON payload.
func AppendEvent(dst []byte, event string, payload []byte) []byte {
	return appendFrame(dst, ":event-type", event, "event", payload)
}

// AppendException appends an exception with a JSON payload.
func AppendException(dst []byte, exception string, payload []byte) []byte {
	return appendFrame(dst, ":exception-type", exception, "exception", payload)
}

func appendFrame(dst []byte, kindName, kind, messageType string, payload []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, preludeSize)...)
	dst = appendHeader(dst, kindName, kind)
	dst = appendHeader(dst, ":content-type", "application/json")
	dst = appendHeader(dst, ":message-type", messageType)
	headers := len(dst) - at - preludeSize
	dst = append(dst, payload...)
	frame := dst[at:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)+sumSize))
	binary.BigEndian.PutUint32(frame[4:], uint32(headers))
	binary.BigEndian.PutUint32(frame[8:], crc32.ChecksumIEEE(frame[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(frame))
}

func appendHeader(dst []byte, name, value string) []byte {
	dst = append(append(dst, byte(len(name))), name...)
	dst = binary.BigEndian.AppendUint16(append(dst, textType), uint16(len(value)))
	return append(dst, value...)
}
