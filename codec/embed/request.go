// Package embed is the neutral form of embeddings: what clients ask for, and the vectors. A format that has embeddings
// of its own reads and writes it on its clients' side (Client), on its upstreams' (Upstream), or both.
//
// Between OpenAI's clients and providers that speak the same the bytes pass through, and nothing here is used. What a
// client of Google's asks Google goes as it came, but for the model's name.
package embed

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/saturate"
)

// Client is how the clients of a format ask for embeddings.
type Client interface {
	// DecodeRequest reads a request. The error is a *codec.Error with status 400.
	DecodeRequest(body []byte) (*Request, error)
	// EncodeResponse appends the answer to q.
	EncodeResponse(dst []byte, a *Response, q *Request) []byte
}

// Upstream is how upstreams of a format are asked for embeddings.
type Upstream interface {
	// Takes says whether it can be told all that is asked for. The error is a *codec.Error with status 400.
	Takes(q *Request) error
	// Most is how many inputs one request of a model may have. Who has more asks several times and puts the answers
	// together with Response.Add.
	Most(model string) int
	// Method is the word behind the colon in the address for so many inputs of a model; "" where addresses have none.
	Method(model string, inputs int) string
	// EncodeRequest appends the body for that address. The error is a *codec.Error if there are more inputs than Most.
	EncodeRequest(dst []byte, q *Request, model string) ([]byte, error)
	// DecodeResponse reads an answer to the inputs of q. What is kept of body is valid as long as that. The error is a
	// *codec.Error.
	DecodeResponse(body []byte, q *Request) (*Response, error)
}

// Embedder is a format that has embeddings of its own, where upstreams of it are asked by those who speak another.
type Embedder interface{ Embeddings() Upstream }

// Embedding is an inbound API whose clients may be served by those.
type Embedding interface{ Embeddings() Client }

// MaxInputs is how many texts a request may have: as many as OpenAI's API takes. Google takes 100 and less at once, so
// that one request becomes many.
const MaxInputs = 2048

// Request is a client's request for embeddings.
type Request struct {
	Model  string // that the client asked for
	Inputs []string
	// Dimensions is how long the vectors shall be; nil is as long as the model makes them.
	Dimensions *int64
	// Base64 is whether the client wants vectors as base64 of little-endian float32, as OpenAI's Python SDK does
	// without saying so.
	Base64 bool
	// TaskType is Google's word for what the vectors are for, such as RETRIEVAL_QUERY; OpenAI has no such member, but
	// clients that know whom they ask send it along. "" leaves it to the model.
	TaskType string

	// Asked are the requests of a client that asks for each of its inputs by one; nil of others.
	Asked []Asked
	// Differ says that not all of these have the same dimensions and purpose.
	Differ bool
}

// Asked is a request for one vector, as it came.
type Asked struct {
	Body  []byte // the object
	Parts []byte // the list of parts of its content
	Title string
	Other string // what it has beside text; "" is nothing
}

// Some is the request for a part of the inputs.
func (q *Request) Some(from, to int) *Request {
	some := *q
	some.Inputs = q.Inputs[from:to]
	if q.Asked != nil {
		some.Asked = q.Asked[from:to]
	}
	return &some
}

// Plain says whether the request can be told to those that take nothing but texts, and
// one length and purpose for all of them. The error is a *codec.Error with status 400.
func (q *Request) Plain() error {
	for i, one := range q.Asked {
		switch {
		case one.Other != "":
			return codec.BadRequest(one.Other, "'"+one.Other+"' is no text, and the provider of this model makes vectors of texts only")
		case q.Inputs[i] == "":
			return codec.BadRequest("content", "the text of request "+strconv.Itoa(i+1)+" must not be empty")
		}
	}
	if q.Differ {
		return codec.BadRequest("requests", "all requests of a batch must have the same outputDimensionality and taskType here: the provider of this model takes one for all of them")
	}
	return nil
}

// Estimate is about how many tokens the inputs have where the upstream does not count: by their characters, and of what
// a client asks for one by one all that it says, titles, images and files among it.
func (q *Request) Estimate() (n int64) {
	for _, one := range q.Asked {
		n = saturate.Add(n, max(estimate.Request(one.Body), 1))
	}
	if q.Asked == nil {
		for _, t := range q.Inputs {
			n = saturate.Add(n, estimate.Words(t))
		}
	}
	return n
}
