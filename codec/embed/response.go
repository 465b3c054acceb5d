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

// vector is an array of numbers, which keep the spelling that they came in.
type vector struct {
	data []byte
	at   rawjson.Value
}

// read takes a vector and the count of its input's tokens out of v.
func (a *Response) read(v rawjson.Value) error {
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
	a.vectors = append(a.vectors, vector{a.data, values})
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

func (v vector) appendNumbers(dst []byte) []byte {
	dst = append(dst, '[')
	for it := v.at.Elements(v.data); it.Next(); {
		dst = append(rawjson.Comma(dst), it.Value.Raw(v.data)...)
	}
	return append(dst, ']')
}

// appendFloat appends a float32 by its bits, null for one that is no number.
func appendFloat(dst []byte, bits uint32) []byte {
	f := float64(math.Float32frombits(bits))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 32)
}

func (v vector) appendBase64(dst []byte) []byte {
	var raw []byte
	for it := v.at.Elements(v.data); it.Next(); {
		// Out of range is infinity, which is what float32 has for it.
		f, _ := strconv.ParseFloat(string(it.Value.Raw(v.data)), 32)
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(f)))
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), raw)
	return append(dst, '"')
}
