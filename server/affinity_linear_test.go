//go:build !race

package server

import (
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"uniapi/bench/linear"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// TestBeginningsOfConversationsCostLinearTime looks at beginnings that say
// nothing, so that there is no end to looking, in as many levels as JSON may have.
func TestBeginningsOfConversationsCostLinearTime(t *testing.T) {
	deep := rawjson.MaxDepth - 16
	for name, shape := range map[string]struct{ open, item, shut string }{
		"lists in lists":         {"[", "[]", "]"},
		"objects in objects":     {`{"a":`, `{"a":0}`, "}"},
		"lists behind a text":    {`["",`, `""`, "]"},
		"objects before a text":  {`{"a":`, `{}`, `,"b":""}`},
		"an empty object, again": {`[{},`, `{}`, "]"},
	} {
		for member, in := range map[string][2]string{
			"tools":      {`{"model":"m","tools":`, `,"messages":[{"role":"user","content":"x"}]}`},
			"first turn": {`{"model":"m","messages":[{"role":"user","content":`, `}]}`},
		} {
			t.Run(name+" in "+member, func(t *testing.T) {
				linear.Check(t, func(size int) func() {
					levels := min(deep, size/32)
					body := in[0] + strings.Repeat(shape.open, levels) + "[" + strings.Repeat(shape.item+",", size/(len(shape.item)+1)) + shape.item + "]" + strings.Repeat(shape.shut, levels) + in[1]
					in := &inbound{origin: origin{ctx: new(fasthttp.RequestCtx)}, wish: at(routeOf(provider.Chat)), body: []byte(body)}
					if err := in.readHead(); err != nil {
						t.Fatal(err)
					}
					return func() { in.conversation() }
				})
			})
		}
	}
}
