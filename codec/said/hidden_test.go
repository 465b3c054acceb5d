package said

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestWordsInPlacesOfTheFormatAreJudged puts words where a format has one of its own, or a name, or a number.
func TestWordsInPlacesOfTheFormatAreJudged(t *testing.T) {
	for _, body := range []string{
		`{"messages":[{"role":"WORDS","content":"x"}]}`, `{"messages":[{"role":"user","type":"WORDS","content":"x"}]}`,
		`{"messages":[{"role":"user","content":[{"type":"WORDS","text":"x"}]}]}`, `{"messages":[{"role":"user","content":[{"type":"text","text":"x","WORDS":{"role":"user"}}]}]}`,
		`{"contents":[{"role":"WORDS","parts":[{"text":"x"}]}]}`, `{"input":[{"role":"user","content":"x"},{"type":"WORDS"}]}`,
		`{"contents":[{"parts":[{"text":"x"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":{"type":"WORDS"}}}}]}]}`,
		`{"contents":[{"parts":[{"text":"x"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":{"b":{"WORDS":1}}}}}]}]}`,
		`{"contents":[{"parts":[{"text":"x"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":[{"role":"WORDS"}]}}}]}]}`,
		`{"contents":[{"parts":[{"text":"x"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"data":"WORDS","mimeType":"image/png"}}}]}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"WORDS\"}"}}]},{"role":"tool","content":"y"}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"WORDS":{"type":"text"}}}]},{"role":"user","content":[{"type":"tool_result","content":"y"}]}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":{"type":"WORDS"}}}]}]}`,
		`{"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":{"WORDS":1}}}}]},{"parts":[{"functionResponse":{"name":"f","response":{"a":1}}}]}]}`,
		`{"input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"WORDS\":1}"},{"type":"function_call_output","call_id":"c","output":"y"}]}`,
		`{"input":[{"role":"user","content":"x"},{"type":"function_call_output","call_id":"c","output":[{"type":"WORDS","text":"y"}]}]}`,
		`{"input":[{"role":"user","content":"x"},{"type":"shell_call_output","call_id":"c","output":[{"stdout":"y","WORDS":"z"}]}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"tool","content":"y","structured":{"a":{"WORDS":true}}}]}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"x","my_member":[{"image":"V09SRFM=","b":"WORDS"}]}]}]}`,
		`{"messages":[{"role":"user","content":"x","WORDS":null}]}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:text/plain,%57ORDS"}}]}]}`,
		`{"prompt":"x","user":"` + strings.Repeat("x ", 100) + `WORDS"}`,
	} {
		if !json.Valid([]byte(body)) {
			t.Fatalf("bad test: %s", body)
		}
		if got := Last([]byte(body)); !bytes.Contains(got, []byte("WORDS")) && strings.Contains(body, `"messages"`) {
			t.Errorf("Last(%s) = %q", body, got)
		}
		if got := Whole([]byte(body)); !bytes.Contains(got, []byte("WORDS")) {
			t.Errorf("Whole(%s) = %q", body, got)
		}
	}
	if got := string(Last([]byte(`{"contents":[{"parts":[{"text":"x"},{"functionResponse":{"name":"f","response":{"a":1234567,"b":[true,null]}}}]}]}`))); !strings.Contains(got, "1234567\n") || !strings.Contains(got, "true\nnull\n") {
		t.Errorf("numbers, true and null of a result: %q", got)
	}
}

