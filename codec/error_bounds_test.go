package codec

import (
	"strings"
	"testing"
)

func TestExcerptIsGoodTextOfItsLength(t *testing.T) {
	for _, tt := range []struct {
		text string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"abé", 3, "ab…"}, {"日本", 4, "日…"}, {"a\xff", 3, "a\ufffd"}, {"\xff\xff\xff\xff\xff", 4, "\ufffd…"}, {"", 0, ""},
	} {
		if got := Excerpt(tt.text, tt.most); got != tt.want {
			t.Errorf("%q cut to %d: %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}

func TestBoundCutsWhatIsLong(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	e := Error{Message: long, Type: long, Code: long, Param: long, Reason: long, Raw: []byte(long)}
	e.Bound()
	if n := len(e.Message) + len(e.Type) + len(e.Code) + len(e.Param) + len(e.Reason) + len(e.Raw); n > messageLimit+4*wordLimit+100 {
		t.Errorf("%d bytes are left", n)
	}
	short := Error{Message: "no", Code: "c", Raw: []byte("{}")}
	short.Bound()
	if short.Message != "no" || short.Code != "c" || string(short.Raw) != "{}" {
		t.Errorf("%+v", short)
	}
}
