package otlp

import "testing"

func TestAnswersTellWhatWasNotTaken(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		want         Partial
		wrong        bool
	}{
		{name: "nothing"},
		{name: "all is well", answer: "\x0a\x00"},
		{name: "some were rejected", answer: "\x0a\x06\x08\x05\x12\x02no", want: Partial{5, "no"}},
		{name: "a warning", answer: "\x0a\x04\x12\x02hm", want: Partial{0, "hm"}},
		{name: "fewer than none", answer: "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", want: Partial{}},
		{name: "fields of a later version", answer: "\x15\x01\x02\x03\x04\x0a\x04\x18\x01\x08\x02\x1a\x01x", want: Partial{2, ""}},
		{name: "other kinds of the same fields", answer: "\x08\x07\x0a\x04\x0a\x00\x10\x01", want: Partial{}},
		{name: "a page", answer: "<html>", wrong: true},
		{name: "cut", answer: "\x0a\x06\x08\x05", wrong: true},
	} {
		if p, err := readPartial([]byte(c.answer)); (err != nil) != c.wrong || !c.wrong && p != c.want {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
}

func TestErrorsOfACollectorAreRead(t *testing.T) {
	for answer, want := range map[string]string{"\x08\x03\x12\x03bad": "bad", "": "", "<html>": "", "\x12\x09bad": ""} {
		if got := readStatus([]byte(answer)); got != want {
			t.Errorf("%q: %q", answer, got)
		}
	}
}

func FuzzReadPartial(f *testing.F) {
	for _, answer := range []string{"", "\x0a\x06\x08\x05\x12\x02no", "\x15\x01\x02\x03\x04", "\x0b\x0c", "<html>"} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		p, err := readPartial(answer)
		if p.Rejected < 0 || len(p.Message) > len(answer) || err != nil && err.Error() == "" {
			t.Errorf("%+v, %v", p, err)
		}
		if len(readStatus(answer)) > len(answer) {
			t.Error("a message is longer than what it is in")
		}
	})
}
