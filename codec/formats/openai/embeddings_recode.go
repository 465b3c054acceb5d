package openai

import (
	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// Recode implements front.Recoder: OpenAI's SDKs ask for vectors in base64 without saying so, and decode what comes as
// that. Ollama, LM Studio and others answer with numbers all the same, of which a decoder makes a vector of a quarter
// of the length, or of zeros; a few answer in base64 to whoever asks for numbers.
func (plain) Recode(answer []byte, from front.From, room front.Room) ([]byte, error) {
	if from.Endpoint != codec.Embeddings {
		return nil, nil
	}
	coded, plainly := codedIn(answer)
	if !plainly {
		return nil, nil
	}
	if wanted, known := wantsBase64(from.Body); !known || wanted == coded {
		return nil, nil
	}
	return recoded(answer, !coded, room)
}

// codedIn says whether the first vector of an answer is a text. plainly is false for an answer without vectors.
func codedIn(answer []byte) (coded, plainly bool) {
	for it := rawjson.MembersOf(answer); it.Step(); {
		if it.Name() != "data" {
			continue
		}
		list := it.Elements()
		if !list.Step() {
			return false, false
		}
		for member := list.Members(); member.Step(); {
			if kind := member.Value.Kind; member.Name() == "embedding" {
				return kind == rawjson.String, kind == rawjson.String || kind == rawjson.Array
			}
		}
		return false, false
	}
	return false, false
}

// wantsBase64 reads how a client wants vectors; known is false for other numbers than floats, and for what is no such
// request.
func wantsBase64(body []byte) (wanted, known bool) {
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch it.Name() {
		case "encoding_format":
			word, _ := rawjson.Text(body, it.Value)
			wanted = word == "base64"
		case "output_dtype", "embedding_types":
			if it.Value.Present() {
				return false, false
			}
		}
	}
	return wanted, it.Err() == nil
}

// recoded is an answer with its vectors in base64, or as numbers; nil for one with anything else among them.
func recoded(answer []byte, base64 bool, room front.Room) ([]byte, error) {
	if err := room.Room(embed.Unescaped(answer)); err != nil {
		return nil, err
	}
	top, err := rawjson.One(answer)
	if err != nil {
		return nil, nil
	}
	a := embed.Response{Data: answer}
	var places []rawjson.Value
	for it := top.Get(answer, "data").Elements(answer); it.Next(); {
		place := it.Value.Get(answer, "embedding")
		v, err := a.VectorOf(place)
		if err != nil || (place.Kind == rawjson.String) == base64 || len(places) == embed.MaxInputs {
			return nil, nil
		}
		a.Vectors, places = codec.Add(a.Vectors, v), codec.Add(places, place)
	}
	size := len(answer) + a.Size(base64)
	if err := room.Room(embed.Unescaped(answer) + size); err != nil {
		return nil, err
	}
	dst, end := make([]byte, 0, size), 0
	for i, place := range places {
		dst = append(dst, answer[end:place.Start]...)
		if base64 {
			dst = a.Vectors[i].AppendBase64(dst)
		} else {
			dst = a.Vectors[i].AppendNumbers(dst)
		}
		end = place.End
	}
	return append(dst, answer[end:]...), nil
}
