package passthrough

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/flows"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// plain is a format of as little as a stream can be made of: {"k":"lead"}, {"k":"say","text":"…"}, {"k":"stop"},
// {"k":"end"}, and {"error":"…"}, each with a count if it likes.
type plain struct {
	usage   codec.Usage
	seen    bool
	stopped bool
	last    bool
}

func (in *plain) Reset()             { *in = plain{} }
func (in *plain) Usage() codec.Usage { return in.usage }

func (in *plain) Said() int64 { return 0 }
func (in *plain) Failure(_, block []byte) *codec.Error {
	block = bytes.TrimSpace(block)
	e := codec.NoAnswer("no event: " + string(block[:min(len(block), 40)]))
	if v, err := rawjson.One(block); err == nil && v.Get(block, "error").Present() {
		e.KeepRaw(block)
	}
	return e
}

func (in *plain) Event(name, data []byte, begun bool) Sign {
	if begun && string(name) == "say" {
		return Sign{}
	}
	v, err := rawjson.One(data)
	if err != nil {
		return Sign{Err: codec.NoAnswer("not JSON")}
	}
	in.seen = true
	if failure, _ := rawjson.Text(data, v.Get(data, "error")); failure != "" {
		return Sign{Err: codec.NoAnswer(strings.Clone(failure))}
	}
	if n, ok := rawjson.Int(data, v.Get(data, "count")); ok {
		in.usage.Prompt = n
	}
	kind, _ := rawjson.Text(data, v.Get(data, "k"))
	in.stopped = in.stopped || kind == "stop"
	return Sign{Begins: kind == "say", Done: kind == "end"}
}

func (in *plain) Head(_, data []byte, _ bool) Sign {
	in.seen = true
	if bytes.HasPrefix(data, []byte(`{"error"`)) {
		return Sign{Err: codec.NoAnswer("a large error")}
	}
	in.last = bytes.HasPrefix(data, []byte(`{"k":"end"`))
	return Sign{Begins: in.last || bytes.HasPrefix(data, []byte(`{"k":"say"`))}
}

func (in *plain) Tail(data []byte) Sign {
	if n, ok := rawjson.Int(data, EndMember(data, `"count"`, 1)); ok {
		in.usage.Prompt = n
	}
	return Sign{Done: in.last}
}

func (in *plain) End(begun bool) (string, *codec.Error) {
	switch {
	case !in.seen, in.stopped && !begun:
		return "", codec.Empty()
	case in.stopped:
		return end, nil
	}
	return "", codec.CutShort()
}

const (
	lead = "event: lead\ndata: {\"k\":\"lead\",\"count\":3}\n\n"
	stop = "event: stop\ndata: {\"k\":\"stop\",\"count\":5}\n\n"
	end  = "event: end\ndata: {\"k\":\"end\"}\n\n"
)

func say(text string) string {
	return "event: say\ndata: {\"k\":\"say\",\"text\":\"" + text + "\"}\n\n"
}

func newStream(triggers ...string) *Stream {
	s := new(Stream)
	s.Reset(new(plain), triggers...)
	return s
}

func TestWhatIsPartOfTheStreamPassesAsItCame(t *testing.T) {
	whole := lead + say("a") + say("b") + stop + end
	for _, c := range []struct{ name, stream, want string }{
		{"an ordinary stream", whole, whole},
		{"CRLF lines", strings.ReplaceAll(whole, "\n", "\r\n"), strings.ReplaceAll(whole, "\n", "\r\n")},
		{"CR lines", strings.ReplaceAll(whole, "\n", "\r"), strings.ReplaceAll(whole, "\n", "\r")},
		{"comments before and within", ": hi\n\n" + lead + ": ho\n\n" + say("a") + ": ping\n\n" + end, lead + say("a") + ": ping\n\n" + end},
		{"no names", strings.ReplaceAll(whole, "event: ", "id: "), strings.ReplaceAll(whole, "event: ", "id: ")},
		{"several data lines", lead + "data: {\"k\":\ndata: \"say\"}\n\n" + end, lead + "data: {\"k\":\ndata: \"say\"}\n\n" + end},
		{"empty data, keep-alive words and [DONE]", lead + "data:\n\n" + say("a") + "data: ping\n\ndata: [DONE]\n\n" + say("b") + end,
			lead + say("a") + say("b") + end},
		{"what follows the end", whole + say("late") + "junk", whole},
		{"no end behind a stop", lead + say("a") + stop, lead + say("a") + stop + end},
		{"no empty line at the end", lead + say("a") + strings.TrimSuffix(end, "\n\n"), lead + say("a") + end},
		{"no second line end", lead + say("a") + strings.TrimSuffix(end, "\n"), lead + say("a") + end},
		{"half an event behind a stop", lead + say("a") + stop + say("b")[:20], lead + say("a") + stop + end},
		{"an answer in one last event without an end of its own", lead + stop + strings.TrimSuffix(say("a"), "\n"), lead + stop + say("a") + end},
	} {
		for n := 1; n <= len(c.stream); n++ {
			s := newStream()
			got, err := flows.Run(s, c.stream, n)
			if got != c.want || err != nil || !s.Started() || !s.Done() {
				t.Errorf("%s, by %d bytes: %v, got\n%q, want\n%q", c.name, n, err, got, c.want)
				break
			}
		}
	}
}

