// Package rawjson finds its way through JSON without decoding it. The request path reads a body of megabytes in one
// pass, keeps offsets of the few members it needs, and sends the same bytes on with those members replaced. Nothing
// here copies or allocates unless a comment says so.
//
// The scan checks the structure (brackets, commas, literals, numbers, truncation, depth) so that everything it accepts
// can be spliced safely. It does not look inside strings, neither for escapes nor for UTF-8: the reader of the value
// does.
package rawjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// MaxDepth is how deep arrays and objects may be nested in any case. Real chat requests stay below 40 (tool schemas).
// Large values are scanned by sonic, which goes down about as far; where it gives up, our scanner decides.
const MaxDepth = 4096

// largeValue is from how many bytes on sonic's vector code is worth its call: on prose, whose strings are full of
// escapes, it is more than twice as fast as ours (BenchmarkSkip).
const largeValue = 256

// Kind is the type of a JSON value.
type Kind uint8

const (
	Missing Kind = iota // the zero Value: there is no such member
	Null
	False
	True
	Number
	String
	Array
	Object
)

// String names the kind as an error message for a user would.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "false", "true", "a number", "a string", "an array", "an object"}[k]
}

// Value is a JSON value by its place: data[Start:End], without the space around it.
type Value struct {
	Start, End int
	Kind       Kind
}

// Raw returns the value's bytes as written.
func (v Value) Raw(data []byte) []byte { return data[v.Start:v.End] }

// Present says whether the value exists and is not null, which is how every format reads an optional member.
func (v Value) Present() bool { return v.Kind > Null }

// SyntaxError is the first thing that is wrong with the JSON. Message is fit for a client.
type SyntaxError struct {
	Offset  int
	Message string
}

func (e *SyntaxError) Error() string {
	return e.Message + " at byte " + strconv.Itoa(e.Offset)
}

const (
	errTruncated = "the JSON ends too early"
	errDepth     = "the JSON is nested deeper than 4096 levels"
	errTrailing  = "unexpected data after the JSON value"
	errValue     = "a JSON value is expected"
	errKey       = "a member name in double quotes is expected"
	errColon     = "a colon is expected"
	errComma     = "a comma or a closing bracket is expected"
	errLiteral   = "invalid literal"
	errNumber    = "invalid number"
)

// Skip finds the value that starts at or after data[at], with white space skipped.
func Skip(data []byte, at int) (Value, error) {
	v, msg := skipAny(data, at)
	if msg != "" {
		return Value{}, &SyntaxError{v.End, msg}
	}
	return v, nil
}

