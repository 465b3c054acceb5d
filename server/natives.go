package server

import (
	"uniapi/codec/anthropic"
	"uniapi/codec/bedrock"
	"uniapi/codec/gemini"
	"uniapi/codec/native"
	"uniapi/codec/responses"
)

// natives are the ways of streams that pass between two that speak the same, for
// every format but chat, which has its own. An exchange keeps them from request to
// request with their buffers.
type natives struct {
	stream    native.Stream
	array     gemini.ArrayStream
	unwrapped bedrock.Unwrapped

	messages  anthropic.Inspector
	generate  gemini.Inspector
	responses responses.Inspector
}

// natively is where an exchange keeps them; most never need any.
func (x *exchange) natively() *natives {
	if x.natives == nil {
		x.natives = new(natives)
	}
	return x.natives
}

// inspected is the flow of events that pass while an inspector looks at them.
func (n *natives) inspected(in native.Inspector, x *exchange) flow {
	n.stream.Reset(in, x.triggers()...)
	n.stream.Watch(x)
	return &n.stream
}
