package balancer

import (
	"strings"

	"uniapi/config"
)

// condition is one condition of a rule, ready to be asked.
type condition struct {
	field  conditionField
	values []string
}

// conditionField is what a condition asks about.
type conditionField uint8

const (
	fieldEndpoint conditionField = iota
	fieldStream
	fieldRequestType
	fieldMethod
	fieldEngine
	fieldProvider
	fieldModel // either name
	fieldRequestModel
	fieldUpstreamModel
	fieldRole
	fieldEffort
)

var conditionFields = map[string]conditionField{
	"endpoint": fieldEndpoint, "stream": fieldStream, "request_type": fieldRequestType, "method": fieldMethod,
	"engine": fieldEngine, "provider": fieldProvider, "model": fieldModel, "request_model": fieldRequestModel,
	"upstream_model": fieldUpstreamModel, "role": fieldRole, "reasoning_effort": fieldEffort,
}

// compileMatch returns nil for conditions that can never hold together: none at all, or one of an unknown field.
func compileMatch(match []config.Condition) []condition {
	var out []condition
	for _, c := range match {
		field, known := conditionFields[c.Field]
		if !known {
			return nil
		}
		values := c.Values
		if field == fieldEndpoint {
			values = nil
			for _, v := range c.Values {
				values = append(values, endpointPattern(v))
			}
		}
		out = append(out, condition{field, values})
	}
	return out
}

// endpointPattern gives a pattern the spelling of trimEndpoint, but leaves the slash that a prefix ends with.
func endpointPattern(pattern string) string {
	if strings.HasSuffix(pattern, "*") {
		return strings.TrimLeft(pattern, "/")
	}
	return trimEndpoint(pattern)
}

func describeMatch(match []config.Condition) string {
	var parts []string
	for _, c := range match {
		parts = append(parts, c.Field+" is "+strings.Join(c.Values, " or "))
	}
	return strings.Join(parts, ", ")
}

// matchNeeds says whether conditions ask for attributes that cost reading the body.
func matchNeeds(match []condition) (effort, compaction bool) {
	for _, c := range match {
		effort = effort || c.field == fieldEffort
		compaction = compaction || c.field == fieldRequestType
	}
	return effort, compaction
}

// holds says whether all conditions hold.
func holds(match []condition, attributes *Attributes, channel Destination) bool {
	for i := range match {
		if !match[i].holds(attributes, channel) {
			return false
		}
	}
	return true
}

func (c *condition) holds(attributes *Attributes, channel Destination) bool {
	switch c.field {
	case fieldEndpoint:
		return c.fits(trimEndpoint(attributes.Endpoint))
	case fieldStream:
		if attributes.Stream {
			return c.fits("true")
		}
		return c.fits("false")
	case fieldRequestType:
		return c.fits(attributes.requestType())
	case fieldMethod:
		return c.fits(attributes.Method)
	case fieldEngine:
		return c.fits(channel.Engine)
	case fieldProvider:
		return c.fits(channel.Provider)
	case fieldModel:
		return c.fits(attributes.Model) || c.fits(channel.Upstream)
	case fieldRequestModel:
		return c.fits(attributes.Model)
	case fieldUpstreamModel:
		return c.fits(channel.Upstream)
	case fieldRole:
		return c.fits(attributes.Role)
	default:
		return c.fits(attributes.Effort)
	}
}

// fits says whether one of the condition's values fits s, ignoring case: "*" fits anything but nothing, a trailing "*"
// a prefix.
func (c *condition) fits(s string) bool {
	for _, v := range c.values {
		prefix, open := strings.CutSuffix(v, "*")
		switch {
		case !open && strings.EqualFold(v, s),
			open && s != "" && len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix):
			return true
		}
	}
	return false
}
