package responses

import (
	"encoding/json"

	"uniapi/codec/rawjson"
)

// Here the probabilities of tokens are a list; in the neutral model, as in chat, they are an object with that list as its content. The
// elements are the same.

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

// appendItemLogProbs adds those of the texts in an output item to the object of the whole answer.
func appendItemLogProbs(object json.RawMessage, data []byte, item rawjson.Value) json.RawMessage {
	for it := item.Get(data, "content").Elements(data); it.Next(); {
		inner := elements(data, it.Value.Get(data, "logprobs"))
		if len(inner) == 0 {
			continue
		}
		all := joined(append([]byte(nil), logProbElements(object)...), inner)
		object = append(append([]byte(logProbsHead), all...), logProbsTail...)
	}
	return object
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
