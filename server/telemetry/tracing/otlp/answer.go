package otlp

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of what a collector answers.
const (
	answerPartial   number = 1 // Export…ServiceResponse
	partialRejected number = 1 // Export…PartialSuccess
	partialMessage  number = 2
	statusMessage   number = 2 // google.rpc.Status, of an error
)

// Partial is what a collector says of a request that it has taken: how many of the spans, or data points, it has not,
// and why. It may say something though it has taken all.
type Partial struct {
	Rejected int64
	Message  string
}

// readPartial reads the answer to a request that was taken.
func readPartial(answer []byte) (p Partial, err error) {
	err = fields(answer, func(field number, n uint64, value []byte) error {
		if field != answerPartial || value == nil {
			return nil
		}
		return fields(value, func(field number, n uint64, value []byte) error {
			switch {
			case field == partialRejected && value == nil:
				p.Rejected = max(0, int64(n))
			case field == partialMessage && value != nil:
				p.Message = string(value)
			}
			return nil
		})
	})
	return p, err
}

// readStatus reads what is said of a request that was not taken; "" if that is no message.
func readStatus(answer []byte) (message string) {
	err := fields(answer, func(field number, _ uint64, value []byte) error {
		if field == statusMessage && value != nil {
			message = string(value)
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return message
}

// fields visits those of a message, with their number or, if that is not nil, their bytes.
func fields(message []byte, visit func(field number, n uint64, value []byte) error) error {
	for len(message) > 0 {
		field, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return fmt.Errorf("no protobuf message: %w", protowire.ParseError(size))
		}
		message = message[size:]
		var n uint64
		var value []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			if value, size = protowire.ConsumeBytes(message); value == nil {
				value = []byte{}
			}
		default: // of a later version
			if size = protowire.ConsumeFieldValue(field, kind, message); size >= 0 {
				message = message[size:]
				continue
			}
		}
		if size < 0 {
			return fmt.Errorf("no protobuf message: %w", protowire.ParseError(size))
		}
		message = message[size:]
		if err := visit(field, n, value); err != nil {
			return err
		}
	}
	return nil
}
