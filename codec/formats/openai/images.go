package openai

import (
	"cmp"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/images"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// Images are made for OpenAI's clients by upstreams that are asked for them in another format.
type Images struct{}

var _ images.Client = Images{}

// mostImages is how many images OpenAI makes for one request.
const mostImages = 10

// DecodeRequest implements images.Client.
func (Images) DecodeRequest(body []byte) (*images.Request, error) {
	q := &images.Request{N: 1}
	r := fields.Reader{Data: body}
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch v, name := it.Value, it.Name(); name {
		case "model":
			q.Model = r.Text(v, name)
		case "prompt":
			q.Prompt = r.Text(v, name)
		case "n":
			if n := r.Integer(v, name); n != nil {
				if q.N = *n; q.N < 1 || q.N > mostImages {
					r.Fail(name, "must be from 1 to "+strconv.Itoa(mostImages))
				}
			}
		case "size":
			if q.Size = r.Text(v, name); q.Size == "auto" {
				q.Size = ""
			}
			if _, ok := images.ReadSize(q.Size); !ok && q.Size != "" {
				r.Fail(name, "must be auto, WIDTHxHEIGHT such as 1024x1024, or a ratio such as 16:9")
			}
		case "quality":
			q.Quality = r.Text(v, name)
		case "background":
			q.Background = r.Text(v, name)
		case "output_format":
			switch q.Format = r.Text(v, name); q.Format {
			case "", "png", "jpeg", "webp":
			default:
				r.Fail(name, "must be png, jpeg or webp")
			}
		case "output_compression":
			if q.Compression = r.Integer(v, name); q.Compression != nil && (*q.Compression < 0 || *q.Compression > 100) {
				r.Fail(name, "must be from 0 to 100")
			}
		case "response_format":
			switch word := r.Text(v, name); word {
			case "", "b64_json", "url":
				q.URL = word == "url"
			default:
				r.Fail(name, "must be url or b64_json")
			}
		case "stream":
			stream := r.Boolean(v, name)
			q.Stream = stream != nil && *stream
		}
	}
	if err := it.Err(); err != nil {
		return nil, codec.NotAnObject(err)
	}
	if q.Prompt == "" {
		r.Fail("prompt", "is missing: say what the image shall show")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

// EncodeResponse implements images.Client.
func (Images) EncodeResponse(dst []byte, a *images.Response, q *images.Request, created int64) []byte {
	if q.Stream {
		return appendImageEvents(dst, a, q, created)
	}
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
		dst = rawjson.Str(dst, "output_format", formatOf(&a.Images[0]))
	}
	return append(appendImageUsage(dst, a), '}')
}

// appendImageEvents appends the events that end the stream which answers q, one for each image. The last one has the
// usage.
func appendImageEvents(dst []byte, a *images.Response, q *images.Request, created int64) []byte {
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
		event = rawjson.Str(event, "output_format", formatOf(image))
		if i == len(a.Images)-1 {
			event = appendImageUsage(event, a)
		}
		dst = sse.AppendEvent(dst, completed, append(event, '}'))
	}
	return dst
}

// formatOf is OpenAI's word for the type.
func formatOf(i *images.Image) string {
	_, name, _ := strings.Cut(cmp.Or(i.MIME, "image/png"), "/")
	return name
}

// appendImageUsage writes the member usage as OpenAI's image models count. What Google was told is words.
func appendImageUsage(dst []byte, a *images.Response) []byte {
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
