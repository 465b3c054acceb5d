package relay

import (
	"bytes"
	"strings"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// rawStream is the flow of an answer that is no conversation's: images, transcripts,
// sounds. All of it passes as it comes; what it costs is found out beside it. Of an
// event that is larger than mostEnd only both ends are kept, where such an event,
// an image, has all but the image.
type rawStream struct {
	kind  rawKind
	clean Redactor // nil takes no secrets out

	waiting []byte // of an event, or a line of a text, that is not whole yet
	gone    []byte // what was given out last
	begun   []byte // the beginning of the event that is coming
	ending  []byte // its end, if it is larger; up to twice as much as is kept
	join    []byte // for events with several lines of data
	size    int
	inLine  bool // the line that is coming has something in it
	cr      bool // it began with a CR

	usage  codec.Usage
	said   int64 // characters of texts
	images int   // complete ones
	parts  int   // pieces of images that have come before
}

// rawKind is what the bytes of an answer are.
type rawKind uint8

const (
	rawBytes  rawKind = iota // nothing that can be read: sound
	rawText                  // a transcript; or JSON that is not called so
	rawEvents                // server-sent events
)

// mostEnd is how much is kept of an event's beginning, and of its end.
const mostEnd = 4 << 10

// rawKindOf tells it by the content type.
func rawKindOf(contentType []byte) rawKind {
	switch {
	case bytes.HasPrefix(contentType, []byte("text/event-stream")):
		return rawEvents
	case bytes.HasPrefix(contentType, []byte("text/")), bytes.HasPrefix(contentType, []byte("application/")) && !bytes.HasPrefix(contentType, []byte("application/octet-stream")):
		return rawText
	}
	return rawBytes
}

func (s *rawStream) Push(p []byte) ([]byte, error) {
	switch s.kind {
	case rawText:
		s.said += estimate.Weight(p)
		if s.keep(p); !s.isJSON() { // a transcript's words do not wait
			return s.pass(p, len(p)), nil
		}
		return s.pass(p, bytes.LastIndexByte(p, '\n')+1), nil
	case rawEvents:
		return s.pass(p, s.watch(p)), nil
	}
	return p, nil
}

// mostWaiting is how much waits for the end of its event: all but images are smaller.
const mostWaiting = 64 << 10

// pass is what may go out, of which all up to whole in p ends something. What it is in
// pieces goes out as one, since nobody finds a secret of which each piece has some.
func (s *rawStream) pass(p []byte, whole int) []byte {
	if s.clean == nil {
		return p
	}
	rest := len(p) - whole
	if whole == 0 {
		rest += len(s.waiting)
	}
	switch {
	case rest > mostWaiting:
		return s.passPiece(p)
	case whole == 0:
		s.waiting = append(s.waiting, p...)
		return nil
	}
	if len(s.waiting) == 0 && whole == len(p) {
		return s.clean.Clean(p)
	}
	s.gone, s.waiting = append(s.waiting, p[:whole]...), append(s.gone[:0], p[whole:]...)
	return s.clean.Clean(s.gone)
}

// passPiece is what may go out of an event that is too large to wait for its end: all
// but the last of it, in which a secret may have begun.
func (s *rawStream) passPiece(p []byte) []byte {
	s.gone = append(append(s.gone[:0], s.waiting...), p...)
	clean := s.clean.Clean(s.gone)
	out := max(0, len(clean)-sse.Overlap)
	s.waiting = append(s.waiting[:0], clean[out:]...)
	return clean[:out]
}

// rawFailure is the error that a stream of events, or a text, begins with, nil if it
// begins with something else. What comes later has been begun to be passed on.
func rawFailure(kind rawKind, begun []byte) error {
	data := bytes.TrimSpace(begun)
	if kind == rawEvents {
		var events sse.Reader
		events.Push(begun)
		first, is := events.Next()
		if !is {
			first, _ = events.Rest()
		}
		data = first.Data
	}
	v, err := rawjson.One(data)
	if err != nil || v.Kind != rawjson.Object || !v.Get(data, "error").Present() {
		return nil
	}
	_, err = codec.CheckObject(data)
	return err
}

// onlyComments says whether what has come of a stream has no field of an event, nor the beginning of one.
func onlyComments(p []byte) bool {
	for len(p) > 0 {
		if p[0] != ':' && p[0] != '\n' && p[0] != '\r' {
			return false
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			break
		}
		p = p[end+1:]
	}
	return true
}

// watch finds the ends of events, and says where the last one in p is. Lines end with LF or CRLF.
func (s *rawStream) watch(p []byte) (last int) {
	for at := 0; len(p) > 0; {
		end := bytes.IndexByte(p, '\n')
		line := p
		if end >= 0 {
			line = p[:end]
		}
		s.inLine = s.inLine || s.cr && len(line) > 0 || len(line) > 1 || len(line) == 1 && line[0] != '\r'
		s.cr = s.cr || len(line) == 1
		if end < 0 {
			s.keep(p)
			break
		}
		empty := !s.inLine
		s.inLine, s.cr = false, false
		s.keep(p[:end+1])
		p, at = p[end+1:], at+end+1
		if empty {
			s.event()
			last = at
		}
	}
	return last
}

// keep takes the next bytes of an event.
func (s *rawStream) keep(p []byte) {
	s.size += len(p)
	if room := mostEnd - len(s.begun); room > 0 {
		n := min(room, len(p))
		s.begun = append(s.begun, p[:n]...)
		p = p[n:]
	}
	s.ending = append(s.ending, p[max(0, len(p)-mostEnd):]...)
	if over := len(s.ending) - mostEnd; over > mostEnd { // seldom, so that small pieces do not move it each time
		s.ending = s.ending[:copy(s.ending, s.ending[over:])]
	}
}

// event reads the event that has come.
func (s *rawStream) event() {
	switch e := sse.Parse(s.begun, &s.join); {
	case e.Lines == 0:
	case s.size > mostEnd:
		s.read(e.Name, e.Data, rawjson.Value{})
	default:
		v, _ := rawjson.One(e.Data)
		s.read(e.Name, e.Data, v)
	}
	s.begun, s.ending, s.size = s.begun[:0], s.ending[:0], 0
}

// read takes what an event's data tells, which is whole if v is there.
func (s *rawStream) read(name, data []byte, v rawjson.Value) {
	kind := string(name)
	var told rawjson.Value
	if v.Kind == rawjson.Object {
		if word, _ := rawjson.Text(data, v.Get(data, "type")); word != "" {
			kind = word
		}
		if text := v.Get(data, "text"); text.Kind == rawjson.String { // of a transcript that is done; its pieces have been counted
			s.said = max(s.said, estimate.Weight(data[text.Start+1:text.End-1]))
		} else if piece := v.Get(data, "delta"); piece.Kind == rawjson.String {
			s.said += estimate.Weight(data[piece.Start+1 : piece.End-1])
		}
		told = v.Get(data, "usage")
	} else {
		if word, _ := rawjson.Text(data, beginMember(data, "type")); word != "" {
			kind = word
		}
		// What else is called usage may be a client's, in metadata that are repeated.
		if end := passthrough.EndMember(s.ending, `"usage"`, 1); end.Present() {
			data, told = s.ending, end
		} else {
			told = beginMember(data, "usage")
		}
	}
	switch {
	case strings.HasSuffix(kind, ".completed"):
		s.images++
	case strings.HasSuffix(kind, ".partial_image"):
		s.parts++
	}
	u, _ := codec.ReadUsage(data, told)
	s.usage.Update(u)
}

// beginMember is a member of an object of which no more than the beginning may be there.
func beginMember(data []byte, name string) rawjson.Value {
	for it := rawjson.MembersOf(data); it.Next(); {
		if it.Name() == name {
			return it.Value
		}
	}
	return rawjson.Value{}
}

// isJSON says whether a text begins like an object in JSON.
func (s *rawStream) isJSON() bool { return bytes.HasPrefix(bytes.TrimSpace(s.begun), []byte("{")) }

func (s *rawStream) End() ([]byte, error) {
	switch {
	case s.kind == rawEvents && s.size > 0:
		s.event()
	case s.kind == rawText && s.isJSON():
		v, _ := rawjson.One(s.begun) // none if it is larger
		s.read(nil, s.begun, v)
	}
	if len(s.waiting) == 0 {
		return nil, nil
	}
	return s.clean.Clean(s.waiting), nil
}

func (s *rawStream) Done() bool    { return false }
func (s *rawStream) Started() bool { return true }
func (s *rawStream) Held() int {
	return cap(s.begun) + cap(s.ending) + cap(s.join) + cap(s.waiting) + cap(s.gone)
}
func (s *rawStream) Usage() (codec.Usage, bool) { return s.usage, !s.usage.Zero() }

// Said counts the texts; made are the images.
func (s *rawStream) Said() int64 { return s.said }

func (s *rawStream) Dropped() int { return 0 } // nothing in it is read that need be

// made is how many images have come. One of which there is a piece has been paid
// for.
func (s *rawStream) made() int64 {
	if s.images == 0 && s.parts > 0 {
		return 1
	}
	return int64(s.images)
}
