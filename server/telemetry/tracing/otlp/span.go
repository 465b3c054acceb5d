package otlp

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of Span, and of what is in it.
const (
	spanTrace     number = 1
	spanID        number = 2
	spanState     number = 3
	spanParent    number = 4
	spanName      number = 5
	spanKind      number = 6
	spanStart     number = 7
	spanEnd       number = 8
	spanAttribute number = 9
	spanEvent     number = 11
	spanStatus    number = 15
	spanFlags     number = 16

	eventTime  number = 1
	eventName  number = 2
	statusCode number = 3

	failed = 2 // Status: an error
)

// Kind is a span's.
type Kind uint64

// The kinds of spans that there are here.
const (
	KindServer Kind = 2
	KindClient Kind = 3
)

// Flags of a span beside those of its trace: whether its parent is in another process is known, and that it is.
const (
	remoteKnown = 0x100
	remote      = 0x200
)

// Span is one, as far as it is no attribute, event or status. Those are added to it one by one.
type Span struct {
	Trace         [16]byte
	ID, Parent    [8]byte // Parent is zero where it has none
	State         string
	Flags         byte   // of the trace
	Remote        bool   // its parent is in another process
	Verb, Subject string // the name, with a space between them
	Kind          Kind
	Start, End    time.Time

	bytes []byte
}

// Begin writes what is known so far, over what the span held before.
func (s *Span) Begin() {
	b := appendBytes(s.bytes[:0], spanTrace, s.Trace[:])
	b = appendBytes(b, spanID, s.ID[:])
	if s.State != "" {
		b = appendText(b, spanState, s.State)
	}
	if s.Parent != ([8]byte{}) {
		b = appendBytes(b, spanParent, s.Parent[:])
	}
	verb, subject := valid(s.Verb), valid(s.Subject)
	b = appendHead(b, spanName, len(verb)+1+len(subject))
	b = append(append(append(b, verb...), ' '), subject...)
	b = appendVarint(b, spanKind, uint64(s.Kind))
	b = appendFixed64(b, spanStart, nanos(s.Start))
	b = appendFixed64(b, spanEnd, nanos(s.End))
	flags := uint32(s.Flags) | remoteKnown
	if s.Remote {
		flags |= remote
	}
	s.bytes = protowire.AppendFixed32(protowire.AppendTag(b, spanFlags, protowire.Fixed32Type), flags)
}

// String adds an attribute.
func (s *Span) String(key, value string) {
	s.bytes = appendStringPair(s.bytes, spanAttribute, key, value)
}

// Int adds an attribute.
func (s *Span) Int(key string, value int64) {
	s.bytes = appendIntPair(s.bytes, spanAttribute, key, value)
}

// True adds an attribute.
func (s *Span) True(key string) { s.bytes = appendBoolPair(s.bytes, spanAttribute, key, true) }

// Float adds an attribute.
func (s *Span) Float(key string, value float64) {
	s.bytes = appendDoublePair(s.bytes, spanAttribute, key, value)
}

// Strings adds an attribute.
func (s *Span) Strings(key string, values []string) {
	s.bytes = appendArrayPair(s.bytes, spanAttribute, key, each(values, func(text string) []byte { return appendText(nil, anyString, text) }))
}

// Event adds one.
func (s *Span) Event(name string, at time.Time) {
	b := appendHead(s.bytes, spanEvent, protowire.SizeTag(eventTime)+8+sizeBytes(eventName, len(name)))
	s.bytes = appendText(appendFixed64(b, eventTime, nanos(at)), eventName, name)
}

// Fail gives it the status of an error.
func (s *Span) Fail() {
	s.bytes = appendVarint(appendHead(s.bytes, spanStatus, protowire.SizeTag(statusCode)+1), statusCode, failed)
}

// AppendSpan adds a span to the data of an Envelope.
func AppendSpan(data []byte, s *Span) []byte { return appendBytes(data, scopeData, s.bytes) }

// nanos is a time as OTLP has it. What is before 1970 is 0.
func nanos(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) }
