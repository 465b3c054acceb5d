package openai

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
)

// decodeAll gives a stream to a decoder in pieces of n bytes and writes the events down, the texts of one kind in a row
// joined.
func decodeAll(stream string, n int) (string, error) {
	d := Format{}.NewStreamDecoder()
	var out strings.Builder
	var events []codec.Event
	var err error
	last := codec.Event{Kind: codec.EventPing}
	note := func() {
		for _, e := range events {
			switch e.Kind {
			case codec.EventStart:
				fmt.Fprintf(&out, "start %s %s %d\n", e.ID, e.Name, e.Created)
			case codec.EventText, codec.EventReasoning, codec.EventRefusal, codec.EventToolArguments:
				word := map[codec.EventKind]string{codec.EventText: "text", codec.EventReasoning: "think", codec.EventRefusal: "refuse", codec.EventToolArguments: "args"}[e.Kind]
				if e.Kind != last.Kind || e.Index != last.Index || e.Choice != last.Choice {
					fmt.Fprintf(&out, "%s %d.%d ", word, e.Choice, e.Index)
				}
				fmt.Fprintf(&out, "%s|", e.Text)
			case codec.EventToolStart:
				fmt.Fprintf(&out, "\ncall %d.%d %s %s %s\n", e.Choice, e.Index, e.ID, e.Name, e.Signature.Value)
			case codec.EventReasoningEnd:
				info := codec.ReasoningInfo{}
				if e.Reasoning != nil {
					info = *e.Reasoning
				}
				fmt.Fprintf(&out, "\nproof %d %s %s %s %s %s\n", e.Choice, e.Signature.Provider, e.Signature.Value, info.Encrypted, info.ID, info.Format)
			case codec.EventFinish:
				fmt.Fprintf(&out, "\nfinish %d %s\n", e.Choice, finishWord(e.Finish, false))
			case codec.EventUsage:
				fmt.Fprintf(&out, "\nusage %d %d\n", e.Usage.Prompt, e.Usage.Completion)
			case codec.EventMedia:
				fmt.Fprintf(&out, "\nmedia %s\n", e.Media.MIME)
			case codec.EventCitation:
				fmt.Fprintf(&out, "\ncitation %s\n", e.Citation.URL)
			}
			last = e
		}
	}
	for piece := range slices.Chunk([]byte(stream), n) {
		if events, err = d.Push(events[:0], piece); err != nil {
			break
		}
		note()
		clear(piece) // events are not valid beyond their Push
	}
	if err == nil {
		events, err = d.End(events[:0])
	}
	note()
	return newID.ReplaceAllString(out.String(), "new"), err
}

// newID is an id that was made here.
var newID = regexp.MustCompile(`call_[a-z2-7]{26}`)

// calls is a stream with pieces of calls, each in a chunk of its own.
func calls(pieces ...string) string {
	stream := ""
	for _, p := range pieces {
		stream += delta(`{"tool_calls":[`+p+`]}`, ``)
	}
	return stream + doneEvent
}

func delta(delta, rest string) string {
	return `data: {"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":` + delta + rest + `}]}` + "\n\n"
}

