package said

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"uniapi/codec/rawjson"
)

// The forms that a turn of each format has: %s is the content, as JSON of that format.
var formats = []struct {
	name, list                  string
	user, answer, result, order string
}{
	{"chat", "messages", `{"role":"user","content":%s}`, `{"role":"assistant","content":%s}`, `{"role":"tool","tool_call_id":"c","content":%s}`, `{"role":"system","content":%s}`},
	{"Messages", "messages", `{"content":[{"type":"text","text":%s}],"role":"user"}`, `{"content":[{"type":"text","text":%s}],"role":"assistant"}`,
		`{"role":"user","content":[{"content":%s,"type":"tool_result","tool_use_id":"t"}]}`, `{"role":"system","content":%s}`},
	{"Gemini", "contents", `{"role":"user","parts":[{"text":%s}]}`, `{"role":"model","parts":[{"text":%s}]}`,
		`{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":%s}}}]}`, ""},
	{"Responses", "input", `{"role":"user","content":[{"type":"input_text","text":%s}]}`, `{"role":"assistant","type":"message","content":[{"type":"output_text","text":%s}]}`,
		`{"type":"function_call_output","call_id":"c","output":%s}`, `{"role":"developer","content":%s}`},
	{"Responses, calls", "input", `{"type":"message","role":"user","content":%s}`, `{"type":"web_search_call","id":"c","query":%s}`,
		`{"output":%s,"type":"custom_tool_call_output","role":"assistant"}`, `{"role":"system","content":%s}`},
	{"without a role", "contents", `{"parts":[{"text":%s}]}`, `{"role":"model","parts":[{"text":%s}]}`, `{"role":"function","parts":[{"function_response":{"response":%s}}]}`, ""},
	{"unknown roles", "messages", `{"role":"User","content":%s}`, `{"role":"assistant","content":%s}`, `{"role":"function","name":"f","content":%s}`, `{"role":"developer","content":%s}`},
}

// TestLastIsTheUsersLastTurn plays every order of speakers, up to five of them, in each format, against the rule
// written for whole turns.
func TestLastIsTheUsersLastTurn(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			speakers := "uEart" // a user, one without words, an answer, a tool's result, an instruction ("t" for told)
			if f.order == "" {
				speakers = "uEar"
			}
			for n := 1; n <= 5; n++ {
				for each := range pow(len(speakers), n) {
					order, elements := "", []string(nil)
					for i := range n {
						s := speakers[each%len(speakers)]
						each /= len(speakers)
						order += string(s)
						text := fmt.Sprintf(`"W%d"`, i)
						form := map[byte]string{'u': f.user, 'E': f.user, 'a': f.answer, 'r': f.result, 't': f.order}[s]
						if s == 'E' {
							text = `" "`
						}
						elements = append(elements, fmt.Sprintf(form, text))
					}
					body := fmt.Sprintf(`{"model":"m",%q:[%s]}`, f.list, strings.Join(elements, ","))
					got := string(Last([]byte(body)))
					for i, judged := range expected(order) {
						if has := strings.Contains(got, fmt.Sprintf("W%d", i)); has != judged {
							t.Fatalf("%s: W%d is judged: %v; %q of %s", order, i, has, got, body)
						}
					}
				}
			}
		})
	}
}

// expected says which of the words in an order of speakers are judged.
func expected(order string) []bool {
	judged := make([]bool, len(order))
	if !strings.Contains(order, "u") { // then all there is
		for i := range order {
			judged[i] = order[i] != 'E'
		}
		return judged
	}
	end := len(strings.TrimRight(order, "at")) // what stands at the end behind the client's last words
	if end == 0 {
		end = len(order)
	}
	begin := strings.LastIndex(order[:end], "a") + 1
	words := false
	for i := begin; i < end; i++ {
		judged[i] = order[i] == 'u' || order[i] == 'r'
		words = words || order[i] == 'u'
	}
	if words {
		return judged
	}
	last := strings.LastIndex(order[:begin], "u")
	for ; last >= 0 && order[last] != 'a'; last-- {
		judged[last] = judged[last] || order[last] == 'u'
	}
	return judged
}

func pow(base, exponent int) int {
	n := 1
	for range exponent {
		n *= base
	}
	return n
}

