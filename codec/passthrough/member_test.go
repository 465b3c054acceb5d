package passthrough

import (
	"strings"
	"testing"

	"uniapi/codec/rawjson"
)

func TestEndMemberFindsWhatIsTheTextsOwn(t *testing.T) {
	for _, c := range []struct {
		tail    string
		deepest int
		want    string
	}{
		{`{"n":1}`, 1, "1"},
		{`{"n":1,"n":2}`, 1, "2"},
		{`"text cut off","n":1}`, 1, "1"},
		{`cut off","n" : {"a":[1]}}` + "\n\n", 1, `{"a":[1]}`},
		{`{"n":1,"m":{"n":2}}`, 1, "1"},
		{`{"n":1,"m":{"n":2}}`, 2, "2"},
		{`{"r":{"n":1,"m":{"n":2}},"s":3}`, 2, "1"},
		{`{"r":{"n":1,"m":[{"n":2}]},"s":3}`, 2, "1"},
		{`{"r":{"n":1,"m":{"n":"}}}{{{"}},"s":"\\"}`, 2, "1"},
		{`{"r":{"n":1,"m":"\\\"n\":2"}}`, 2, "1"},
		{`{"r":{"n":1,"m":"\\\\","k":"\"n\":2"}}`, 2, "1"},
		{`{"m":["n"],"k":"n"}`, 1, ""},
		{`{"m":{"n":2}}`, 1, ""},
		{`{"m":{"n":2}}`, 0, ""},
		{`n":2}`, 1, ""},
		{`{"n":`, 1, ""},
		{`"n"`, 1, ""},
		{"", 1, ""},
	} {
		if got := string(EndMember([]byte(c.tail), `"n"`, c.deepest).Raw([]byte(c.tail))); got != c.want {
			t.Errorf("%s, in %d at most: %q, want %q", c.tail, c.deepest, got, c.want)
		}
	}
}

// Of a whole text the member is the one that a reader of JSON finds; of its end the same or none.
func FuzzEndMember(f *testing.F) {
	f.Add(`{"n":1,"m":{"n":2,"k":["n",{"n":3}]},"k":"\"n\":4\\"}`, 5)
	f.Add(`{"n" : "a\\\"","n":[{}],"":{"n":{}}}`, 12)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		data := []byte(text)
		top, err := rawjson.One(data)
		if err != nil || top.Kind != rawjson.Object || strings.ContainsAny(text, "\n\r") {
			return
		}
		want := ""
		for it := top.Members(data); it.Next(); {
			if string(data[it.Key.Start:it.Key.End]) == `"n"` {
				want = string(it.Value.Raw(data))
			}
		}
		if got := string(EndMember(data, `"n"`, 1).Raw(data)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if cut < 0 || cut > len(data) {
			return
		}
		if got := string(EndMember(data[cut:], `"n"`, 1).Raw(data[cut:])); got != want && got != "" {
			t.Errorf("of the end %q: %q, want %q", data[cut:], got, want)
		}
	})
}