func TestDecoderReadsWhatUpstreamsSend(t *testing.T) {
	for _, c := range []struct{ name, stream, want string }{
		{"text", first + word("a") + word(`\n\"\u00fc\"`) + finish + usageOnly + doneEvent, "start c  0\ntext 0.0 a|\n\"ü\"|\nusage 5 7\n\nfinish 0 stop\n"},
		{"a name and a time", delta(`{"content":"x"}`, `,"finish_reason":"length"`) + doneEvent, "start c m 7\ntext 0.0 x|\nfinish 0 length\n"},
		{"thinking by both names", delta(`{"reasoning_content":"a"}`, ``) + delta(`{"reasoning":"b"}`, ``) + delta(`{"content":"c"}`, ``) + doneEvent,
			"start c m 7\nthink 0.0 a|b|text 0.0 c|\nfinish 0 stop\n"},
		{"thinking in a list", delta(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"text","text":"b"}]}`, ``) + doneEvent,
			"start c m 7\nthink 0.0 a|text 0.0 b|\nfinish 0 stop\n"},
		{"bare texts in a list", delta(`{"content":["a",{"type":"text","text":"b"},""]}`, ``) + doneEvent, "start c m 7\ntext 0.0 a|b|\nfinish 0 stop\n"},
		{"parallel calls", delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}`, ``) +
			delta(`{"tool_calls":[{"index":2,"id":"b","function":{"name":"g","arguments":"{"}}]}`, ``) +
			delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":2,"function":{"arguments":"}"}}]}`, `,"finish_reason":"stop"`) + doneEvent,
			"start c m 7\n\ncall 0.0 a f \n\ncall 0.1 b g \nargs 0.1 {|args 0.0 {}|args 0.1 }|\nfinish 0 tool_calls\n"},
		{"calls without an index", delta(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":{"x":1}}}]}`, ``) +
			delta(`{"tool_calls":[{"function":{"arguments":" "}}]}`, ``) + doneEvent,
			"start c m 7\n\ncall 0.0 a f \nargs 0.0 {}|\ncall 0.1 b g \nargs 0.1 {\"x\":1}| |\nfinish 0 tool_calls\n"},
		{"a name that comes late", delta(`{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{"}}]}`, ``) +
			delta(`{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"}"}}]}`, ``) + doneEvent,
			"start c m 7\n\ncall 0.0 a f \nargs 0.0 {|}|\nfinish 0 tool_calls\n"},
		{"a thought signature", delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}]}`, ``) + doneEvent,
			"start c m 7\n\ncall 0.0 a f S\nargs 0.0 {}|\nfinish 0 tool_calls\n"},
		{"the old function call", delta(`{"function_call":{"name":"f","arguments":""}}`, ``) + delta(`{"function_call":{"arguments":"{}"}}`, `,"finish_reason":"function_call"`),
			"start c m 7\n\ncall 0.0 new f \nargs 0.0 {}|\nfinish 0 tool_calls\n"},
		{"calls of one number", calls(`{"index":0,"id":"a1","function":{"name":"f","arguments":"{}"}}`, `{"index":0,"id":"a2","function":{"name":"g","arguments":"{"}}`, `{"index":0,"function":{"arguments":"}"}}`),
			"start c m 7\n\ncall 0.0 a1 f \nargs 0.0 {}|\ncall 0.1 a2 g \nargs 0.1 {|}|\nfinish 0 tool_calls\n"},
		{"calls of one number in one chunk", calls(`{"index":0,"id":"a1","function":{"name":"f","arguments":"{}"}},{"index":0,"id":"a2","function":{"name":"f","arguments":"{}"}}`),
			"start c m 7\n\ncall 0.0 a1 f \nargs 0.0 {}|\ncall 0.1 a2 f \nargs 0.1 {}|\nfinish 0 tool_calls\n"},
		{"calls of one number in turn", calls(`{"index":0,"id":"a1","function":{"name":"f","arguments":"{"}}`, `{"index":0,"id":"a2","function":{"name":"g","arguments":"{"}}`,
			`{"index":0,"id":"a1","function":{"arguments":"}"}}`, `{"index":0,"id":"a2","function":{"arguments":"}"}}`),
			"start c m 7\n\ncall 0.0 a1 f \nargs 0.0 {|\ncall 0.1 a2 g \nargs 0.1 {|args 0.0 }|args 0.1 }|\nfinish 0 tool_calls\n"},
		{"a call of the same number whose name comes late", calls(`{"index":0,"id":"a1","function":{"name":"f","arguments":"{}"}}`, `{"index":0,"id":"a2"}`, `{"index":0,"function":{"name":"g"}}`),
			"start c m 7\n\ncall 0.0 a1 f \nargs 0.0 {}|\ncall 0.1 a2 g \n\nfinish 0 tool_calls\n"},
		{"calls of one number and no id", calls(`{"index":0,"function":{"name":"f","arguments":"{}"}}`, `{"index":0,"function":{"name":"g","arguments":"{}"}}`),
			"start c m 7\n\ncall 0.0 new f \nargs 0.0 {}|\ncall 0.1 new g \nargs 0.1 {}|\nfinish 0 tool_calls\n"},
		{"two of one tool without ids or numbers", calls(`{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{\"a\":1}"}}`, `{"function":{"name":"f","arguments":{"b":2}}}`),
			"start c m 7\n\ncall 0.0 new f \nargs 0.0 {}|\ncall 0.1 new f \nargs 0.1 {\"a\":1}|\ncall 0.2 new f \nargs 0.2 {\"b\":2}|\nfinish 0 tool_calls\n"},
		{"one in pieces that name it each time", calls(`{"function":{"name":"f","arguments":"{\"a\""}}`, `{"function":{"name":"f","arguments":":1}"}}`),
			"start c m 7\n\ncall 0.0 new f \nargs 0.0 {\"a\"|:1}|\nfinish 0 tool_calls\n"},
		{"an id that comes late", calls(`{"index":0,"function":{"arguments":""}}`, `{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`, `{"index":0,"id":"a","function":{"name":"f","arguments":" "}}`),
			"start c m 7\n\ncall 0.0 a f \nargs 0.0 {}| |\nfinish 0 tool_calls\n"},
		{"another id for every piece", calls(`{"index":0,"id":"a","function":{"name":"f","arguments":""}}`, `{"index":0,"id":"b","function":{"name":null,"arguments":"{"}}`, `{"index":0,"id":"c","function":{"arguments":"}"}}`),
			"start c m 7\n\ncall 0.0 a f \nargs 0.0 {|}|\nfinish 0 tool_calls\n"},
		{"sealed thinking", delta(`{"reasoning":"why","reasoning_details":[{"type":"reasoning.text","text":"why","format":"google-gemini-v1"}]}`, ``) +
			delta(`{"reasoning_details":[{"type":"reasoning.encrypted","data":"S","format":"google-gemini-v1","id":"t"}]}`, ``) + doneEvent,
			"start c m 7\nthink 0.0 why|\nproof 0   S t google-gemini-v1\n\nfinish 0 stop\n"},
		{"signed thinking in details alone", delta(`{"reasoning_details":[{"type":"reasoning.text","text":"why"}]}`, ``) + delta(`{"reasoning_details":[{"type":"reasoning.text","signature":"P","format":"anthropic-claude-v1"}]}`, ``) + doneEvent,
			"start c m 7\nthink 0.0 why|\nproof 0 anthropic P   anthropic-claude-v1\n\nfinish 0 stop\n"},
		{"blocks of thinking", delta(`{"reasoning_content":"why","thinking_blocks":[{"type":"thinking","thinking":"why","signature":null}]}`, ``) +
			delta(`{"thinking_blocks":[{"type":"thinking","thinking":"","signature":"P"}]}`, ``) + delta(`{"thinking_blocks":[{"type":"redacted_thinking","data":"D"}]}`, ``) + doneEvent,
			"start c m 7\nthink 0.0 why|\nproof 0 anthropic P   \n\nproof 0   D  \n\nfinish 0 stop\n"},
		{"pieces that are called messages", strings.ReplaceAll(word("a")+word("b"), `"delta"`, `"message"`) + doneEvent, "start c  0\ntext 0.0 a|b|\nfinish 0 stop\n"},
		{"a message beside an empty delta", `data: {"choices":[{"delta":{},"message":{"content":"whole"},"finish_reason":"stop"}]}` + "\n\n", "start   0\ntext 0.0 whole|\nfinish 0 stop\n"},
		{"what has come, again", word("a") + `data: {"choices":[{"delta":{"content":""},"message":{"content":"a"},"finish_reason":"stop"}]}` + "\n\n", "start c  0\ntext 0.0 a|\nfinish 0 stop\n"},
		{"usage in the choice", first + `data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":3.0,"completion_tokens":1.5,"cached_tokens":2}}]}` + "\n\n" + doneEvent,
			"start c  0\ntext 0.0 a|\nusage 3 2\n\nfinish 0 stop\n"},
		{"content behind two finishes", delta(`{}`, `,"finish_reason":"stop"`) + delta(`{"content":"late"}`, `,"finish_reason":"stop"`) + doneEvent,
			"start c m 7\ntext 0.0 late|\nfinish 0 stop\n"},
		{"two choices", strings.Replace(word("a"), `"index":0`, `"index":1`, 1) + word("b") + doneEvent, "start c  0\ntext 1.0 a|text 0.0 b|\nfinish 1 stop\n\nfinish 0 stop\n"},
		{"images and citations", delta(`{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}],"annotations":[{"url_citation":{"url":"u"}}]}`, ``) + doneEvent,
			"start c m 7\n\nmedia image/png\n\ncitation u\n\nfinish 0 stop\n"},
		{"a whole message", `data: {"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}` + "\n\n", "start   0\ntext 0.0 whole|\nfinish 0 stop\n"},
		{"no empty line at the end", strings.TrimSuffix(first+word("a")+finish+doneEvent, "\n\n"), "start c  0\ntext 0.0 a|\nfinish 0 stop\n"},
		{"Azure's first chunk", `data: {"choices":[],"prompt_filter_results":[{}]}` + "\n\n" + word("a") + doneEvent, "start   0\ntext 0.0 a|\nfinish 0 stop\n"},
		{"odd values", first + delta(`null`, ``) + `data: {"choices":null}` + "\n\ndata: ping\n\n" + delta(`{"tool_calls":null,"content":null}`, `,"finish_reason":""`) + doneEvent,
			"start c  0\n\nfinish 0 stop\n"},
	} {
		for _, n := range []int{1, 5, 64, 1 << 20} {
			if got, err := decodeAll(c.stream, n); got != c.want || err != nil {
				t.Errorf("%s by %d: %v\n got %q\nwant %q", c.name, n, err, got, c.want)
				break
			}
		}
	}
}