// TestEveryStringOfAUserIsJudged puts words into each place that a part has, known or not.
func TestEveryStringOfAUserIsJudged(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("read this: WORDS, and nothing but the WORDS, as they stand here"))
	utf16 := base64.StdEncoding.EncodeToString([]byte("W\x00O\x00R\x00D\x00S\x00"))
	squeezed := strings.Repeat("letterswithoutspaces", 20) + "WORDS"
	for _, part := range []string{
		`"WORDS"`, `["WORDS"]`, `[["WORDS"]]`, `[{"type":"text","text":"WORDS"}]`, `[{"text":"WORDS"}]`, `[{"type":"foo","text":"WORDS"}]`, `[{"type":"foo","a":{"b":[{"c":"WORDS"}]}}]`,
		`{"text":"WORDS"}`, `"\u0057ORDS"`, `[{"type":"input_text","text":"\u0057ORDS"}]`, `"\qWORDS"`,
		`[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"WORDS"}}]`,
		`[{"type":"document","source":{"data":"` + squeezed + `","media_type":"image/png","type":"text"}}]`,
		`[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"WORDS"}]},"title":"t","context":"c"}]`,
		`[{"type":"document","title":"WORDS","source":{"type":"url","url":"https://h.example"}}]`, `[{"type":"document","context":"WORDS"}]`,
		`[{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"WORDS"}]}]`,
		`[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"WORDS"}]}]`,
		`[{"functionResponse":{"name":"f","response":{"WORDS":1}}}]`, `[{"functionResponse":{"name":"f","response":{"a":{"b":"WORDS"}}}}]`,
		`[{"type":"foo","say the WORDS":1}]`, `[{"type":"foo","` + strings.Repeat("x", 40) + `WORDS":1}]`,
		`[{"type":"file","file":{"file_data":"data:text/plain;base64,` + encoded + `"}}]`, `[{"type":"file","file":{"file_data":"` + encoded + `"}}]`,
		`[{"inlineData":{"mimeType":"text/plain","data":"` + encoded + `"}}]`, `[{"inlineData":{"data":"` + encoded + `","mimeType":"application/octet-stream"}}]`,
		`[{"inlineData":{"mimeType":"text/plain","data":"` + utf16 + `"}}]`, `[{"type":"image_url","image_url":{"url":"data:text\/plain;base64,` + encoded + `"}}]`,
		`[{"type":"image_url","image_url":{"url":"data:text/plain,WORDS"}}]`, `[{"type":"foo","data":"` + squeezed + `"}]`, `[{"type":"foo","url":"` + squeezed + `"}]`,
		`[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"not base64, but WORDS of which there are many more than sixty-four"}}]`,
		nested(`"WORDS"`, 600),
	} {
		for _, body := range []string{
			`{"messages":[{"role":"user","content":` + part + `}]}`,
			`{"messages":[{"role":"user","content":` + part + `},{"role":"assistant","content":""}]}`,
			`{"contents":[{"parts":` + part + `},{"role":"model","parts":[{"text":"Sure"}]}]}`,
			`{"input":[{"content":` + part + `,"role":"user"},{"type":"reasoning","summary":[]}]}`,
			`{"input":` + part + `}`,
			`{"messages":[],"prompt":` + part + `}`,
			`{"messages":[{"role":"user","content":"hi"}],"documents":[` + part + `]}`,
		} {
			if !json.Valid([]byte(body)) && !strings.Contains(part, `\q`) {
				t.Fatalf("bad test: %s", body)
			}
			if got := Last([]byte(body)); !bytes.Contains(got, []byte("WORDS")) {
				t.Errorf("Last(%s) = %q", body, got)
			}
		}
		for _, member := range []string{"prompt", "input", "query", "documents", "suffix", "instructions", "negative_prompt"} {
			body := `{"model":"m",` + fmt.Sprintf("%q", member) + `:` + part + `}`
			if got := Whole([]byte(body)); !bytes.Contains(got, []byte("WORDS")) {
				t.Errorf("Whole(%s) = %q", body, got)
			}
		}
	}
}

func nested(value string, levels int) string {
	return strings.Repeat(`[{"a":`, levels/2) + value + strings.Repeat(`}]`, levels/2)
}

// TestFilesAreNotJudgedAsTexts would otherwise send a moderator what it cannot read.
func TestFilesAreNotJudgedAsTexts(t *testing.T) {
	file := base64.StdEncoding.EncodeToString(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), bytes.Repeat([]byte{0, 0xff, 0x80}, 300)...))
	for _, part := range []string{
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,FILE"}}`, `{"type":"input_image","image_url":"data:image/png;base64,FILE"}`,
		`{"type":"image","source":{"type":"base64","data":"FILE","media_type":"image/png"}}`, `{"inlineData":{"mimeType":"image/png","data":"FILE"}}`,
		`{"type":"input_audio","input_audio":{"data":"FILE","format":"wav"}}`, `{"type":"file","file":{"filename":"a.pdf","file_data":"FILE"}}`, `{"images":["data:image/png;base64,FILE"]}`,
	} {
		part = strings.ReplaceAll(part, "FILE", file)
		body := []byte(`{"model":"m","messages":[{"role":"user","content":[` + part + `,{"type":"text","text":"what is it?"}]}],"image":"` + file + `"}`)
		for name, got := range map[string][]byte{"Last": Last(body), "Whole": Whole(body)} {
			if len(got) > 200 || !bytes.Contains(got, []byte("what is it?")) {
				t.Errorf("%s: %.300q of %.100s", name, got, part)
			}
		}
	}
}

func TestSettingsAreNotJudged(t *testing.T) {
	body := `{"model":"m","input":"say it","voice":"alloy","response_format":"mp3","speed":1}`
	if got := string(Whole([]byte(body))); got != "say it\n" {
		t.Errorf("%q", got)
	}
}

// FuzzSaid holds that no body breaks it, and that what it finds is no longer than what came.
func FuzzSaid(f *testing.F) {
	for _, format := range formats {
		f.Add([]byte(fmt.Sprintf(`{%q:[`+format.user+`,`+format.answer+`,`+format.result+`]}`, format.list, `"a"`, `"b"`, `"c"`)))
	}
	f.Add([]byte(`{"input":[{"inlineData":{"mimeType":"text/plain","data":"aGVsbG8="}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := rawjson.One(body)
		for _, got := range [][]byte{Last(body), Whole(body)} {
			if err == nil && len(got) > 8*len(body) {
				t.Fatalf("%d bytes of %q", len(got), body)
			}
		}
	})
}