// One finds the only value of a document: what follows it must be white space.
func One(data []byte) (Value, error) {
	v, msg := skipAny(data, 0)
	if msg == "" {
		if end := skipSpace(data, v.End); end < len(data) {
			msg, v.End = errTrailing, end
		}
	}
	if msg != "" {
		return Value{}, &SyntaxError{v.End, msg}
	}
	return v, nil
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// shortWords is in how many words of eight bytes the end of a string is looked for before IndexByte is: most strings
// are short, and the call costs more than those words do.
const shortWords = 4

// skipString returns the offset behind the closing quote of the string that opens at b[i], or -1 if it does not close.
// Of one that is not short, brief says so without a look.
func skipString(b []byte, i int, brief bool) int {
	at := i + 1
	for n := 0; n < shortWords && len(b)-at >= 8; n++ {
		word := binary.LittleEndian.Uint64(b[at:])
		found := zeroBytes(word^quotes) | zeroBytes(word^backslashes)
		if found == 0 {
			at += 8
			continue
		}
		at += bits.TrailingZeros64(found) / 8
		if b[at] == '"' {
			return at + 1
		}
		at += 2
	}
	if brief && at > i+shortWords {
		return -1
	}
	return skipLong(b, i, at)
}

// skipLong is skipString from a place in the string on.
func skipLong(b []byte, open, at int) int {
	for at < len(b) {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		slash := at - 1
		for slash > open && b[slash] == '\\' {
			slash--
		}
		if at++; (at-slash)&1 == 0 {
			return at
		}
	}
	return -1
}

const (
	ones        = 0x0101010101010101
	quotes      = '"' * ones
	backslashes = '\\' * ones
)

// zeroBytes marks the bytes of a word that are 0 by their highest bits. The lowest mark is right, those above it need
// not be.
func zeroBytes(word uint64) uint64 { return (word - ones) &^ word & (ones << 7) }

// skipAny is skip by the fastest of several ways. All accept the same (FuzzSkip); only ours says what is wrong and
// where.
func skipAny(b []byte, i int) (Value, string) {
	i = skipSpace(b, i)
	if i >= len(b) {
		return skip(b, i)
	}
	kind := kindOf(b[i])
	switch kind {
	case Object, Array:
		if len(b)-i < 2*largeValue {
			return skip(b, i)
		}
		var stack [largeValue / 64]uint64
		if v, msg := scan(b[:i+largeValue], i, true, stack[:]); msg == "" {
			return v, ""
		}
	case String:
		if end := skipString(b, i, true); end > 0 {
			return Value{i, end, String}, ""
		}
		n := bytes.IndexByte(b[i+1:], '"')
		if n < 0 {
			return Value{i, len(b), String}, errTruncated
		}
		if b[i+n] != '\\' {
			return Value{i, i + n + 2, String}, ""
		}
		if len(b)-i < 2*largeValue {
			return skip(b, i)
		}
	default:
		end, msg := skipScalar(b, i)
		return Value{i, end, kind}, msg
	}
	// Of a string that is cut off at the end of one of its 32-byte blocks sonic says that it is closed.
	if start, end := skipVector(b[i:]); start == 0 && (kind != String || i+end < len(b)) {
		return Value{i, i + end, kind}, ""
	}
	return skip(b, i)
}

// skip is our scanner. On an error the message is set and End is where it was found. What is short cannot be deep, and
// needs no large stack.
func skip(b []byte, i int) (v Value, msg string) {
	if len(b)-i > 2*largeValue {
		return skipDeep(b, i)
	}
	var stack [2 * largeValue / 64]uint64
	return scan(b, i, false, stack[:])
}

func skipDeep(b []byte, i int) (v Value, msg string) {
	var stack [MaxDepth / 64]uint64
	return scan(b, i, false, stack[:])
}

// scan is skip, which gives up at a long string if it is to be brief: sonic is better at those. The stack of open
// brackets is one bit each, 1 for an object, and zero at first.
func scan(b []byte, i int, brief bool, stack []uint64) (v Value, msg string) {
	depth := 0
	inObject := false

	i = skipSpace(b, i)
	v.Start = i
	if i < len(b) {
		v.Kind = kindOf(b[i])
	}
value:
	if i >= len(b) {
		v.End = len(b)
		return v, errTruncated
	}
	switch c := b[i]; c {
	case '"':
		if i = skipString(b, i, brief); i < 0 {
			v.End = len(b)
			return v, errTruncated
		}
	case '{', '[':
		if depth == len(stack)*64 {
			v.End = i
			return v, errDepth
		}
		inObject = c == '{'
		if inObject {
			stack[depth>>6] |= 1 << (depth & 63)
		} else {
			stack[depth>>6] &^= 1 << (depth & 63)
		}
		depth++
		i = skipSpace(b, i+1)
		if i < len(b) && b[i] == c+2 { // '}' is '{'+2 and ']' is '['+2
			goto closed
		}
		if inObject {
			goto key
		}
		goto value
	default:
		end, wrong := skipScalar(b, i)
		if wrong != "" {
			v.End = end
			return v, wrong
		}
		i = end
	}
after:
	if depth == 0 {
		v.End = i
		return v, ""
	}
	if i < len(b) && b[i] <= ' ' {
		i = skipSpace(b, i)
	}
	if i >= len(b) {
		v.End = len(b)
		return v, errTruncated
	}
	if b[i] == ',' {
		i++
		if i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if inObject {
			goto key
		}
		goto value
	}
	if inObject && b[i] != '}' || !inObject && b[i] != ']' {
		v.End = i
		return v, errComma
	}
closed:
	i++
	depth--
	if depth > 0 {
		inObject = stack[(depth-1)>>6]>>((depth-1)&63)&1 == 1
	}
	goto after
key:
	if i >= len(b) {
		v.End = len(b)
		return v, errTruncated
	}
	if b[i] != '"' {
		v.End = i
		return v, errKey
	}
	if i = skipString(b, i, brief); i < 0 {
		v.End = len(b)
		return v, errTruncated
	}
	if i = skipSpace(b, i); i >= len(b) {
		v.End = len(b)
		return v, errTruncated
	}
	if b[i] != ':' {
		v.End = i
		return v, errColon
	}
	if i++; i < len(b) && b[i] <= ' ' {
		i = skipSpace(b, i)
	}
	goto value
}

func kindOf(c byte) Kind {
	switch c {
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	case 'n':
		return Null
	case 't':
		return True
	case 'f':
		return False
	}
	return Number
}

// skipScalar returns the end of the literal or number at b[i], or where it goes wrong and how.
func skipScalar(b []byte, i int) (int, string) {
	switch b[i] {
	case 'n':
		return skipLiteral(b, i, "null")
	case 't':
		return skipLiteral(b, i, "true")
	case 'f':
		return skipLiteral(b, i, "false")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return skipNumber(b, i)
	}
	return i, errValue
}

func skipLiteral(b []byte, i int, word string) (int, string) {
	if len(b)-i < len(word) {
		if string(b[i:]) == word[:len(b)-i] {
			return len(b), errTruncated
		}
		return i, errLiteral
	}
	if string(b[i:i+len(word)]) != word {
		return i, errLiteral
	}
	return i + len(word), ""
}

func skipNumber(b []byte, i int) (int, string) {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		end := skipDigits(b, i)
		if end == i {
			return i, errNumber
		}
		i = end
	}
	if i < len(b) && b[i] == '.' {
		end := skipDigits(b, i+1)
		if end == i+1 {
			return end, errNumber
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := skipDigits(b, i)
		if end == i {
			return end, errNumber
		}
		i = end
	}
	return i, ""
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