func TestNoTwoCallsOfAnAnswerHaveOneID(t *testing.T) {
	call := `{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}`
	whole, err := Format{}.DecodeResponse([]byte(`{"id":"c","choices":[{"message":{"role":"assistant","content":null,"tool_calls":[` + call + `,` + call + `]},"finish_reason":"tool_calls"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range whole.Choices[0].Message.Parts {
		ids = append(ids, p.Call.ID)
	}
	if len(ids) != 2 || ids[0] != "a" || ids[1] == "a" || ids[1] == "" {
		t.Errorf("the calls of a whole answer are %q", ids)
	}

	ids = nil
	d := Format{}.NewStreamDecoder()
	stream := delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}`, ``) +
		delta(`{"tool_calls":[{"index":1,"id":"a","function":{"name":"g","arguments":""}}]}`, ``) +
		delta(`{"tool_calls":[{"index":1,"id":"a","function":{"arguments":"{\"x\":1}"}},{"index":0,"function":{"arguments":"}"}}]}`, ``) + doneEvent
	arguments := map[int64]string{}
	events, err := d.Push(nil, []byte(stream))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		switch e.Kind {
		case codec.EventToolStart:
			ids = append(ids, e.ID)
		case codec.EventToolArguments:
			arguments[e.Index] += string(e.Text)
		}
	}
	if len(ids) != 2 || ids[0] != "a" || ids[1] == "a" || ids[1] == "" || arguments[0] != "{}" || arguments[1] != `{"x":1}` {
		t.Errorf("the calls of a stream are %q with %v", ids, arguments)
	}
}

