package responses

import (
	"strings"
	"testing"

	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// wholeAnswer is an answer of some length, as OpenAI writes it.
func wholeAnswer() []byte {
	words := strings.Repeat(`a few words, \"quoted\", and a line\n`, 300)
	return []byte(`{"id":"resp_1","object":"response","created_at":1,"status":"completed","error":null,"incomplete_details":null,"instructions":"` + words[:600] + `","model":"m","output":[` +
		`{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"` + strings.Repeat("QUJD", 500) + `"},` +
		`{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"` + words + `","annotations":[],"logprobs":[]}]}],` +
		`"parallel_tool_calls":true,"tools":[],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}`)
}

// anyRoom has room for everything.
type anyRoom struct{}

func (anyRoom) Room(int) error { return nil }

func BenchmarkWholeAnswer(b *testing.B) {
	body := wholeAnswer()
	b.Run("that passes", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if u, anew, err := (inbound{}).Check(body, front.From{Format: Format{}}, anyRoom{}); err != nil || anew != nil || u.Total != 5 {
				b.Fatal(u, err)
			}
		}
	})
	b.Run("that is translated", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if a, err := (Format{}).DecodeResponse(body); err != nil || a.Usage.Total != 5 {
				b.Fatal(err)
			}
		}
	})
}

// items are those of answers, with whether they say anything.
var items = map[string]bool{
	`{"type":"message","content":[]}`:                                                  false,
	`{"type":"message","content":[{"type":"output_text","text":""}]}`:                  false,
	`{"type":"message","content":[{"type":"output_text","text":""},{"refusal":"no"}]}`: true,
	`{"content":[{"text":"x"}],"type":"message"}`:                                      true,
	`{"type":"message","content":"x"}`:                                                 false,
	`{"type":"reasoning","summary":[]}`:                                                false,
	`{"type":"reasoning","summary":[ ],"content":null,"encrypted_content":"x"}`:        true,
	`{"type":"reasoning","content":[{"type":"reasoning_text","text":""}]}`:             true,
	`{"type":"function_call","name":"f"}`:                                              true,
	`{"type":"web_search_call","status":"completed","action":{"type":"search"}}`:       true,
	`{}`:                         true,
	`null`:                       false,
	`"x"`:                        false,
	`[{"type":"function_call"}]`: false,
	`{"type":"message","content":[[{"text":"x"}],{"text":{"a":"b"},"annotations":[{"x":[]}]}]}`: true,
}

func TestWholeAnswerSaysWhatItsItemsSay(t *testing.T) {
	for item, says := range items {
		body := []byte(`{"object":"response","output":[` + item + `],"status":"completed","id":"r"}`)
		var w whole
		err := w.check(body, nil)
		if (err == nil) != says || !w.named || !w.listed {
			t.Errorf("%s: %v, %+v", item, err, w)
		}
		if says != passAnySays(body, front.Member(body, "output")) {
			t.Errorf("%s: in a stream it says another thing", item)
		}
	}
}

func TestWholeAnswerThatIsNone(t *testing.T) {
	for body, says := range map[string]string{
		`{"error":{"message":"bad"},"output":[{}]}`:   "bad",
		`{"type":"error","code":"x","message":"bad"}`: "bad",
		`{"output":[{"type":"function_call"}`:         "JSON",
		`{"output":[{"type":"message","content":[}]}`: "JSON",
		`{"status":"failed","output":[]}`:             "gave the response up",
		`<html>`:                                      "",
		`{"output":{}}`:                               "",
	} {
		_, err := CheckAnswer([]byte(body), nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzWholeAnswer has what is read in one walk be what is read value by value.
func FuzzWholeAnswer(f *testing.F) {
	for item := range items {
		f.Add([]byte(`{"output":[` + item + `,` + item + `],"id":""}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var w whole
		if w.read(body) != nil {
			return
		}
		output := rawjson.Value{}
		for it := rawjson.MembersOf(body); it.Next(); {
			if it.Name() == "output" {
				output = it.Value
			}
		}
		if said, n := passAnySays(body, output), searchesIn(body, output); w.said != said || w.searches != n {
			t.Errorf("one walk says %v and %d searches, and value by value %v and %d: %s", w.said, w.searches, said, n, body)
		}
	})
}
