package front_test

import (
	"errors"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/formats/openai"
	"uniapi/codec/front"
)

var like = front.NewLayout(fields.NewKnown("model", "stream", "talk", "tools"), "talk")

func TestReadHeadIsAsStrictAsThatOfChat(t *testing.T) {
	for _, body := range []string{``, `{`, `[]`, `null`, `{}`, `{"model":null}`, `{"model":5}`, `{"model":""}`, `{"model":" "}`, `{"model":"\x"}`, `{"model":"a\x"}`, "{\"model\":\"\xf9\"}",
		`{"model":"a","Model":"b"}`, `{"model":"a","stream":"yes"}`, `{"model":"a","stream":1}`, "\xff\xfe", `{"model":"m","talk":`,
		`{"model":"m"} {}`, `{"model":"a","model":"a"}`, `{"model":"m","stream":true,"\u0073tream":true}`, strings.Repeat("[", 200_000)} {
		_, want := openai.ReadHead([]byte(body))
		_, err := like.ReadHead([]byte(body))
		var e *codec.Error
		if !errors.As(err, &e) || e.Status != 400 || err.Error() != want.Error() {
			t.Errorf("%.40q: got %v, want %v", body, err, want)
		}
	}
}
