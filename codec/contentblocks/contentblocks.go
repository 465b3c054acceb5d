// Package contentblocks puts the events of an answer into blocks that come one after the other, as the streams of
// Anthropic and Bedrock have them. Where calls overlap, the first one flows and the others wait for its end.
package contentblocks

import (
	"uniapi/codec"
	"uniapi/codec/keyed"
)

// Kind is what is in a block.
type Kind uint8

const (
	None Kind = iota
	Text
	Thinking
	Call
	Redacted // thinking that only its provider can read; it has no pieces
)

// Block is what a block begins with.
type Block struct {
	Kind Kind
	// ID and Name are those of a Call.
	ID, Name string
	// Info is that of a Redacted.
	Info *codec.ReasoningInfo
}

// Writer writes blocks in a format. What it is told comes in order: Open, pieces, perhaps a signature, Close.
type Writer interface {
	Open(dst []byte, b *Block) []byte
	// Piece adds text to the open block: words, thinking or arguments.
	Piece(dst, text []byte) []byte
	// Sign adds the signature to the open block of thinking.
	Sign(dst []byte, s codec.Signature) []byte
	Close(dst []byte) []byte
}

// Sequence drives a Writer.
type Sequence struct {
	Writer  Writer
	open    Kind
	call    int64 // index of the open call
	block   Block // to hand over without an allocation
	waiting keyed.List[int64, waitingCall]
}

type waitingCall struct {
	id, name  string
	arguments []byte
	ended     bool
}

// Is tells the kind of the open block.
func (s *Sequence) Is() Kind { return s.open }

// Append writes what the event says, which is nothing for those that are no content.
func (s *Sequence) Append(dst []byte, e *codec.Event) []byte {
	switch e.Kind {
	case codec.EventText, codec.EventRefusal:
		if len(e.Text) > 0 {
			return s.Writer.Piece(s.turnTo(dst, Text), e.Text)
		}
	case codec.EventReasoning:
		if len(e.Text) > 0 {
			return s.Writer.Piece(s.turnTo(dst, Thinking), e.Text)
		}
	case codec.EventReasoningEnd:
		return s.reasoningEnd(dst, e)
	case codec.EventToolStart:
		if s.open == Call {
			s.waiting.Add(e.Index, waitingCall{id: string([]byte(e.ID)), name: string([]byte(e.Name))})
			return dst
		}
		return s.openCall(dst, e.Index, e.ID, e.Name)
	case codec.EventToolArguments:
		if len(e.Text) == 0 {
			return dst
		}
		if s.open == Call && s.call == e.Index {
			return s.Writer.Piece(dst, e.Text)
		}
		if w := s.waiting.Find(e.Index); w != nil {
			w.arguments = append(w.arguments, e.Text...)
		}
	case codec.EventToolEnd:
		if s.open == Call && s.call == e.Index {
			return s.advance(s.close(dst))
		}
		if w := s.waiting.Find(e.Index); w != nil {
			w.ended = true
		}
	case codec.EventFinish:
		return s.Flush(dst)
	}
	return dst
}

// Flush closes what is open and all that waits.
func (s *Sequence) Flush(dst []byte) []byte {
	for s.open != None || s.waiting.Len() > 0 {
		dst = s.advance(s.close(dst))
	}
	return dst
}

// turnTo opens a block of a kind unless it is open.
func (s *Sequence) turnTo(dst []byte, kind Kind) []byte {
	if s.open == kind {
		return dst
	}
	return s.begin(s.Flush(dst), Block{Kind: kind})
}

func (s *Sequence) begin(dst []byte, b Block) []byte {
	s.open, s.block = b.Kind, b
	return s.Writer.Open(dst, &s.block)
}

func (s *Sequence) close(dst []byte) []byte {
	if s.open == None {
		return dst
	}
	s.open = None
	return s.Writer.Close(dst)
}

func (s *Sequence) openCall(dst []byte, index int64, id, name string) []byte {
	dst = s.close(dst)
	s.call = index
	return s.begin(dst, Block{Kind: Call, ID: id, Name: name})
}

// advance lets the calls that wait have their turn, up to the first that goes on.
func (s *Sequence) advance(dst []byte) []byte {
	for index, w := range s.waiting.All() {
		if s.open != None {
			break
		}
		dst = s.openCall(dst, index, w.id, w.name)
		if len(w.arguments) > 0 {
			dst = s.Writer.Piece(dst, w.arguments)
		}
		if w.ended {
			dst = s.close(dst)
		}
		s.waiting.Remove(index)
	}
	return dst
}

// reasoningEnd signs and closes the block. Thinking that is not shown, and what only the provider can read, have no
// text before them.
func (s *Sequence) reasoningEnd(dst []byte, e *codec.Event) []byte {
	if e.Reasoning != nil && e.Reasoning.Encrypted != "" {
		return s.close(s.begin(s.Flush(dst), Block{Kind: Redacted, Info: e.Reasoning}))
	}
	if e.Signature.Value != "" {
		dst = s.Writer.Sign(s.turnTo(dst, Thinking), e.Signature)
	}
	if s.open == Thinking {
		dst = s.close(dst)
	}
	return dst
}
