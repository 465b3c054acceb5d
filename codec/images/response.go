package images

import (
	"cmp"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// Response is the images that were made.
type Response struct {
	Images   []Image
	Usage    codec.Usage
	HasUsage bool // false if the upstream gave none, as Imagen, which is paid for by the image
}

// Image is one of them.
type Image struct {
	MIME, Data    string // Data is base64
	RevisedPrompt string // what the upstream made of the prompt, "" if it does not tell
}

// Add puts the images of another answer behind those of a.
func (a *Response) Add(next *Response) {
	a.Images = append(a.Images, next.Images...)
	a.HasUsage = a.HasUsage || next.HasUsage
	a.Usage.Add(next.Usage)
}

// EncodeResponse appends the answer to q as OpenAI gives it. created is in Unix seconds.
func EncodeResponse(dst []byte, a *Response, q *Request, created int64) []byte {
	dst = rawjson.Num(append(dst, '{'), "created", created)
	dst = append(rawjson.Key(dst, "data"), '[')
	for i := range a.Images {
		image := &a.Images[i]
		dst = append(rawjson.Comma(dst), '{')
		if q.URL {
			dst = rawjson.Str(dst, "url", "data:"+cmp.Or(image.MIME, "image/png")+";base64,"+image.Data)
		} else {
			dst = rawjson.Str(dst, "b64_json", image.Data)
		}
		dst = append(rawjson.StrIf(dst, "revised_prompt", image.RevisedPrompt), '}')
	}
	dst = append(dst, ']')
	if len(a.Images) > 0 {
		dst = rawjson.Str(dst, "output_format", a.Images[0].format())
	}
	return append(a.appendUsage(dst), '}')
}

// EncodeStream appends the events that end the stream which answers q, one for each image. The last one has the usage.
func EncodeStream(dst []byte, a *Response, q *Request, created int64) []byte {
	const completed = "image_generation.completed"
	var event []byte
	for i := range a.Images {
		image := &a.Images[i]
		event = rawjson.Str(append(event[:0], '{'), "type", completed)
		event = rawjson.Str(event, "b64_json", image.Data)
		event = rawjson.Num(event, "created_at", created)
		event = rawjson.Str(event, "size", cmp.Or(q.Size, "auto"))
		event = rawjson.Str(event, "quality", cmp.Or(q.Quality, "auto"))
		event = rawjson.Str(event, "background", cmp.Or(q.Background, "auto"))
		event = rawjson.Str(event, "output_format", image.format())
		if i == len(a.Images)-1 {
			event = a.appendUsage(event)
		}
		dst = sse.AppendEvent(dst, completed, append(event, '}'))
	}
	return dst
}

// format is OpenAI's word for the type.
func (i *Image) format() string {
	_, name, _ := strings.Cut(cmp.Or(i.MIME, "image/png"), "/")
	return name
}

// appendUsage writes the member usage as OpenAI's image models count. What Google was told is words.
func (a *Response) appendUsage(dst []byte) []byte {
	if !a.HasUsage {
		return dst
	}
	dst = append(rawjson.Key(dst, "usage"), '{')
	dst = rawjson.Num(dst, "input_tokens", a.Usage.Prompt)
	dst = rawjson.Num(dst, "output_tokens", a.Usage.Completion)
	dst = rawjson.Num(dst, "total_tokens", a.Usage.Sum())
	dst = append(rawjson.Key(dst, "input_tokens_details"), '{')
	dst = rawjson.Num(dst, "text_tokens", a.Usage.Prompt)
	return append(rawjson.Num(dst, "image_tokens", 0), "}}"...)
}
