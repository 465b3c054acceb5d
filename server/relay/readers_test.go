package relay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/cohere"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
	"uniapi/codec/seam"
	"uniapi/codec/sse"
	"uniapi/server/servertest"
)

// reader is something that takes a stream in pieces.
type reader struct {
	// kind is the type in the source whose Push is behind it.
	kind string
	// open begins a stream and returns what takes the pieces.
	open func() func(p []byte) error
	// event is an event of the stream with that JSON in the place of a text, quotes and all.
	event func(text string) []byte
	// lead comes before it.
	lead string
	// lines says that the format has lines of data, and comments.
	lines bool
}

// asEvent is an event of server-sent events with that JSON.
func asEvent(name string, json func(text string) string) func(text string) []byte {
	return func(text string) []byte {
		event := ""
		if name != "" {
			event = "event: " + name + "\n"
		}
		return []byte(event + "data: " + json(text) + "\n\n")
	}
}

// piecesTo is a flow that passes events on.
func piecesTo(f passthrough.Flow) func(p []byte) error {
	return func(p []byte) error {
		_, err := f.Push(p)
		return err
	}
}

// decoding is a decoder on its own.
func decoding(f codec.Format) func() func(p []byte) error {
	return func() func(p []byte) error {
		d := f.NewStreamDecoder()
		var events []codec.Event
		return func(p []byte) error {
			var err error
			events, err = d.Push(events[:0], p)
			return err
		}
	}
}

// translating is a flow from a format to another.
func translating(from, to codec.Format) func() func(p []byte) error {
	return func() func(p []byte) error {
		t := new(translation)
		t.reset(from.NewStreamDecoder(), to.NewStreamEncoder(&codec.Request{Model: "m"}), nil)
		return piecesTo(t)
	}
}

func watching(in passthrough.Inspector) func() func(p []byte) error {
	return func() func(p []byte) error {
		s := new(passthrough.Stream)
		s.Reset(in)
		return piecesTo(s)
	}
}

