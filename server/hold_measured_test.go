//go:build !race

package server

import (
	"maps"
	"slices"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats"
	"uniapi/codec/formats/openai"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/strip"
	"uniapi/codec/toolid"
)

func TestWhatIsMadeOfARequestTakesNoMoreThanWasReckoned(t *testing.T) {
	const size = 64 << 10
	for _, from := range slices.Sorted(maps.Keys(worst)) {
		for name, text := range worst[from](size) {
			t.Run(from+"/"+name, func(t *testing.T) {
				body := []byte(text)
				var request *codec.Request
				var err error
				allocated, live := work(func() any {
					request, err = formats.All[from].DecodeRequest(body)
					return request
				})
				if most := decodingOf(body); live > most+slack || allocated > garbage*most+slack {
					t.Errorf("decoding %d bytes takes %d and allocates %d, reckoned were %d", len(body), live, allocated, most)
				}
				if err != nil {
					return
				}
				w := weigh(request, body, decodingOf(body))
				if w.kept > decodingOf(body) || live > w.kept+slack {
					t.Errorf("%d bytes stay, reckoned were %d, %d while it was read", live, w.kept, decodingOf(body))
				}
				for _, to := range slices.Sorted(maps.Keys(formats.All)) {
					var out []byte
					allocated, _ := work(func() any {
						out, err = formats.All[to].EncodeRequest(make([]byte, 0, len(body)+len(body)/8), request, "up")
						return out
					})
					if most := w.encoded + w.work; allocated > garbage*most+slack || len(out) > w.encoded+w.work/4+slack {
						t.Errorf("%s: writing %d bytes of %d allocates %d, reckoned were %d and %d (%v)", to, len(out), len(body), allocated, w.encoded, w.work, err)
					}
				}
			})
		}
	}
}

func TestChangingARequestTakesNoMoreThanWasReckoned(t *testing.T) {
	const size = 64 << 10
	value := `{"a":{"b":1},"temperature":0.5,"__remove__":["z",{"path":"messages.name"}]}`
	var entries []override.Entry
	for it := rawjson.MembersOf([]byte(value)); it.Next(); {
		entries = append(entries, override.Entry{Name: it.Name(), Value: it.Value.Raw([]byte(value))})
	}
	rules, err := override.Compile(entries, "m", func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	quirks := openai.NewRules(capability.Find(capability.Query{Host: "api.deepseek.com", Format: capability.Chat, Model: "deepseek-reasoner"}), "deepseek-reasoner")
	if quirks == nil {
		t.Fatal("there is no quirk")
	}
	bodies := worst["openai"](size)
	bodies["members at the top"] = `{` + filled(`"a":0`, size) + `}`
	bodies["members to take out"] = `{"messages":[],` + filled(`"z":0`, size) + `}`
	bodies["signatures"] = `{"model":"m","messages":[` + filled(`{"role":"tool","tool_call_id":"`+toolid.Join("c", codec.Signature{Provider: "google", Value: "x"})+`"}`, size) + `]}`
	for name, text := range bodies {
		t.Run(name, func(t *testing.T) {
			body := []byte(text)
			var edited []byte
			allocated, _ := work(func() any {
				edited = quirks.Edit(body)
				edited = overridden(rules, strip.Request(toolid.Strip(edited), true, true), true)
				return edited
			})
			if most := 3*len(body) + valueEdited*rawjson.Values(body); allocated > garbage*most+slack || len(edited) > len(body)+200 {
				t.Errorf("changing %d bytes to %d allocates %d, reckoned were %d", len(body), len(edited), allocated, most)
			}
		})
	}
}
