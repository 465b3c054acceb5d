package responses

import (
	"encoding/json"
	"slices"

	"uniapi/codec/rawjson"
)

// Here the probabilities of tokens are a list; in the neutral model, as in chat, they are an object with that list as
// its content. The elements are the same.

// logProbsHead and logProbsTail are the object around the elements.
const (
	logProbsHead = `{"content":[`
	logProbsTail = `],"refusal":null}`
)

// appendLogProbs appends the object for a list, nothing if it is empty.
func appendLogProbs(dst, data []byte, list rawjson.Value) []byte {
	inner := elements(data, list)
	if len(inner) == 0 {
		return dst
	}
	return append(append(append(dst, logProbsHead...), inner...), logProbsTail...)
}

// appendItemLogProbs appends those of the texts in an output item to the elements of others.
func appendItemLogProbs(dst, data []byte, item rawjson.Value) []byte {
	for it := item.Get(data, "content").Elements(data); it.Next(); {
		if inner := elements(data, it.Value.Get(data, "logprobs")); len(inner) > 0 {
			dst = joined(dst, inner)
		}
	}
	return dst
}

// logProbs is the object for elements, nil for none.
func logProbs(elements []byte) json.RawMessage {
	if len(elements) == 0 {
		return nil
	}
	return slices.Concat([]byte(logProbsHead), elements, []byte(logProbsTail))
}

// logProbElements are the elements in an object of the neutral model.
func logProbElements(object json.RawMessage) []byte {
	if len(object) == 0 {
		return nil
	}
	v, err := rawjson.One(object)
	if err != nil {
		return nil
	}
	return elements(object, v.Get(object, "content"))
}

// elements is the inside of a list, without its brackets; nil of anything else.
func elements(data []byte, list rawjson.Value) []byte {
	if it := list.Elements(data); !it.Next() {
		return nil
	}
	return data[list.Start+1 : list.End-1]
}
