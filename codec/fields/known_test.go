package fields

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// walk takes all members of a body.
func walk(k *Known, body []byte) (seen Seen, err *codec.Error) {
	it := rawjson.MembersOf(body)
	for it.Step() {
		n, err := k.Take(&seen, &it)
		marked := false
		if err == nil {
			marked, err = k.Enter(n, body, it.Whole())
		}
		seen.Marked = seen.Marked || marked
		if err != nil {
			return seen, err
		}
	}
	return seen, nil
}

var (
	chat  = NewKnown("model", "models", "n", "top_p", "topWord", "inner").Inside("inner", NewKnown("effort", "deep").Mark("deep")).Mark("models")
	proto = NewKnown("topP", "generationConfig").Camel()
)

func TestKnownMembersMayComeOnce(t *testing.T) {
	for _, c := range []struct {
		known       *Known
		body, param string // "" passes
	}{
		{chat, `{"model":1,"n":2,"x":3,"inner":{"effort":1}}`, ""},
		{chat, `{"x":1,"x":2,"inner":{"x":1,"x":2}}`, ""},
		{chat, `{"model":1,"n":2,"model":1}`, "model"},
		{chat, `{"model":1,"\u006dodel":1}`, "model"},
		{chat, `{"m\u006fdel":1,"model":1}`, "model"},
		{chat, `{"inner":{"effort":1,"deep":2,"effort":1}}`, "inner.effort"},
		{chat, `{"inner":[{"effort":1},1,[{"effort":1,"effort":1}],{"effort":1,"x":1,"x":1}]}`, ""},
		{chat, `{"inner":[{"effort":1},{"effort":1,"effort":1}]}`, "inner[1].effort"},
		{chat, `{"Model":1}`, "Model"},
		{chat, `{"MODEL":1,"model":1}`, "MODEL"},
		{chat, `{"\u004dodel":1}`, "Model"},
		{chat, `{"model\u017f":1}`, "modelſ"}, // Go's encoding/json reads it as an s
		{chat, `{"topword":1}`, "topword"},
		{chat, `{"model\u0000":1}`, "model\x00"},
		{chat, `{"model\u0000x":1}`, "model\x00x"},
		{chat, `{"x\u0000model":1}`, ""},
		{chat, `{"inner":{"Effort":1}}`, "inner.Effort"},
		{chat, `{"":1,"":2,"model ":1," model":1,"m":1,"модель":1}`, ""},
		{proto, `{"topP":1,"top_p":1}`, "topP"},
		{proto, `{"top_p":1,"top_p":1}`, "topP"},
		{proto, `{"TopP":1}`, "TopP"},
		{proto, `{"topp":1}`, "topp"},
		{proto, `{"generation_Config":1}`, "generation_Config"},
		{proto, `{"generation_config":1,"top_p":1,"x":1,"x":1}`, ""},
	} {
		_, err := walk(c.known, []byte(c.body))
		switch {
		case c.param == "" && err != nil:
			t.Errorf("%s: %v", c.body, err)
		case c.param != "" && (err == nil || err.Param != c.param || err.Status != 400 || !strings.Contains(err.Message, "'"+c.param+"'")):
			t.Errorf("%s: got %+v, want one about %q", c.body, err, c.param)
		}
	}
	for _, body := range []string{`{"\x":1}`, "{\"mo\ndel\":1}", "{\"mo\xffdel\":1}", `{"model\u00":1}`} {
		if _, err := walk(chat, []byte(body)); err == nil || !strings.Contains(err.Message, "not valid JSON") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestKnownTellsOfMarkedMembers(t *testing.T) {
	for body, want := range map[string]bool{`{"model":1}`: false, `{"models":1}`: true, `{"inner":{"deep":1}}`: true, `{"inner":{"effort":1}}`: false, `{"x":{"models":1}}`: false} {
		if seen, err := walk(chat, []byte(body)); err != nil || seen.Marked != want {
			t.Errorf("%s: %v, %v", body, seen.Marked, err)
		}
	}
}

func TestKnownHoldsUpTo128Names(t *testing.T) {
	names := make([]string, mostKnown)
	for i := range names {
		names[i] = fmt.Sprintf("a_member_%c%d", 'a'+i%26, i)
	}
	k := NewKnown(names...)
	for i, name := range names {
		if k.Number(name) != i || k.Number(name+"x") >= 0 {
			t.Errorf("%s has number %d", name, k.Number(name))
		}
	}
	for name, list := range map[string][]string{"129 names": append(names, "x"), "a name twice": {"x", "y", "x"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it does not panic", name)
				}
			}()
			NewKnown(list...)
		}()
	}
}

func TestKnownAllocatesNothing(t *testing.T) {
	body := []byte(`{"model":"m","n":1,"x":[1,2],"top_p":0.5,"other_member":null,"inner":{"effort":"low"}}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := walk(chat, body); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzKnown(f *testing.F) {
	f.Add([]byte(`{"model":1,"n":2,"\u006dodel":1,"inner":{"Effort":1}}`))
	f.Add([]byte(`{"top_p":1,"topP":1,"model\u0000":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, k := range []*Known{chat, proto} {
			_, err := walk(k, body)
			var e *codec.Error
			if err != nil && (!errors.As(err, &e) || e.Status != 400 || e.Message == "") {
				t.Fatalf("%s: %v", body, err)
			}
			// What passes has each known member once, however a reader compares names.
			if err == nil {
				once(t, k, body)
			}
		}
	})
}

// once fails if a body has two members that are the same known one to a reader that ignores case.
func once(t *testing.T, k *Known, body []byte) {
	count := make(map[string]int)
	it := rawjson.MembersOf(body)
	for it.Next() {
		name, _, _ := strings.Cut(it.Name(), "\x00")
		if k.camel {
			name = Camel(name)
		}
		for _, known := range k.names {
			if strings.EqualFold(name, known) {
				count[known]++
			}
		}
	}
	for name, n := range count {
		if n > 1 {
			t.Fatalf("%s has %s %d times", body, name, n)
		}
	}
}