func TestDecoderReportsBrokenStreams(t *testing.T) {
	for _, c := range []struct {
		name, stream, says string
		class              codec.Class
	}{
		{"nothing", "", "empty response", codec.Semantic},
		{"only [DONE]", doneEvent, "empty response", codec.Semantic},
		{"error object", first + `data: {"error":{"message":"x","code":429}}` + "\n\n", "x", codec.RateLimit},
		{"an error in the choice", first + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":429,"message":"slow"}}]}` + "\n\n", "slow", codec.RateLimit},
		{"an error in the choice of a word", first + `data: {"choices":[{"index":0,"finish_reason":"error","error":{"code":"503","message":"full"}}]}` + "\n\n", "full", codec.Unready},
		{"error event", "event: error\ndata: oops\n\n", "oops", codec.Semantic},
		{"HTML", "<html>\n", "HTML", codec.Semantic},
		{"not JSON", "data: hello\n\n", "not JSON", codec.Semantic},
		{"bad JSON later, and no more", first + "data: {\n\n", "ended before", codec.Cut},
		{"cut in an event", first + word("x")[:40], "ended before", codec.Cut},
		{"cut between events", first + word("x"), "ended before", codec.Cut},
		{"given up", first + strings.Replace(finish, "stop", "error", 1) + doneEvent, "could not finish", codec.Semantic},
	} {
		for _, n := range []int{1, 1000} {
			_, err := decodeAll(c.stream, n)
			if e, ok := err.(*codec.Error); !ok || e.Class != c.class || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s by %d: got %v", c.name, n, err)
			}
		}
	}
}

