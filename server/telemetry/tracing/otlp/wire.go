// Package otlp writes what an OpenTelemetry collector reads, the protobuf messages of OTLP, and sends them to it over
// HTTP. It has no message types: each is written field by field, by the numbers of opentelemetry-proto.
package otlp

import (
	"math"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/protobuf/encoding/protowire"
)

// number is a field's of a message.
type number = protowire.Number

// The fields of messages that several signals have.
const (
	requestOf number = 1 // Export…ServiceRequest: its ResourceSpans, or ResourceMetrics

	resourceHead   number = 1 // ResourceSpans, ResourceMetrics: the resource,
	resourceScopes number = 2 // what is in it by scope,
	resourceSchema number = 3 // and the address of its schema

	scopeHead number = 1 // ScopeSpans, ScopeMetrics: the scope,
	scopeData number = 2 // and its spans or metrics

	resourceAttribute number = 1 // Resource
	scopeName         number = 1 // InstrumentationScope

	pairKey   number = 1 // KeyValue
	pairValue number = 2

	anyString number = 1 // AnyValue
	anyBool   number = 2
	anyInt    number = 3
	anyDouble number = 4
	anyArray  number = 5

	arrayValue number = 1 // ArrayValue
)

// Envelope is what spans and metrics of one resource and one scope go out in.
type Envelope struct{ resource, schema, scope []byte }

// NewEnvelope makes one.
func NewEnvelope(of *resource.Resource, scope string) Envelope {
	var attributes []byte
	for _, kv := range of.Attributes() {
		attributes = appendPair(attributes, resourceAttribute, kv)
	}
	e := Envelope{resource: appendBytes(nil, resourceHead, attributes), scope: appendBytes(nil, scopeHead, appendText(nil, scopeName, scope))}
	if url := of.SchemaURL(); url != "" {
		e.schema = appendText(nil, resourceSchema, url)
	}
	return e
}

// Around is a request with data, which are fields of the scope: spans that AppendSpan has added, or metrics.
func (e Envelope) Around(data []byte) []byte {
	scope := len(e.scope) + len(data)
	all := len(e.resource) + sizeBytes(resourceScopes, scope) + len(e.schema)
	out := make([]byte, 0, sizeBytes(requestOf, all))
	out = append(appendHead(out, requestOf, all), e.resource...)
	out = append(appendHead(out, resourceScopes, scope), e.scope...)
	return append(append(out, data...), e.schema...)
}

// appendHead begins a field of so many bytes.
func appendHead(b []byte, field number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(size))
}

func appendBytes(b []byte, field number, value []byte) []byte {
	return append(appendHead(b, field, len(value)), value...)
}

// sizeBytes is what a field of so many bytes takes.
func sizeBytes(field number, size int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(size)
}

func appendText(b []byte, field number, text string) []byte {
	text = valid(text)
	return append(appendHead(b, field, len(text)), text...)
}

func appendVarint(b []byte, field number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), value)
}

func appendFixed64(b []byte, field number, value uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), value)
}

func appendDouble(b []byte, field number, value float64) []byte {
	return appendFixed64(b, field, math.Float64bits(value))
}

// valid is a text that a collector takes: one text with other bytes in it would cost the whole message.
func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text, "?")
}

// appendKey begins a KeyValue whose value's AnyValue takes so many bytes.
func appendKey(b []byte, field number, key string, value int) []byte {
	b = appendHead(b, field, sizeBytes(pairKey, len(key))+sizeBytes(pairValue, value))
	b = append(appendHead(b, pairKey, len(key)), key...)
	return appendHead(b, pairValue, value)
}

func appendStringPair(b []byte, field number, key, value string) []byte {
	value = valid(value)
	b = appendKey(b, field, key, sizeBytes(anyString, len(value)))
	return append(appendHead(b, anyString, len(value)), value...)
}

func appendIntPair(b []byte, field number, key string, value int64) []byte {
	b = appendKey(b, field, key, protowire.SizeTag(anyInt)+protowire.SizeVarint(uint64(value)))
	return appendVarint(b, anyInt, uint64(value))
}

func appendBoolPair(b []byte, field number, key string, value bool) []byte {
	b = appendKey(b, field, key, protowire.SizeTag(anyBool)+1)
	return appendVarint(b, anyBool, protowire.EncodeBool(value))
}

func appendDoublePair(b []byte, field number, key string, value float64) []byte {
	b = appendKey(b, field, key, protowire.SizeTag(anyDouble)+8)
	return appendDouble(b, anyDouble, value)
}

// appendArrayPair has values, which are a list of AnyValue.
func appendArrayPair(b []byte, field number, key string, values [][]byte) []byte {
	var list []byte
	for _, value := range values {
		list = appendBytes(list, arrayValue, value)
	}
	b = appendKey(b, field, key, sizeBytes(anyArray, len(list)))
	return appendBytes(b, anyArray, list)
}

// appendPair has an attribute as the library knows it.
func appendPair(b []byte, field number, kv attribute.KeyValue) []byte {
	key, v := valid(string(kv.Key)), kv.Value
	switch v.Type() {
	case attribute.STRING:
		return appendStringPair(b, field, key, v.AsString())
	case attribute.INT64:
		return appendIntPair(b, field, key, v.AsInt64())
	case attribute.BOOL:
		return appendBoolPair(b, field, key, v.AsBool())
	case attribute.FLOAT64:
		return appendDoublePair(b, field, key, v.AsFloat64())
	case attribute.STRINGSLICE:
		return appendArrayPair(b, field, key, each(v.AsStringSlice(), func(text string) []byte { return appendText(nil, anyString, text) }))
	}
	return appendStringPair(b, field, key, v.String()) // resources and metrics have no others
}

func each[T any](list []T, make func(T) []byte) (out [][]byte) {
	for _, item := range list {
		out = append(out, make(item))
	}
	return out
}
