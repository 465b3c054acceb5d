package gemini

import (
	"strconv"

	"uniapi/codec/rawjson"
)

// readLogProbs makes OpenAI's logprobs object of logprobsResult.
func readLogProbs(data []byte, v rawjson.Value) []byte {
	var tops []rawjson.Value
	for it := v.Get(data, "topCandidates").Elements(data); it.Next(); {
		tops = append(tops, it.Value.Get(data, "candidates"))
	}
	dst := []byte(`{"content":[`)
	n := 0
	for it := v.Get(data, "chosenCandidates").Elements(data); it.Next(); n++ {
		dst = appendToken(append(rawjson.Comma(dst), '{'), data, it.Value)
		dst = append(rawjson.Key(dst, "top_logprobs"), '[')
		if n < len(tops) {
			for top := tops[n].Elements(data); top.Next(); {
				dst = append(appendToken(append(rawjson.Comma(dst), '{'), data, top.Value), '}')
			}
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, `],"refusal":null}`...)
}

func appendToken(dst, data []byte, v rawjson.Value) []byte {
	token, _ := rawjson.Text(data, v.Get(data, "token"))
	dst = rawjson.Str(dst, "token", token)
	probability := v.Get(data, "logProbability")
	if probability.Kind == rawjson.Number {
		dst = rawjson.RawIf(dst, "logprob", probability.Raw(data))
	} else {
		dst = append(dst, `,"logprob":0`...) // Google's JSON leaves zeros out
	}
	dst = append(rawjson.Key(dst, "bytes"), '[')
	for i := range len(token) {
		dst = strconv.AppendUint(rawjson.Comma(dst), uint64(token[i]), 10)
	}
	return append(dst, ']')
}

// appendLogProbs writes OpenAI's object as the member logprobsResult.
func appendLogProbs(dst, data []byte) []byte {
	v, err := rawjson.One(data)
	if err != nil || v.Kind != rawjson.Object {
		return dst
	}
	content := v.Get(data, "content")
	dst = append(rawjson.Key(dst, "logprobsResult"), `{"chosenCandidates":[`...)
	for it := content.Elements(data); it.Next(); {
		dst = appendCandidate(dst, data, it.Value)
	}
	dst = append(dst, `],"topCandidates":[`...)
	for it := content.Elements(data); it.Next(); {
		dst = append(rawjson.Comma(dst), `{"candidates":[`...)
		for top := it.Value.Get(data, "top_logprobs").Elements(data); top.Next(); {
			dst = appendCandidate(dst, data, top.Value)
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, "]}"...)
}

func appendCandidate(dst, data []byte, v rawjson.Value) []byte {
	token, _ := rawjson.Text(data, v.Get(data, "token"))
	dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "token", token)
	return append(rawjson.RawIf(dst, "logProbability", v.Get(data, "logprob").Raw(data)), '}')
}
