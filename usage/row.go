package usage

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// The fields of a Row.
const (
	requests = iota
	failures
	estimated // of requests, those whose tokens are a guess
	promptTokens
	cachedTokens
	cacheWriteTokens
	completionTokens
	reasoningTokens
	cost          // nano-dollars
	firstByteTime // microseconds, of those that had a first byte
	firstBytes
	totalTime // microseconds
	fieldCount
)

// Row is what was counted of one Series in some time.
type Row [fieldCount]int64

func (r *Row) add(o *Row) {
	for i := range r {
		r[i] += o[i]
	}
}

func (r *Row) zero() bool { return *r == Row{} }

// append writes the row as varints, without the zeros at its end.
func (r *Row) append(dst []byte) []byte {
	n := len(r)
	for n > 0 && r[n-1] == 0 {
		n--
	}
	for _, v := range r[:n] {
		dst = binary.AppendVarint(dst, v)
	}
	return dst
}

var errRow = errors.New("a row of the ledger cannot be read")

// readRow reads what append wrote. Fields that a later version has are left out.
func readRow(data []byte) (r Row, err error) {
	for i := 0; len(data) > 0; i++ {
		v, n := binary.Varint(data)
		if n <= 0 {
			return r, errRow
		}
		if i < len(r) {
			r[i] = v
		}
		data = data[n:]
	}
	return r, nil
}

// kind tells what a Series counts.
type kind byte

const (
	ofRequests kind = 'r' // by client key, provider, model, endpoint
	ofAttempts kind = 'a' // by provider, model, upstream key
	ofClients  kind = 'i' // by address
)

// name is a Series by what it counts.
type name struct {
	kind       kind
	a, b, c, d string
}

// separator stands between the words of a written name; none of them has it.
const separator = "\x00"

func (n name) String() string {
	return string([]byte{byte(n.kind)}) + strings.Join([]string{n.a, n.b, n.c, n.d}, separator)
}

var errName = errors.New("a name in the ledger cannot be read")

func readName(text string) (n name, err error) {
	if text == "" {
		return n, errName
	}
	words := strings.Split(text[1:], separator)
	if len(words) != 4 {
		return n, errName
	}
	return name{kind(text[0]), words[0], words[1], words[2], words[3]}, nil
}

// minuteOf is a time as rows are dated.
func minuteOf(t time.Time) int64 { return t.Unix() / 60 }
