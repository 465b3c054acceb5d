package server

import (
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/responses"
	"uniapi/codec/passthrough"
)

// natives are what watches streams that pass between two that speak the same, in
// every format but chat, and the ways of those that come or leave in other frames.
// An exchange keeps them from request to request with their buffers.
type natives struct {
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
func (a *attempt) inspected(in passthrough.Inspector) flow {
	a.pass.Reset(in, a.triggers()...)
	a.pass.Watch(a)
	return &a.pass
}
