package openai

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

const (
	usageOptions = `{"include_usage":true}`
	usageMember  = `"include_usage":true`
	addedOptions = `,"stream_options":` + usageOptions
)

// Parts appends to dst the body as the upstream of a channel gets it: with the model replaced and, if it is a stream
// and askUsage, stream_options.include_usage set; the client's other stream options stay. Everything else is byte for
// byte the client's. The parts alias body and scratch, which takes the new pieces.
//
// It does not allocate once dst and scratch have grown.
func (h *Head) Parts(dst [][]byte, body []byte, upstreamModel string, askUsage bool, scratch *[]byte) [][]byte {
	p := parts{dst: dst, body: body, buf: *scratch}
	askUsage = askUsage && h.Stream
	if h.streamOptions().Kind != rawjson.Missing && h.streamOptions().Start < h.model().Start {
		h.putOptions(&p, askUsage)
		h.putModel(&p, upstreamModel, false)
	} else {
		h.putModel(&p, upstreamModel, askUsage && h.streamOptions().Kind == rawjson.Missing)
		h.putOptions(&p, askUsage)
	}
	p.rest()
	*scratch = p.buf
	return p.dst
}

// Edit sets on s what Parts would change, for a channel that changes other members of the body too.
func (h *Head) Edit(s *rawjson.Splicer, body []byte, upstreamModel string, askUsage bool) {
	s.Set("model", rawjson.AppendString(nil, upstreamModel))
	if !askUsage || !h.Stream || h.IncludeUsage {
		return
	}
	if h.streamOptions().Kind != rawjson.Object {
		s.Set("stream_options", []byte(usageOptions))
		return
	}
	p := parts{body: body[:h.streamOptions().End], pos: h.streamOptions().Start}
	h.putOptions(&p, true)
	p.rest()
	s.Set("stream_options", slices.Concat(p.dst...))
}

// parts writes a body as pieces: the bytes up to each place that changes, and the new bytes for it.
type parts struct {
	dst  [][]byte
	body []byte
	buf  []byte
	pos  int // of body, already in dst
}

// put replaces body[start:end] by what was appended to buf since mark.
func (p *parts) put(start, end, mark int) {
	if start > p.pos {
		p.dst = append(p.dst, p.body[p.pos:start])
	}
	p.dst = append(p.dst, p.buf[mark:len(p.buf):len(p.buf)])
	p.pos = end
}

func (p *parts) putText(v rawjson.Value, text string) {
	mark := len(p.buf)
	p.buf = append(p.buf, text...)
	p.put(v.Start, v.End, mark)
}

func (p *parts) rest() {
	if p.pos < len(p.body) {
		p.dst = append(p.dst, p.body[p.pos:])
	}
}

// putModel writes the model in its place, and the stream options behind it if they must be added.
func (h *Head) putModel(p *parts, upstreamModel string, addOptions bool) {
	mark, start := len(p.buf), h.model().Start
	if upstreamModel == h.Model {
		if !addOptions {
			return
		}
		start = h.model().End
	} else {
		p.buf = rawjson.AppendString(p.buf, upstreamModel)
	}
	if addOptions {
		p.buf = append(p.buf, addedOptions...)
	}
	p.put(start, h.model().End, mark)
}

// putOptions makes the stream options that count ask for usage. Without askUsage they stay as they are.
func (h *Head) putOptions(p *parts, askUsage bool) {
	if !askUsage {
		return
	}
	switch h.streamOptions().Kind {
	case rawjson.Null:
		p.putText(h.streamOptions(), usageOptions)
	case rawjson.Object:
		if h.includeUsage().Kind == rawjson.Missing {
			inner := rawjson.Value{Start: h.streamOptions().Start + 1, End: h.streamOptions().Start + 1}
			text := usageMember
			if it := h.streamOptions().Members(p.body); it.Next() {
				text = usageMember + ","
			}
			p.putText(inner, text)
			return
		}
		if h.includeUsage().Kind != rawjson.True {
			p.putText(h.includeUsage(), "true")
		}
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
