package rawjson

import (
	"bytes"
	"math"
	"strconv"
)

// Counted says what came of reading a count.
type Counted uint8

const (
	// NotThere is an absent value, or null.
	NotThere Counted = iota
	// NoNumber is a value that is none: a text without digits, a list, true.
	NoNumber
	// IsNumber is any number, however large.
	IsNumber
)

// mostDigits bounds a number that is written in another way than Int reads.
const mostDigits = 400

// Count reads how many there are of something, as providers write it: 1000, 1000.0, 1e3, "1000". A fraction counts as
// one more, and what an int64 cannot hold is the largest or the smallest that it can.
func Count(data []byte, v Value) (int64, Counted) {
	if n, ok := Int(data, v); ok {
		return n, IsNumber
	}
	text := v.Raw(data)
	switch v.Kind {
	case Missing, Null:
		return 0, NotThere
	case Number:
	case String:
		text = bytes.TrimSpace(text[1 : len(text)-1])
	default:
		return 0, NoNumber
	}
	if len(text) == 0 || len(text) > mostDigits {
		return 0, NoNumber
	}
	for _, c := range text { // not what only Go reads as a number: 0x1p4, inf
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, NoNumber
		}
	}
	f, err := strconv.ParseFloat(alias(text), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, NoNumber
	}
	switch f = math.Ceil(f); {
	case f >= math.MaxInt64:
		return math.MaxInt64, IsNumber
	case f <= math.MinInt64:
		return math.MinInt64, IsNumber
	}
	return int64(f), IsNumber
}
