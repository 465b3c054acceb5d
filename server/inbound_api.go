package server

import (
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/server/budget"
)

// Method, Path, Query and Header implement front.Asked.
func (in *inbound) Method() []byte { return in.ctx.Method() }

func (in *inbound) Path() []byte { return in.ctx.Path() }

func (in *inbound) Query(name string) []byte { return in.ctx.QueryArgs().Peek(name) }

func (in *inbound) Header(name string) []byte { return in.headerLine(name) }

// history is where what was said stands in the body: a list, or a text. What is no
// conversation has none.
func (in *inbound) history() rawjson.Value { return in.speaks.Conversation(in.body, &in.head) }

// passes are the ways of streams that need no translation. An attempt keeps those that it
// has needed with their buffers; most need one.
type passes []struct {
	client, upstream string
	pass             front.Pass
}

// passing is the way of a stream that needs no translation.
func (a *attempt) passing() passthrough.Flow {
	o := front.Opening{Client: a.format, Head: &a.head, Triggers: a.snap.config.Preferences.ErrorTriggers, Censor: a, ItemIDs: a.namer != nil}
	client := a.format.Name()
	for i := range a.passes {
		if p := &a.passes[i]; p.client == client && p.upstream == a.upstream {
			return p.pass.Open(&a.pass, o)
		}
	}
	pass := a.speaks.NewPass(a.to)
	a.passes = append(a.passes, struct {
		client, upstream string
		pass             front.Pass
	}{client, a.upstream, pass})
	return pass.Open(&a.pass, o)
}

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

// Room implements front.Room.
func (a *attempt) Room(bytes int) error {
	return a.holding.Hold(budget.Answer, budget.Beyond(a.whole)+bytes)
}
