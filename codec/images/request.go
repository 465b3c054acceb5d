// Package images translates the making of images: requests of OpenAI's clients to Gemini's image models and to Imagen, and the answers back.
//
// Between OpenAI and providers that speak the same the bytes pass through, and nothing here is used.
package images

import (
	"math"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Request is a client's request for images.
type Request struct {
	Model, Prompt string
	N             int64 // images wanted, 1 or more
	// Size is "1024x1024", a ratio such as "16:9", or "" for whatever the model likes ("auto").
	Size string
	// Quality and Background are said again in the answer; Google has nothing of the kind.
	Quality, Background string
	// Format is png, jpeg or webp, "" for the model's own, and Compression the quality of jpeg and webp in percent.
	Format      string
	Compression *int64
	// URL is whether the client wants addresses. Nothing is stored, so they hold the image itself.
	URL bool
	// Stream is whether the client wants events. There are no partial images: the events are those of finished ones.
	Stream bool
}

// mostImages is how many images OpenAI makes for one request.
const mostImages = 10

// DecodeRequest reads the body of /v1/images/generations. The error is a *codec.Error with status 400.
func DecodeRequest(body []byte) (*Request, error) {
	q := &Request{N: 1}
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
			if _, ok := readSize(q.Size); !ok && q.Size != "" {
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
		return nil, codec.BadRequest("", "the request body is not a valid JSON object: "+err.Error())
	}
	if q.Prompt == "" {
		r.Fail("prompt", "is missing: say what the image shall show")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

// dimensions are pixels, or the terms of a ratio.
type dimensions struct {
	width, height int
	ratio         bool
}

// readSize reads "1536x1024" or "3:2".
func readSize(s string) (d dimensions, ok bool) {
	wide, high, found := strings.Cut(strings.ToLower(s), "x")
	if !found {
		wide, high, d.ratio = strings.Cut(s, ":")
	}
	w, badWidth := strconv.ParseUint(wide, 10, 16)
	h, badHeight := strconv.ParseUint(high, 10, 16)
	d.width, d.height = int(w), int(h)
	return d, badWidth == nil && badHeight == nil && w > 0 && h > 0
}

// nearest is the ratio of those that a model has that comes next to the dimensions.
func (d dimensions) nearest(ratios []string) string {
	best, distance := "", math.Inf(1)
	for _, r := range ratios {
		wide, high, _ := strings.Cut(r, ":")
		w, _ := strconv.ParseFloat(wide, 64)
		h, _ := strconv.ParseFloat(high, 64)
		// In logarithms, so that 2:1 is as far from 1:1 as 1:2 is.
		if far := math.Abs(math.Log(w/h) - math.Log(float64(d.width)/float64(d.height))); far < distance {
			best, distance = r, far
		}
	}
	return best
}

// resolution is Google's word for how large an image is, "" for the usual 1K: the step whose longer side comes next.
func (d dimensions) resolution() string {
	switch longer := max(d.width, d.height); {
	case d.ratio || longer < 1920: // OpenAI's sizes go to 1792, from models whose images are 1K
		return ""
	case longer < 3072:
		return "2K"
	}
	return "4K"
}
