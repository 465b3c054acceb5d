package embed

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Response is the vectors for the inputs of a request, in their order.
type Response struct {
	// Usage has the input's tokens only: there is no output.
	Usage codec.Usage

	data    []byte
	vectors []vector
}

// vector is an array of numbers, which keep the spelling that they came in; or a text in base64.
type vector struct {
	data []byte
	at   rawjson.Value
	text string // of little-endian float32; "" for an array
}

// read takes a vector and the count of its input's tokens out of v. There may be as many as were asked for.
func (a *Response) read(v rawjson.Value, most int) error {
	if len(a.vectors) == most {
		return codec.NoAnswer("the upstream returned more embeddings than the " + strconv.Itoa(most) + " that were asked for")
	}
	var values rawjson.Value
	for it := v.Members(a.data); it.Next(); {
		switch it.Name() {
		case "values":
			values = it.Value
		case "statistics": // of Vertex
			var u codec.Usage
			u.Read(&u.Prompt, 0, a.data, it.Value.Get(a.data, "token_count"))
			a.Usage.Add(u)
		}
	}
	if err := numbersOnly(a.data, values); err != nil {
		return err
	}
	a.vectors = append(a.vectors, vector{data: a.data, at: values})
	return nil
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
	a.vectors = append(a.vectors, next.vectors...)
	a.Usage.Add(next.Usage)
}

// EncodeResponse appends the answer to q as OpenAI gives it.
func EncodeResponse(dst []byte, a *Response, q *Request) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, v := range a.vectors {
		dst = rawjson.Num(append(rawjson.Comma(dst), `{"object":"embedding"`...), "index", int64(i))
		dst = rawjson.Key(dst, "embedding")
		if q.Base64 {
			dst = v.appendBase64(dst)
		} else {
			dst = v.appendNumbers(dst)
		}
		dst = append(dst, '}')
	}
	dst = rawjson.Str(append(dst, ']'), "model", q.Model)
	dst = append(rawjson.Key(dst, "usage"), '{')
	dst = rawjson.Num(dst, "prompt_tokens", a.Usage.Prompt)
	return append(rawjson.Num(dst, "total_tokens", a.Usage.Sum()), "}}"...)
}

// vectorFrame is what stands around a vector in an answer, at most.
const vectorFrame = 80

// Size is how long the answer may become that is written of a, with its vectors as numbers or in base64.
func (a *Response) Size(base64 bool) int {
	n := 4 << 10 // names and counts
	for _, v := range a.vectors {
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

func (v vector) appendNumbers(dst []byte) []byte {
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

// appendBase64 writes three floats at a time, which are four times four characters.
func (v vector) appendBase64(dst []byte) []byte {
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
