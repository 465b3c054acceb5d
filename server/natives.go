package server

import (
	"uniapi/codec/anthropic"
	"uniapi/codec/bedrock"
	"uniapi/codec/gemini"
	"uniapi/codec/passthrough"
	"uniapi/codec/responses"
)

// natives are the ways of streams that pass between two that speak the same, for
// every format but chat, which has its own. An exchange keeps them from request to
// request with their buffers.
type natives struct {
	stream    passthrough.Stream
	array     gemini.ArrayStream
	unwrapped bedrock.Unwrapped

	messages  anthropic.Inspector
	generate  gemini.Inspector
	responses responses.Inspector
}

// natively is where an exchange keeps them; most never need any.
func (a *attempt) natively() *natives {
	if a.natives == nil {
		a.natives = new(natives)
	}
	return a.natives
}

// inspected is the flow of events that pass while an inspector looks at them.
func (n *natives) inspected(in passthrough.Inspector, a *attempt) flow {
	n.stream.Reset(in, a.triggers()...)
	n.stream.Watch(a)
	return &n.stream
}
