package bedrock

import (
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/trigger"
)

var (
	_ anthropic.Host   = InvokeFormat{}
	_ codec.FlagBearer = InvokeFormat{}
)

// WithFlags implements codec.FlagBearer.
func (f InvokeFormat) WithFlags(flags []string, t *capability.Target) codec.Format {
	return f.WithBetas(flags, t)
}

// Worded implements anthropic.Host: the betas of the client stand in the body.
func (f InvokeFormat) Worded(to front.To) anthropic.Format {
	return f.WithBetas(anthropic.FlagsOf(to.Asked), to.Target).Format
}

// NewPass implements anthropic.Host.
func (InvokeFormat) NewPass() front.Pass { return new(way) }

// way is the way of a stream of InvokeModel to a client of Anthropic's.
type way struct{ unwrapped Unwrapped }

func (p *way) Open(_ *passthrough.Stream, o front.Opening) passthrough.Flow {
	p.unwrapped.Reset(o.Triggers...)
	p.unwrapped.Watch(o.Censor)
	return &p.unwrapped
}

// CheckWhole implements anthropic.Host. It has errors of its own, for which the answer is read whole.
func (f InvokeFormat) CheckWhole(body []byte, triggers []string) (codec.Usage, error) {
	whole, err := f.DecodeResponse(body)
	if err != nil {
		return codec.Usage{}, err
	}
	return whole.Usage, trigger.Check(whole, triggers)
}
