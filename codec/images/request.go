// Package images is the neutral form of making images: what clients ask for, and what was made. A format in which
// images are made otherwise than by saying so in a conversation reads and writes it on its clients' side (Client), on
// its upstreams' (Upstream), or both.
//
// Between OpenAI's clients and providers that speak the same the bytes pass through, and nothing here is used.
package images

import (
	"math"
	"strconv"
	"strings"
)

// Client is how the clients of a format ask for images.
type Client interface {
	// DecodeRequest reads a request. The error is a *codec.Error with status 400.
	DecodeRequest(body []byte) (*Request, error)
	// EncodeResponse appends the answer to q, which is a stream of events if q asks for one. created is in Unix
	// seconds.
	EncodeResponse(dst []byte, a *Response, q *Request, created int64) []byte
}

// Upstream is how upstreams of a format are asked for images.
type Upstream interface {
	// Most is how many images one request to a model can make. Who wants more asks several times and puts the answers
	// together with Response.Add.
	Most(model string) int64
	// Method is the word behind the colon in the address of a model; "" where addresses have none.
	Method(model string) string
	// EncodeRequest appends the body for that address. The error is a *codec.Error, such as for more images than Most.
	EncodeRequest(dst []byte, q *Request, model string) ([]byte, error)
	// DecodeResponse reads an answer of model. The error is a *codec.Error: that of an answer without an image says why
	// there is none.
	DecodeResponse(body []byte, model string) (*Response, error)
}

// Maker is a format that has images of its own, where upstreams of it are asked by those who speak another.
type Maker interface{ Images() Upstream }

// Imaging is an inbound API whose clients may be served by those.
type Imaging interface{ Images() Client }

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

// Dimensions are pixels, or the terms of a ratio.
type Dimensions struct {
	width, height int
	ratio         bool
}

// ReadSize reads "1536x1024" or "3:2".
func ReadSize(s string) (d Dimensions, ok bool) {
	wide, high, found := strings.Cut(strings.ToLower(s), "x")
	if !found {
		wide, high, d.ratio = strings.Cut(s, ":")
	}
	w, badWidth := strconv.ParseUint(wide, 10, 16)
	h, badHeight := strconv.ParseUint(high, 10, 16)
	d.width, d.height = int(w), int(h)
	return d, badWidth == nil && badHeight == nil && w > 0 && h > 0
}

// Nearest is the ratio of those that a model has that comes next to the dimensions.
func (d Dimensions) Nearest(ratios []string) string {
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

// Resolution is Google's word for how large an image is, "" for the usual 1K: the step whose longer side comes next.
func (d Dimensions) Resolution() string {
	switch longer := max(d.width, d.height); {
	case d.ratio || longer < 1920: // OpenAI's sizes go to 1792, from models whose images are 1K
		return ""
	case longer < 3072:
		return "2K"
	}
	return "4K"
}