// What follows an event that was cut, as an error does, is an event of its own for the client, wherever the cut was.
func TestWhatFollowsACutIsAnEventOfItsOwn(t *testing.T) {
	const failure = `{"error":"cut"}`
	large := lead + say("a") + say(strings.Repeat("b", bigEvent))
	for name, c := range map[string]struct {
		stream string
		from   int // the first place that is tried
	}{
		"small events":  {lead + say("a") + say("b"), len(lead)},
		"a large event": {large, len(large) - len("\n\n")}, // what was before it has gone out
	} {
		for _, lineEnd := range []string{"\n", "\r\n", "\r"} {
			stream, began := strings.ReplaceAll(c.stream, "\n", lineEnd), len(strings.ReplaceAll(c.stream[:c.from], "\n", lineEnd))
			for cut := began; cut <= len(stream); cut++ {
				got, err := flows.Run(newStream(), stream[:cut], 4096)
				if err == nil {
					t.Fatalf("%s, %q, cut at %d of %d: no error", name, lineEnd, cut, len(stream))
				}
				var events sse.Reader
				events.Push([]byte(got + "data: " + failure + "\n\n"))
				last := ""
				for e, is := events.Next(); is; e, is = events.Next() {
					last = string(e.Data)
					if _, err := rawjson.One(e.Data); err != nil && last != "" {
						t.Errorf("%s, %q, cut at %d of %d: an event is %.40q…", name, lineEnd, cut, len(stream), last)
					}
				}
				if got != "" && last != failure {
					t.Errorf("%s, %q, cut at %d of %d: the last event is %.40q", name, lineEnd, cut, len(stream), last)
				}
			}
		}
	}
}

func TestNothingGoesOutBeforeTheAnswer(t *testing.T) {
	s := newStream()
	for _, p := range []string{": hi\n\n", lead, lead[:10], lead[10:], say("a")[:12]} {
		if out, err := s.Push([]byte(p)); out != nil || err != nil || s.Started() {
			t.Fatalf("behind %q: %q, %v", p, out, err)
		}
	}
	if out, _ := s.Push([]byte(say("a")[12:])); string(out) != lead+lead+say("a") || !s.Started() {
		t.Errorf("got %q", out)
	}
	if u, ok := s.Usage(); !ok || u.Prompt != 3 {
		t.Errorf("usage %+v", u)
	}
}