func encodeAll(q *codec.Request, events ...codec.Event) string {
	s := Format{}.NewStreamEncoder(q)
	var out []byte
	for i := range events {
		out = s.Append(out, &events[i])
	}
	return string(s.End(out))
}

func TestEncoderKeepsTheRulesOfStrictClients(t *testing.T) {
	usage := codec.Usage{Prompt: 5, Completion: 7}
	got := encodeAll(&codec.Request{Model: "asked", IncludeUsage: true},
		codec.Event{Kind: codec.EventStart, ID: "msg_1", Name: "upstream", Created: 7},
		codec.Event{Kind: codec.EventPing},
		codec.Event{Kind: codec.EventReasoning, Text: []byte("hm")},
		codec.Event{Kind: codec.EventReasoning, Text: []byte("hm")},
		codec.Event{Kind: codec.EventReasoningEnd, Signature: codec.Signature{Provider: "anthropic", Value: "sig"}},
		codec.Event{Kind: codec.EventReasoningEnd, Reasoning: &codec.ReasoningInfo{Encrypted: "zz"}},
		codec.Event{Kind: codec.EventText, Text: []byte("a\"\n")},
		codec.Event{Kind: codec.EventCitation, Citation: &codec.Citation{URL: "u", Title: "t"}},
		codec.Event{Kind: codec.EventToolStart, Index: 0, ID: "t1", Name: "f", Signature: codec.Signature{Provider: "google", Value: "g"}},
		codec.Event{Kind: codec.EventToolStart, Index: 1, ID: "t2", Name: "g"},
		codec.Event{Kind: codec.EventToolArguments, Index: 1, Text: []byte(`{"x":1}`)},
		codec.Event{Kind: codec.EventToolEnd, Index: 1},
		codec.Event{Kind: codec.EventUsage, Usage: usage},
		codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishToolCalls}},
		codec.Event{Kind: codec.EventText, Text: []byte("late")},
	)
	deltas := []string{
		`{"role":"assistant","content":""}`, `{"reasoning_content":"hm"}`, `{"reasoning_content":"hm"}`,
		`{"thinking_blocks":[{"type":"thinking","thinking":"hmhm","signature":"sig"}]}`, `{"thinking_blocks":[{"type":"redacted_thinking","data":"zz"}]}`,
		`{"content":"a\"\n"}`, `{"annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":0}}]}`,
		`{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""},"extra_content":{"google":{"thought_signature":"g"}}}]}`,
		`{"tool_calls":[{"index":1,"id":"t2","type":"function","function":{"name":"g","arguments":""}}]}`,
		`{"tool_calls":[{"index":1,"function":{"arguments":"{\"x\":1}"}}]}`, `{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`, `{}`,
	}
	want := ": keep-alive\n\n"
	for i, d := range deltas {
		reason := "null"
		if i == len(deltas)-1 {
			reason = `"tool_calls"`
		}
		want += `data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"asked","choices":[{"index":0,"delta":` + d +
			`,"logprobs":null,"finish_reason":` + reason + `}],"usage":null}` + "\n\n"
	}
	want += `data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"asked","choices":[],"usage":` + string(appendUsage(nil, usage)) + "}\n\n" + doneEvent
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	silent := encodeAll(&codec.Request{}, codec.Event{Kind: codec.EventText, Text: []byte("a")}, codec.Event{Kind: codec.EventUsage, Usage: usage})
	if strings.Contains(silent, "usage") {
		t.Errorf("usage for a client that did not ask: %s", silent)
	}
	legacy := encodeAll(&codec.Request{LegacyFunctions: true}, codec.Event{Kind: codec.EventToolStart, ID: "t", Name: "f"},
		codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishToolCalls}})
	if strings.Contains(legacy, "tool_calls") || !strings.Contains(legacy, `{"function_call":{"arguments":"{}"}}`) || !strings.Contains(legacy, `"finish_reason":"function_call"`) {
		t.Errorf("for a client of functions: %s", legacy)
	}
}