// TestWordsOfTheFormatAreNotJudged keeps what every request has away from the moderator.
func TestWordsOfTheFormatAreNotJudged(t *testing.T) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"hi"}],"stream":true,"temperature":0.5,"stream_options":{"include_usage":true}}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`,
		`{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"safetySettings":[{"category":"A","threshold":"B"}]}`,
		`{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],"store":false}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}]}`,
	} {
		if got := string(Last([]byte(body))); got != "hi\n" {
			t.Errorf("Last(%s) = %q", body, got)
		}
	}
	if got := string(Whole([]byte(`{"model":"m","prompt":"hi","stream_options":{"include_usage":true},"n":1}`))); got != "hi\n" {
		t.Errorf("Whole: %q", got)
	}
}

// encodings are those that texts come in.
var encodings = map[string]func(text string) []byte{
	"UTF-8":                func(text string) []byte { return []byte(text) },
	"Latin-1":              western,
	"UTF-16LE":             func(text string) []byte { return wide(text, binary.LittleEndian) },
	"UTF-16BE":             func(text string) []byte { return wide(text, binary.BigEndian) },
	"UTF-16LE with a mark": func(text string) []byte { return wide("\ufeff"+text, binary.LittleEndian) },
	"UTF-16BE with a mark": func(text string) []byte { return wide("\ufeff"+text, binary.BigEndian) },
	"UTF-32LE": func(text string) (out []byte) {
		for _, r := range text {
			out = binary.LittleEndian.AppendUint32(out, uint32(r))
		}
		return out
	},
	"UTF-32BE": func(text string) (out []byte) {
		for _, r := range text {
			out = binary.BigEndian.AppendUint32(out, uint32(r))
		}
		return out
	},
}

func western(text string) (out []byte) {
	for _, r := range text {
		if r > 0xff {
			return []byte(text)
		}
		out = append(out, byte(r))
	}
	return out
}

func wide(text string, order binary.AppendByteOrder) (out []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

// TestTextsInFilesAreJudgedInEveryEncoding has files that are told to be texts, and files of which nobody says what
// they are.
func TestTextsInFilesAreJudgedInEveryEncoding(t *testing.T) {
	for name, encode := range encodings {
		for _, words := range []string{"Söhne töten, wie geht das? SECRET WORDS", "слова, которых нельзя говорить никому", "禁止说的话,任何人都不能说,真的不能说"} {
			content := encode(words + "\r\n" + words)
			encoded := base64.StdEncoding.EncodeToString(content)
			wrapped := encoded[:20] + `\r\n` + encoded[20:]
			padded := base64.StdEncoding.EncodeToString(content[:4]) + base64.StdEncoding.EncodeToString(content[4:])
			odd := base64.StdEncoding.EncodeToString(append([]byte("\x01\x00\x00\x00"), content...))
			for _, part := range []string{
				`{"inlineData":{"mimeType":"text/plain","data":"` + encoded + `"}}`, `{"inlineData":{"data":"` + encoded + `","mimeType":"application/json"}}`,
				`{"inlineData":{"mimeType":"TEXT/csv; charset=x","data":"` + wrapped + `"}}`, `{"inlineData":{"mimeType":"text/plain","data":"` + padded + `"}}`,
				`{"type":"file","file":{"filename":"a.txt","file_data":"` + odd + `"}}`, `{"inlineData":{"mimeType":"text/plain","data":"` + odd + `"}}`,
				`{"inlineData":{"mimeType":"text/plain","data":"` + encoded[:12] + `*` + encoded[12:] + `"}}`,
				`{"type":"input_file","filename":"a.md","file_data":"data:;BASE64,` + encoded + `"}`, `{"type":"input_file","file_data":"` + encoded + `"}`,
				`{"inlineData":{"mimeType":"application/octet-stream","data":"` + encoded + `"}}`,
				`{"type":"file","file":{"file_data":"data:text/plain;x=` + strings.Repeat("y", 600) + `;base64,` + encoded + `"}}`,
				`{"fileData":{"fileUri":"data:text/plain;base64,` + encoded + `"}}`, `{"type":"foo","source":"DATA:text/plain;base64,` + encoded + `"}`,
				`{"type":"file","file":{"file_data":"data:application/x-unknown;base64,` + encoded + `"}}`,
			} {
				body := fmt.Sprintf(`{"messages":[{"role":"user","content":[%s,{"type":"text","text":"sum it up"}]}]}`, part)
				if got := Last([]byte(body)); !bytes.Contains(got, []byte(words)) {
					t.Errorf("%s: %q is not in %.300q of %.200s", name, words, got, part)
				}
			}
			if !IsText(content) {
				t.Errorf("%s: %q is no text", name, words)
			}
		}
	}
}

// TestJudgedAsksForRoom holds that readings of odd files are not made without it.
func TestJudgedAsksForRoom(t *testing.T) {
	content := base64.StdEncoding.EncodeToString(western(strings.Repeat("Söhne ", 1000)))
	body := []byte(`{"messages":[{"role":"user","content":[{"inlineData":{"mimeType":"text/plain","data":"` + content + `"}}]}]}`)
	asked := 0
	got, err := Judged(body, false, func(extra int) error { asked += extra; return nil })
	if err != nil || !bytes.Contains(got, []byte("Söhne")) || asked < 6000 {
		t.Errorf("%d asked for, %v", asked, err)
	}
	full := fmt.Errorf("full")
	if got, err := Judged(body, false, func(int) error { return full }); err != full || len(got) > 100 {
		t.Errorf("%d bytes without room, %v", len(got), err)
	}
}

func TestTokensAreNoWords(t *testing.T) {
	for body, want := range map[string]bool{`{"prompt":[1,2]}`: true, `{"prompt":[[1],[2]]}`: true, `{"prompt":["a"]}`: false, `{"prompt":"1"}`: false, `{"input":[["a",7]]}`: true,
		`{"messages":[{"content":[1]}],"n":1,"stop_token_ids":[1]}`: false} {
		if Tokens([]byte(body)) != want {
			t.Errorf("%s", body)
		}
	}
}
