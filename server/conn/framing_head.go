package conn

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// head is what a request's head says about what follows it.
type head struct {
	size    int   // bytes of the head; 0 if it has not come whole
	length  int64 // of the body
	chunked bool
}

const (
	errMethod      Malformed = "the method is no name"
	errTarget      Malformed = "the target of the request is neither a path nor the URL of this host"
	errEscape      Malformed = "the target of the request has a % without two hexadecimal digits behind it"
	errVersion     Malformed = "only HTTP/1.1 and HTTP/1.0 are spoken here"
	errName        Malformed = "the name of a header is malformed"
	errFolded      Malformed = "a header is folded over lines"
	errValue       Malformed = "the value of a header has a control character"
	errTwice       Malformed = "there is more than one Content-Type or User-Agent"
	errHost        Malformed = "it needs one Host header, with a host name"
	errLength      Malformed = "Content-Length is no number"
	errLengths     Malformed = "there is more than one Content-Length"
	errCoding      Malformed = "Transfer-Encoding can only be chunked, once, in HTTP/1.1"
	errBothLengths Malformed = "it has both Content-Length and Transfer-Encoding"
)

// maxLengthDigits keeps a length below what overflows.
const maxLengthDigits = 18

// readHead reads a head by the letter of RFC 9112, without what the RFC lets a
// server put up with, but for one: an empty line before the request.
func readHead(p []byte) (head, error) {
	h := fields{at: 0}
	switch {
	case len(p) == 1 && p[0] == '\r':
		return head{}, nil
	case len(p) > 1 && p[0] == '\r' && p[1] == '\n':
		h.at = 2
	}
	target, err := h.requestLine(p)
	if err != nil || h.at == 0 {
		return head{}, err
	}
	for h.at < len(p) {
		if p[h.at] == '\r' {
			switch {
			case h.at+1 == len(p):
				return head{}, nil
			case p[h.at+1] != '\n':
				return head{}, errName
			}
			return h.end(target)
		}
		if err := h.field(p); err != nil || h.at == 0 {
			return head{}, err
		}
	}
	return head{}, nil
}

// fields is a head as far as it has been read.
type fields struct {
	at     int  // the next byte; 0 if the rest has not come
	old    bool // HTTP/1.0
	host   []byte
	hosts  int
	length int64
	sized  bool // there is a Content-Length
	coded  bool // there is a Transfer-Encoding
	typed  bool // there is a Content-Type
	agent  bool // there is a User-Agent
}

// end is what a head that has come whole says.
func (h *fields) end(target []byte) (head, error) {
	switch {
	case h.hosts != 1 && (!h.old || h.hosts > 1), h.hosts == 1 && !isHost(h.host):
		return head{}, errHost
	case !isTarget(target, h.host):
		return head{}, errTarget
	case !isEscaped(target):
		return head{}, errEscape
	case h.coded && h.sized:
		return head{}, errBothLengths
	case h.coded && h.old:
		return head{}, errCoding
	}
	return head{size: h.at + 2, length: h.length, chunked: h.coded}, nil
}

// unlessLF is what is wrong with a byte, which may be a line's end without CR.
func unlessLF(c byte, wrong Malformed) Malformed {
	if c == '\n' {
		return errBareLF
	}
	return wrong
}

// requestLine reads METHOD SP target SP HTTP/1.x CRLF.
func (h *fields) requestLine(p []byte) (target []byte, err error) {
	start := h.at
	h.at = 0
	i := start
	for i < len(p) && tokens[p[i]] {
		i++
	}
	if i == len(p) {
		return nil, nil
	}
	if p[i] != ' ' || i == start {
		return nil, unlessLF(p[i], errMethod)
	}
	method := p[start:i]
	i++
	start = i
	if i = until('#', p, i); i == len(p) {
		return nil, nil
	}
	target = p[start:i]
	if p[i] != ' ' || i == start || string(target) == "*" && string(method) != "OPTIONS" || string(method) == "CONNECT" {
		return nil, unlessLF(p[i], errTarget) // with a fragment, too: it is for browsers to keep
	}
	i++
	version := p[i:min(i+len("HTTP/1.1\r\n"), len(p))]
	switch {
	case string(version) == "HTTP/1.1\r\n":
	case string(version) == "HTTP/1.0\r\n":
		h.old = true
	case string(version) == "HTTP/1.1\r\n"[:len(version)], string(version) == "HTTP/1.0\r\n"[:len(version)]:
		return nil, nil
	case bareLF(version, 0):
		return nil, errBareLF
	default:
		return nil, errVersion
	}
	h.at = i + len(version)
	return target, nil
}