func TestErrorBeforeTheAnswerLeavesNothingSent(t *testing.T) {
	for _, c := range []struct {
		name, stream, says string
		class              codec.Class
	}{
		{"error event", "event: error\ndata: {\"error\":\"overloaded\"}\n\n", "overloaded", codec.Semantic},
		{"error behind the lead", lead + "data: {\"error\":\"overloaded\"}\n\n", "overloaded", codec.Semantic},
		{"error in words", "event: error\ndata: it broke\n\n", "it broke", codec.Semantic},
		{"error without words", "event: error\n\n", "without a text", codec.Semantic},
		{"nothing", "", "empty", codec.Semantic},
		{"comments only", ": a\n\n: b\n\n", "empty", codec.Semantic},
		{"a stop only", lead + stop, "empty", codec.Semantic},
		{"an end only", lead + end, "empty", codec.Semantic},
		{"a page", "<html>\n<body></body></html>\n", "no event: <html>", codec.Semantic},
		{"a page as data", "data: <html>\n\n", "no event: <html>", codec.Semantic},
		{"bare JSON", "{\n \"x\": 1\n}", "no event: {", codec.Semantic},
		{"broken JSON", "data: {\"k\"\n\n", "not JSON", codec.Semantic},
		{"the lead alone", lead, "ended before", codec.Cut},
		{"a cut event behind the lead", lead + say("x")[:30], "ended before", codec.Cut},
		{"a trigger in escapes", lead + say(`policy \u4f60\u597d!`), "error trigger", codec.Semantic},
	} {
		for n := 1; n <= len(c.stream)+1; n++ {
			s := newStream("", "policy 你好")
			out, err := flows.Run(s, c.stream, n)
			var e *codec.Error
			if !errors.As(err, &e) || out != "" || s.Started() || e.Class != c.class || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s by %d: %v, sent %q", c.name, n, err, out)
				break
			}
		}
	}
}

func TestTriggerCountsOnlyWhereTheAnswerBegins(t *testing.T) {
	stream := strings.Replace(lead, "lead\",", "lead\",\"echo\":\"policy\",", 1) + say("a") + say("policy") + end
	if out, err := flows.Run(newStream("policy"), stream, 7); out != stream || err != nil {
		t.Errorf("%v: %q", err, out)
	}
}

func TestErrorWithinTheAnswerEndsItBehindWhatCameBefore(t *testing.T) {
	for _, c := range []struct {
		name, rest string
		class      codec.Class
	}{
		{"error event", "event: error\ndata: {\"error\":\"died\"}\n\n", codec.Semantic},
		{"bare JSON", "{\n \"error\": \"died\"\n}", codec.Semantic},
		{"broken JSON", "data: {\"k\":\n\n", codec.Semantic},
		{"half an event", say("x")[:30], codec.Cut},
		{"half a name", "event: sa", codec.Cut},
		{"no end", "", codec.Cut},
	} {
		stream := lead + say("a") + c.rest
		for n := 1; n <= len(stream); n++ {
			s := newStream()
			out, err := flows.Run(s, stream, n)
			var e *codec.Error
			if out != lead+say("a") || !errors.As(err, &e) || e.Class != c.class || s.Done() {
				t.Errorf("%s by %d: %v, sent %q", c.name, n, err, out)
				break
			}
			if again, err2 := s.Push([]byte(say("b"))); again != nil || err2 != err {
				t.Errorf("%s: the stream went on", c.name)
			}
		}
	}
}

func TestEventOfMegabytesPassesInPieces(t *testing.T) {
	big := strings.Replace(say(strings.Repeat("z", 3<<20)), "}\n", `,"count":7}`+"\n", 1)
	for _, lines := range []string{"\n", "\r\n"} {
		stream := strings.ReplaceAll(lead+big+say("a")+end, "\n", lines)
		for _, n := range []int{1000, 16 << 10, 10 << 20} {
			s := newStream()
			got, err := flows.Run(s, stream, n)
			if got != stream || err != nil {
				t.Fatalf("by %d: %v, %d bytes of %d", n, err, len(got), len(stream))
			}
			if u, _ := s.Usage(); u.Prompt != 7 {
				t.Errorf("by %d: usage %+v", n, u)
			}
			if n < bigEvent && cap(s.held) > 4*bigEvent {
				t.Errorf("by %d: %d bytes were held", n, cap(s.held))
			}
		}
	}
}

func TestLargeLastEventEndsTheStream(t *testing.T) {
	last := "data: {\"k\":\"end\",\"echo\":\"" + strings.Repeat("z", 100<<10) + "\",\"count\":9}\n\n"
	for name, stream := range map[string]string{"whole": lead + last + "junk", "without an empty line": lead + strings.TrimSuffix(last, "\n\n")} {
		for _, n := range []int{999, 1 << 20} {
			s := newStream()
			out, err := flows.Run(s, stream, n)
			if u, _ := s.Usage(); out != lead+last || err != nil || !s.Done() || u.Prompt != 9 {
				t.Errorf("%s by %d: %v, %d bytes of %d, usage %+v", name, n, err, len(out), len(lead+last), u)
			}
		}
	}
}

