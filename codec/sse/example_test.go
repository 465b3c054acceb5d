package sse_test

import (
	"fmt"

	"uniapi/codec/sse"
)

// The bytes of a stream come split anywhere; events come out whole.
func ExampleReader() {
	var r sse.Reader
	for _, piece := range []string{"event: delta\nda", "ta: one\n\ndata: t", "wo\n\n"} {
		r.Push([]byte(piece))
		for e, more := r.Next(); more; e, more = r.Next() {
			fmt.Printf("%q %q\n", e.Name, e.Data)
		}
	}
	// Output:
	// "delta" "one"
	// "" "two"
}

func ExampleAppendEvent() {
	fmt.Printf("%q\n", sse.AppendEvent(nil, "delta", "one"))
	// Output: "event: delta\ndata: one\n\n"
}
