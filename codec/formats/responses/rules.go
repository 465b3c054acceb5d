package responses

import (
	"uniapi/codec/capability"
	"uniapi/codec/formats/openai"
	"uniapi/codec/front"
)

// NewRules implements front.Ruler.
func (Format) NewRules(t *capability.Target, request string) front.Rules {
	return openai.ResponsesRules(t, request)
}