func TestLargeEventIsJudgedByItsStart(t *testing.T) {
	pad := strings.Repeat("z", 200<<10)
	for name, stream := range map[string]string{
		"error":  lead + `data: {"error":"bad","pad":"` + pad + `"}` + "\n\n",
		"a page": "<html>" + pad + "</html>\n\n",
		"words":  "data: " + pad + "\n\n",
		"a lead": `data: {"k":"lead","pad":"` + pad + `"}` + "\n\n",
	} {
		for _, n := range []int{999, 1 << 20} {
			if out, err := flows.Run(newStream(), stream, n); out != "" || err == nil {
				t.Errorf("%s by %d: %v, sent %d bytes", name, n, err, len(out))
			}
		}
	}
	var e *codec.Error
	if _, err := flows.Run(newStream(), lead+say(pad)[:150<<10], 5000); !errors.As(err, &e) || e.Class != codec.Cut {
		t.Errorf("a cut event: %v", err)
	}
}

func TestWhatIsHeldBackIsBounded(t *testing.T) {
	pad := strings.Repeat("z", 100<<10)
	echo := `data: {"k":"lead","pad":"` + pad + `"}` + "\n\n"
	stream := strings.Repeat(echo, 40) + say("a") + end
	s := newStream()
	most := 0
	var out bytes.Buffer
	for piece := range slices.Chunk([]byte(stream), 8<<10) {
		o, err := s.Push(piece)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(o)
		most = max(most, len(s.lead)+len(s.held))
	}
	if out.String() != stream || most > maxLead+2*bigEvent {
		t.Errorf("%d of %d bytes came, up to %d were held", out.Len(), len(stream), most)
	}
}

func TestBurstIsOneSliceOfWhatCame(t *testing.T) {
	s := newStream()
	burst := []byte(say("a") + "data: ping\n\n" + say("b") + "data:\n\n" + end + "junk")
	out, err := s.Push(burst)
	if want := say("a") + say("b") + end; string(out) != want || err != nil {
		t.Errorf("%v: %q", err, out)
	}
	if &out[0] != &burst[0] {
		t.Error("the burst was copied")
	}
}

func TestOrdinaryEventsDoNotAllocate(t *testing.T) {
	events := []byte(say("a") + ": ping\n\n" + say("b") + "data: x\n\n" + say("c"))
	half := len(events) - 10
	flows.AllocateNothing(t, newStream(), events[:half], events[half:])
}

func TestStreamCanBeUsedAgain(t *testing.T) {
	s, in := newStream(), new(plain)
	for _, stream := range []string{lead + say("a") + end, lead, lead + say("b") + "{", "data: {\"error\":\"x\"}\n\n"} {
		s.Reset(in)
		want, wantErr := flows.Run(newStream(), stream, 5)
		got, err := flows.Run(s, stream, 5)
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%q: %q, %v, want %q, %v", stream, got, err, want, wantErr)
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, s := range []string{lead + say("a") + say(`\n`) + stop + end, ": c\r\n\r\n" + strings.ReplaceAll(lead+say("b")+end, "\n", "\r\n"),
		say("a") + "event: error\ndata: {}\n\n", say("a") + "data: {\"count\":\r\rdata\r\r\n", "{\n\"error\":1}\n", lead + say("trigger"), lead + end + "x",
		"data: {\"k\":\"say\"}\r\r\ndata: {\"k\":\"end\"}\r\r\n"} {
		f.Add(s, uint16(1), uint16(7))
	}
	f.Fuzz(func(t *testing.T, stream string, a, b uint16) {
		flows.SameInPieces(t, func() flows.Flow { return newStream("trigger") }, stream, 1, int(a)+1, int(b)%20+1)
	})
}

func BenchmarkStream(b *testing.B) {
	one := []byte(say(strings.Repeat("w", 160)))
	b.Run("one event of 200 bytes a push", func(b *testing.B) { flows.Benchmark(b, newStream(), one, 1) })
	b.Run("50 events a push", func(b *testing.B) { flows.Benchmark(b, newStream(), bytes.Repeat(one, 50), 50) })
}
