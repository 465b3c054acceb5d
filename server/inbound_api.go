package server

import (
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// Method, Path, Query and Header implement front.Asked.
func (in *inbound) Method() []byte { return in.ctx.Method() }

func (in *inbound) Path() []byte { return in.ctx.Path() }

func (in *inbound) Query(name string) []byte { return in.ctx.QueryArgs().Peek(name) }

func (in *inbound) Header(name string) []byte { return in.headerLine(name) }

// history is where what was said stands in the body: a list, or a text. What is no
// conversation has none.
func (in *inbound) history() rawjson.Value { return in.speaks.Conversation(in.body, &in.head) }

// itemNamer gives items of the attempt's request and answer the ids that the operator
// wants; nil leaves them as they are.
func (a *attempt) itemNamer() front.ItemNamer {
	for _, model := range a.chosen.Provider.Config.Preferences.NormalizeToolCallIDs {
		if model == "*" || model == a.model || model == a.chosen.Upstream {
			namer, _ := a.speaks.(front.ItemNamer)
			return namer
		}
	}
	return nil
}
