package provider

import (
	"bytes"
	"encoding/json"
	"errors"
)

// mostEntries is how many entries of a list are read: a list of five million empty ones has a few megabytes, and would
// take hundreds.
const mostEntries = 20_000

// entries are the first of a list. Those of another kind are left out: one that is odd does not cost the others.
type entries[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (e *entries[T]) UnmarshalJSON(data []byte) error {
	from := json.NewDecoder(bytes.NewReader(data))
	switch begin, err := from.Token(); {
	case err != nil || begin == nil: // null
		return err
	case begin != json.Delim('['):
		return errors.New("it has something else where the list should be")
	}
	for read := 0; read < mostEntries && len(*e) < mostEntries && from.More(); read++ {
		var one T
		if err := from.Decode(&one); err == nil {
			*e = append(*e, one)
		} else if _, other := errors.AsType[*json.UnmarshalTypeError](err); !other {
			return err
		}
	}
	return nil
}
