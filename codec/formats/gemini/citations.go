package gemini

import (
	"sort"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// offsets turns offsets in bytes, as Google counts, into offsets in characters, for a text that is not kept. It
// remembers where the width of characters changes, up to maxMarks times.
type offsets struct {
	marks        []mark
	bytes, chars int64
	width        int64 // of the last character; 0 at the start
	lost         bool
}

// mark is where characters of another width begin.
type mark struct{ bytes, chars, width int64 }

const maxMarks = 4096

func (o *offsets) add(text []byte) {
	if o.lost {
		return
	}
	for len(text) > 0 {
		width := int64(1)
		run := asciiRun(text)
		n := int64(run)
		if run == 0 {
			_, size := utf8.DecodeRune(text)
			run, width, n = size, int64(size), 1
		}
		if width != o.width {
			if o.lost = len(o.marks) == maxMarks; o.lost {
				o.marks = nil
				return
			}
			o.marks = append(o.marks, mark{o.bytes, o.chars, width})
			o.width = width
		}
		o.bytes += int64(run)
		o.chars += n
		text = text[run:]
	}
}

func asciiRun(text []byte) int {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(text)
}

// span turns the offsets of a passage; both are 0 if they are not known.
func (o *offsets) span(data []byte, v rawjson.Value) (start, end int64) {
	start, _ = rawjson.Int(data, v.Get(data, "startIndex")) // left out if it is 0
	end, _ = rawjson.Int(data, v.Get(data, "endIndex"))
	if o.lost || start < 0 || end < start || end > o.bytes {
		return 0, 0
	}
	return o.at(start), o.at(end)
}

// at is the character at a byte of the text.
func (o *offsets) at(b int64) int64 {
	i := sort.Search(len(o.marks), func(i int) bool { return o.marks[i].bytes > b }) - 1
	if i < 0 {
		return 0
	}
	m := o.marks[i]
	return m.chars + (b-m.bytes)/m.width
}

// citations reads citationMetadata: where the answer repeats a source.
func (a *answer) citations(dst []codec.Event, data []byte, v rawjson.Value, c *candidate) []codec.Event {
	list := v.Get(data, "citationSources") // AI Studio's name
	if !list.Present() {
		list = v.Get(data, "citations") // Vertex's
	}
	for it := list.Elements(data); it.Next(); {
		cite := &codec.Citation{URL: a.keep(data, it.Value.Get(data, "uri")), Title: a.keep(data, it.Value.Get(data, "title"))}
		if cite.URL == "" || !a.started {
			continue
		}
		cite.Start, cite.End = c.offsets.span(data, it.Value)
		dst = a.say(dst, c, codec.Event{Kind: codec.EventCitation, Citation: cite})
	}
	return dst
}

// maxCited is how many bytes of passages and sources an answer's citations repeat. A passage that names many sources is
// repeated for each, and so is a source that many passages name: further ones go without the passage, or are left out.
const maxCited = 1 << 20

// grounded says the sources that the search found for passages of the answer. Those that no passage names are named
// without one.
func (a *answer) grounded(dst []codec.Event, c *candidate) []codec.Event {
	data := c.grounding
	v, err := rawjson.One(data)
	if err != nil {
		return dst
	}
	var sources []codec.Citation
	for it := v.Get(data, "groundingChunks").Elements(data); it.Next(); {
		var source codec.Citation
		for _, kind := range []string{"web", "retrievedContext", "maps"} {
			if s := it.Value.Get(data, kind); s.Present() {
				source.URL = a.keep(data, s.Get(data, "uri"))
				source.Title = a.keep(data, s.Get(data, "title"))
			}
		}
		sources = codec.Add(sources, source)
	}
	named := make([]int, len(sources)) // by which support last, from 1
	texts, repeated := 0, 0
	cite := func(n int64, support int, passage codec.Citation) {
		if n < 0 || n >= int64(len(sources)) || sources[n].URL == "" || named[n] == support {
			return
		}
		source := sources[n]
		if named[n] > 0 {
			if repeated += len(source.URL) + len(source.Title); repeated > maxCited {
				return
			}
		}
		named[n] = support
		source.Start, source.End = passage.Start, passage.End
		if texts += len(passage.Text); texts <= maxCited {
			source.Text = passage.Text
		}
		dst = a.say(dst, c, codec.Event{Kind: codec.EventCitation, Citation: &source})
	}
	support := 0
	for it := v.Get(data, "groundingSupports").Elements(data); it.Next(); {
		support++
		segment := it.Value.Get(data, "segment")
		passage := codec.Citation{Text: a.keep(data, segment.Get(data, "text"))}
		if part, _ := rawjson.Int(data, segment.Get(data, "partIndex")); part == 0 {
			passage.Start, passage.End = c.offsets.span(data, segment)
		}
		for chunks := it.Value.Get(data, "groundingChunkIndices").Elements(data); chunks.Next(); {
			if n, ok := rawjson.Int(data, chunks.Value); ok {
				cite(n, support, passage)
			}
		}
	}
	for n := range sources {
		if named[n] == 0 {
			cite(int64(n), support+1, codec.Citation{})
		}
	}
	return dst
}
