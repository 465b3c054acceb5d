package server

import (
	"github.com/cespare/xxhash/v2"

	"uniapi/balancer"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// sessionHeaders are those by which agents name a session: Claude Code, Codex (with
// either spelling), OpenCode (two), Amp.
var sessionHeaders = []string{"X-Claude-Code-Session-Id", "Session-Id", "Session_id", "X-Session-Id", "X-Session-Affinity", "X-Amp-Thread-Id"}

// mostConversation is how much of a first turn tells conversations apart.
const mostConversation = 64 << 10

// conversation is what the requests of one conversation have in common, and no
// others, as a number that every process makes alike; 0 is none. In this order: what
// the client says that prompts are cached by, its session, its user, and else how
// the conversation begins: with instructions, tools and a first turn.
func (in *inbound) conversation() uint64 {
	if in.head.IsForm || in.endpoint != provider.Chat && in.endpoint != provider.Compact {
		return 0
	}
	top, err := rawjson.One(in.body)
	if err != nil {
		return 0
	}
	var d opening
	d.Reset()
	if key := top.Get(in.body, "prompt_cache_key"); d.say(in.body, key) {
		return balancer.Conversation(d.Sum64())
	}
	for _, name := range sessionHeaders {
		if value := in.ctx.Request.Header.Peek(name); len(value) > 0 {
			d.Write(value)
			return balancer.Conversation(d.Sum64())
		}
	}
	if user := top.Get(in.body, "metadata").Get(in.body, "user_id"); d.say(in.body, user) {
		return balancer.Conversation(d.Sum64())
	}
	for members := top.Members(in.body); members.Next(); {
		switch members.Name() {
		case "system", "instructions", "systemInstruction", "system_instruction", "tools":
			d.read(in.body, members.Value)
		}
	}
	said := in.history()
	d.say(in.body, said)
	for turns := said.Elements(in.body); turns.Next() && d.left > 0; {
		d.read(in.body, turns.Value)
		if role, _ := rawjson.Text(in.body, turns.Value.Get(in.body, "role")); role == "user" {
			break
		}
	}
	if d.left == mostConversation {
		return 0 // it says nothing
	}
	return balancer.Conversation(d.Sum64())
}

// opening makes a number of what a conversation begins with.
type opening struct {
	xxhash.Digest
	left int // bytes that are still looked at
}

// Reset begins anew.
func (o *opening) Reset() {
	o.Digest.Reset()
	o.left = mostConversation
}

// say takes in a text, and says whether it is one.
func (o *opening) say(body []byte, v rawjson.Value) bool {
	if v.Kind != rawjson.String || v.End-v.Start <= len(`""`) {
		return false
	}
	text := body[v.Start:v.End]
	text = text[:min(len(text), o.left)]
	o.left -= len(text)
	o.Write(text)
	return true
}

// read takes in all texts of a value, but where a cache begins: clients put that
// behind the last turn, which is another one each time.
func (o *opening) read(body []byte, v rawjson.Value) {
	o.say(body, v)
	elements, members := v.Elements(body), v.Members(body)
	o.elements(body, &elements)
	o.members(body, &members)
}

// within is read for what a walk has come to, whose bytes are gone through once
// and not once for each level that is in it.
func (o *opening) within(body []byte, v rawjson.Value, walk *rawjson.Walk) {
	switch v.Kind {
	case rawjson.Array:
		elements := walk.Elements()
		o.elements(body, &elements)
		walk.Leave(&elements.Walk)
	case rawjson.Object:
		members := walk.Members()
		o.members(body, &members)
		walk.Leave(&members.Walk)
	default:
		o.say(body, v)
	}
}

func (o *opening) elements(body []byte, it *rawjson.Elements) {
	for o.left > 0 && it.Step() {
		o.within(body, it.Value, &it.Walk)
	}
}

func (o *opening) members(body []byte, it *rawjson.Members) {
	for o.left > 0 && it.Step() {
		if name := it.Name(); name != "cache_control" && name != "id" {
			o.within(body, it.Value, &it.Walk)
		}
	}
}
