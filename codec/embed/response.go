package embed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Response is the vectors for the inputs of a request, in their order.
type Response struct {
	// Usage has the input's tokens only: there is no output.
	Usage codec.Usage
	// Data is what was answered, in which the vectors stand.
	Data []byte
	// Vectors are one for each input.
	Vectors []Vector
}

// Vector is an array of numbers, which keep the spelling that they came in; or a text in base64.
type Vector struct {
	data []byte
	at   rawjson.Value
	text string // of little-endian float32; "" for an array
}

// Numbers is a list of them as a vector.
func (a *Response) Numbers(v rawjson.Value) (Vector, error) {
	return Vector{data: a.Data, at: v}, numbersOnly(a.Data, v)
}

// VectorOf is a list of numbers, or base64 of float32, which some send unasked.
func (a *Response) VectorOf(v rawjson.Value) (Vector, error) {
	if v.Kind == rawjson.String {
		text, _ := rawjson.Text(a.Data, v)
		if strings.ContainsAny(text, "\r\n") { // in lines, as in mail
			text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
		}
		finite := true
		is := eachFloat(text, func(bits uint32) { finite = finite && bits&infinite != infinite })
		switch {
		case !is || text == "":
			return Vector{}, codec.NoAnswer("the upstream returned an embedding that is neither numbers nor base64 of them")
		case !finite:
			return Vector{}, codec.NoAnswer("the upstream returned an embedding with a number that is none")
		}
		return Vector{data: a.Data, at: v, text: text}, nil
	}
	return a.Numbers(v)
}

// infinite are the bits of a float32 that are all set in what is no number, or infinite.
const infinite = 0x7f800000

// Unescaped is how much memory reading an answer takes beside it: texts in base64 with escapes are copied.
func Unescaped(answer []byte) int {
	if bytes.IndexByte(answer, '\\') < 0 {
		return 0
	}
	return len(answer)
}

// numbersOnly fails if a value is anything but a list of numbers.
func numbersOnly(data []byte, values rawjson.Value) error {
	numbers := 0
	for it := values.Elements(data); it.Next(); numbers++ {
		if it.Value.Kind != rawjson.Number {
			return codec.NoAnswer("the upstream returned an embedding with " + it.Value.Kind.String() + " among its numbers")
		}
	}
	if numbers == 0 {
		return codec.NoAnswer("the upstream returned an embedding without numbers")
	}
	return nil
}

// Add puts the answer for the inputs that follow behind those of a.
func (a *Response) Add(next *Response) {
	a.Vectors = append(a.Vectors, next.Vectors...)
	a.Usage.Add(next.Usage)
}

// vectorFrame is what stands around a vector in an answer, at most.
const vectorFrame = 80

// Size is how long the answer may become that is written of a, with its vectors as numbers or in base64.
func (a *Response) Size(base64 bool) int {
	n := 4 << 10 // names and counts
	for _, v := range a.Vectors {
		switch span := v.at.End - v.at.Start; {
		case v.text != "":
			n += len(v.text) / 4 * 3 / 4 * longestFloat
		case base64:
			n += (span/2 + 1) * 16 / 3 // a number has a digit and a comma
		default:
			n += span
		}
		n += vectorFrame
	}
	return n
}

// longestFloat is what a float32 takes as a number, with its comma.
const longestFloat = len("-1.17549435e-38,")

// AppendNumbers writes it as a list.
func (v Vector) AppendNumbers(dst []byte) []byte {
	dst = append(dst, '[')
	if v.text != "" {
		eachFloat(v.text, func(bits uint32) { dst = appendFloat(rawjson.Comma(dst), bits) })
		return append(dst, ']')
	}
	for it := v.at.Elements(v.data); it.Next(); {
		dst = append(rawjson.Comma(dst), it.Value.Raw(v.data)...)
	}
	return append(dst, ']')
}

// None says that there is no vector yet.
func (v Vector) None() bool { return v.data == nil }

// appendFloat appends a float32 by its bits.
func appendFloat(dst []byte, bits uint32) []byte {
	return strconv.AppendFloat(dst, float64(math.Float32frombits(bits)), 'g', -1, 32)
}

// eachFloat visits the floats in base64 without making room for them. False if it is none, or of something else.
func eachFloat(text string, visit func(bits uint32)) bool {
	const quarter = 16 // characters are 12 bytes, which are three floats
	var raw [quarter / 4 * 3]byte
	for len(text) > 0 {
		piece := text[:min(quarter, len(text))]
		text = text[len(piece):]
		n, err := base64.StdEncoding.Decode(raw[:], []byte(piece))
		if err != nil || n%4 != 0 || len(text) > 0 && n < len(raw) {
			return false
		}
		for i := 0; i < n; i += 4 {
			visit(binary.LittleEndian.Uint32(raw[i:]))
		}
	}
	return true
}

// AppendBase64 writes it as text, three floats at a time, which are four times four characters.
func (v Vector) AppendBase64(dst []byte) []byte {
	var room [12]byte
	raw := room[:0]
	dst = append(dst, '"')
	for it := v.at.Elements(v.data); it.Next(); {
		// Out of range is infinity, which is what float32 has for it.
		f, _ := strconv.ParseFloat(string(it.Value.Raw(v.data)), 32)
		if raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(f))); len(raw) == len(room) {
			dst, raw = base64.StdEncoding.AppendEncode(dst, raw), room[:0]
		}
	}
	return append(base64.StdEncoding.AppendEncode(dst, raw), '"')
}
