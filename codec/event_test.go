package codec

import (
	"reflect"
	"testing"
)

// fill puts n bytes into each text and byte list that v holds or points to, and
// returns how many there are. Numbers hold nothing.
func fill(v reflect.Value, n int) (filled int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(string(make([]byte, n)))
		return n
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(make([]byte, n))
			return n
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			filled += fill(v.Field(i), n)
		}
	}
	return filled
}

func TestSizeOfAnEventHasAllThatItPointsTo(t *testing.T) {
	var e Event
	filled := fill(reflect.ValueOf(&e).Elem(), 1000)
	if got := e.Size() + len(e.LogProbs); got != filled {
		t.Errorf("%d of %d bytes are counted: a field is left out", got, filled)
	}
}