// field reads a line of the header. What is neither a name's nor a separator in
// other grammars too, such as brackets, is left to fasthttp, which refuses it.
func (h *fields) field(p []byte) error {
	start := h.at
	h.at = 0
	i := until(':', p, start)
	if i == len(p) {
		return nil
	}
	switch c := p[i]; {
	case c == ':' && i > start:
	case i == start && (c == ' ' || c == '\t'):
		return errFolded
	default:
		return unlessLF(c, errName)
	}
	name := p[start:i]
	start = i + 1
	for i = start; ; i++ {
		if i = control(p, i); i == len(p) {
			return nil
		}
		if p[i] != '\t' {
			break
		}
	}
	switch {
	case p[i] == '\n':
		return errBareLF
	case p[i] != '\r':
		return errValue
	case i+1 == len(p):
		return nil
	case p[i+1] != '\n':
		return errValue
	}
	h.at = i + 2
	switch len(name) {
	case len("Host"), len("Content-Length"), len("Transfer-Encoding"):
		return h.take(name, p[start:i])
	case len("User-Agent"), len("Content-Type"):
		return h.once(name)
	}
	return nil
}

// isNamed says whether a name is that of a field, in capitals or not.
func isNamed(name []byte, field string) bool {
	return len(name) == len(field) && (string(name) == field || bytes.EqualFold(name, []byte(field)))
}

// once refuses a second field of those that are no lists. Of them fasthttp takes
// the last, and others the first.
func (h *fields) once(name []byte) error {
	seen := &h.agent
	switch {
	case isNamed(name, "User-Agent"):
	case isNamed(name, "Content-Type"):
		seen = &h.typed
	default:
		return nil
	}
	if *seen {
		return errTwice
	}
	*seen = true
	return nil
}

// take keeps what the framing depends on.
func (h *fields) take(name, value []byte) error {
	switch {
	case isNamed(name, "Host"):
		h.hosts++
		h.host = bytes.Trim(value, " \t")
	case isNamed(name, "Content-Length"):
		if h.sized {
			return errLengths
		}
		h.sized = true
		value = bytes.Trim(value, " \t")
		if len(value) == 0 || len(value) > maxLengthDigits {
			return errLength
		}
		for _, c := range value {
			if c < '0' || c > '9' {
				return errLength
			}
			h.length = h.length*10 + int64(c-'0')
		}
	case isNamed(name, "Transfer-Encoding"):
		if h.coded || !bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked")) {
			return errCoding
		}
		h.coded = true
	}
	return nil
}

// isTarget says whether a target means this gateway: a path, or a URL with the
// host that Host has too. fasthttp takes //host/path for a URL where it has
// nothing else to find the host in.
func isTarget(target, host []byte) bool {
	if target[0] == '/' {
		return !bytes.HasPrefix(target, []byte("//")) || len(host) > 0 && !bytes.Contains(target, []byte("://"))
	}
	if string(target) == "*" {
		return true
	}
	scheme, rest, _ := bytes.Cut(target, []byte("://"))
	if !bytes.EqualFold(scheme, []byte("http")) && !bytes.EqualFold(scheme, []byte("https")) {
		return false
	}
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return isHost(rest) && (len(host) == 0 || bytes.EqualFold(rest, host))
}

// isEscaped says whether each % of a target's path begins the code of a byte.
// fasthttp takes others for themselves, where most refuse the request.
func isEscaped(target []byte) bool {
	for {
		i := bytes.IndexByte(target, '%')
		if i < 0 || bytes.IndexByte(target[:i], '?') >= 0 {
			return true
		}
		if target = target[i+1:]; len(target) < 2 || !isHex(target[0]) || !isHex(target[1]) {
			return false
		}
	}
}

func isHex(b byte) bool {
	_, is := hexDigit(b)
	return is
}

// isHost says whether a text is a host name or an address, with a port or without.
func isHost(text []byte) bool {
	for _, c := range text {
		if !hosts[c] {
			return false
		}
	}
	return len(text) > 0
}

var (
	tokens = bytesOf("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	hosts  = bytesOf("-._~:[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
)

// IsToken says whether a byte may stand in a token: the name of a method or a header.
func IsToken(c byte) bool { return tokens[c] }

func bytesOf(set string) (table [256]bool) {
	for i := range len(set) {
		table[set[i]] = true
	}
	return table
}

const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// lessThan marks the high bit of each byte of word that is less than limit, at most
// 0x80. A mark above the lowest may be wrong.
func lessThan(limit, word uint64) uint64 { return (word - limit*everyByte) &^ word & highBits }

// until finds the first byte of p from i on that is stop, white space or a
// control character.
func until(stop byte, p []byte, i int) int {
	for stops := uint64(stop) * everyByte; i+8 <= len(p); i += 8 {
		word := binary.LittleEndian.Uint64(p[i:])
		if hits := lessThan(' '+1, word) | lessThan(1, word^stops) | lessThan(1, word^0x7f*everyByte); hits != 0 {
			return i + bits.TrailingZeros64(hits)/8
		}
	}
	for i < len(p) && p[i] > ' ' && p[i] != 0x7f && p[i] != stop {
		i++
	}
	return i
}

// control finds the first control character of p from i on.
func control(p []byte, i int) int {
	for ; i+8 <= len(p); i += 8 {
		word := binary.LittleEndian.Uint64(p[i:])
		if hits := lessThan(' ', word) | lessThan(1, word^0x7f*everyByte); hits != 0 {
			return i + bits.TrailingZeros64(hits)/8
		}
	}
	for i < len(p) && p[i] >= ' ' && p[i] != 0x7f {
		i++
	}
	return i
}