// readers are all that take streams in pieces. Those of the pool are looked at there.
var readers = map[string]reader{
	"the reader of server-sent events": {kind: "sse.Reader", open: func() func(p []byte) error {
		r := new(sse.Reader)
		return func(p []byte) error {
			if !r.Push(p) {
				return codec.NoAnswer("too large")
			}
			for _, ok := r.Next(); ok; _, ok = r.Next() {
			}
			return nil
		}
	}, event: asEvent("", servertest.ChatEvent), lines: true},
	"the reader of frames": {kind: "eventstream.Reader", open: func() func(p []byte) error {
		r := new(eventstream.Reader)
		return func(p []byte) error {
			r.Push(p)
			for {
				if _, ok, err := r.Next(); !ok {
					return err
				}
			}
		}
	}, event: func(text string) []byte { return eventstream.AppendEvent(nil, "chunk", []byte(text)) }},
	"the finder of a request's model": {kind: "rawjson.Finder", open: func() func(p []byte) error {
		f := rawjson.NewFinder("model")
		return func(p []byte) error {
			f.Push(p)
			return nil
		}
	}, event: func(text string) []byte { return []byte(`{"messages":[{"content":` + text + `}],"model":"m"}`) }},

	"chat that passes":             {kind: "passthrough.Stream", open: watching(&openai.Inspector{HideUsage: true}), event: asEvent("", servertest.ChatEvent), lines: true},
	"chat without ids that passes": {kind: "passthrough.Stream", open: watching(&openai.Inspector{HideUsage: true}), event: asEvent("", func(text string) string { return `{"choices":[{"index":0,"delta":{"reasoning":` + text + `}}]}` }), lines: true},
	"an answer out of its object": {kind: "schema.Unwrapper", open: func() func(p []byte) error {
		var u schema.Unwrapper
		var out []byte
		return func(p []byte) error {
			out = u.Push(out[:0], p)
			return nil
		}
	}, event: func(text string) []byte { return []byte(text + "," + strings.Repeat(" ", len(text))) }, lead: `{"answer":[`},
	"Messages that pass":   {kind: "passthrough.Stream", open: watching(new(anthropic.Inspector)), event: asEvent("content_block_delta", servertest.MessagesEvent), lead: servertest.MessagesLead, lines: true},
	"Gemini's that passes": {kind: "passthrough.Stream", open: watching(new(gemini.Inspector)), event: asEvent("", servertest.GeminiEvent), lines: true},
	"Responses that pass":  {kind: "passthrough.Stream", open: watching(new(responses.Inspector)), event: asEvent("response.output_text.delta", servertest.ResponsesEvent), lead: servertest.ResponsesLead, lines: true},
	"an array out of Gemini's events": {kind: "gemini.ArrayStream", open: func() func(p []byte) error {
		s := new(gemini.ArrayStream)
		s.Reset(new(gemini.Inspector))
		return piecesTo(s)
	}, event: asEvent("", servertest.GeminiEvent), lines: true},
	"Claude's events out of frames": {kind: "bedrock.Unwrapped", open: func() func(p []byte) error {
		u := new(bedrock.Unwrapped)
		u.Reset()
		return piecesTo(u)
	}, event: invokeEvent, lead: invokeLead},
	"events of images":     {kind: "relay.rawStream", open: func() func(p []byte) error { return piecesTo(&rawStream{kind: rawEvents}) }, event: asEvent("", servertest.ChatEvent), lines: true},
	"text of a transcript": {kind: "relay.rawStream", open: func() func(p []byte) error { return piecesTo(&rawStream{kind: rawText}) }, event: asEvent("", servertest.ChatEvent)},
	"sound":                {kind: "relay.rawStream", open: func() func(p []byte) error { return piecesTo(new(rawStream)) }, event: asEvent("", servertest.ChatEvent)},

	"chat that is translated":       {kind: "relay.translation", open: translating(openai.Format{}, anthropic.Format{}), event: asEvent("", servertest.ChatEvent), lines: true},
	"Messages that are translated":  {kind: "relay.translation", open: translating(anthropic.Format{}, responses.Format{}), event: asEvent("", servertest.MessagesEvent), lead: servertest.MessagesLead, lines: true},
	"Responses that are translated": {kind: "relay.translation", open: translating(responses.Format{}, gemini.Format{}), event: asEvent("", servertest.ResponsesEvent), lead: servertest.ResponsesLead, lines: true},
	"Gemini's that are translated":  {kind: "relay.translation", open: translating(gemini.Format{}, openai.Format{}), event: asEvent("", servertest.GeminiEvent), lines: true},

	"chat that another goes on with": {kind: "relay.translation", open: func() func(p []byte) error {
		t, j := new(translation), NewJoint(openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"}), nil)
		t.reset(openai.Format{}.NewStreamDecoder(), j, nil)
		t.joint = j
		return piecesTo(t)
	}, event: asEvent("", servertest.ChatEvent), lines: true},
	"what is said again": {kind: "seam.Seam", open: func() func(p []byte) error {
		s := seam.New(saidBefore, true)
		return func(p []byte) error {
			s.Push(p)
			return nil
		}
	}, event: func(text string) []byte { return []byte(strings.Trim(text, `"`)) }},

	"chat that is read":      {kind: "openai.streamDecoder", open: decoding(openai.Format{}), event: asEvent("", servertest.ChatEvent), lines: true},
	"Messages that are read": {kind: "anthropic.streamDecoder", open: decoding(anthropic.Format{}), event: asEvent("", servertest.MessagesEvent), lead: servertest.MessagesLead, lines: true},
	"Responses that are read": {kind: "responses.streamDecoder", open: decoding(responses.Format{}), event: asEvent("", servertest.ResponsesEvent),
		lead: servertest.ResponsesLead, lines: true},
	"Gemini's that are read": {kind: "gemini.streamDecoder", open: decoding(gemini.Format{}), event: asEvent("", servertest.GeminiEvent), lines: true},
	"Gemini's array that is read": {kind: "gemini.streamDecoder", open: decoding(gemini.Format{}), lead: "[",
		event: func(text string) []byte { return []byte(servertest.GeminiEvent(text) + ",\r\n") }},
	"Cohere's that are read": {kind: "cohere.streamDecoder", open: decoding(cohere.Format{}), event: asEvent("", servertest.CohereEvent), lead: servertest.CohereLead, lines: true},
	"Converse's that are read": {kind: "bedrock.streamDecoder", open: decoding(bedrock.Format{}), event: func(text string) []byte {
		return eventstream.AppendEvent(nil, "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":`+text+`}}`))
	}},
	"Claude's frames that are read": {kind: "bedrock.streamDecoder", open: decoding(bedrock.Invoke), event: invokeEvent, lead: invokeLead},
}

// saidBefore is what is said in long texts.
var saidBefore = []byte(strings.Repeat("some words ", 1<<18))

// invokeLead is what comes before the events of Claude's in Bedrock's frames.
var invokeLead = func() string {
	lead := ""
	for event := range strings.SplitSeq(strings.TrimSpace(servertest.MessagesLead), "\n\n") {
		_, data, _ := strings.Cut(event, "data: ")
		lead += string(servertest.InvokeFrame(data))
	}
	return lead
}()

func invokeEvent(text string) []byte { return servertest.InvokeFrame(servertest.MessagesEvent(text)) }

// longEvents are events of about so many bytes.
func (r reader) longEvents() map[string]func(size int) []byte {
	with := func(event string) []byte { return append([]byte(r.lead), event...) }
	all := map[string]func(size int) []byte{
		"one text": func(size int) []byte {
			return with(string(r.event(`"` + strings.Repeat("some words ", size/11) + `"`)))
		},
		"escapes": func(size int) []byte {
			return with(string(r.event(`"` + strings.Repeat(`\n`, size/2) + `"`)))
		},
		"never an end": func(size int) []byte {
			event := r.event(`"` + strings.Repeat("some words ", size/11) + `"`)
			return with(string(event[:len(event)-4]))
		},
		"many texts": func(size int) []byte {
			return with(strings.Repeat(string(r.event(`"word"`)), size/200))
		},
	}
	if !r.lines {
		return all
	}
	all["lines of data"] = func(size int) []byte {
		begin, end, _ := strings.Cut(string(r.event(`"TEXT"`)), `"TEXT"`)
		return with(begin + strings.Repeat("\ndata:", size/6) + `"text"` + end)
	}
	all["comments and CRs"] = func(size int) []byte {
		event := string(r.event(`"text"`))
		return with(event[:len(event)-2] + strings.Repeat("\r: c", size/4) + "\r\n\r\n")
	}
	return all
}

// feed gives a stream to a reader in pieces of n bytes, in a buffer that every piece comes in, as from a connection.
func (r reader) feed(stream []byte, n int) (err error) {
	push := r.open()
	buffer := make([]byte, 0, n)
	for piece := range slices.Chunk(stream, n) {
		if err = push(append(buffer, piece...)); err != nil {
			return fmt.Errorf("behind pieces of %d bytes: %w", n, err)
		}
	}
	return nil
}

// TestEveryReaderOfStreamsIsListed finds in the source what else has a Push.
func TestEveryReaderOfStreamsIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, r := range readers {
		listed[r.kind] = true
	}
	for _, room := range []string{"..", "../../codec", "../../pool"} {
		err := filepath.WalkDir(room, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			if text, err := os.ReadFile(path); err != nil || strings.HasPrefix(string(text), "//go:build example\n") { // no part of the program
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				f, is := d.(*ast.FuncDecl)
				if !is || f.Recv == nil || f.Name.Name != "Push" {
					continue
				}
				of := f.Recv.List[0].Type
				if star, is := of.(*ast.StarExpr); is {
					of = star.X
				}
				if name := fmt.Sprintf("%s.%s", file.Name, of); !listed[name] {
					t.Errorf("%s: %s takes streams and is not listed among the readers that are measured", path, name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatLeadsToAnAnswerIsNotHeldForever(t *testing.T) {
	f := new(translation)
	f.reset(anthropic.Format{}.NewStreamDecoder(), openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"}), nil)
	pings := []byte(servertest.MessagesLead + strings.Repeat("event: ping\ndata: {\"type\":\"ping\"}\n\n", 1000))
	for n := 0; !f.Started(); n += len(pings) {
		if len(f.out) > maxLead {
			t.Fatalf("%d bytes are held back", len(f.out))
		}
		if n > 100*maxLead {
			t.Fatal("nothing is held back")
		}
		if _, err := f.Push(pings); err != nil {
			t.Fatal(err)
		}
	}
}