// translate decodes a stream and encodes its events again.
func translate(stream string, n int) (string, error) {
	d, s := Format{}.NewStreamDecoder(), Format{}.NewStreamEncoder(&codec.Request{Model: "m", IncludeUsage: true})
	var events []codec.Event
	var out []byte
	var err error
	for piece := range slices.Chunk([]byte(stream), n) {
		events, err = d.Push(events[:0], piece)
		for i := range events {
			out = s.Append(out, &events[i])
		}
		if err != nil {
			return string(out), err
		}
	}
	events, err = d.End(events[:0])
	for i := range events {
		out = s.Append(out, &events[i])
	}
	if err != nil {
		return string(out), err
	}
	return string(s.End(out)), nil
}

func TestTranslatedStreamSaysTheSame(t *testing.T) {
	stream := first + delta(`{"reasoning_content":"hm"}`, ``) + word("a") + word(`\u00fc`) +
		delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`, ``) + delta(`{}`, `,"finish_reason":"tool_calls"`) + usageOnly + doneEvent
	out, err := translate(stream, 7)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := decodeAll(stream, 1000)
	after, err := decodeAll(out, 1000)
	_, before, _ = strings.Cut(before, "\n")
	_, after, _ = strings.Cut(after, "\n")
	// The usage moves behind the finish chunk, where OpenAI has it; the decoder reports both the same way.
	if before != after || err != nil {
		t.Errorf("%v\n%q\n%q", err, before, after)
	}
}

func FuzzStreamDecoder(f *testing.F) {
	for _, s := range []string{first + word("a") + finish + usageOnly + doneEvent, delta(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}`, `,"finish_reason":"x"`),
		"event: error\r\n\r\n", delta(`{"content":[{"type":"text","text":"x"}]}`, "")} {
		f.Add(s, byte(3))
	}
	f.Fuzz(func(t *testing.T, stream string, n byte) {
		want, wantErr := translate(stream, len(stream)+1)
		got, err := translate(stream, int(n)+1)
		// Without an id and a time the encoder makes its own.
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || len(got) != len(want) {
			t.Fatalf("by %d: %v %q\nwhole: %v %q", n, err, got, wantErr, want)
		}
		if err != nil {
			return
		}
		for event := range strings.SplitSeq(got, "\n\n") {
			if data, ok := strings.CutPrefix(event, "data: "); ok && data != "[DONE]" && !json.Valid([]byte(data)) {
				t.Fatalf("not JSON: %s", data)
			}
		}
	})
}

func BenchmarkTranslateEvent(b *testing.B) {
	d, s := Format{}.NewStreamDecoder(), Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	event := []byte(ordinaryEvent(` w\"rd`))
	var events []codec.Event
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		events, _ = d.Push(events[:0], event)
		out = out[:0]
		for i := range events {
			out = s.Append(out, &events[i])
		}
	}
}
