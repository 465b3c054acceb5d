package openai

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// What asks for the usage of a stream.
var (
	usageMember  = []byte(`"include_usage":true`)
	usageFirst   = []byte(`"include_usage":true,`)
	usageOptions = []byte(`{"include_usage":true}`)
	addedOptions = []byte(`,"stream_options":{"include_usage":true}`)
	yes          = []byte("true")
)

// Parts appends to dst the body as the upstream of a channel gets it: with the model replaced and, if it is a stream
// and askUsage, stream_options.include_usage set; the client's other stream options stay. Everything else is byte for
// byte the client's. The parts alias body and scratch, which takes the new pieces.
//
// It does not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, upstreamModel string, askUsage bool, scratch *[]byte) [][]byte {
	p := rawjson.PartsOf(dst, body)
	askUsage = askUsage && h.Stream
	options := h.streamOptions()
	early := options.Kind != rawjson.Missing && options.Start < h.model().Start
	if askUsage && early {
		h.putOptions(&p, body)
	}
	h.putModel(&p, upstreamModel, askUsage && options.Kind == rawjson.Missing, scratch)
	if askUsage && !early {
		h.putOptions(&p, body)
	}
	return p.Rest()
}

// putModel writes the model in its place, and the stream options behind it if they must be added.
func (h *Head) putModel(p *rawjson.Parts, upstreamModel string, addOptions bool, scratch *[]byte) {
	mark, start, end := len(*scratch), h.model().Start, h.model().End
	if upstreamModel == h.Model {
		if !addOptions {
			return
		}
		start = end
	} else {
		*scratch = rawjson.AppendString(*scratch, upstreamModel)
	}
	if addOptions {
		*scratch = append(*scratch, addedOptions...)
	}
	p.Replace(start, end, (*scratch)[mark:len(*scratch):len(*scratch)])
}

// putOptions makes the stream options ask for usage, where there are any.
func (h *Head) putOptions(p *rawjson.Parts, body []byte) {
	options, usage := h.streamOptions(), h.includeUsage()
	switch {
	case options.Kind == rawjson.Null:
		p.Replace(options.Start, options.End, usageOptions)
	case options.Kind != rawjson.Object || usage.Kind == rawjson.True:
	case usage.Kind != rawjson.Missing:
		p.Replace(usage.Start, usage.End, yes)
	default:
		piece, inside := usageMember, options.Start+1
		if it := options.Members(body); it.Next() {
			piece = usageFirst
		}
		p.Replace(inside, inside, piece)
	}
}

var _ codec.UsageAsker = Format{}

// WithoutUsage implements codec.UsageAsker: it leaves the options of a stream out.
func (Format) WithoutUsage(body []byte) []byte {
	var s rawjson.Splicer
	s.Remove("stream_options")
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}
